from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphrec.data.splits import Given, LeaveLast, Random, Split, Splitter, Temporal
from graphrec.errors import InputError

WEEKLY = Temporal(train_end=6, val_end=8, test_end=9)


def random_log(seed: int, rows: int = 80) -> pd.DataFrame:
    """Every row has an own number, so that it can be followed through a split."""
    rng = np.random.default_rng(seed)
    log = pd.DataFrame(
        {
            "user_id": [f"u{code}" for code in rng.integers(12, size=rows)],
            "item_id": [f"i{code}" for code in rng.integers(15, size=rows)],
            "week": rng.integers(1, 11, size=rows),
            "part": rng.choice(["train", "train", "valid", "test"], size=rows),
            "number": np.arange(rows),
        }
    )
    log.loc[0, ["week", "part"]] = [1, "train"]
    return log


def uncut(splitter: Splitter, log: pd.DataFrame) -> pd.DataFrame:
    """A log that names its parts may be given to one splitter alone."""
    return log if isinstance(splitter, Given) else log.drop(columns="part")


def numbers(split: Split) -> tuple[set[int], set[int], set[int]]:
    train, val, test = (set(part.frame["number"]) for part in (split.train, split.val, split.test))
    return train, val, test


SPLITTERS = [
    WEEKLY,
    LeaveLast(num_val=1, num_test=2),
    Random(val_fraction=0.2, test_fraction=0.2),
    Given(drop_cold_items=True, drop_cold_users=True),
]
splitters = pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda splitter: type(splitter).__name__)


@splitters
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(20, 120))
def test_parts_are_disjoint_and_lose_only_what_is_counted(splitter: Splitter, seed, rows):
    log = uncut(splitter, random_log(seed, rows))
    if isinstance(splitter, Temporal):  # else the test part is empty, and that is refused
        assume(log["week"].max() > splitter.val_end)
    split = splitter(log, seed)
    train, val, test = numbers(split)
    assert len(train | val | test) == len(train) + len(val) + len(test)
    used = log[splitter.parts(log, seed).notna()]
    assert train | val | test <= set(used["number"])
    assert len(log) == len(train) + len(val) + len(test) + sum(split.dropped.values())
    for part in (split.train, split.val, split.test):  # the codes mean the same id in every part
        assert (split.users.ids[part.frame["user"]] == part.frame["user_id"]).all()
        assert (split.items.ids[part.frame["item"]] == part.frame["item_id"]).all()
        assert part.users is split.users
        assert part.items is split.items
    assert set(split.train.frame["user_id"]) == set(split.users.ids)
    assert set(split.train.frame["item_id"]) == set(split.items.ids)


@splitters
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_refit_trains_on_train_and_validation(splitter: Splitter, seed):
    log = uncut(splitter, random_log(seed))
    train, val, test = numbers(splitter(log, seed))
    merged, nothing, same_test = numbers(splitter(log, seed, refit=True))
    assert not nothing
    parts = splitter.parts(log, seed)
    assert merged == set(log["number"][parts.isin(["train", "valid"])]) >= train | val
    assert test <= same_test  # validation may have made known an item or user of the test part


@splitters
def test_same_seed_same_split_and_the_log_stays(splitter: Splitter):
    log = uncut(splitter, random_log(3))
    kept = log.copy()
    first = splitter(log, 5)
    assert first.sha256() == splitter(log, 5).sha256()
    assert numbers(first) == numbers(splitter(log, 5))
    pd.testing.assert_frame_equal(log, kept)


def test_another_seed_draws_another_random_split():
    log = uncut(Random(), random_log(3))
    assert Random()(log, 0).sha256() != Random()(log, 1).sha256()


@splitters
def test_index_of_the_log_does_not_matter(splitter: Splitter):
    """A source may hand over a filtered table."""
    log = uncut(splitter, random_log(4))
    assert numbers(splitter(log.set_index(1000 - 3 * log["number"]), 0)) == numbers(splitter(log, 0))


def test_temporal_cuts_by_week_inclusively_and_ignores_what_is_later():
    log = pd.DataFrame({"user_id": "u", "item_id": "i", "week": range(1, 12), "number": range(1, 12)})
    assert numbers(WEEKLY(log)) == ({1, 2, 3, 4, 5, 6}, {7, 8}, {9})
    assert numbers(Temporal(train_end="6", val_end=8)(log)) == ({1, 2, 3, 4, 5, 6}, {7, 8}, {9, 10, 11})


