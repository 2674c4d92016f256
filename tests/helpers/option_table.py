"""Every option of the light commands with its checks; those of Lightning stand in `option_lightning.py`."""

from __future__ import annotations

from typing import Any

from option_checks import Check, epochs, names, printed, returned
from option_lightning import LIGHTNING
from option_offers import OFFERS
from option_randomised import ANALYSE, FEEDBACK, PLAN, POLICY
from option_serving import SCORE, SERVE
from option_shop import Ran

WRITES = "--ckpt {best} --out {out}.parquet"
SIMILAR_TO = "--ckpt {other} --out {out}.parquet"

RECOMMEND: dict[str, list[Check]] = {
    "--ckpt_path": [Check("--ckpt_path {other}", "--out {out}.parquet", instead="--ckpt_path {best}")],
    "--users": [Check("--users {some_users}", WRITES), Check("--users u003 u001", WRITES)],
    "--history": [
        Check("--history {strangers}", WRITES),
        Check("--history {users}", WRITES, refused="item_id"),
    ],
    "--decimal": [Check("--decimal ;;", f"{WRITES} --history {{strangers}}", refused="decimal")],
    "--time_format": [Check("--time_format soon", f"{WRITES} --history {{strangers}}", refused="time")],
    "--segment": [
        Check("--segment income", f"{WRITES} --users nobody --user_table {{newcomers}}", allows="--segment"),
        Check("--segment income", WRITES, result=printed),
        Check("--segment colour", WRITES, refused="the table of users has user_id, income"),
    ],
    "--user_table": [
        Check("--user_table {newcomers}", f"{WRITES} --users nobody --segment income"),
        Check("--user_table {newcomers}", WRITES, refused="reads no attributes of users"),
    ],
    "--new_items": [
        Check("--new_items {items}", WRITES, refused="in the catalogue"),
        Check("--new_items {unseen_items}", WRITES, refused="ranks only the items it was fitted to"),
    ],
    "-k": [Check("-k 3", WRITES), Check("-k 0", WRITES, refused="give 1 or more")],
    "--items": [
        Check("--items all", WRITES),
        Check("--items repeat", WRITES),
        Check("--items {few_items}", WRITES),
        Check("--items new all", WRITES, refused="two sets of items"),
    ],
    "--exclude": [
        Check("--exclude {few_items}", WRITES),
        Check("--exclude {users}", WRITES, refused="item_id"),
    ],
    "--where": [
        Check("--where department='PRODUCE'", WRITES),
        Check("--where colour='red'", WRITES, refused="product_category"),
    ],
    "--item_table": [
        Check("--item_table {stock}", f"{WRITES} --where stock>0", allows="department"),
        Check("--item_table {stock}", WRITES, refused="nothing asks"),
    ],
    "--boost": [Check("--boost {boosts}", WRITES), Check("--boost {stock}", WRITES, refused="boost")],
    "--explain": [Check("--explain", "--ckpt {other} --out {out}.csv")],
    "--name_column": [
        Check("--name_column department", "--explain --ckpt {other} --out {out}.csv"),
        Check("--name_column colour", f"--explain {WRITES}", refused="the table of items has"),
        Check("--name_column department", WRITES, refused="give --explain"),
    ],
    "--out": [Check("--out {dir}/a.parquet", "--ckpt {best}", "--out {dir}/b.parquet", result=names)],
    "--trust": [Check("--trust", "--ckpt {own} --out {out}.parquet", allows="give --trust")],
    "--columns": [
        Check("--columns user_id=kunde", f"{WRITES} --users {{german}} --encoding latin-1", allows="user_id"),
        Check("--columns user_id=income", f"{WRITES} --users {{users}}"),
    ],
    "--delimiter": [
        Check("--delimiter ;", f"{WRITES} --users {{semicolons}}", allows="semicolons.csv"),
        Check("--delimiter |", f"{WRITES} --users {{users}}", refused="users.csv"),
    ],
    "--encoding": [
        Check("--encoding utf-16-le", f"{WRITES} --users {{utf16}}", allows="utf16.csv"),
        Check("--encoding nonsense", f"{WRITES} --users {{some_users}}", refused="nonsense"),
    ],
    "--strict": [Check("--strict", "--ckpt {lossy} --out {out}.parquet", refused="2 rows would be lost")],
}

