"""The families of features that a log gives: by hand on a small shop, and blind to later rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from feature_data import encode_attributes, encoded

from graphrec.data.features.build import FeatureOptions, build_features, features_sha256
from graphrec.data.features.habits import events, habits, times
from graphrec.data.features.log import LogFacts
from graphrec.data.features.prices import price_history, promotion, ratings
from graphrec.data.features.tastes import taste
from graphrec.data.splits import Temporal
from graphrec.data.weights import EdgeWeights, Event
from graphrec.errors import InputError

USER_FAMILIES = ["interest", "behaviour", "interest_recency", "interest_trend", "habits", "times", "events"]
ITEM_FAMILIES = ["base", "reviews", "price_history", "promotion", "ratings", "events"]


def small() -> pd.DataFrame:
    """Ann: a basket on a Monday morning in week 1, one on a Sunday night in week 4. Bob: one in week 2."""
    return pd.DataFrame(
        {
            "user_id": ["ann", "ann", "ann", "bob"],
            "item_id": ["milk", "tea", "tea", "tea"],
            "week": [1, 1, 4, 2],
            "timestamp": pd.to_datetime(
                ["2024-01-01 09:00", "2024-01-01 09:00", "2024-01-28 23:30", "2024-01-10 12:00"]
            ),
            "basket_id": ["a", "a", "b", "c"],
            "quantity": [3, 1, 2, 4],
            "price": [1.0, 3.0, 4.0, 2.0],
            "shelf_price": [1.0, 4.0, 4.0, 2.0],
            "regular_price": [1.0, 4.0, 4.0, 4.0],
            "rating": [np.nan, 5.0, np.nan, 2.0],
        }
    )


def facts(log: pd.DataFrame | None = None) -> LogFacts:
    return LogFacts.of(encoded(small() if log is None else log))


def lists(columns: dict) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in columns.items()}


def test_habits_by_hand() -> None:
    ann_bob = lists(habits(facts()))
    assert ann_bob["log_rows_per_trip"] == pytest.approx(np.log1p([3 / 2, 1.0]))
    assert ann_bob["log_units_per_trip"] == pytest.approx(np.log1p([6 / 2, 4.0]))
    assert ann_bob["log_spent_per_week"] == pytest.approx(np.log1p([(3 + 3 + 8) / 4, 8 / 3]))
    assert ann_bob["discounted_rows"] == [0.0, 1.0]
    assert ann_bob["coupon_share"] == pytest.approx([1 - 14 / 15, 0.0])
    assert ann_bob["coupon_rows"] == pytest.approx([1 / 3, 0.0])


def test_columns_of_habits_need_their_columns_of_the_log() -> None:
    log = small()
    assert habits(facts(log[["user_id", "item_id", "price"]])) == {}
    assert set(habits(facts(log[["user_id", "item_id", "week"]]))) == {"log_rows_per_trip"}
    paid = log.drop(columns="shelf_price")  # what was paid stands in for it, so it tells of no coupon
    assert "coupon_share" not in habits(facts(paid))
    assert lists(habits(facts(paid)))["discounted_rows"] == pytest.approx([1 / 3, 1.0])


def test_times_by_hand() -> None:
    ann_bob = lists(times(facts()))
    assert ann_bob["monday"] == pytest.approx([2 / 3, 0.0])
    assert ann_bob["sunday"] == pytest.approx([1 / 3, 0.0])
    assert ann_bob["wednesday"] == [0.0, 1.0]
    assert ann_bob["morning"] == pytest.approx([2 / 3, 0.0])
    assert ann_bob["evening"] == pytest.approx([1 / 3, 0.0])
    assert ann_bob["afternoon"] == [0.0, 1.0]
    dates = small().assign(timestamp=lambda log: log["timestamp"].dt.normalize())
    assert "morning" not in times(facts(dates))  # midnight is no time of day


def test_tastes_by_hand() -> None:
    log = encoded(small())
    table = pd.DataFrame({"item_id": ["milk", "tea"], "kind": ["fresh", "dry"]})
    items = encode_attributes(table, "item_id", log.items, np.ones(2), 30)
    of = {name: taste(LogFacts.of(log), items, name, "g") for name in ("share", "closeness", "trend")}
    columns = {name: dict(zip(block.names, block.values.T, strict=True)) for name, block in of.items()}
    assert columns["share"]["g:kind=dry"] == pytest.approx([2 / 3, 1.0])
    assert columns["closeness"]["g:kind=dry"] == pytest.approx([1.0, 1 / 3])
    assert columns["closeness"]["g:kind=fresh"] == pytest.approx([1 / 4, 0.0])
    # weeks 1 and 2 are early, 4 is late: Ann went from a half to all of it; Bob has no late row
    assert columns["trend"]["g:kind=dry"] == pytest.approx([1 / 2, 0.0])
    assert columns["trend"]["g:kind=fresh"] == pytest.approx([-1 / 2, 0.0])


def test_price_history_and_promotion_by_hand() -> None:
    milk_tea = lists(price_history(facts()))
    tea = np.array([4.0, 2.0, 4.0])
    assert milk_tea["log_level"] == pytest.approx(np.log1p([1.0, tea.mean()]))
    assert milk_tea["spread"] == pytest.approx([0.0, tea.std() / tea.mean()], abs=1e-8)
    assert milk_tea["reach"] == pytest.approx([0.0, 2 / tea.mean()], abs=1e-8)
    assert milk_tea["change"] == pytest.approx([0.0, np.log(4 / tea.mean())], abs=1e-8)
    milk_tea = lists(promotion(facts()))
    assert milk_tea["weeks_below_regular"] == pytest.approx([0.0, 1 / 3])
    assert milk_tea["depth_when_below"] == pytest.approx([0.0, 0.5])
    assert milk_tea["closeness"] == pytest.approx([0.0, 1 / 3])


def test_ratings_are_not_filled() -> None:
    milk_tea = lists(ratings(facts()))
    assert milk_tea == {"log_count": [0.0, np.log(3)], "mean_less_all": [0.0, 0.0], "none": [1.0, 0.0]}
    rated = small().assign(rating=[1.0, 5.0, np.nan, 3.0])
    assert lists(ratings(facts(rated)))["mean_less_all"] == pytest.approx([-2.0, 1.0])


def test_views_count_though_they_are_no_purchases() -> None:
    log = small().assign(event=["purchase", "view", "purchase", "view"])
    weights = EdgeWeights([Event({"view": 0.2, "purchase": 1.0})])
    train = Temporal(train_end=4, val_end=4, test_end=4)(log, weights=weights).train
    found = lists(events(LogFacts.of(train), "user"))
    assert found == {"log_purchase": pytest.approx(np.log([3, 1])), "log_view": pytest.approx(np.log([2, 2]))}
    assert lists(events(LogFacts.of(train), "item"))["log_view"] == pytest.approx(np.log([1, 3]))
    features = build_features(train, options=FeatureOptions(["behaviour", "events"], ["base"], pca=None))
    assert {"events:log_view", "events:log_purchase"} <= {*features.user_names, *features.dropped}
    # Bob bought nothing: his only row is a view
    assert (
        lists(habits(LogFacts.of(train)))["log_rows_per_trip"][1]
        != lists(habits(facts(log)))["log_rows_per_trip"][1]
    )
    other = Temporal(train_end=4, val_end=4, test_end=4)(
        log.assign(event=["view", "view", "purchase", "view"]), weights=weights
    )
    assert features_sha256(train) != features_sha256(other.train)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (FeatureOptions(["times"], ["base"]), "'times' is made of times, which the data lacks"),
        (FeatureOptions(["behaviour", "interest_trend"], []), "'interest_trend' is made of weeks or times"),
        (FeatureOptions([], ["promotion"]), "'promotion' is made of .*regular_price"),
        (FeatureOptions([], ["base", "events"]), "item_groups.*'events' is made of events"),
    ],
)
def test_a_group_that_is_asked_for_and_cannot_be_made_is_refused(options, words) -> None:
    with pytest.raises(InputError, match=words):
        build_features(encoded(small()[["user_id", "item_id"]]), options=options)


def shop(seed: int = 0, rows: int = 900) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A log of twelve weeks in which every family has something to say."""
    rng = np.random.default_rng(seed)
    item = rng.integers(0, 20, rows)
    week = np.sort(rng.integers(1, 13, rows))
    log = pd.DataFrame(
        {
            "user_id": [f"u{code:02}" for code in rng.integers(0, 30, rows)],
            "item_id": [f"i{code:02}" for code in item],
            "week": week,
            "timestamp": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(7 * 24 * (week - 1) + rng.integers(0, 168, rows), unit="h"),
            "basket_id": rng.integers(0, rows // 3, rows),
            "quantity": rng.integers(1, 4, rows),
            "regular_price": 1.0 + item / 5,
            "rating": rng.choice([1.0, 3.0, 5.0, np.nan], rows),
            "event": rng.choice(["view", "purchase"], rows),
        }
    )
    log["shelf_price"] = log["regular_price"] * rng.choice([1.0, 0.8], rows)
    log["price"] = log["shelf_price"] * rng.choice([1.0, 0.9], rows)
    items = pd.DataFrame({"item_id": [f"i{code:02}" for code in range(20)]})
    return log, items.assign(department=[f"d{code % 4}" for code in range(20)])


@pytest.mark.parametrize(
    ("side", "family"),
    [("user", name) for name in USER_FAMILIES] + [("item", name) for name in ITEM_FAMILIES],
)
def test_nothing_after_training_changes_a_family(side: str, family: str) -> None:
    log, items = shop()
    groups = ([family], []) if side == "user" else ([], [family])
    options = FeatureOptions(*groups, pca=None, min_variance=0.0)
    weights = EdgeWeights([Event({"view": 0.5, "purchase": 1.0})])

    def features(frame: pd.DataFrame) -> np.ndarray:
        train = Temporal(train_end=8, val_end=10)(frame, weights=weights).train
        return getattr(build_features(train, items=items, options=options), side)

    before, later = features(log), (log["week"] > 8).to_numpy()
    rng = np.random.default_rng(1)

    def changed(where: np.ndarray) -> pd.DataFrame:
        new = log.copy()
        for name, value in {"price": 0.2, "shelf_price": 0.3, "quantity": 50, "rating": 1.0}.items():
            new.loc[where, name] = value
        for name in ("item_id", "user_id", "basket_id"):
            new.loc[where, name] = rng.permutation(new.loc[where, name])
        new.loc[where, "event"] = np.where(new.loc[where, "event"] == "view", "purchase", "view")
        new.loc[where, "timestamp"] += pd.Timedelta(hours=9)
        return new

    np.testing.assert_array_equal(features(changed(later)), before)
    np.testing.assert_array_equal(features(log[~later | (rng.random(len(log)) < 0.5)]), before)
    other = features(changed(~later & (log["week"] > 4).to_numpy()))
    assert other.shape != before.shape or not np.allclose(other, before)
