"""Facts of whole baskets, against a loop over the rows of each household."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.data.interactions import IdMap, Interactions
from graphrec.offers.economics import Economics
from graphrec.offers.limits.basket_facts import of_baskets
from graphrec.offers.limits.guardrails import Guardrails

ASSUMED, LIMITS = Economics(0.4, 0.8), Guardrails(max_rate=0.25, min_margin=0.1)


@pytest.mark.parametrize("price", ["cost", "margin"])
@pytest.mark.parametrize("seed", range(4))
def test_facts_of_baskets_are_means_by_money(seed, price):
    rng = np.random.default_rng(seed)
    rows, items = 200, ["007", "水", "x y", "4"]
    log = pd.DataFrame(
        {
            "user_id": rng.choice(["a", "b", "c"], rows),
            "item_id": rng.choice([*items, "outside"], rows),
            "quantity": rng.integers(1, 4, rows).astype(float),
        }
    )
    regular = {"007": 4.0, "水": 2.5, "x y": 10.0, "4": 1.0, "outside": 3.0}
    log["regular_price"] = log["item_id"].map(regular)
    log["shelf_price"] = log["regular_price"] * rng.choice([1, 0.8], rows)
    log.loc[rng.random(rows) < 0.1, "quantity"] = np.nan
    money = (log["shelf_price"] * log["quantity"]).fillna(0).to_numpy()
    train = Interactions.encode(
        log[log["item_id"] != "outside"], IdMap(np.array(["a", "b", "c", "nobody"])), IdMap(np.sort(items))
    )
    facts = pd.DataFrame(
        {
            price: rng.uniform(0.2, 0.9, 4),
            "funded_share": rng.random(4),
            "max_rate": rng.random(4),
            "min_margin": rng.uniform(0, 0.5, 4),
        },
        index=items,
    )
    facts[rng.random(facts.shape) < 0.3] = np.nan
    each, limits = of_baskets(log, money, train, facts, ASSUMED, LIMITS)
    for code, user in enumerate(["a", "b", "c"]):
        spent = cost = funded = most = least = 0.0
        for place, row in log[log["user_id"] == user].iterrows():
            known = facts.loc[row["item_id"]] if row["item_id"] in facts.index else facts.iloc[0] * np.nan
            paid = money[place]
            spent += paid
            unit = known[price] if price == "cost" else (1 - known[price]) * row["regular_price"]
            cost += 0.6 * paid if np.isnan(unit) else unit * (row["quantity"] if paid else 0)
            funded += paid * (0.8 if np.isnan(known["funded_share"]) else known["funded_share"])
            most += paid * np.fmin(0.25, known["max_rate"])
            least += paid * (0.1 if np.isnan(known["min_margin"]) else known["min_margin"])
        assert each.margin[code] == pytest.approx(1 - cost / spent)
        assert each.funded_share[code] == pytest.approx(funded / spent)
        assert limits.max_rate[code] == pytest.approx(most / spent)
        assert limits.min_margin[code] == pytest.approx(least / spent)
    assert (each.margin[3], each.funded_share[3]) == (0.4, 0.8)
    assert (limits.max_rate[3], limits.min_margin[3]) == (0.25, 0.1)