AWAY = "redis://127.0.0.1:1/0"
CONSUME: dict[str, list[Check]] = {  # with a server in tests/serving/state/streams
    "STREAM": [
        Check("redi://127.0.0.1:1/0", "--store {out}.db", refused="names no stream"),
        Check(AWAY, "--store {out}.db", refused="start it, then this command again"),
    ],
    "--store": [Check("--store mongo:x", "kafka://127.0.0.1:1/events", refused="names no store")],
    "--once": [Check("--once", f"{AWAY} --store {{out}}.db", refused="start it, then this command again")],
}

SIMILAR: dict[str, list[Check]] = {
    "ITEM": [Check("i003", SIMILAR_TO, "i004"), Check("nothing", SIMILAR_TO, refused="none of the 1 ids")],
    "--ckpt_path": [Check("--ckpt_path {best}", "i003 --out {out}.parquet", refused="which items are alike")],
    "-k": [Check("-k 3", f"i003 {SIMILAR_TO}"), Check("-k 0", SIMILAR_TO, refused="give 1 or more")],
    "--items": [Check("--items {few_items}", f"i003 {SIMILAR_TO}")],
    "--out": [Check("--out {dir}/a.csv", "i003 --ckpt {other}", "--out {dir}/b.csv", result=names)],
    "--exclude": [
        Check("--exclude {few_items}", f"i006 -k 30 {SIMILAR_TO}"),
        Check("--exclude {log}", f"i006 {SIMILAR_TO}", refused="not of one user"),
    ],
    "--where": [Check("--where department='PRODUCE'", f"i003 {SIMILAR_TO}")],
    "--item_table": [
        Check("--item_table {stock}", f"i003 {SIMILAR_TO} --where stock>0", allows="department")
    ],
    "--boost": [Check("--boost {boosts}", f"i003 {SIMILAR_TO}")],
    "--columns": [
        Check("--columns item_id=department", f"{SIMILAR_TO} --items {{items}}", refused="none of")
    ],
    "--delimiter": [Check("--delimiter |", f"{SIMILAR_TO} --items {{stock}}", refused="stock.csv")],
    "--encoding": [Check("--encoding nonsense", f"{SIMILAR_TO} --items {{items}}", refused="nonsense")],
    "--decimal": [Check("--decimal ;;", f"{SIMILAR_TO} --boost {{boosts}}", refused="decimal")],
    "--strict": [Check("--strict", "--ckpt {lossy} --out {out}.parquet", refused="2 rows would be lost")],
    "--trust": [Check("--trust", "--ckpt {own} --out {out}.parquet", refused="which items are alike")],
}

EXPORT: dict[str, list[Check]] = {
    "RUN": [
        Check("{other_run}", "--out {dir}/m.zip", instead="{best_run}", result=printed),
        Check("nowhere", "--out {dir}/m.zip", refused="there is no such file"),
    ],
    "--out": [
        Check("--out {dir}/a.zip", "{best_run}", "--out {dir}/b", result=names),
        Check("--out {log}", "{best_run}", refused="no folder"),
    ],
    "--strict": [Check("--strict", "{lossy_run} --out {dir}/m.zip", refused="2 rows would be lost")],
    "--trust": [Check("--trust", "{own_run} --out {dir}/m.zip", allows="give --trust")],
    "--offers": [
        Check("--offers --budget 3", "{best_run} --out {dir}/m", result=names),
        Check("--offers --policy uniform", "{best_run} --out {dir}/m", refused="worth most"),
    ],
}

REFIT = {
    "--trust": [Check("--trust", "{own_run}", allows="give --trust")],
    "RUN": [
        Check("{other_run}", instead="{best_run}", result=returned),
        Check("nowhere", refused="nowhere"),
    ],
    "--strict": [Check("--strict", "{lossy_run}", refused="2 rows would be lost")],
}

