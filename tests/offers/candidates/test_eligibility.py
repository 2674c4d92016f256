from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.offers.candidates.eligibility import (
    category_lift,
    eligibility,
    fading_items,
    log_weeks,
    near_users,
    new_items,
)
from graphrec.offers.candidates.user_embedding import graph_embedding, user_embedding


def interactions(rows: pd.DataFrame) -> Interactions:
    users, items = IdMap.from_values(rows["user_id"]), IdMap.from_values(rows["item_id"])
    return Interactions.encode(rows, users, items)


@pytest.fixture(scope="module")
def shop():
    """40 weeks: `old` stops in week 20, `thin` falls to a third, `even` goes on, `fresh` comes in week 34."""
    rows = []
    for week in range(1, 41):
        rows += [("u1", "even", week), ("u2", "even", week), ("u3", "even", week)]
        rows += [("u1", "old", week)] * (week <= 20)
        rows += [("u2", "thin", week)] * (3 if week <= 32 else 1)
        rows += [("u3", "fresh", week)] * (week >= 34)
    return interactions(pd.DataFrame(rows, columns=["user_id", "item_id", "week"]))


def named(mask, train):
    return set(train.items.ids[mask])


def test_clearance_is_for_items_whose_sales_fade_or_stopped(shop):
    assert named(fading_items(shop), shop) == {"old", "thin"}


def test_launch_is_for_items_of_the_last_quarter(shop):
    assert named(new_items(shop), shop) == {"fresh"}


def test_a_scenario_says_which_column_it_lacks(shop):
    bare = interactions(shop.frame[["user_id", "item_id"]])
    for name in ("clearance", "launch", "retention"):
        with pytest.raises(InputError, match=r"column 'week'.*needs to know when.*map a column"):
            eligibility(name, bare, None, np.ones((3, 2)), 0.3)
    with pytest.raises(InputError, match=r"column 'product_category'.*needs categories"):
        eligibility("cross_sell", bare, pd.DataFrame({"item_id": ["old"]}), None, 0.3)
    with pytest.raises(InputError, match=r"column 'price'"):
        eligibility("retention", shop, None, None, 0.3)


def test_a_shop_without_such_items_is_told(shop):
    steady = interactions(shop.frame[shop.frame["item_id"] == "even"])
    with pytest.raises(InputError, match="no items whose sales fade"):
        eligibility("clearance", steady, None, None, 0.3)


def test_weeks_follow_from_timestamps():
    days = pd.to_datetime(["2020-01-01", "2020-01-07", "2020-01-08", "2020-02-01"])
    assert log_weeks(pd.DataFrame({"timestamp": days}), "x").tolist() == [0, 0, 1, 4]
    seconds = pd.DataFrame({"timestamp": [0, 604_799, 604_800]})
    assert log_weeks(seconds, "x").tolist() == [0, 0, 1]


def test_a_launch_goes_to_users_like_its_buyers():
    """Two tastes of 20 users; the item has three buyers of the first."""
    rows = [(f"a{user:02d}", f"x{item}") for user in range(20) for item in range(6) if (user + item) % 3]
    rows += [(f"b{user:02d}", f"y{item}") for user in range(20) for item in range(6) if (user + item) % 3]
    rows += [(f"a{user:02d}", "x_new") for user in range(3)]
    train = interactions(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    near, columns = near_users(train, train.items.ids == "x_new", graph_embedding(train, dim=4))
    chosen = train.users.ids[near[:, 0]]
    assert train.items.ids[columns].tolist() == ["x_new"]
    assert len(chosen) >= 8
    assert all(user.startswith("a") for user in chosen)


def test_a_recommender_s_own_embeddings_are_taken_where_it_has_them(shop):
    class Own:
        def embeddings(self):
            import torch

            return type("Both", (), {"user": torch.eye(3)})

    assert user_embedding(Own(), shop).tolist() == np.eye(3).tolist()
    assert user_embedding(object(), shop).shape == (3, 2)


def test_lift_finds_what_goes_together_and_is_0_for_what_was_bought():
    """Who buys tea buys biscuits; nobody with coffee does. One tea drinker has none yet."""
    rows = [(f"t{n}", item) for n in range(9) for item in ("tea", "biscuit")] + [("t9", "tea")]
    rows += [(f"c{n}", "coffee") for n in range(10)]
    train = interactions(pd.DataFrame(rows, columns=["user_id", "item_id"]))
    items = pd.DataFrame({"item_id": ["tea", "biscuit", "coffee"], "product_category": ["T", "B", "C"]})
    category, lift = category_lift(train, items)
    of = dict(zip(train.items.ids, category, strict=True))
    user = {name: place for place, name in enumerate(train.users.ids)}
    assert lift[user["t9"], of["biscuit"]] == pytest.approx(0.9 / 0.45)
    assert lift[user["c0"], of["biscuit"]] == 0
    assert lift[user["t0"], of["biscuit"]] == 0
    found = eligibility("cross_sell", train, items, None, 0.3)
    mask = found.mask(np.array([user["t9"], user["c0"]]))
    assert [set(train.items.ids[row]) for row in mask] == [{"biscuit"}, set()]
    worth = found.worth(
        np.array([user["t9"]]), np.array([list(train.items.ids).index("biscuit")]), np.array([5.0])
    )
    assert worth == pytest.approx([5.0])