def days(*text: str) -> pd.DataFrame:
    times = pd.to_datetime(list(text), format="ISO8601")
    return pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": times, "number": range(len(text))})


def test_temporal_date_means_the_whole_day_and_a_time_that_moment():
    log = days("2024-03-30", "2024-03-31T23:59:59.9", "2024-04-01", "2024-04-02T11:00", "2024-04-02T13:00")
    whole = Temporal("2024-03-31", "2024-04-01", column="timestamp")
    assert numbers(whole(log)) == ({0, 1}, {2}, {3, 4})
    moment = Temporal("2024-03-31T00:00:00", "2024-04-01", "2024-04-02T12:00", column="timestamp")
    assert numbers(moment(log)) == ({0}, {1, 2}, {3})


@pytest.mark.parametrize(
    ("splitter", "column", "hint"),
    [
        (Temporal("last week", 8), "train_end", "number of a week"),
        (Temporal(6, 8, "never"), "test_end", "number of a week"),
        (Temporal(40, 44, column="timestamp"), "train_end", "ISO date"),
        (Temporal("2024-03-31", "31.4.2024", column="timestamp"), "val_end", "ISO date"),
    ],
)
def test_temporal_bound_that_does_not_fit_is_named(splitter, column, hint):
    log = uncut(splitter, random_log(0)).assign(timestamp=pd.Timestamp("2024-01-01"))
    with pytest.raises(InputError, match=f"column '{column}'.*{hint}"):
        splitter(log)


def test_temporal_without_times_is_refused():
    log = random_log(0).drop(columns=["week", "part"])
    log.attrs["file"] = "shop.csv"
    with pytest.raises(InputError, match=r"shop\.csv, column 'week'.*LeaveLast"):
        WEEKLY(log)


def test_leave_last_takes_the_latest_rows_of_each_user():
    log = pd.DataFrame(
        {
            "user_id": ["a"] * 4 + ["b"] * 3 + ["c"] * 2,
            "item_id": ["p", "q", "r", "s", "p", "q", "r", "p", "q"],
            "week": [4, 1, 3, 2, 1, 1, 1, 1, 2],
            "number": range(9),
        }
    )
    # user a: weeks 1 2 3 4 are rows 1 3 2 0; b: equal weeks keep the order of the file; c: too few rows
    short = {"train": "-", "valid": "v", "test": "t"}
    assert "".join(LeaveLast().parts(log, 0).map(short)) == "t-v--vt--"
    untimed = log.drop(columns="week")
    assert "".join(LeaveLast().parts(untimed, 0).map(short)) == "--vt-vt--"
    assert "".join(LeaveLast(num_val=0).parts(untimed, 0).map(short)) == "---t--t-t"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_leave_last_looks_into_no_users_future(seed):
    log = random_log(seed).sample(frac=1.0, random_state=seed)
    parts = LeaveLast(num_val=2, num_test=1).parts(log, 0)
    for _, rows in log.groupby("user_id"):
        weeks = [rows["week"][parts[rows.index] == name] for name in ("train", "valid", "test")]
        assert len(weeks[0]) >= 1
        for early, late in pairwise(weeks):
            assert early.empty or late.empty or early.max() <= late.min()


def test_random_keeps_the_rows_of_a_pair_together_in_the_asked_shares():
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"user_id": rng.integers(100, size=9000), "item_id": rng.integers(60, size=9000)})
    parts = Random(val_fraction=0.1, test_fraction=0.3).parts(log, 0)
    pairs = log.assign(part=parts).drop_duplicates()
    assert not pairs.duplicated(["user_id", "item_id"]).any()
    shares = pairs["part"].value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.3, abs=0.03)  # 4,700 pairs: over four deviations
    assert shares["valid"] == pytest.approx(0.1, abs=0.02)
    shuffled = log.sample(frac=1.0, random_state=0)
    assert (Random(0.1, 0.3).parts(shuffled, 0).reindex(log.index) == parts).all()


def test_given_keeps_the_parts_and_draws_validation_only_where_there_is_none():
    log = random_log(1, rows=300)
    train, val, test = numbers(Given()(log))
    assert train == set(log["number"][log["part"] == "train"])
    assert val == set(log["number"][log["part"] == "valid"])
    without = log.replace({"part": {"valid": "train"}})
    drawn = numbers(Given(val_fraction=0.3, drop_cold_items=True, drop_cold_users=True)(without, 1))
    assert drawn[2] == test
    assert drawn[1]
    assert drawn[0] | drawn[1] == train | val
    assert numbers(Given(val_fraction=0.0)(without)) == (train | val, set(), test)