UPDATE: dict[str, list[Check]] = {
    "RUN": [
        Check("{other_run} --log {new_weeks}", instead="{best_run} --log {new_weeks}", result=returned),
        Check("nowhere --log {new_weeks}", refused="nowhere"),
    ],
    "--log": [
        Check("--log {next_week}", "{best_run}", instead="--log {new_weeks}", result=printed),
        Check("--log {log}", "{best_run}", refused="in the log of the run"),
    ],
    "--gate_weeks": [
        Check("--gate_weeks 2", "{best_run} --log {new_weeks}", result=printed),
        Check("--gate_weeks 0", "{best_run} --log {new_weeks}", refused="0 is too small"),
    ],
    "--epochs": [
        Check("--epochs 9", "{other_run} --log {new_weeks}", result=printed),
        Check("--epochs 0", "{other_run} --log {new_weeks}", refused="0 is too small"),
    ],
    "--export": [
        Check("--export {dir}/models", "{best_run} --log {new_weeks}"),
        Check("--export {log}", "{best_run} --log {new_weeks}", refused="a file and no folder"),
    ],
    "--offers": [
        Check("--export {dir}/models --offers --budget 3", "{best_run} --log {new_weeks}"),
        Check("--offers --budget 3", "{best_run} --log {new_weeks}", refused="name --export FOLDER"),
    ],
    "--strict": [Check("--strict", "{lossy_run} --log {new_weeks}", refused="2 rows would be lost")],
    "--trust": [Check("--trust", "{own_run} --log {new_weeks}", allows="give --trust")],
}

FUSED = "{best_run} {other_run} --root {dir}"
FUSE: dict[str, list[Check]] = {
    "--trust": [Check("--trust", "{own_run} {other_run} --root {dir} --name f", allows="give --trust")],
    "RUN": [
        Check("{other_run} {best_run}", "--name f --id a --root {dir}", instead="{best_run} {other_run}"),
        Check("{best_run}", "--name f --root {dir}", refused="give two or more"),
    ],
    "--name": [Check("--name g", f"{FUSED} --id a", "--name f", result=names)],
    "--combine": [Check("--combine rank", f"{FUSED} --name f --id a")],
    "--gate": [Check("--gate", f"{FUSED} --name f --id a", result=printed)],
    "--items": [Check("--items new", f"{FUSED} --name f --id a")],
    "--seed": [Check("--seed 7", f"{FUSED} --name f --id a")],
    "--root": [
        Check("--root {dir}/deep", "{best_run} {other_run} --name f --id a", "--root {dir}", result=names)
    ],
    "--id": [Check("--id b", f"{FUSED} --name f", "--id a", result=names)],
    "--strict": [
        Check("--strict", "{lossy_run} {best_run} --root {dir} --name f", refused="2 rows would be lost")
    ],
}

COMPARE: dict[str, list[Check]] = {
    "RUN": [Check("{other_run}", "--out {dir}", "{best_run}")],
    "--part": [Check("--part val", "{best_run} --out {dir}")],
    "--correction": [Check("--correction fdr", "{best_run} {other_run} --out {dir}")],
    "--out": [Check("--out {dir}/a", "{best_run}", "--out {dir}/b", result=names)],
    "--offers": [Check("--offers {offers}", "{best_run} --out {dir}")],
    "--title": [Check("--title Ours", "{best_run} --out {dir}")],
    "--wandb": [Check("--wandb nobody", "{best_run} --out {dir}", refused="--wandb")],
    "--allow_different_splits": [
        Check("--allow_different_splits", "{best_run} {apart_run} --out {dir}", allows="split")
    ],
}

