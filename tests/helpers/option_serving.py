"""Checks of the options of `graphrec serve` and `graphrec score`.

The first answers until it is ended, so a row says what refuses it or makes a key. What it does with each
while it answers stands in tests/serving/service and tests/cli/serving.
"""

from __future__ import annotations

from option_checks import Check, names

NONE = "nowhere.zip --port 0"
KEY = "--new_key web --keys {dir}/keys.json"

SERVE: dict[str, list[Check]] = {
    "MODEL": [
        Check("nowhere.zip", refused="there is no such file or folder"),
        Check("{log}", refused="is no export"),
        Check("", refused="needs a model"),
    ],
    "--host": [
        Check("--host 0.0.0.0", NONE, refused="other machines would be answered without a key"),
        Check("--host 0.0.0.0 --keys {dir}/no.json", NONE, refused="there is no such file"),
    ],
    "--port": [Check("--port 70000", "nowhere.zip", refused="70000 is too large")],
    "--store": [Check("--store mysql:x", "{any_export}", refused="names no store")],
    "--keys": [
        Check("--keys {log}", NONE, refused="chmod 600"),
        Check("--keys {dir}/k.json", "--new_key web --roles read", allows="give --keys FILE"),
    ],
    "--new_key": [
        Check("--new_key web", "--keys {dir}/keys.json --roles read", allows="says what a new key may ask"),
    ],
    "--roles": [
        Check("--roles read offer", KEY, allows="needs what the key may ask"),
        Check("--roles admin", KEY, refused="there is no role 'admin'"),
        Check("--roles read", NONE, refused="give --new_key NAME"),
    ],
    "--workers": [Check("--workers 0", NONE, refused="0 is too small")],
    "--desk": [Check("--desk", NONE, refused="there is no such file or folder")],
    "--split": [
        Check("--split other.zip half", NONE, refused="'half' is no share"),
        Check("--split other.zip 2", NONE, refused="2 is no share"),
        Check("--split other.zip 0.1", NONE, refused="no such file"),
    ],
    "--shadow": [
        Check("--shadow nowhere.zip", "{any_export}", refused="no such file"),
        Check("--shadow a.zip --split b.zip 0.1", NONE, refused="not allowed with"),
    ],
    "--salt": [
        Check("--salt salt", "{any_export}", refused="only --split deals shoppers out"),
        Check("--salt {log}", "{any_export} --split {any_export} 0.1", refused="is no salt"),
    ],
    "--budget": [Check("--budget -1", NONE, refused="-1 is too small")],
    "--max_offers_per_user": [Check("--max_offers_per_user -1", NONE, refused="-1 is too small")],
    "--weeks": [Check("--weeks 0", NONE, refused="0 is too small")],
    "--deadline": [Check("--deadline 0", NONE, refused="0 is too small")],
    "--waiting": [Check("--waiting 0", NONE, refused="0 is too small")],
    "--trust": [Check("--trust", NONE, refused="there is no such file or folder")],
}

TO = "--out {out}"
SCORED = f"{{best_export}} {TO}"

SCORE: dict[str, list[Check]] = {
    "MODEL": [
        Check("{other_export}", TO, instead="{best_export}"),
        Check("{log}", TO, refused="no whole zip file"),
        Check("nowhere.zip", TO, refused="there is no such file or folder"),
    ],
    "--out": [
        Check("--out {dir}/a", "{best_export}", "--out {dir}/b", result=names),
        Check("--out {log}", "{best_export}", refused="this is a file, and --out is a folder"),
        Check("--out experiments", "{best_export}", refused="name a new or an empty folder"),
    ],
    "--engine": [Check("--engine dask", SCORED, refused="dask")],  # spark: tests/cli/scoring/test_spark.py
    "--users": [
        Check("--users {some_users}", SCORED),
        Check("--users u003 u001", SCORED),
        Check("--users {items}", SCORED, refused="user_id"),
    ],
    "-k": [Check("-k 3", SCORED), Check("-k 0", SCORED, refused="give 1 or more")],
    "--part_size": [
        Check("--part_size 7", SCORED, result=names),
        Check("--part_size 0", SCORED, refused="0 is too small"),
    ],
    "--columns": [
        Check("--columns user_id=kunde", f"{SCORED} --users {{german}} --encoding latin-1", allows="user_id"),
        Check("--columns user_id=kunde", SCORED, refused="no file is given"),
    ],
    "--delimiter": [
        Check("--delimiter ;", f"{SCORED} --users {{semicolons}}", allows="semicolons.csv"),
        Check("--delimiter |", f"{SCORED} --users {{users}}", refused="users.csv"),
    ],
    "--encoding": [
        Check("--encoding utf-16-le", f"{SCORED} --users {{utf16}}", allows="utf16.csv"),
        Check("--encoding nonsense", f"{SCORED} --users {{some_users}}", refused="nonsense"),
    ],
    "--decimal": [Check("--decimal ;;", f"{SCORED} --users {{some_users}}", refused="decimal")],
    "--trust": [Check("--trust", f"nowhere.zip {TO}", refused="there is no such file or folder")],
}