def test_a_log_with_nothing_but_test_rows_is_one_line():
    log = random_log(1)
    with pytest.raises(InputError, match="the training part of the split is empty"):
        Given(drop_cold_items=True, drop_cold_users=True)(log[log["part"] == "test"])


def test_given_names_a_part_it_does_not_know():
    log = random_log(1).assign(line=lambda frame: frame["number"] + 2)
    log.attrs["file"] = "shop.csv"
    log.loc[7, "part"] = "tset"
    with pytest.raises(
        InputError, match=r"shop\.csv, row 9, column 'part': 'tset' is not one of train, valid"
    ):
        Given()(log)
    with pytest.raises(InputError, match="does not name its parts"):
        Given()(log.drop(columns="part"))


def cold_log() -> pd.DataFrame:
    log = pd.DataFrame(
        {
            "user_id": ["a", "b", "a", "z", "b", "z"],
            "item_id": ["p", "q", "q", "p", "new", "new"],
            "part": ["train", "train", "valid", "test", "test", "test"],
            "line": range(2, 8),
        }
    )
    log.attrs.update(file="train.csv", test="test.csv")
    return log


def test_cold_rows_are_dropped_and_counted():
    split = Given(drop_cold_items=True, drop_cold_users=True)(cold_log())
    assert len(split.test) == 0
    assert {name: count for name, count in split.dropped.items() if count} == {
        "test: items unknown in train": 2,
        "test: users unknown in train": 1,
    }
    assert split.items.ids.tolist() == ["p", "q"]


@pytest.mark.parametrize(
    ("splitter", "column", "row"),
    [(Given(drop_cold_users=True), "item_id", 6), (Given(drop_cold_items=True), "user_id", 5)],
)
def test_cold_rows_may_be_refused(splitter, column, row):
    key = f"drop_cold_{column.removesuffix('_id')}s"
    with pytest.raises(InputError, match=rf"test\.csv, row {row}, column '{column}'.*2 rows.*{key}: true"):
        splitter(cold_log())


def test_whole_catalogue_knows_users_and_items_without_a_training_edge():
    split = Given(whole_catalogue=True)(cold_log())
    assert split.items.ids.tolist() == ["new", "p", "q"]
    assert split.users.ids.tolist() == ["a", "b", "z"]
    assert len(split.test) == 3
    assert sum(split.dropped.values()) == 0


def test_rare_items_are_those_with_few_buyers_in_train_alone():
    """Item q has three buyers, but only one of them in the training weeks; p is bought twice by one user."""
    log = pd.DataFrame(
        {
            "user_id": ["a", "a", "b", "a", "b", "c", "a", "b"],
            "item_id": ["p", "p", "q", "r", "r", "q", "q", "r"],
            "week": [1, 2, 1, 1, 1, 7, 9, 9],
        }
    )
    split = Temporal(6, 8, min_item_users=2)(log)
    assert split.items.ids.tolist() == ["r"]
    assert split.dropped["train: users or items with too few rows"] == 3
    assert split.test.frame["item_id"].tolist() == ["r"]
    few = Temporal(6, 8, min_user_items=2)(log)
    assert few.users.ids.tolist() == ["a", "b"]
    assert Temporal(6, 8, min_user_items=3, min_item_users=1)(
        pd.concat([log, pd.DataFrame({"user_id": ["b"], "item_id": ["s"], "week": [1]})], ignore_index=True)
    ).users.ids.tolist() == ["b"]


def test_an_empty_training_part_is_refused():
    with pytest.raises(InputError, match="training part of the split is empty"):
        Temporal(0, 8)(uncut(WEEKLY, random_log(0)))
    with pytest.raises(InputError, match="min_item_users"):
        Random(min_item_users=100)(uncut(WEEKLY, random_log(0)))


def test_leave_last_says_by_what_it_cuts_where_all_times_are_one():
    """A log of one day is cut by its weeks, if these differ, or in the order of the file."""
    log = pd.DataFrame({"user_id": ["a"] * 4, "item_id": list("pqrs")})
    day = log.assign(timestamp=pd.Timestamp("2024-03-01"))
    same = "the order of the file, for every row has the same timestamp"
    assert LeaveLast().order(day) == same
    assert LeaveLast().order(log) == "the order of the file"
    weeks = day.assign(week=[4, 1, 2, 3])
    assert LeaveLast().order(weeks) == "week"
    assert LeaveLast().parts(weeks, 0).tolist() == ["test", "train", "train", "valid"]