JUDGED = "--recommendations {lists} --test {later}"
EVALUATE: dict[str, list[Check]] = {
    "--recommendations": [
        Check(
            "--recommendations {lists} {more_lists}",
            "--test {later}",
            "--recommendations {lists}",
            result=printed,
        )
    ],
    "--test": [Check("--test {log}", "--recommendations {lists}", "--test {later}", result=printed)],
    "--train": [Check("--train {log}", JUDGED, result=printed)],
    "--valid": [Check("--valid {damaged}", f"{JUDGED} --train {{log}}", result=printed)],
    "--refit": [
        Check(
            "--refit",
            "--recommendations {lists} --test {log} --train {later} --valid {damaged}",
            result=printed,
        )
    ],
    "-k": [Check("-k 3", JUDGED, result=printed), Check("-k 0", JUDGED, refused="0 is too small")],
    "--exclude_seen": [
        Check("--exclude_seen", "--recommendations {lists} --test {log} --train {later}", result=printed)
    ],
    "--users": [Check("--users {users}", f"{JUDGED} --train {{log}} --out {{dir}}")],
    "--items": [Check("--items {users}", JUDGED, refused="item_id")],
    "--category": [
        Check("--category department", f"{JUDGED} --train {{log}} --items {{items}}", result=printed),
        Check("--category color", f"{JUDGED} --train {{log}} --items {{items}}", refused="color"),
    ],
    "--min_rating": [
        Check("--min_rating 3", f"{JUDGED} --columns rating=quantity quantity=", result=printed),
        Check("--min_rating 3", JUDGED, refused="no ratings"),
    ],
    "--name": [Check("--name ours", f"{JUDGED} --out {{dir}}")],
    "--out": [Check("--out {dir}/a", JUDGED, "--out {dir}/b", result=names)],
    "--columns": [
        Check("--columns score=quantity", "--recommendations {log} --test {later} -k 3", refused="twice"),
        Check("--columns x", JUDGED, refused="--columns"),
    ],
    "--delimiter": [Check("--delimiter |", JUDGED, refused="lists.csv")],
    "--encoding": [Check("--encoding nonsense", JUDGED, refused="nonsense")],
    "--decimal": [Check("--decimal ;;", JUDGED, refused="decimal")],
}


def judged(ran: Ran) -> Any:
    """What a benchmark measured, without its minutes."""
    (text,) = (text for name, text in ran.contents().items() if name.endswith("benchmark.csv"))
    return [line.rpartition(",")[0].rpartition(",")[0] for line in text.splitlines()]


def claimed(ran: Ran) -> Any:
    """What a benchmark says of pairs of models."""
    return [text for name, text in ran.contents().items() if name.endswith("significance.csv")]


_ONE = "--models popularity --data {log} --defaults"
BENCHMARK: dict[str, list[Check]] = {
    "--models": [
        Check(
            "--models item_cf", "--data {log} --defaults --out {dir}", "--models popularity", result=judged
        ),
        Check("--models popularity popularity", "--data {log} --defaults --out {dir}", refused="twice"),
    ],
    "--data": [
        Check(
            "--data {headerless}", "--models popularity --defaults --out {dir}", "--data {log}", result=judged
        )
    ],
    "--seeds": [
        Check("--seeds 4", f"{_ONE} --out {{dir}}", result=names),
        Check("--seeds 1 1", f"{_ONE} --out {{dir}}", refused="twice"),
    ],
    "--out": [Check("--out {dir}/a", _ONE, "--out {dir}/b", result=names)],
    "--trials": [Check("--trials 0", "--models popularity --data {log} --out {dir}", refused="--trials")],
    "--defaults": [
        Check("--defaults", "--models ease --data {log} --trials 2 --out {dir}", refused="--trials")
    ],
    "--jobs": [Check("--jobs 0", f"{_ONE} --out {{dir}}", refused="--jobs")],
    "-k": [Check("-k 5", f"{_ONE} --out {{dir}}", result=judged)],
    "--correction": [
        Check(
            "--correction fdr",
            "--models popularity item_cf --data {log} --defaults --out {dir}",
            result=claimed,
        )
    ],
    "--columns": [Check("--columns item_id=nothing", f"{_ONE} --out {{dir}}", refused="item_id")],
    "--delimiter": [Check("--delimiter |", f"{_ONE} --out {{dir}}", refused="user_id")],
    "--encoding": [Check("--encoding nonsense", f"{_ONE} --out {{dir}}", refused="encoding")],
    "--decimal": [
        Check("--decimal ,", "--models popularity --data {commas} --defaults --out {dir}", allows="decimal")
    ],
}

