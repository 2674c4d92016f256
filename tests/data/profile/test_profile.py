"""What is measured of a log, against counts in plain Python, and the traps that are laid on purpose."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest

from graphrec.data.interactions import RawData
from graphrec.data.profile import calendar, measured, money, shape
from graphrec.data.profile.advice import models_for, split_for
from graphrec.data.profile.coded import CodedLog
from graphrec.data.profile.whole import profile
from graphrec.data.splits import Given, LeaveLast, Random, Temporal


def a_log(rows: int = 2000, days: int = 200, seed: int = 0) -> pd.DataFrame:
    """Purchases in random order, with baskets of several items, prices and coupons."""
    rng = np.random.default_rng(seed)
    day = rng.integers(days, size=rows)
    regular = rng.choice([1.0, 2.5, 4.0], size=rows)
    shelf = regular * rng.choice([1.0, 1.0, 0.8, 0.5], size=rows)
    user = rng.integers(40, size=rows)
    return pd.DataFrame(
        {
            "user_id": [f"客{code}" for code in user],
            "item_id": [f"i{code:03d}" for code in (rng.pareto(1.2, rows) * 9).astype(int) % 70],
            "timestamp": pd.Timestamp("2024-01-03")
            + pd.to_timedelta(day * 24 + 8 + rng.integers(10, size=rows), unit="h"),
            "week": 1 + day // 7,
            "basket_id": [f"{who}/{when}" for who, when in zip(user, day, strict=True)],
            "quantity": 1.0,
            "regular_price": regular,
            "shelf_price": shelf,
            "price": shelf - rng.choice([0.0, 0.0, 0.0, 0.1], size=rows),
        }
    )


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return a_log()


@pytest.fixture(scope="module")
def log(frame) -> CodedLog:
    return CodedLog.of(frame)


def rows_of(frame: pd.DataFrame) -> list[dict]:
    return frame.to_dict("records")


def test_degrees_and_repeats_are_those_counted_by_hand(frame, log):
    items_of, users_of = defaultdict(set), defaultdict(set)
    for row in rows_of(frame):
        items_of[row["user_id"]].add(row["item_id"])
        users_of[row["item_id"]].add(row["user_id"])
    pairs = sum(map(len, items_of.values()))

    table = shape.degrees(log).set_index("of")
    tail = shape.at_least(log.users_of_item).set_index("count")["share"]

    for side, counts in (("users", items_of), ("items", users_of)):
        sizes = sorted(map(len, counts.values()))
        assert table.loc[side, ["least", "most"]].tolist() == [sizes[0], sizes[-1]]
        assert table.loc[side, "mean"] == pytest.approx(pairs / len(sizes))
        assert table.loc[side, "with_one"] == pytest.approx(sizes.count(1) / len(sizes))
        top = sizes[::-1][: max(1, int(0.1 * len(sizes)))]
        assert table.loc[side, "top 10 %"] == pytest.approx(sum(top) / pairs)
    for count, share in tail.items():
        assert share == pytest.approx(np.mean([len(users) >= count for users in users_of.values()]))
    assert log.pairs == pairs
    assert log.repeats.sum() == len(frame) - pairs
    first = frame.sort_values("timestamp", kind="stable").drop_duplicates(["user_id", "item_id"]).index
    assert sorted(np.flatnonzero(~log.repeats)) == sorted(first)


def test_weeks_count_rows_people_and_newcomers(frame, log):
    seen_users, seen_items = set(), set()
    expected = []
    for week in range(1, int(frame["week"].max()) + 1):
        rows = frame[frame["week"] == week]
        users, items = set(rows["user_id"]), set(rows["item_id"])
        expected.append(
            (week, len(rows), len(users), len(items), len(users - seen_users), len(items - seen_items))
        )
        seen_users |= users
        seen_items |= items
    assert list(calendar.weeks(log).itertuples(index=False, name=None)) == expected
    days = Counter(frame["timestamp"].dt.day_name().str[:3])
    assert calendar.weekdays(log).set_index("day")["rows"].to_dict() == {
        day: days.get(day, 0) for day in calendar.DAYS
    }
    assert calendar.hours(log)["rows"].sum() == calendar.months(log)["rows"].sum() == len(frame)


def test_long_logs_have_several_weeks_in_a_bar():
    frame = pd.DataFrame({"user_id": "u", "item_id": "i", "week": [5, 1000, 2004]})
    table = calendar.weeks(CodedLog.of(frame))
    assert len(table) <= calendar.MOST_BARS
    assert table["rows"].sum() == 3
    assert table["week"].iloc[0] == 5


def test_discounts_and_price_gaps_are_those_counted_by_hand(frame, log):
    own = [1 - row["shelf_price"] / row["regular_price"] for row in rows_of(frame)]
    deep = [one for one in own if one > money.SMALLEST]
    table = money.discounts(log).set_index("discount")
    assert table.loc["the shop's own", "rows"] == len(deep)
    assert table.loc["the shop's own", "mean_depth"] == pytest.approx(np.mean(deep))
    assert money.depths(money.depth(log))["rows"].sum() == table.loc["of any kind", "rows"]
    weeks = defaultdict(set)
    for row in rows_of(frame):
        weeks[row["item_id"]].add(row["week"])
    life = sum(max(one) - min(one) + 1 for one in weeks.values())
    unsold = life - sum(map(len, weeks.values()))
    (said,) = [value for what, value in money.price_changes(log).to_numpy() if "item-weeks" in what]
    assert said.startswith(f"{unsold:,} of {life:,} ")


def test_baskets_are_counted_by_their_distinct_items(frame, log):
    sizes = Counter(min(one, 10) for one in frame.groupby("basket_id")["item_id"].nunique())
    table = shape.basket_sizes(log)
    assert table["baskets"].tolist() == [sizes.get(size, 0) for size in range(1, 11)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda log: log.assign(part="train"), Given),
        (lambda log: log.drop(columns=["timestamp", "week"]), Random),
        (lambda log: log, LeaveLast),
        (lambda log: log.assign(week=log["week"] * 3), Temporal),
    ],
)
def test_the_first_rule_that_holds_names_the_split(frame, change, expected):
    advice = split_for(CodedLog.of(change(frame)))
    assert type(advice.splitter) is expected
    assert [rule.holds for rule in advice.rules] == [False] * (len(advice.rules) - 1) + [True]
    assert advice.rules[-1].then == expected.__name__


def test_the_cut_by_time_is_that_of_complete_journey_on_its_weeks():
    weeks = pd.DataFrame({"user_id": "u", "item_id": "i", "week": range(1, 53)})
    assert split_for(CodedLog.of(weeks)).line == (
        "split: {class_path: Temporal, init_args: {train_end: 40, val_end: 44}}"
    )


@pytest.mark.parametrize("one", measured.MEASURED, ids=lambda one: one.name)
def test_each_measured_log_is_its_own_nearest(one):
    assert measured.nearest(one.per_user, one.per_item) is one
    assert math.isclose(measured.distance(one, 2 * one.per_user, one.per_item), 1)
    assert list(one.best.values()) == sorted(one.best.values(), reverse=True)


def test_the_values_of_the_measured_logs_stand_in_the_lab_notes():
    from pages import ROOT

    text = (ROOT / "docs" / "lab-notes" / "defaults.md").read_text(encoding="utf-8")
    for one in measured.MEASURED:
        for value in one.best.values():
            assert f"{value:.4f}"[1:] in text, (one.name, value)


def test_repeats_and_the_nearest_log_lead_to_models(frame, log):
    raw = RawData("shop", frame)
    assert models_for(raw, log).names[0] == "top_frequency"
    once = frame.drop_duplicates(["user_id", "item_id"])
    few = models_for(RawData("shop", once.head(300)), CodedLog.of(once.head(300)))
    assert few.names == ["lightgcn", "popularity"]
    assert not few.rules[1].holds
    one = frame.assign(user_id="only")
    assert models_for(RawData("shop", one), CodedLog.of(one)).names == ["popularity"]


def traps(frame: pd.DataFrame, **tables: pd.DataFrame) -> list[str]:
    return [f"{trap.kind}: {trap.what}" for trap in profile(RawData("shop", frame), tables).traps]


def test_a_sound_log_springs_no_trap(frame):
    items = pd.DataFrame({"item_id": frame["item_id"].unique()})
    rng = np.random.default_rng(1)
    items = items.assign(
        colour=rng.choice(["red", "blue"], len(items)), size=rng.integers(9, size=len(items))
    )
    found = traps(frame.assign(part=None).drop(columns="part"), items=items)
    assert [one for one in found if "visits" not in one] == []


def test_attributes_made_of_purchases_are_leaks(frame):
    ids = frame["item_id"].unique()
    rows = frame["item_id"].value_counts()
    last = frame.groupby("item_id")["timestamp"].max()
    items = pd.DataFrame({"item_id": [*ids, *(f"new{k}" for k in range(30))]})
    known = items["item_id"].isin(ids)
    items["sold"] = items["item_id"].map(rows).fillna(0)
    items["monotone"] = np.log1p(items["sold"]) * 7
    items["changed"] = items["item_id"].map(last).dt.strftime("%Y-%m-%d")
    items["review"] = np.where(known, "good", None)
    items["avg_rating"] = np.random.default_rng(0).random(len(items))
    found = traps(frame, items=items)
    assert "leakage: column 'sold' of the items follows the number of its rows" in found
    assert "leakage: column 'monotone' of the items follows the number of its rows" in found
    assert "leakage: column 'changed' of the items is the day of the last purchase" in found
    assert "leakage: column 'review' of the items exists only after a purchase" in found
    assert "caution: column 'avg_rating' of the items may be counted from purchases" in found
    assert found == sorted(found, key=lambda one: one.startswith("caution"))


def test_ids_that_tell_the_time_are_a_leak(frame):
    order = frame.sort_values("timestamp")["item_id"].drop_duplicates().tolist()
    rising = {item: f"P-{1000 + place}" for place, item in enumerate(order)}
    assert "leakage: item ids tell the time" in traps(frame.assign(item_id=frame["item_id"].map(rising)))
    assert not any("ids tell" in one for one in traps(frame))


def test_newcomers_rows_on_both_sides_and_heavy_users_are_told(frame):
    late = frame["timestamp"] > frame["timestamp"].quantile(0.9)
    new = frame.assign(item_id=frame["item_id"].where(~late, "late" + frame["item_id"]))
    assert "caution: items only in the newest weeks" in traps(new)
    both = pd.concat([frame.assign(part="train"), frame.head(50).assign(part="test")])
    assert "leakage: rows on both sides of the split" in traps(both)
    till = frame.assign(user_id=frame["user_id"].where(np.arange(len(frame)) % 2 == 0, "0"))
    assert "caution: one user has a tenth of all rows" in traps(till)
    dates = frame.assign(timestamp=frame["timestamp"].dt.normalize())
    assert "caution: times are days" in traps(dates)


def test_visits_that_the_split_cuts_are_counted(frame):
    (trap,) = [one for one in profile(RawData("shop", frame)).traps if "visits" in one.what]
    part = LeaveLast().parts(frame, 0)
    held = {row for row, one in zip(frame["basket_id"], part, strict=True) if one != "train"}
    trained = {row for row, one in zip(frame["basket_id"], part, strict=True) if one == "train"}
    assert trap.evidence.startswith(f"{len(held & trained):,} of {len(held):,} baskets")
    assert not any("visits" in one for one in traps(frame.assign(week=frame["week"] * 3)))
