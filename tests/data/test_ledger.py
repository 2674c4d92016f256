"""Rows in, rows out and why: the printed ledger equals what was planted, and ``--strict`` forbids a loss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.cli.main import main
from graphrec.data import sources
from graphrec.data.ledger import cold_line, reading_line, refuse_loss, split_line
from graphrec.data.splits import Given, LeaveLast, Random, Temporal
from graphrec.errors import InputError

USERS, ITEMS, DAYS = 30, 12, 140


def sound_log(rng: np.random.Generator, rows: int = 400) -> pd.DataFrame:
    """A log in which no row is wrong and no two rows are equal; all values are text."""
    minute = np.sort(rng.choice(DAYS * 1440, size=rows, replace=False))
    item = np.concatenate([np.arange(ITEMS), rng.integers(ITEMS, size=rows - ITEMS)])
    return pd.DataFrame(
        {
            "user_id": [f"u{u}" for u in rng.integers(USERS, size=rows)],
            "item_id": [f"i{i}" for i in item],
            "timestamp": (pd.Timestamp("2024-01-01") + pd.to_timedelta(minute, unit="min")).strftime(
                "%Y-%m-%dT%H:%M"
            ),
            "price": [f"{2 + i}" for i in item],
            "quantity": "1",
            "rating": rng.choice(["3", "4", "5"], size=rows),
        }
    )


# what is planted → the change that plants it; each on rows of its own
PLANTS = {
    "no user": lambda rows: rows.assign(user_id=""),
    "no item": lambda rows: rows.assign(item_id=""),
    "neither": lambda rows: rows.assign(user_id="", item_id=" "),
    "no time": lambda rows: rows.assign(timestamp=""),
    "equal": lambda rows: rows,  # of rows that stay
    "return": lambda rows: rows.assign(quantity="-1"),
    "nothing": lambda rows: rows.assign(quantity="0"),
    "disliked": lambda rows: rows.assign(rating="-2"),
    "padded": lambda rows: rows.assign(user_id=" " + rows["user_id"] + " "),
    "no price": lambda rows: rows.assign(price=""),
    "no quantity": lambda rows: rows.assign(quantity=""),
    "outlier": lambda rows: rows.assign(price="999999"),
}


def damaged_log(seed: int, counts: dict[str, int]) -> pd.DataFrame:
    """A sound log with rows of each kind of damage put into it."""
    rng = np.random.default_rng(seed)
    log = sound_log(rng)
    parts = [log]
    late = pd.Timestamp("2024-01-01") + pd.Timedelta(days=DAYS)
    for number, (kind, count) in enumerate(counts.items()):
        rows = log.sample(count, random_state=seed)
        if kind != "equal":  # a minute of its own, so that no planted row equals another
            minutes = number * 1000 + np.arange(count)
            rows = rows.assign(
                timestamp=(late + pd.to_timedelta(minutes, unit="min")).strftime("%Y-%m-%dT%H:%M")
            )
        parts.append(PLANTS[kind](rows))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("seed", range(12))
def test_a_log_with_twelve_kinds_of_damage_prints_what_was_planted(tmp_path, seed):
    planted = np.random.default_rng(seed).integers(0, 10, size=len(PLANTS)).tolist()
    counts = dict(zip(PLANTS, planted, strict=True))
    file = tmp_path / "log.csv"
    log = damaged_log(seed, counts)
    log.to_csv(file, index=False)
    line = reading_line(sources.table(str(file)))
    lost = {
        "rows without user_id or item_id": counts["no user"] + counts["no item"] + counts["neither"],
        "rows without timestamp": counts["no time"],
        "exact duplicate rows": counts["equal"],
        "returns (quantity below 0)": counts["return"],
        "rows of quantity 0": counts["nothing"],
        "ratings below 0": counts["disliked"],
    }
    changed = {
        "user_id: space around ids taken off": counts["padded"],
        "missing quantity filled with the median of its item_id": counts["no quantity"],
        "missing price filled with the median of its item_id": counts["no price"],
        "price above 20 medians of its item_id lowered": counts["outlier"],
    }
    out = len(log) - sum(lost.values())
    reasons = ", ".join(f"{count} {why}" for why, count in lost.items() if count)
    assert line.startswith(f"{file}: {len(log)} rows in, {out} out ({reasons}); ")
    for what, count in changed.items():
        assert (f"{count} {what}" in line) == (count > 0), what


ALL = "fit -c c.yaml, validate --ckpt_path {best}, test --ckpt_path {best}, predict --ckpt_path {best},"
ALL += " recommend --ckpt {best} --out a.parquet, refit runs/t/a, data describe log.csv"


@pytest.mark.parametrize(
    "which", ["fit -c c.yaml, data check log.csv", pytest.param(ALL, marks=pytest.mark.slow)]
)
def test_each_command_prints_the_ledger_once_and_strict_refuses(which, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    counts = dict.fromkeys(PLANTS, 2)
    damaged_log(3, counts).to_csv("log.csv", index=False)
    (tmp_path / "c.yaml").write_text(
        "run: {name: t, id: a}\n"
        "trainer: {enable_progress_bar: false, enable_model_summary: false}\n"
        "data:\n  class_path: RecommenderData\n  init_args:\n"
        "    source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}\n"
        "    split: {class_path: LeaveLast}\n"
        "model: {class_path: ClosedFormTask, init_args: {recommender: Popularity}}\n"
    )
    commands = [words.format(best="runs/t/a/checkpoints/best.ckpt").split() for words in which.split(", ")]
    said = "log.csv: 424 rows in, 408 out (6 rows without user_id or item_id, 2 rows without timestamp"
    for args in commands:
        with pytest.raises(InputError, match=r"option --strict: 16 rows would be lost: 6 rows without user"):
            main([*args, "--strict", *(["--run.id", "b"] if args[0] == "fit" else [])])
        capfd.readouterr()
        main(args)
        told = capfd.readouterr().err
        assert told.count(said) == 1, (args, told)
        assert told.count("weeks 1 to 2") == 1


def test_rows_that_the_split_leaves_out_are_told_and_forbidden(tmp_path):
    log = pd.DataFrame({"user_id": list("aabbac"), "item_id": list("xyxyzx"), "week": [1, 1, 1, 2, 3, 4]})
    log.to_csv(tmp_path / "log.csv", index=False)
    raw = sources.table(str(tmp_path / "log.csv"))
    refuse_loss(raw)
    splitter = Temporal(1, 2, 3)
    split = splitter(raw.log)
    line = split_line(split, splitter, raw.log)
    assert line == (
        "split Temporal by week: 6 rows in, 3 training rows, 1 validation rows, no test rows; not used:"
        " 1 rows after the end of the test part, 1 test: items unknown in train"
    )
    with pytest.raises(InputError, match="1 row would be lost: 1 test: items unknown in train"):
        refuse_loss(raw, split)  # what test_end leaves out was asked for
    whole = Temporal(1, 2, 3, whole_catalogue=True)
    refuse_loss(raw, whole(raw.log))


@pytest.mark.parametrize("splitter", [LeaveLast(), Random(), Temporal(1, 2)])
def test_a_split_that_would_train_on_the_test_file_is_refused(tmp_path, splitter):
    for name in ("log", "test"):
        pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "week": [1, 3]}).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    raw = sources.table(str(tmp_path / "log.csv"), test_path=str(tmp_path / "test.csv"))
    assert len(Given(val_fraction=0.0)(raw.log).test) == 2
    with pytest.raises(InputError, match="would train on test rows; choose the split Given"):
        splitter(raw.log)
    with pytest.raises(InputError, match="two parts of the split are this file"):
        sources.table(str(tmp_path / "log.csv"), test_path=str(tmp_path / "log.csv"))


@pytest.mark.parametrize(
    ("train", "test", "shared"),
    [
        ("a,x,1 b,y,2", "a,x,1 b,y,2", "2 of 2"),
        ("a,x,1 b,y,2", "a,x,1 b,x,3", "1 of 2"),
        ("a,x,1 b,y,2", "a,x,2 b,x,3", None),
        ("a,x,1 a,x,1", "a,x,1 a,x,1", "1 of 1"),
        ("a,x, b,y,2", "a,x,2", None),
    ],
)
def test_rows_of_the_test_part_that_are_trained_on_are_counted(tmp_path, train, test, shared):
    frames = []
    for name, rows in (("log", train), ("test", test)):
        text = "user_id,item_id,week\n" + rows.replace(" ", "\n") + "\n"
        (tmp_path / f"{name}.csv").write_text(text)
        frames.append(pd.read_csv(tmp_path / f"{name}.csv").assign(part={"log": "train"}.get(name, name)))
    pd.concat(frames).to_csv(tmp_path / "both.csv", index=False)
    of_files = sources.table(str(tmp_path / "log.csv"), test_path=str(tmp_path / "test.csv"))
    for raw in (of_files, sources.table(str(tmp_path / "both.csv"))):
        said = [hint for hint in raw.hints if "equal rows of an earlier part" in hint]
        assert [hint.partition(" test rows")[0] for hint in said] == ([shared] if shared else [])


def test_lists_of_lightgcn_that_share_pairs_are_told(tmp_path):
    (tmp_path / "train.txt").write_text("0 1 2 3\n1 2\n")
    (tmp_path / "test.txt").write_text("0 3 4\n1 2 5\n")
    (hint,) = sources.lightgcn_txt(str(tmp_path)).hints
    assert hint.startswith("2 of 4 test rows equal rows of an earlier part in user_id, item_id;")


def test_equal_rows_stay_where_nothing_tells_purchases_apart(tmp_path):
    file = tmp_path / "log.csv"
    rows = "a,x,2\na,x,2\na,x,3\nb,y,1\n"
    file.write_text("user_id,item_id,quantity\n" + rows)
    raw = sources.table(str(file))
    assert len(raw.log) == 4
    assert "1 rows equal an earlier one and count as further purchases" in raw.hints[0]
    assert len(sources.table(str(file), equal_rows="drop").log) == 3
    file.write_text("user_id,item_id,basket_id\n" + rows)
    assert len(sources.table(str(file)).log) == 3
    assert len(sources.table(str(file), equal_rows="keep").log) == 4


def test_a_log_of_which_nothing_is_left_says_why(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,price,quantity,rating\na,,5,1,4\nb,x,2,0,3\nb,x,2,-1,3\n")
    with pytest.raises(InputError, match="no interaction is left after cleaning") as caught:
        sources.table(str(file))
    lost = "1 rows without user_id or item_id, 1 returns (quantity below 0), 1 rows of quantity 0"
    assert f"({lost})" in str(caught.value)


def test_a_price_is_never_taken_from_other_items(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,price\na,x,5\nb,x,\na,y,\nb,z,9\n")
    prices = sources.table(str(file)).log["price"]
    assert prices.tolist()[:2] == [5.0, 5.0]
    assert np.isnan(prices.iloc[2])


def test_columns_that_tell_what_is_no_purchase_are_named(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,Qty,event_type,rating\na,x,1,view,0\nb,y,1,cart,1\n")
    quantity, event, rating = sources.table(str(file)).hints
    assert "'Qty' is not read" in quantity
    assert "columns: {quantity: Qty}" in quantity
    assert "'event_type' is not read" in event
    assert "min_rating: 1" in rating
    assert len(sources.table(str(file), {"quantity": "Qty"}, min_rating=1).hints) == 1


@pytest.mark.parametrize(("swapped", "told"), [(False, False), (True, True)])
def test_prices_that_are_mapped_the_wrong_way_round_are_named(tmp_path, swapped, told):
    file, prices = tmp_path / "log.csv", ["regular_price", "shelf_price"]
    log = pd.DataFrame({"user_id": "a", "item_id": list("xyz"), "full": [2, 2, 2], "paid": [2, 1.5, 2]})
    log.to_csv(file, index=False)
    columns = dict(zip(prices[::-1] if swapped else prices, ["full", "paid"], strict=True))
    hints = [hint for hint in sources.table(str(file), columns).hints if "mapped the wrong way" in hint]
    assert bool(hints) == told
    assert not told or hints[0].startswith("shelf_price is above regular_price in 1 rows")


def test_cancelled_baskets_are_no_purchases_where_receipts_are_numbers(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,basket_id\na,x,1001\na,x,C1002\nb,y,1003\n")
    assert sources.table(str(file)).log["basket_id"].tolist() == ["1001", "1003"]
    file.write_text("user_id,item_id,basket_id\na,x,C1\na,x,C2\nb,y,C3\n")
    assert len(sources.table(str(file)).log) == 3
    file.write_text("user_id,item_id,basket_id,quantity\na,x,1001,1\na,x,C1002,2\nb,y,1003,-1\n")
    assert sources.table(str(file)).log["basket_id"].tolist() == ["1001", "C1002"]


def test_every_argument_of_a_table_is_an_option_of_data():
    import inspect

    from graphrec.cli.main import parser

    subcommands = next(one for one in parser()._actions if isinstance(one.choices, dict))
    options = {word for one in subcommands.choices["data"]._actions for word in one.option_strings}
    arguments = set(inspect.signature(sources.table).parameters) - {"path"}
    assert {f"--{name}" for name in arguments} <= options


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["log.parquet", "--delimiter", ";"], "column 'delimiter': a Parquet file has no delimiter"),
        (["log.parquet", "--encoding", "latin-1"], "column 'encoding': a Parquet file has no encoding"),
        (["log.csv", "--time_format", "%Y"], "column 'time_format': there are no times"),
        (["log.csv", "--drop_cold_items"], "option --drop_cold_items: the log has no later part"),
        (["log.csv", "--drop_cold_users"], "option --drop_cold_users: the log has no later part"),
        (["log.csv", "--outlier_factor", "x"], "'x' is no number, and not null"),
    ],
)
def test_an_option_that_nothing_can_follow_is_refused(tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    log = pd.DataFrame({"user_id": ["a"], "item_id": ["x"]})
    log.to_csv("log.csv", index=False)
    log.to_parquet("log.parquet", index=False)
    with pytest.raises(InputError, match=says):
        main(["data", "describe", *words])


def test_a_delimiter_holds_for_the_text_files_beside_a_parquet_log(tmp_path):
    pd.DataFrame({"user_id": ["a"], "item_id": ["x"]}).to_parquet(tmp_path / "log.parquet", index=False)
    (tmp_path / "users.csv").write_text("user_id;town\na;b\n")
    raw = sources.table(str(tmp_path / "log.parquet"), users=str(tmp_path / "users.csv"), delimiter=";")
    assert raw.users["town"].tolist() == ["b"]


def test_pairs_of_unknown_items_are_counted_and_whole_catalogue_is_named():
    rows = [
        ("u1", "a", "train"),
        ("u2", "a", "train"),
        ("u1", "x", "test"),
        ("u1", "x", "test"),
        ("u2", "a", "test"),
    ]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "part"])
    line = cold_line(Given(val_fraction=0.0, drop_cold_items=True)(log))
    assert line.startswith("1 of 2 test pairs are left out")
    assert "not comparable" in line
    assert line.endswith("whole_catalogue: true keeps them")
    assert cold_line(Given(val_fraction=0.0, whole_catalogue=True)(log)) == ""