REPORT: dict[str, list[Check]] = {
    "RUN": [Check("{other_run}", "--out {out}.html", "{best_run}")],
    "--part": [Check("--part val", "{best_run} --out {out}.html")],
    "--out": [Check("--out {dir}/a.html", "{best_run}", "--out {dir}/b.html", result=names)],
    "--examples": [Check("--examples 1", "{best_run} --out {out}.html")],
    "--title": [Check("--title Ours", "{best_run} --out {out}.html")],
    "--trust": [Check("--trust", "{own_run} --part val --out {out}.html")],
}

REPRODUCE: dict[str, list[Check]] = {
    "NAME": [
        Check("second", "--out {dir}", "first"),
        Check("third", "--out {dir}", refused="third"),
    ],
    "--list": [Check("--list", "first --out {dir}", result=printed)],
    "--data": [Check("--data {folder}", "first --out {dir}")],
    "--out": [
        Check("--out {dir}/a", "first", "--out {dir}/b", result=names),
        Check("", "first", refused="--out"),
    ],
    "--seed": [Check("--seed 3", "first --out {dir}")],
    "--seeds": [
        Check("--seeds 1 2", "ranked --data {log} --out {dir}", result=names),
        Check("--seeds 1 1", "first --out {dir}", refused="twice"),
    ],
}

DATA: dict[str, list[Check]] = {
    "action": [
        Check("describe {damaged}", instead="check {log}", result=printed),
        Check("profile {log} --out {dir}/a.html", instead="check {log}"),
    ],
    "FILE": [Check("check {later}", instead="check {log}", result=printed)],
    "--columns": [
        Check("--columns price=regular_price", "describe {log}", result=printed),
        Check("--columns x", "describe {log}", refused="--columns"),
    ],
    "--users": [
        Check("--users {users}", "describe {log}", result=printed),
        Check("--users {items}", "check {log}", refused="user_id"),
    ],
    "--items": [
        Check("--items {items}", "describe {log}", result=printed),
        Check("--items {users}", "check {log}", refused="item_id"),
    ],
    "--test": [Check("--test {later}", "check {log}", result=printed)],
    "--valid": [Check("--valid {later}", "check {log}", result=printed)],
    "--name": [Check("--name ours", "check {log}", result=printed)],
    "--min_rating": [
        Check("--min_rating 3", "check {log} --columns rating=quantity quantity=", result=printed),
        Check("--min_rating 3", "check {log}", refused="no ratings"),
    ],
    "--outlier_factor": [
        Check("--outlier_factor 1.1", "describe {log}", result=printed),
        Check("--outlier_factor nan", "describe {log}", refused="outlier_factor"),
    ],
    "--equal_rows": [Check("--equal_rows keep", "check {damaged}", result=printed)],
    "--cleaning": [
        Check("--cleaning {cleaning}", "check {damaged}", result=printed),
        Check("--cleaning {log}", "check {damaged}", refused="--cleaning"),
    ],
    "--decimal": [
        Check("--decimal ,", "check {commas}", allows="a comma is read with decimal"),
        Check("--decimal ;;", "check {log}", refused="decimal"),
    ],
    "--time_format": [
        Check("--time_format days", "check {log} --columns timestamp=quantity", allows="time_format: days"),
        Check("--time_format soon", "check {log}", refused="time_format"),
    ],
    "--drop_cold_items": [
        Check("--drop_cold_items", "check {later} --test {log} --drop_cold_users", allows="drop_cold_items")
    ],
    "--drop_cold_users": [
        Check("--drop_cold_users", "check {later} --test {log} --drop_cold_items", allows="drop_cold_users")
    ],
    "--strict": [Check("--strict", "check {damaged}", refused="2 rows would be lost")],
    "--out": [
        Check("--out {dir}/a.html", "profile {log}", "--out {dir}/b.html", result=names),
        Check("--out {dir}/a.html", "check {log}", refused="writes no page"),
    ],
    "--delimiter": [
        Check("--delimiter ;", "check {semicolons}", allows="delimiter"),
        Check("--delimiter |", "check {log}", refused="delimiter"),
    ],
    "--encoding": [
        Check("--encoding latin-1", "check {latin}", allows="UTF-8"),
        Check("--encoding utf-8", "describe complete_journey", refused="no file"),
    ],
    "--names": [
        Check("--names user_id item_id timestamp", "check {headerless}", allows="names"),
        Check("--names user_id item_id", "check {log}", refused="names"),
    ],
}

