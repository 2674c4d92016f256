"""Random sets of options on shops with odd ids, sparse prices and gaps: every rule recomputed with pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from offer_shop import TRAIN_END, WEEKS, Shop

from graphrec.errors import InputError

PRICE_WEEKS = 8
SHOPS = ((37, 23, 0), (11, 60, 1), (90, 9, 2))
"""Users, items and seed of each."""


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shops")
    made = []
    with pytest.MonkeyPatch.context() as patch:
        for size in SHOPS:
            (folder / str(size[2])).mkdir()
            patch.chdir(folder / str(size[2]))
            made.append((folder / str(size[2]), Shop(*size)))
        yield made


def drawn(rng: np.random.Generator, mine: Shop) -> tuple[str, dict]:
    """A command line, and what it asks for."""
    wants: dict = {"promotion": str(rng.choice(["percent", "amount", "coupon"]))}
    words = f"--promotion {wants['promotion']} --policy uniform linear_rate affinity greedy_roi knapsack"
    words += f" --objective {rng.choice(['units', 'revenue', 'scenario'])}"

    def maybe(name: str, value: object, chance: float = 0.4) -> None:
        nonlocal words
        if rng.random() < chance:
            wants[name] = value
            words += f" --{name} {value}"

    maybe("budget", round(float(rng.uniform(0, 30)), 2))
    maybe("rate", round(float(rng.uniform(0, 0.6)), 3))
    maybe("margin", round(float(rng.uniform(0.05, 0.8)), 3))
    maybe("funded_share", float(rng.choice([0, 0.25, 1])))
    maybe("max_rate", round(float(rng.uniform(0, 0.7)), 3))
    maybe("min_margin", round(float(rng.uniform(0, 0.3)), 3))
    maybe("depths", "any")
    maybe("max_spread", float(rng.choice([0.0, 0.05, 0.1])))
    maybe("max_offers_per_user", int(rng.integers(0, 4)))
    maybe("week", int(rng.integers(17, 25)))
    maybe("items", str(rng.choice(["repeat", "new"])), 0.2)
    if wants["promotion"] != "coupon":
        maybe("campaign_budgets", "food=1.5")
    if rng.random() < 0.4:
        words += " --parity income"
        maybe("max_parity_gap", float(rng.choice([0.0, 0.1, 0.5])), 1.0)
    if rng.random() < 0.4:
        some = mine.items.sample(frac=0.6, random_state=int(rng.integers(99)))["item_id"]
        wants["units"] = pd.Series(rng.integers(0, 4, len(some)), index=some.to_numpy())
        wants["units"].rename_axis("item_id").rename("stock").reset_index().to_csv("stock.csv", index=False)
        words += " --stock stock.csv"
    if rng.random() < 0.5:
        past = mine.log[["user_id", "item_id"]].sample(150, replace=True, random_state=int(rng.integers(99)))
        wants["past"] = past.assign(week=rng.integers(9, 17, len(past)))
        wants["past"].to_csv("past.csv", index=False)
        words += " --exposure past.csv"
        maybe("cool_down_weeks", int(rng.integers(1, 9)), 1.0)
        if "max_offers_per_user" in wants:
            maybe("window_weeks", int(rng.integers(2, 9)), 1.0)
    return words, wants


def check(offers: pd.DataFrame, wants: dict, mine: Shop) -> None:
    """Every rule, for the table of one policy."""
    margin, funded = wants.get("margin", 0.3), wants.get("funded_share", 0.5)
    rate, price, given = offers["rate"], offers["price"], offers["rate"] > 0
    week = wants.get("week", WEEKS + 1)
    assert (offers["week"] == week).all()
    spend = funded * rate * price * offers["probability_at_rate"]
    assert np.allclose(offers["spend"], spend)
    assert spend.sum() <= wants.get("budget", np.inf) * (1 + 1e-9) + 1e-12
    assert (rate <= wants.get("max_rate", 0.3) + 1e-9).all()
    net = price * (1 - funded * rate)
    left = net - (1 - margin) * price
    assert (left[given] >= wants.get("min_margin", 0.05) * net[given] - 1e-9).all()
    if "depths" not in wants:
        assert (rate <= offers["item_id"].map(mine.depth()).fillna(1) + 1e-9).all()
    if "max_spread" in wants and given.any():
        limits = rate[given].groupby(offers["item_id"][given]).agg(["min", "max"])
        assert (limits["max"] - limits["min"]).max() <= wants["max_spread"] + 1e-8
    if "campaign_budgets" in wants:
        campaign = offers["item_id"].map(mine.items.set_index("item_id")["department"])
        assert spend[campaign == "food"].sum() <= 1.5 * (1 + 1e-9)
    if "units" in wants:
        wanted = offers.groupby("item_id")["probability"].sum()
        gone = wanted[wanted >= wants["units"].reindex(wanted.index).fillna(np.inf)].index
        assert not given[offers["item_id"].isin(gone)].any()
    _check_history(offers, wants, week)
    _check_promotion(offers, wants, mine)
    if "max_parity_gap" in wants:
        income = offers["user_id"].map(mine.users.set_index("user_id")["income"])
        mean = spend.groupby(income).sum() / offers["user_id"].groupby(income).nunique()
        assert mean.max() <= mean.min() * (1 + wants["max_parity_gap"]) + 1e-9
    if "items" in wants:
        bought = pd.MultiIndex.from_frame(mine.train[["user_id", "item_id"]])
        seen = pd.MultiIndex.from_frame(offers[["user_id", "item_id"]]).isin(bought)
        assert (seen == (wants["items"] == "repeat")).all()


def _check_history(offers: pd.DataFrame, wants: dict, week: int) -> None:
    """Caps and cool-downs."""
    made = offers[offers["rate"] > 0]
    one = ["user_id", "product_set"] if wants["promotion"] == "coupon" else ["user_id", "item_id"]
    count = made.drop_duplicates(one).groupby("user_id").size()
    past = wants.get("past")
    if "max_offers_per_user" in wants:
        before = pd.Series(0, index=count.index)
        if past is not None and "window_weeks" in wants:
            window = past[past["week"].between(week - wants["window_weeks"] + 1, week - 1)]
            before = window.groupby("user_id").size().reindex(count.index).fillna(0)
        assert (count <= (wants["max_offers_per_user"] - before).clip(lower=0)).all()
    if past is not None and "cool_down_weeks" in wants:
        recent = past[past["week"] >= week - wants["cool_down_weeks"]]
        again = made.merge(recent[["user_id", "item_id"]].drop_duplicates(), on=["user_id", "item_id"])
        assert again.empty


def _check_promotion(offers: pd.DataFrame, wants: dict, mine: Shop) -> None:
    """Amounts are money below the price; a coupon holds for its whole set."""
    given = offers["rate"] > 0
    if wants["promotion"] == "amount":
        amount = (offers["rate"] * offers["price"])[given]
        assert np.allclose(offers["amount"][given], amount, atol=0.0051)
        assert np.allclose(amount * 20, (amount * 20).round(), atol=1e-6)
        assert (amount < offers["price"][given]).all()
    if wants["promotion"] == "coupon":
        own = offers["item_id"].map(mine.items.set_index("item_id")["product_category"]).replace("", np.nan)
        assert (offers["product_set"].astype(object).fillna("") == own.astype(object).fillna("")).all()
        assert not given[own.isna()].any()
        assert offers.groupby(["user_id", "product_set"])["rate"].nunique().max() == 1
    priced = mine.train[mine.train["regular_price"] > 0]
    late = priced[priced["week"] > TRAIN_END - PRICE_WEEKS].groupby("item_id")["regular_price"].median()
    price = late.reindex(priced["item_id"].unique()).fillna(
        priced.groupby("item_id")["regular_price"].median()
    )
    known = offers["item_id"].isin(price.index)
    assert np.allclose(offers["price"][known], offers["item_id"].map(price)[known])


@pytest.mark.parametrize(
    "seed", [*range(24), *(pytest.param(s, marks=pytest.mark.slow) for s in range(24, 300))]
)
def test_every_rule_holds_under_random_options(seed, shops, monkeypatch):
    rng = np.random.default_rng(seed)
    folder, mine = shops[seed % len(shops)]
    monkeypatch.chdir(folder)
    words, wants = drawn(rng, mine)
    offers = mine.offers(words)
    for _, rows in offers.groupby("policy"):
        check(rows.reset_index(drop=True), wants, mine)


def test_an_offers_table_is_past_offers_as_it_is(shops, monkeypatch):
    folder, mine = shops[0]
    monkeypatch.chdir(folder)
    for promotion in ("percent", "coupon", "threshold --objective units"):
        words = f"--policy knapsack --promotion {promotion}"
        words += "" if "objective" in words else " --objective units"
        first = mine.offers(f"{words} --max_offers_per_user 1")
        assert (first["rate"] > 0).any()
        Path("o.parquet").rename("sent.parquet")
        next_week = "--exposure sent.parquet --week 20 --cool_down_weeks 1"
        second = mine.offers(f"{words} {next_week}")
        key = ["user_id", "item_id"]
        sent = first.loc[first["rate"] > 0, key]
        assert second[second["rate"] > 0].merge(sent, on=key).empty
        with pytest.raises(InputError, match=r"of week 19 or later, and week 19 is decided for.*--week 20"):
            mine.offers(f"{words} --exposure sent.parquet --cool_down_weeks 1")
        capped = mine.offers(
            f"{words} --exposure sent.parquet --week 20 --max_offers_per_user 1 --window_weeks 2"
        )
        assert not set(capped.loc[capped["rate"] > 0, "user_id"]) & set(sent["user_id"])


def test_a_table_of_several_policies_is_no_history(shops, monkeypatch):
    folder, mine = shops[0]
    monkeypatch.chdir(folder)
    mine.offers("--policy uniform knapsack --objective units")
    with pytest.raises(InputError, match="of several policies"):
        mine.offers("--policy uniform --exposure o.parquet --week 20 --cool_down_weeks 1")


@pytest.mark.parametrize("seed", range(12))
def test_thresholds_keep_budgets_caps_cool_downs_and_parity(seed, shops, monkeypatch):
    rng = np.random.default_rng(seed)
    folder, mine = shops[seed % len(shops)]
    monkeypatch.chdir(folder)
    budget, gap = round(float(rng.uniform(0.5, 20)), 2), float(rng.choice([0.0, 0.2]))
    people = mine.users["user_id"].sample(frac=0.5, random_state=seed)
    past = pd.DataFrame({"user_id": people, "item_id": "basket", "week": rng.integers(14, 19, len(people))})
    past.to_csv("past.csv", index=False)
    words = f"--promotion threshold --policy none knapsack greedy_roi --objective revenue --budget {budget}"
    words += f" --parity income --max_parity_gap {gap} --exposure past.csv --cool_down_weeks 2"
    words += " --max_offers_per_user 1 --window_weeks 3"
    offers = mine.offers(words)
    recent = set(past.loc[past["week"] >= 17, "user_id"])
    for policy, rows in offers.groupby("policy"):
        made = rows[rows["rate"] > 0]
        assert policy != "none" or made.empty
        spend = 0.5 * rows["amount"].fillna(0) * rows["probability_at_rate"]
        assert np.allclose(rows["spend"], spend.where(rows["rate"] > 0, 0))
        assert rows["spend"].sum() <= budget * (1 + 1e-9)
        assert not recent & set(made["user_id"])
        assert np.allclose(made["rate"], made["amount"] / made["threshold"])
        income = rows["user_id"].map(mine.users.set_index("user_id")["income"])
        mean = rows["spend"].groupby(income).sum() / rows["user_id"].groupby(income).nunique()
        assert mean.max() <= mean.min() * (1 + gap) + 1e-9
