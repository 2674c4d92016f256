"""Checks of the options of `graphrec serve`, which answers until it is ended: what refuses it, makes a key.

What it does with each while it answers stands in tests/serving/service and tests/cli/serving.
"""

from __future__ import annotations

from option_checks import Check

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