INIT: dict[str, list[Check]] = {
    "FILE": [
        Check("{later}", "--out {dir}", "{log}"),
        Check("{config}", "--out {dir}", refused="lightgcn.yaml"),
    ],
    "--items": [
        Check("--items {items}", "{log} --out {dir}"),
        Check("--items {users}", "{log} --out {dir}", refused="there is no column 'item_id'"),
    ],
    "--users": [
        Check("--users {users}", "{log} --out {dir}"),
        Check("--users {items}", "{log} --out {dir}", refused="there is no column 'user_id'"),
    ],
    "--out": [Check("--out {dir}/a", "{log}", "--out {dir}/b", result=names)],
    "--force": [Check("--force", "{log} --out experiments/written", allows="--force")],
}

EXPERIMENTS: dict[str, list[Check]] = {
    "action": [Check("copy offers", "--to {dir}", "list", allows="leave it out")],
    "NAME": [
        Check("copy gowalla", "--to {dir}", "copy offers", result=names),
        Check("copy nothing", "--to {dir}", refused="nothing"),
    ],
    "--to": [Check("--to {dir}/a", "copy offers", "--to {dir}/b", result=names)],
}

COMPLETION = {"shell": [Check("zsh", instead="bash", result=printed), Check("tcsh", refused="tcsh")]}

DEMO: dict[str, list[Check]] = {
    "--out": [Check("--out {dir}/a", "--models popularity", "--out {dir}/b", result=names)],
    "--models": [
        Check("--models top_frequency", "--out {dir}", "--models popularity"),
        Check("--models nothing", "--out {dir}", refused="nothing"),
    ],
    "--max_epochs": [Check("--max_epochs 1", "--models mf --out {dir}", result=epochs)],
}

SWEPT = "sweep.yaml --out {dir}"
SWEEP: dict[str, list[Check]] = {
    "FILE": [
        Check("sweep.yaml", "--out {dir}/a --trials 1", "sweep_all.yaml", result=names),
        Check("log.csv", "--out {dir}", refused="log.csv"),
    ],
    "--out": [Check("--out {dir}/a", "sweep.yaml --trials 1", "--out {dir}/b", result=names)],
    "--trials": [
        Check("--trials 1", SWEPT, "--trials 2", result=names),
        Check("--trials 0", SWEPT, refused="--trials"),
    ],
    "--budget": [
        Check("--budget 30", SWEPT, refused="write 90s, 30m"),
        Check("--budget 1s", SWEPT, result=names),
    ],
    "--workers": [
        Check("--workers 2", SWEPT, result=names),
        Check("--workers 0", SWEPT, refused="--workers"),
    ],
    "--seed": [
        Check("--seed 5", SWEPT, result=names),
        Check("--seed -1", SWEPT, refused="--seed"),
    ],
    "--trust": [Check("--trust", "sweep_own.yaml --out {dir}", allows="--trust")],
}

