from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from offer_pairs import candidate_frame

from graphrec.errors import InputError
from graphrec.offers.limits.stock import read_stock, sells_out
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offers.policies.rules import Uniform
from graphrec.offers.table import Candidates, make_offers


def test_an_item_sells_out_when_its_users_together_want_the_stock():
    probability, item = np.array([0.5, 0.6, 0.2, 0.3]), np.array([0, 0, 1, 1])
    assert sells_out(probability, item, np.array([1.0, 1.0, 1.0, 1.0])).tolist() == [True, True, False, False]
    assert not sells_out(probability, item, np.full(4, np.inf)).any()


@pytest.mark.parametrize("policy", [Knapsack(), Uniform()], ids=["knapsack", "uniform"])
def test_what_sells_out_at_the_regular_price_gets_no_discount(policy):
    frame = candidate_frame(30, 4)
    units = frame.groupby("item_id")["probability"].sum()
    frame["stock"] = frame["item_id"].map({"i0": units["i0"] * 0.9, "i1": units["i1"] * 1.1})
    offers = make_offers(Candidates(frame), policy, "clearance")
    gone = offers["item_id"] == "i0"
    assert (offers.loc[gone, "rate"] == 0).all()
    reasons = offers.loc[gone, "reason"].value_counts()
    assert set(reasons.index) <= {
        "stock: sells out at the regular price",
        "no_level_pays: no level pays at 30 % margin",
    }
    assert reasons["stock: sells out at the regular price"] > 10
    assert (offers.loc[~gone, "rate"] > 0).groupby(offers["item_id"]).any().all()


def test_a_stock_table_is_read_and_checked(tmp_path, capsys):
    path = tmp_path / "stock.csv"
    pd.DataFrame({"item_id": [7, 7, 8], "stock": [1, 2, 0]}).to_csv(path, index=False)
    assert read_stock(path).to_dict() == {"7": 3, "8": 0}
    assert "1 items stand in several rows, as 7: their stock is added up" in capsys.readouterr().err
    pd.DataFrame({"item_id": [7, 8], "stock": [1, -1]}).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"stock\.csv, row 3, column 'stock': -1 is negative; give"):
        read_stock(path)
    with pytest.raises(InputError, match=r"absent\.csv: there is no such file"):
        read_stock(tmp_path / "absent.csv")
