from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.offers.limits.parity import group_codes, parity_budget, parity_gap, parity_report

GROUPS = pd.Series({"a": "young", "b": "old", "c": "old", "d": "unknown", "e": None})
OFFERS = pd.DataFrame(
    {
        "policy": "knapsack",
        "user_id": ["a", "a", "b", "c", "d", "f"],
        "rate": [0.1, 0.3, 0.0, 0.1, 0.3, 0.3],
        "spend": [1.0, 3.0, 0.0, 1.0, 9.0, 9.0],
    }
)


def test_groups_are_coded_and_the_rest_is_unknown():
    code, names = group_codes(OFFERS["user_id"], GROUPS)
    assert names == ["old", "young"]
    assert code.tolist() == [1, 1, 0, 0, -1, -1]


def test_the_report_says_what_each_group_gets():
    report = parity_report(OFFERS, GROUPS).set_index("group")
    assert report.index.tolist() == ["old", "young", "unknown"]
    assert report["users"].tolist() == [2, 1, 2]
    assert report["offers_per_user"].tolist() == [0.5, 2.0, 1.0]
    assert report["mean_rate"].to_numpy() == pytest.approx([0.1, 0.2, 0.3])
    assert report["spend_per_user"].tolist() == [0.5, 4.0, 9.0]
    assert report["gap"].tolist() == [17.0, 1.25, 0.0]
    none = parity_report(OFFERS.assign(rate=0.0, spend=0.0), GROUPS)
    assert (none["gap"] == 0).all()


def test_the_gap_and_the_budgets_that_close_it():
    spend, group, users = np.array([1.0, 3.0, 0.5, 1.5, 99.0]), np.array([0, 0, 1, 1, -1]), np.array([2, 2])
    assert parity_gap(spend, group, users) == pytest.approx(1.0)
    assert parity_budget(spend, group, users, 0.25).budget.tolist() == [2.5, 2.5]
    assert parity_gap(np.zeros(5), group, users) == 0.0
    assert parity_gap(np.array([1.0, 0, 0, 0, 0]), group, users) == np.inf
