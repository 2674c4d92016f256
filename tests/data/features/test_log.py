"""The formulae of user and item features, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from feature_data import encode_attributes, encoded, facts, small
from feature_oracle import distinct_by
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.features.item import average_rating, base, reviews
from graphrec.data.features.user import behaviour, interest, purchase_frequency
from graphrec.data.interactions import Interactions


def test_behaviour_by_hand() -> None:
    ann_bob = {name: values.tolist() for name, values in behaviour(facts(small())).items()}
    assert ann_bob["log_interactions"] == pytest.approx(np.log([5, 2]))
    assert ann_bob["log_items"] == pytest.approx(np.log([3, 2]))
    assert ann_bob["repeat_share"] == pytest.approx([0.5, 0.0])
    # milk has one buyer, tea two; Ann has three rows of milk and one of tea
    assert ann_bob["mean_log_item_buyers"] == pytest.approx([(3 * np.log(2) + np.log(3)) / 4, np.log(3)])
    assert ann_bob["trips_per_week"] == pytest.approx([3 / 3, 1 / 2])
    assert ann_bob["weeks_since_last"] == [0.0, 1.0]
    assert ann_bob["log_mean_price"] == pytest.approx(np.log1p([6.5 / 4, 2.0]))
    assert ann_bob["log_mean_basket_value"] == pytest.approx(np.log1p([7 / 3, 6.0]))
    assert ann_bob["discount_share"] == pytest.approx([1 - 7 / 8, 1 - 9 / 12])


def test_base_by_hand() -> None:
    milk_tea = {name: values.tolist() for name, values in base(facts(small())).items()}
    assert milk_tea["log_buyers"] == pytest.approx(np.log([2, 3]))
    assert milk_tea["log_interactions"] == pytest.approx(np.log([4, 3]))
    assert milk_tea["mean_log_buyer_interactions"] == pytest.approx([np.log(5), (np.log(5) + np.log(2)) / 2])
    assert milk_tea["log_mean_quantity"] == pytest.approx(np.log1p([4 / 3, 2.0]))
    assert milk_tea["log_price"] == pytest.approx(np.log1p([2.5 / 3, 3.0]))
    assert milk_tea["mean_discount_depth"] == pytest.approx([1 - 3 / 4, 1 - 13 / 16])
    assert milk_tea["weeks_since_first"] == [2.0, 2.0]
    assert milk_tea["weeks_since_last"] == [0.0, 1.0]


def test_interest_is_the_share_of_interactions_per_level() -> None:
    train = small()
    table = pd.DataFrame({"item_id": ["tea", "milk", "gone"], "kind": ["dry", "fresh", "odd"]})
    items = encode_attributes(table, "item_id", train.items, np.ones(2), 30)
    block = interest(facts(train), items)
    shares = dict(zip(block.names, block.values.T.tolist(), strict=True))
    assert shares == {"interest:kind=dry": [0.25, 1.0], "interest:kind=fresh": [0.75, 0.0]}


def test_reviews_and_document_pair() -> None:
    frame = small().frame
    rated = Interactions(frame.assign(rating=[5.0, np.nan, 2.0, 3.0, 4.0]), small().users, small().items)
    columns = reviews(facts(rated))
    assert columns["mean_rating"].tolist() == [4.0, 3.0]
    assert columns["log_ratings"] == pytest.approx(np.log([3, 3]))
    assert average_rating(facts(rated)).tolist() == [4.0, 3.0]
    # without ratings: Ann bought milk in two weeks; tea has two buyers with one week each
    assert average_rating(facts(small())).tolist() == [2.0, 1.0]
    assert purchase_frequency(facts(small())).tolist() == [2.0, 1.0]
    bare = Interactions(frame[["user", "item"]], small().users, small().items)
    assert reviews(facts(bare)) == {}
    assert average_rating(facts(bare)).tolist() == [3.0, 1.0]
    assert purchase_frequency(facts(bare)).tolist() == [4.0, 1.0]


def test_gaps_and_odd_prices() -> None:
    train = small()
    dear = train.frame.assign(shelf_price=[9.0, 1.0, 9.0, 9.0, 3.0])
    share = behaviour(facts(Interactions(dear, train.users, train.items)))["discount_share"]
    assert share == pytest.approx([0.0, 0.25])  # dearer than regular is no discount
    paid = train.frame.drop(columns="shelf_price")
    share = behaviour(facts(Interactions(paid, train.users, train.items)))["discount_share"]
    assert share == pytest.approx([1 - 7 / 8, 1 - 6 / 12])
    gaps = train.frame.assign(quantity=[np.nan, 2, 1, np.nan, 3], price=[1.0, np.nan, 4.0, 1.0, 2.0])
    columns = behaviour(facts(Interactions(gaps, train.users, train.items)))
    assert columns["log_mean_price"] == pytest.approx(np.log1p([2.0, 2.0]))
    assert columns["log_mean_basket_value"] == pytest.approx(np.log1p([6 / 3, 6.0]))


def test_weeks_come_from_the_timestamp_where_there_is_no_week() -> None:
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta([0, 8, 15], unit="D")
    log = pd.DataFrame({"user_id": [1, 2, 2], "item_id": [1, 1, 1], "timestamp": days})
    seconds = log.assign(timestamp=days.astype("datetime64[s]").astype("int64"))
    for frame in (log, seconds):
        columns = behaviour(facts(encoded(frame)))
        assert columns["weeks_since_last"].tolist() == [2.0, 0.0]
        assert columns["trips_per_week"] == pytest.approx([1 / 3, 1.0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.0, 1.0, np.nan]))))
def test_distinct_by_agrees_with_sets(rows: list[tuple[int, int, float]]) -> None:
    code, other, week = (np.array([row[index] for row in rows]) for index in range(3))
    expected = [len({row[1:] for row in rows if row[0] == value and row[2] == row[2]}) for value in range(4)]
    assert distinct_by(code.astype(np.int64), 4, other, week).tolist() == expected