TUNED = "--data {log} --trials 1 --no-test --out {dir}"
TUNE: dict[str, list[Check]] = {
    "-m": [
        Check("-m item_cf", TUNED, "-m popularity", result=names),
        Check("-m nothing", TUNED, refused="nothing"),
    ],
    "--models": [
        Check("--models item_cf popularity", TUNED, "-m popularity", result=names),
        Check("--models popularity popularity", TUNED, refused="twice"),
    ],
    "--auto": [Check("--auto", TUNED, refused="--auto shares out a time")],
    "--data": [
        Check("--data {later}", "-m popularity --trials 1 --no-test --out {dir}", "--data {log}"),
        Check("--data nowhere.csv", "-m popularity --out {dir}", refused="nowhere.csv"),
    ],
    "--space": [
        Check("--space sweep.yaml", f"-m top_frequency {TUNED}"),
        Check("--space log.csv", f"-m top_frequency {TUNED}", refused="log.csv"),
    ],
    "--trials": [
        Check("--trials 2", "-m item_cf --data {log} --no-test --out {dir}", "--trials 1", result=names),
        Check("--trials 0", "-m item_cf --data {log} --out {dir}", refused="--trials"),
    ],
    "--budget": [
        Check(
            "--budget 1s", "-m popularity --data {log} --no-test --out {dir}", "--trials 1", result=printed
        ),
        Check("--budget 30", f"-m popularity {TUNED}", refused="write 90s, 30m"),
    ],
    "--workers": [
        Check("--workers 2", "-m item_cf --data {log} --trials 2 --no-test --out {dir}", result=names),
        Check("--workers 0", f"-m popularity {TUNED}", refused="--workers"),
    ],
    "--pruner": [Check("--pruner often", f"-m popularity {TUNED}", refused="often")],
    "--subsample": [
        Check("--subsample 0.5", f"-m popularity {TUNED}", result=names),
        Check("--subsample 1.5", f"-m popularity {TUNED}", refused="--subsample"),
    ],
    "--seed": [
        Check("--seed 5", f"-m popularity {TUNED}", result=names),
        Check("--seed -1", f"-m popularity {TUNED}", refused="--seed"),
    ],
    "--set": [
        Check("--set data.init_args.eval_batch_size=3", f"-m popularity {TUNED}"),
        Check("--set eval_batch_size", f"-m popularity {TUNED}", refused="--set"),
    ],
    "--out": [
        Check(
            "--out {dir}/a", "-m popularity --data {log} --trials 1 --no-test", "--out {dir}/b", result=names
        )
    ],
    "--no-test": [
        Check("--no-test", "-m popularity --data {log} --trials 1 --out {dir}", result=names),
    ],
    "--columns": [Check("--columns user_id=nobody", f"-m popularity {TUNED}", refused="nobody")],
    "--delimiter": [
        Check(
            "--delimiter ;",
            "-m popularity --data {semicolons} --trials 1 --no-test --out {dir}",
            allows="semicolons.csv",
        )
    ],
    "--encoding": [Check("--encoding nonsense", f"-m popularity {TUNED}", refused="nonsense")],
    "--decimal": [
        Check(
            "--decimal ,", "-m popularity --data {commas} --trials 1 --no-test --out {dir}", allows="decimal"
        )
    ],
    "--trust": [
        Check("--trust", "-m own.yaml --space sweep.yaml --trials 1 --no-test --out {dir}", allows="trust")
    ],
}

ROOT: dict[str, list[Check]] = {"--version": [Check("--version", instead="--help", result=printed)]}

TABLE: dict[str, dict[str, list[Check]]] = {
    "": ROOT,
    "refit": REFIT,
    "update": UPDATE,
    "fuse": FUSE,
    "recommend": RECOMMEND,
    "similar": SIMILAR,
    "export": EXPORT,
    "consume": CONSUME,
    "serve": SERVE,
    "score": SCORE,
    "offers": OFFERS,
    "compare": COMPARE,
    "benchmark": BENCHMARK,
    "report": REPORT,
    "evaluate": EVALUATE,
    "policy": POLICY,
    "feedback": FEEDBACK,
    "experiment plan": PLAN,
    "experiment analyse": ANALYSE,
    "reproduce": REPRODUCE,
    "experiments": EXPERIMENTS,
    "data": DATA,
    "init": INIT,
    "demo": DEMO,
    "sweep": SWEEP,
    "tune": TUNE,
    "completion": COMPLETION,
    **LIGHTNING,
}
"""Command → option → its checks."""
