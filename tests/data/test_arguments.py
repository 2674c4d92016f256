"""Every argument of every source and split changes what comes out, or is refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fuzz_sources import SETS
from option_shop import ITEMS, USERS, log

from graphrec.data import sources, splits
from graphrec.data.cleaning.rules import Outliers
from graphrec.data.interactions import RawData
from graphrec.errors import InputError

REFUSED = "refused"


def lay_out() -> None:
    """The files that the rows name."""
    whole = log().assign(rating=[1 + i % 5 for i in range(len(log()))])
    whole.to_csv("log.csv", index=False)
    whole.to_csv("other.csv", index=False, sep=";")
    whole.head(800).to_csv("short.csv", index=False)
    whole.tail(60).to_csv("later.csv", index=False)
    whole.to_csv("names.csv", index=False, header=False)
    whole.assign(title="Höhe").to_csv("latin.csv", index=False, encoding="latin-1")
    pd.DataFrame({"user_id": [f"u{i:03d}" for i in range(USERS)], "income": "low"}).to_csv(
        "users.csv", index=False
    )
    pd.DataFrame({"item_id": [f"i{i:03d}" for i in range(ITEMS)], "dep": "a"}).to_csv(
        "items.csv", index=False
    )
    for source in ("movielens", "recbole", "lightgcn_txt"):
        for place, files in enumerate(SETS[source]):
            folder = Path(f"{source}{place}")
            folder.mkdir()
            for name, rows, delimiter, _ in files:
                (folder / name).write_text("\n".join(delimiter.join(row) for row in rows) + "\n")


Row = tuple[dict[str, Any], Any] | tuple[dict[str, Any], Any, str]
LOG = {"path": "log.csv"}
ATOMIC = {"path": "recbole0/shop.inter"}
SOURCES: dict[str, dict[str, Row]] = {
    "table": {
        "path": ({}, "short.csv"),
        "columns": (LOG, {"price": "regular_price"}),
        "users": (LOG, "users.csv"),
        "items": (LOG, "items.csv"),
        "valid_path": ({**LOG, "test_path": "later.csv"}, "short.csv"),
        "test_path": (LOG, "later.csv"),
        "name": (LOG, "shop"),
        "delimiter": (LOG, "|", REFUSED),
        "encoding": (LOG, "nonsense", REFUSED),
        "names": (LOG, ["user_id", "item_id"], REFUSED),
        "outlier_factor": (LOG, 1.01),
        "min_rating": (LOG, 4.0),
        "equal_rows": (LOG, "nonsense", REFUSED),
        "time_format": (LOG, "%Y", REFUSED),
        "cleaning": (LOG, [Outliers("quantity", low=2)]),
        "decimal": (LOG, ";", REFUSED),
        "strict": ({**LOG, "min_rating": 4.0}, True, REFUSED),
    },
    "recbole": {
        "path": ({}, "recbole1/shop.inter"),
        "columns": (ATOMIC, {"rating": "timestamp"}),
        "name": (ATOMIC, "x"),
        "delimiter": (ATOMIC, "|", REFUSED),
        "min_rating": (ATOMIC, 4.0),
        "equal_rows": (ATOMIC, "nonsense", REFUSED),
        "time_format": (ATOMIC, "%Y", REFUSED),
        "cleaning": (ATOMIC, [Outliers("rating", low=2)]),
        "encoding": (ATOMIC, "nonsense", REFUSED),
        "strict": ({**ATOMIC, "min_rating": 4.0}, True, REFUSED),
    },
    "movielens": {
        "path": ({}, "movielens1"),
        "min_rating": ({"path": "movielens0"}, 4.0),
        "cleaning": ({"path": "movielens0"}, [Outliers("rating", low=2)]),
        "strict": ({"path": "movielens0", "min_rating": 4.0}, True, REFUSED),
    },
    "lightgcn_txt": {
        "path": ({}, "nowhere", REFUSED),
        "train_on_valid": ({"path": "lightgcn_txt0"}, True),
        "validate_on_last": ({"path": "lightgcn_txt0"}, 0.3),
        "in_time_order": ({"path": "lightgcn_txt0"}, True),
        "strict": ({"path": "lightgcn_txt0"}, "nonsense", REFUSED),
    },
    "synthetic": {
        "num_users": ({}, 90),
        "num_items": ({}, 70),
        "num_blocks": ({}, 2),
        "weeks": ({}, 9),
        "density": ({}, 0.2),
        "noise": ({}, 0.3),
        "response": ({}, 0.5),
        "seed": ({}, 4),
    },
}
FIRST = {
    "table": "log.csv",
    "recbole": "recbole0/shop.inter",
    "movielens": "movielens0",
    "lightgcn_txt": "lightgcn_txt0",
}

TIMED = {"train_end": 14, "val_end": 18}
SHARED: dict[str, Any] = {"min_item_users": 13, "min_user_items": 9, "whole_catalogue": True}
BASES: dict[str, dict[str, Any]] = {
    "Temporal": TIMED,
    "Given": {"drop_cold_items": True, "drop_cold_users": True},
}
SPLITS: dict[str, dict[str, Row]] = {
    "Temporal": {
        "train_end": (TIMED, 12),
        "val_end": (TIMED, 16),
        "test_end": (TIMED, 20),
        "column": (TIMED, "timestamp", REFUSED),
    },
    "LeaveLast": {"num_val": ({}, 2), "num_test": ({}, 2)},
    "Random": {"val_fraction": ({}, 0.3), "test_fraction": ({}, 0.3)},
    "Given": {"val_fraction": ({}, 0.3)},
}


def seen(raw: RawData) -> str:
    """All that a source gives."""
    tables = [None if one is None else one.to_csv() for one in (raw.log, raw.users, raw.items)]
    return repr((raw.name, raw.file, tables))


def _changes(make: Callable[..., str], key: str, row: Row, before: dict[str, Any]) -> None:
    base, value = {**before, **row[0]}, row[1]
    if len(row) == 3:
        with pytest.raises(InputError):
            make(**{**base, key: value})
    else:
        assert make(**{**base, key: value}) != make(**base)


@pytest.fixture(scope="module")
def _files(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("arguments"))
        lay_out()
        yield


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(("name", "key"), [(name, key) for name, rows in SOURCES.items() for key in rows])
def test_an_argument_of_a_source_changes_what_is_read(name, key):
    before = {"path": FIRST[name]} if name in FIRST else {"num_users": 60, "num_items": 40}
    make = getattr(sources, name)
    if key in inspect.signature(make).parameters:
        _changes(lambda **arguments: seen(make(**arguments)), key, SOURCES[name][key], before)


@pytest.mark.parametrize("name", SOURCES)
def test_no_argument_of_a_source_is_without_a_check(name):
    assert set(inspect.signature(getattr(sources, name)).parameters) <= set(SOURCES[name])


def split(name: str, arguments: dict[str, Any]) -> str:
    """What a split makes of the shop's log, with its parts named for `Given`."""
    frame = log().assign(week=lambda log: 1 + (log["timestamp"] - log["timestamp"].min()).dt.days // 7)
    frame["line"] = range(2, len(frame) + 2)
    if name == "Given":
        frame["part"] = ["train"] * 800 + ["test"] * 100
    made = getattr(splits, name)(**arguments)(frame)
    return repr((made.sha256(), made.dropped, len(made.users), len(made.items)))


CASES = [(name, key, row) for name, rows in SPLITS.items() for key, row in rows.items()]
CASES += [(name, key, (BASES.get(name, {}), value)) for name in SPLITS for key, value in SHARED.items()]


@pytest.mark.parametrize(("name", "key", "row"), [case for case in CASES if case[1] != "whole_catalogue"])
def test_an_argument_of_a_split_changes_its_parts(name, key, row):
    _changes(lambda **arguments: split(name, arguments), key, row, {})


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("key", ["drop_cold_items", "drop_cold_users", "whole_catalogue"])
def test_rows_that_training_does_not_know_are_left_out_refused_or_kept(name, key):
    """Users and items that occur in the last weeks only, or once; what is dropped is counted."""
    frame = log().assign(week=lambda log: 1 + (log["timestamp"] - log["timestamp"].min()).dt.days // 7)
    new = frame.tail(1).assign(**{"user_id" if key == "drop_cold_users" else "item_id": "new"})
    frame = pd.concat([frame, new], ignore_index=True)
    if name == "Given":
        frame["part"] = ["train"] * 800 + ["test"] * (len(frame) - 800)
    arguments = {"Temporal": TIMED, "Random": {"test_fraction": 0.3}}.get(name, {})
    make = getattr(splits, name)
    column = "user_id" if key == "drop_cold_users" else "item_id"
    values = [False, True]
    outcomes = []
    for value in values:
        try:
            made = make(**{**arguments, key: value})(frame, seed=1)
            outcomes.append((made.sha256(), made.dropped, len(made.users), len(made.items)))
        except InputError:
            outcomes.append("refused")
    known = "new" in frame.loc[make(**arguments).parts(frame, 1).eq("train"), column].tolist()
    cold = not known and name != "LeaveLast"
    assert (outcomes[0] != outcomes[1]) or not cold


@pytest.mark.parametrize("name", SPLITS)
def test_no_argument_of_a_split_is_without_a_check(name):
    checked = {*SPLITS[name], *SHARED, "drop_cold_items", "drop_cold_users"}
    assert set(inspect.signature(getattr(splits, name)).parameters) == checked
