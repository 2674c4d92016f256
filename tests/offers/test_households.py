from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.offers.households import Baskets, basket_money, churn_risk, retention_worth


def log_of(trips: dict[str, list[int]]) -> Interactions:
    rows = [(user, "milk", week, 10.0, 2) for user, weeks in trips.items() for week in weeks]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "week", "price", "quantity"])
    frame["basket_id"] = range(len(frame))
    return Interactions.encode(
        frame, IdMap.from_values(frame["user_id"]), IdMap.from_values(frame["item_id"])
    )


def test_only_households_whose_trips_fall_are_worth_keeping_and_more_so_the_likelier_they_leave():
    every = list(range(1, 41))
    trips = {f"even{n:02d}": every for n in range(30)}
    trips |= {f"gone{n:02d}": every[: 20 + n % 15] for n in range(30)}
    trips |= {"slow": [*range(1, 33), 34, 37, 39, 40], "stopped": list(range(1, 34)), "rare": [3, 19, 35]}
    train = log_of(trips)
    worth = pd.Series(
        retention_worth(train, train.frame["week"].to_numpy(), margin=0.3), index=train.users.ids
    )
    assert worth.filter(like="even").eq(0).all()
    assert worth["rare"] == 0
    assert 0 < worth["slow"] < worth["stopped"] <= 20.0 * 8 * 0.3


def test_the_risk_is_that_of_the_log():
    """Half of those who pause for a month stay away, and none of the others."""
    rng = np.random.default_rng(0)
    regular = np.ones((200, 40))
    paused = np.ones((200, 40))
    paused[:, 30:36] = 0
    paused[rng.permutation(200)[:100], 36:] = 0
    now = np.ones((2, 40))
    now[1, 34:] = 0
    risk = churn_risk(np.vstack([regular, paused, now]))
    assert risk[400] < 0.05
    assert risk[401] > 0.3
    assert (churn_risk(np.ones((5, 20))) == 0).all()


def test_baskets_add_up_by_household_and_leave_strangers_out():
    log = pd.DataFrame(
        {
            "user_id": ["b", "b", "b", "a", "x", "a"],
            "basket_id": [1, 1, 2, 3, 4, 5],
            "shelf_price": [1.0, 2.0, 5.0, 4.0, 9.0, 0.0],
            "quantity": [1, 3, 1, 1, 1, 1],
        }
    )
    baskets = Baskets.of(log, IdMap.from_values(["a", "b"]), np.array([1, 1, 2, 3, 3, 5]))
    assert baskets.user.tolist() == [0, 1, 1]
    assert baskets.value.tolist() == [4.0, 7.0, 5.0]
    assert baskets.weeks == 5
    with pytest.raises(InputError, match=r"column 'basket_id'.*map a column"):
        Baskets.of(log.drop(columns="basket_id"), IdMap.from_values(["a"]), np.ones(6, dtype=int))
    with pytest.raises(InputError, match="column 'price'"):
        basket_money(log[["user_id"]])


def test_rows_without_a_price_are_told_and_baskets_without_value_refused(capsys):
    log = pd.DataFrame({"user_id": "a", "basket_id": list("112"), "price": [2.0, None, 3.0]})
    users, week = IdMap.from_values(["a"]), np.ones(3, dtype=int)
    assert Baskets.of(log, users, week).value.tolist() == [2.0, 3.0]
    assert "1 of 3 rows have no price or quantity and add nothing to a basket" in capsys.readouterr().err
    with pytest.raises(InputError, match="no basket has a value above 0"):
        Baskets.of(log.assign(price=0.0), users, week)
