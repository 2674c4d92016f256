"""Scenarios of the shop's own: lists, overstock, launches and calendars, against the log by hand."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seasonal_shop import GRAPH, MONDAY, NAMES, WEEKS, fit_other, fit_response

from graphrec.cli.offers.curves.response import learned_response
from graphrec.errors import InputError

KEPT, OTHER = "0015", "0016"
"""Items that go on selling."""
GONE = NAMES[:2]
"""Items that hardly sell any more."""
PLAIN = "--scenario mine.yaml --policy knapsack --objective units"


def scenario(text: str) -> None:
    Path("mine.yaml").write_text(text, encoding="utf-8")


def listed(name: str, ids: list[str], column: str = "item_id") -> None:
    pd.DataFrame({column: ids}).to_csv(name, index=False)


def test_lists_narrow_what_the_rule_chooses(shop, capsys):
    listed("in.csv", [*GONE, KEPT, OTHER, "stranger"], "sku")
    assert set(GONE) <= shop.faded() <= set(NAMES) - {KEPT, OTHER}
    listed("out.csv", [OTHER], "sku")
    listed("who.csv", ["001", "003", "nobody"], "user_id")
    scenario(
        "name: 清仓\ninclude: in.csv\nexclude: out.csv\nusers: who.csv\nmax_rate: 0.2\n"
        "columns: {item_id: sku}"
    )
    found = shop.decided(PLAIN)
    assert set(found["item_id"]) <= {*GONE, KEPT}
    assert set(found["user_id"]) == {"001", "003"}
    assert (found["scenario"] == "清仓").all()
    assert 0 < found["rate"].max() <= 0.2
    said = capsys.readouterr().err
    assert "in.csv: 1 of 5 items are not in the catalogue, such as 'stranger'" in said
    assert "in.csv: only for 4 items" in said
    assert "out.csv: 1 item left out, 3 remain" in said
    assert "who.csv: 1 of 3 users were not in training, such as 'nobody'" in said
    scenario("name: 清仓\nlike: clearance\ninclude: in.csv\ncolumns: {item_id: sku}")
    assert set(shop.decided(PLAIN)["item_id"]) <= set(GONE)
    assert "in.csv: 2 of 4 items are chosen by the rule clearance, too" in capsys.readouterr().err


def test_a_list_that_leaves_nothing_is_refused(shop):
    listed("in.csv", [KEPT])
    scenario("name: mine\nlike: clearance\ninclude: in.csv")
    with pytest.raises(
        InputError, match=r"in\.csv.*the rule clearance chooses none of 1 item.*like: promotion"
    ):
        shop.decided(PLAIN)
    listed("in.csv", ["9", "10"])
    with pytest.raises(InputError, match=r"in\.csv.*none of the 2 ids"):
        shop.decided(PLAIN)
    listed("in.csv", NAMES)
    scenario("name: mine\nexclude: in.csv")
    with pytest.raises(InputError, match=r"in\.csv.*no item is left"):
        shop.decided(PLAIN)
    scenario("name: mine\nusers: absent.csv")
    with pytest.raises(InputError, match=r"absent\.csv"):
        shop.decided(PLAIN)


def test_overstock_is_what_four_weeks_do_not_sell(shop, capsys):
    late = shop.log[shop.log["week"] > WEEKS - 8]
    regular = (late["shelf_price"] / late["regular_price"]) ** 1.5
    forecast = regular.groupby(late["item_id"]).sum().reindex(NAMES).fillna(0) / 8 * 4
    stock = (forecast * np.where(np.arange(len(NAMES)) % 2, 1.6, 1.4)).clip(lower=0.5).round(6)
    stock.iloc[:20].rename_axis("item_id").rename("stock").reset_index().to_csv("stock.csv", index=False)
    scenario("name: over\noverstock: 1.5")
    over = set(stock.index[:20][stock[:20] > 1.5 * forecast[:20]])
    found = shop.decided(f"{PLAIN} --stock stock.csv --weeks 4")
    assert set(found["item_id"]) <= over
    assert len(set(found["item_id"])) > 5
    assert (
        f"overstock: {len(over)} of 20 items with a stock hold more than 1.5 times" in capsys.readouterr().err
    )
    with pytest.raises(InputError, match=r"overstock is about units on hand.*--stock"):
        shop.decided(PLAIN)
    scenario("name: over\noverstock: 1000")
    stock.iloc[8:20].rename_axis("item_id").rename("stock").reset_index().to_csv("stock.csv", index=False)
    with pytest.raises(InputError, match="no item has more stock than 1000 times"):
        shop.decided(f"{PLAIN} --stock stock.csv --weeks 4")
    scenario("name: over\noverstock: true\ninclude: in.csv")
    listed("in.csv", [NAMES[29]])
    with pytest.raises(InputError, match="no item of the scenario has more stock"):
        shop.decided(f"{PLAIN} --stock stock.csv --weeks 4")


def test_a_threshold_goes_to_the_users_of_a_list(shop):
    listed("who.csv", ["021", "025", "027"], "user_id")
    scenario("name: vip\nusers: who.csv\nlevels: [0, 0.08, 0.12]")
    words = "--scenario mine.yaml --policy knapsack --promotion threshold --objective revenue"
    found = shop.decided(words)
    assert set(found["user_id"]) == {"021", "025", "027"}
    made = found[found["rate"] > 0]
    near = np.abs(made["amount"].to_numpy()[:, None] - made["threshold"].to_numpy()[:, None] * [0.08, 0.12])
    assert (near.min(axis=1) <= 0.0501).all()
    assert len(made)
    scenario("name: vip\nusers: who.csv\nlike: retention\nworth: 0.1\npairs: seen")
    with pytest.raises(InputError, match=r"who\.csv.*the rule retention chooses none of 3 users"):
        shop.decided(words)
    for key in ("include: who.csv", "overstock: true", "salvage: 0.3", "pairs: new"):
        scenario(f"name: vip\n{key}")
        with pytest.raises(InputError, match="a threshold is on a whole basket"):
            shop.decided(words)


def test_an_event_opens_rates_and_sets_the_budget_of_its_days(shop, capsys):
    day = MONDAY + pd.Timedelta(days=7 * WEEKS)  # the first of the week that is decided for
    first, last = day + pd.Timedelta(days=5), day + pd.Timedelta(days=30)
    event = f"first: {first:%Y-%m-%d}, last: {last:%Y-%m-%d}, max_rate: 0.4, budget_per_day: 0.6"
    scenario(f"name: 日常\ncalendar: [{{name: 双十一, {event}}}]")
    free = f"{PLAIN} --depths any --min_margin -1"
    plain = shop.offers(f"{free} --week {WEEKS + 20}")
    assert "has no event of the calendar" in capsys.readouterr().out
    assert plain["rate"].max() == pytest.approx(0.3)
    found = shop.offers(free)
    said = capsys.readouterr().out
    assert f"Week {WEEKS + 1}, from {day:%Y-%m-%d}, has the event 双十一" in said
    assert "2 days of it, rates up to 40 %, a budget of 1.2, 0.6 a day." in said
    assert 0.3 < found["rate"].max() <= 0.4
    assert 0 < found["spend"].sum() <= 1.2
    later = shop.decided(f"{free} --week {WEEKS + 2}")
    assert 1.2 < later["spend"].sum() <= 0.6 * 7
    assert shop.decided(f"{free} --budget 0.5")["spend"].sum() <= 0.5
    assert shop.decided(f"{free} --max_rate 0.1")["rate"].max() <= 0.1
    threshold = shop.decided(f"{free} --promotion threshold --week {WEEKS + 2}".replace("--depths any", ""))
    assert 0 < threshold["spend"].sum() <= 4.2


def test_items_never_sold_are_offered_by_what_they_are(shop, capsys):
    new = pd.DataFrame(
        {
            "sku": ["新品", "none", "005"],
            "price": [3.5, 2.0, 2.5],
            "product_category": ["tea", "hats", "bread"],
            "department": ["food", "none", "food"],
        }
    )
    new.to_csv("launch.csv", index=False)
    scenario("name: new\nlike: launch\nlaunch: launch.csv\npairs: new\ncolumns: {item_id: sku}")
    with pytest.raises(InputError, match=r"column 'launch'.*TopFrequency ranks only the items.*heterogcn"):
        shop.decided(PLAIN)
    graph = copy(shop)
    graph.task, graph.data = fit_other("graph", GRAPH)
    capsys.readouterr()
    found = graph.decided(PLAIN)
    said = capsys.readouterr().err
    assert "of 1 of 3 new items it says nothing that training knows, such as 'none'" in said
    assert set(found["item_id"]) == {"新品", "005"}
    assert found.groupby("item_id")["user_id"].nunique().tolist() == [10, 10]  # a fifth of 48 users
    assert found["price"].groupby(found["item_id"]).first().to_dict() == {"新品": 3.5, "005": 2.5}
    assert (found["rate"] > 0).any()
    pd.DataFrame({"item_id": ["新品"], "cost": [3.4]}).to_csv("costs.csv", index=False)
    pd.DataFrame({"department": ["food"], "max_rate": [0.05]}).to_csv("floors.csv", index=False)
    told = graph.decided(f"{PLAIN} --costs costs.csv floors.csv --min_margin 0")
    highest = told.groupby("item_id")["rate"].max()
    assert highest["005"] == pytest.approx(0.05)
    assert 0.5 * 3.5 * highest["新品"] <= 0.1 + 1e-9, "the retailer pays half, and 0.10 is left over cost"
    scenario("name: new\nlaunch: launch.csv\ncolumns: {item_id: sku}")
    everybody = graph.decided(f"{PLAIN} --promotion coupon --product_set department --sentences")
    assert everybody["user_id"].nunique() == 48
    assert set(everybody["product_set"]) == {"food"}
    with pytest.raises(InputError, match="a learned response knows only what was sold"):
        graph.decided(f"{PLAIN} --response any.ckpt")
    new.drop(columns="price").to_csv("launch.csv", index=False)
    with pytest.raises(InputError, match=r"launch\.csv.*needs a price"):
        graph.decided(PLAIN)
    new.assign(price=["3.5", "-1", ""]).to_csv("launch.csv", index=False)
    with pytest.raises(InputError, match=r"launch\.csv, row 3, column 'price'.*no price above 0"):
        graph.decided(PLAIN)


def test_a_learned_response_says_how_far_baskets_are_filled(shop):
    """The slope of each user is the mean over the 20 items with most lines, by hand."""
    checkpoint = Path(fit_response())
    words = "--policy knapsack --promotion threshold --objective units"
    assumed, learned = shop.decided(words), shop.decided(f"{words} --response {checkpoint}")
    lines = shop.train.groupby(["user_id", "item_id"]).size().rename("lines").reset_index()
    most = lines.sort_values("lines", ascending=False, kind="stable").groupby("user_id").head(20)
    curve = learned_response(checkpoint, most[["user_id", "item_id"]], WEEKS + 1)
    odds = [p / (1 - p) for p in (curve.base, curve.probability(0.2))]
    slope = (np.log(odds[1] / odds[0]) / -np.log(0.8)).clip(0)
    slope = pd.Series(slope).groupby(most["user_id"].to_numpy()).mean()
    changed = 0
    for user, rows in learned[learned["rate"] > 0].groupby("user_id"):
        own = shop.train[shop.train["user_id"] == user].groupby("basket_id")["price"].sum()
        row, filled = rows.iloc[0], min(1, 0.3 * slope[user] / 1.5)
        missing = row["threshold"] - own
        chance = np.where(
            missing <= 0, 1, filled * np.minimum(1, row["amount"] / missing.where(missing > 0, 1))
        )
        expected = 1 - (1 - chance.mean()) ** (len(own) / 30)
        assert row["probability_at_rate"] == pytest.approx(expected, rel=1e-6)
        before = assumed.loc[assumed["user_id"] == user, "probability_at_rate"].iloc[0]
        changed += bool(abs(before - expected) > 1e-6)
    assert changed > 5
