"""``graphrec offers --costs`` with several files, by week, by attribute, and for thresholds of baskets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from offer_shop import TRAIN_END, Shop

from graphrec.errors import InputError

UNITS = "--policy uniform knapsack --objective units --depths any"


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("costs"))
        yield Shop(40, 21, 5)


def written(**files: pd.DataFrame) -> str:
    for name, frame in files.items():
        frame.to_csv(f"{name}.csv", index=False)
    return "--costs " + " ".join(f"{name}.csv" for name in files)


def test_floors_of_items_weeks_and_departments_hold_at_once(mine):
    ids = mine.items["item_id"].to_numpy()
    price = mine.train.groupby("item_id")["regular_price"].median().reindex(ids)
    rng = np.random.default_rng(0)
    cost = pd.Series(rng.uniform(0.3, 1.1, len(ids)), ids) * price
    weekly = cost.iloc[:6] * 0.5
    words = written(
        departments=pd.DataFrame({"department": ["food", "rest"], "max_rate": [0.12, 0.2], "cost": 0.0}),
        items=cost.rename_axis("item_id").rename("cost").reset_index().dropna(),
        weeks=pd.concat(
            [weekly.rename("cost").rename_axis("item_id").reset_index().assign(week=w) for w in (19, 20)]
        ).assign(cost=lambda rows: rows["cost"] * np.where(rows["week"] == 20, 9, 1)),
    )  # fmt: skip
    offers = mine.offers(f"{UNITS} {words}")
    holds = cost.fillna(0.0)
    holds.update(weekly.dropna())
    rate, price = offers["rate"], offers["price"]
    unit = offers["item_id"].map(holds)
    net = price * (1 - 0.5 * rate)
    given = rate > 0
    assert given.any()
    assert (net[given] - unit[given] >= 0.05 * net[given] - 1e-9).all(), "the floor of the week holds"
    most = (
        offers["item_id"].map(mine.items.set_index("item_id")["department"]).map({"food": 0.12, "rest": 0.2})
    )
    assert (rate <= most + 1e-9).all()
    assert np.allclose(offers["expected_profit"], offers["probability_at_rate"] * (net - unit))
    assert (offers.loc[unit > price, "rate"] == 0).all()


def test_three_tables_hold_over_three_weeks_as_a_loop_says(mine):
    """The most specific row of each week, and of the weeks the strictest."""
    ids, rng = mine.items["item_id"].to_numpy(), np.random.default_rng(4)
    price = mine.train.groupby("item_id")["regular_price"].median().reindex(ids).fillna(3.0)
    cost = dict(zip(ids[:14], (rng.uniform(0.3, 0.8, 14) * price[:14]).round(2), strict=True))
    weekly = {
        (ids[i], w): round(float(price.iloc[i]) * c, 2) for i in range(5, 9) for w, c in ((20, 0.9), (23, 9))
    }
    most = {("food", 19): 0.25, ("food", 21): 0.1, ("rest", 22): 0.0}
    words = written(
        items=pd.DataFrame(list(cost.items()), columns=["item_id", "cost"]),
        weeks=pd.DataFrame(
            [(*key, value) for key, value in weekly.items()], columns=["item_id", "week", "cost"]
        ),
        calendar=pd.DataFrame(
            [(*key, value) for key, value in most.items()], columns=["department", "week", "max_rate"]
        ),
    )
    offers = mine.offers(f"{UNITS} --weeks 3 {words} --min_margin 0 --margin 0.6")
    assert set(offers["week"]) == {19}
    department = mine.items.set_index("item_id")["department"]
    lowered = 0
    for row in offers.to_dict("records"):
        item = row["item_id"]
        costs = [weekly.get((item, week), cost.get(item)) for week in (19, 20, 21)]
        known = [one for one in costs if one is not None]
        unit = max(known) if known else 0.4 * row["price"]
        net = row["price"] * (1 - 0.5 * row["rate"])
        assert row["expected_profit"] == pytest.approx(row["expected_units"] * (net - unit))
        highest = min([most[key] for key in most if key[0] == department[item] and key[1] <= 21], default=0.3)
        assert row["rate"] <= highest + 1e-9
        assert row["rate"] == 0 or net >= unit - 1e-9
        lowered += row["rate"] > 0.1
    assert lowered, "the others may go deeper"
    assert (offers.loc[offers["item_id"].map(department) == "food", "rate"] > 0).any()


def test_a_column_of_stock_is_the_file_of_stock(mine):
    stock = pd.DataFrame({"item_id": mine.items["item_id"], "stock": np.arange(len(mine.items)) % 4})
    stock.to_csv("stock.csv", index=False)
    one = mine.offers(f"{UNITS} --stock stock.csv")
    two = mine.offers(f"{UNITS} --costs stock.csv")
    pd.testing.assert_frame_equal(one, two)
    assert one["reason_code"].eq("stock").any()
    with pytest.raises(InputError, match=r"stock\.csv, column 'stock': --stock tells it, too"):
        mine.offers(f"{UNITS} --costs stock.csv --stock stock.csv")
    with pytest.raises(InputError, match=r"a whole basket, which has no stock.*stock= after --columns"):
        mine.offers("--policy knapsack --promotion threshold --costs stock.csv")


def test_thresholds_keep_the_margin_of_each_households_own_baskets(mine, capsys):
    ids = mine.items["item_id"].to_numpy()
    price = mine.train.groupby("item_id")["regular_price"].median().reindex(ids)
    cost = pd.Series(np.random.default_rng(1).uniform(0.2, 0.95, len(ids)), ids) * price
    words = written(items=cost.rename_axis("item_id").rename("cost").reset_index().dropna())
    capsys.readouterr()
    threshold = "--policy knapsack --promotion threshold --objective revenue"
    threshold += " --min_margin 0.15 --funded_share 1"
    offers = mine.offers(f"{threshold} {words}").set_index("user_id")
    assert "the mean of the household's past ones, by money: margin" in capsys.readouterr().out
    log = mine.log[mine.log["week"] <= TRAIN_END].drop_duplicates()
    known = log["item_id"].map(cost)
    paid = log["shelf_price"].fillna(0.0)
    spent = np.where(known.isna() | (paid == 0), 0.7 * paid, known)
    money = pd.DataFrame({"user_id": log["user_id"], "paid": paid, "cost": spent}).groupby("user_id").sum()
    margin = 1 - money["cost"] / money["paid"]
    made = offers[offers["rate"] > 0]
    assert len(made) > 3
    net = made["threshold"] - made["amount"]
    left = net - (1 - margin[made.index]) * made["threshold"]
    assert (left >= 0.15 * net - 1e-9).all()
    assert (margin < 0.2).any(), "some have no room"
    revenue = offers["expected_revenue"] + offers["spend"]
    profit = offers["expected_revenue"] - (1 - margin[offers.index]) * revenue
    assert np.allclose(offers["expected_profit"], profit)


def test_the_result_is_never_written_over_one_of_several_files(mine):
    from graphrec.cli.main import main

    text = "department,max_rate\nfood,.1\n"
    for name in ("a.csv", "b.csv"):
        Path(name).write_text(text)
    best = next(Path("runs").glob("*/a/checkpoints/best.ckpt"))
    with pytest.raises(InputError, match="overwrite"):
        main(["offers", "--ckpt", str(best), "--costs", "a.csv", "b.csv", "--out", "b.csv"])
    assert Path("b.csv").read_text() == text


def test_a_misspelt_column_of_the_mapping_is_no_attribute(mine):
    Path("m.csv").write_text("sku,ek,max_rate\n007,1,.1\n")
    with pytest.raises(InputError, match="'csot' is no column of these files and no attribute"):
        mine.offers("--costs m.csv --columns item_id=sku csot=ek")
    Path("n.csv").write_text("Warengruppe,max_rate\nfood,.1\n")
    offers = mine.offers(f"{UNITS} --costs n.csv --columns department=Warengruppe")
    food = offers["item_id"].map(mine.items.set_index("item_id")["department"]) == "food"
    assert offers.loc[food, "rate"].max() <= 0.1 < offers.loc[~food, "rate"].max()
