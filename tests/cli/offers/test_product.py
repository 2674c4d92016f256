"""Each option of offers under each kind of promotion and each scenario: it holds, or a line says why not.

Values of options follow from the offers without them, so that each one has something to change. What it says
is recomputed from the table with pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from seasonal_shop import FADING, MONDAY, NAMES, NEW, RARER, WEEKS, Seasonal, fit_response

from graphrec.cli.offers.curves.response import learned_response
from graphrec.errors import InputError
from graphrec.offers.scenarios import SCENARIO_NAMES

PROMOTIONS = ("percent", "amount", "coupon", "threshold")
SCENARIOS = (*SCENARIO_NAMES, "mine.yaml")
MINE = """\
name: 日常
profit: 1.0
revenue: 0.2
users: some.csv
max_rate: 0.35
levels: [0, 0.08, 0.16, 0.24, 0.32]
"""
ON_ITEMS = "chooses items"
BASKET = "a threshold is on a whole basket"


@dataclass(frozen=True)
class Case:
    """An option under one kind of promotion and one scenario."""

    shop: Seasonal
    promotion: str
    scenario: str
    before: pd.DataFrame

    @property
    def given(self) -> pd.DataFrame:
        return self.before[self.before["rate"] > 0]

    @property
    def deepest(self) -> float:
        return float(self.before["rate"].max())

    def file(self, name: str, frame: pd.DataFrame) -> str:
        frame.to_csv(name, index=False)
        return name


Words = Callable[[Case], str]
Holds = Callable[[Case, pd.DataFrame], None]


@dataclass(frozen=True)
class Option:
    """An option, what it needs, what it says, and where it is refused.

    Args:
        words: How it is given.
        holds: Recomputes from the table what it says.
        beside: Words without which it changes nothing, with and without it.
        refused: Kind of promotion or scenario → the line.
        unchanged: Tells where the table stays as it is, for it says so already.
    """

    words: Words
    holds: Holds
    beside: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    unchanged: Callable[[Case], bool] = lambda case: False


def spends(table: pd.DataFrame) -> pd.Series:
    return table.groupby("policy")["spend"].sum()


def number_of(table: pd.DataFrame, promotion: str) -> pd.Series:
    """Offers of each policy and user; a coupon is one."""
    one = "product_set" if promotion == "coupon" else "item_id"
    made = table[table["rate"] > 0].drop_duplicates(["policy", "user_id", one])
    return made.groupby(["policy", "user_id"]).size()


def pairs(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["user_id"], table["item_id"], strict=True))


def spread(table: pd.DataFrame, key: str) -> float:
    made = table[table["rate"] > 0]
    rates = made.groupby(["policy", key])["rate"]
    return float((rates.max() - rates.min()).max())


def budget(case: Case, after: pd.DataFrame) -> None:
    most = spends(case.before).max() / 2
    assert (spends(after) <= most * (1 + 1e-9)).all()
    assert spends(after).max() > 0


def users(case: Case, after: pd.DataFrame) -> None:
    listed = set(case.shop.users["user_id"][::2])
    assert set(after["user_id"]) == set(case.before["user_id"]) & listed


def best(case: Case, after: pd.DataFrame) -> None:
    assert (after.groupby(["policy", "user_id"]).size() == 1).all()


def seen(case: Case, table: pd.DataFrame) -> np.ndarray:
    bought = pairs(case.shop.train)
    return np.array([pair in bought for pair in zip(table["user_id"], table["item_id"], strict=True)])


def items_repeat(case: Case, after: pd.DataFrame) -> None:
    assert seen(case, after).all()


def week(case: Case, after: pd.DataFrame) -> None:
    assert (after["week"] == 44).all()
    assert (case.before["week"] == WEEKS + 1).all()


def rate(case: Case, after: pd.DataFrame) -> None:
    uniform = after[after["policy"] == "uniform"]["rate"]
    assert uniform.max() <= 0.07 + 1e-9 < case.before[case.before["policy"] == "uniform"]["rate"].max()


def margin(case: Case, after: pd.DataFrame) -> None:
    sales = after["expected_revenue"] + after["spend"]
    assert np.allclose(after["expected_profit"], after["expected_revenue"] - 0.55 * sales)


def funded(case: Case, after: pd.DataFrame) -> None:
    basket = case.promotion == "threshold"
    off = after["amount"].fillna(0) if basket else after["rate"] * after["price"]
    assert np.allclose(after["spend"], (off * after["probability_at_rate"]).where(after["rate"] > 0, 0))


def max_rate(case: Case, after: pd.DataFrame) -> None:
    assert after["rate"].max() <= case.deepest / 2 + 1e-9


def least_margin(case: Case) -> float:
    return 1 - 0.7 / (1 - 0.5 * case.deepest * 0.6)


def min_margin(case: Case, after: pd.DataFrame) -> None:
    left = 1 - 0.7 / (1 - 0.5 * after["rate"])
    assert (left[after["rate"] > 0] >= least_margin(case) - 1e-9).all()


def depths(case: Case, after: pd.DataFrame) -> None:
    known = case.shop.depth()
    assert (case.before["rate"] <= case.before["item_id"].map(known).fillna(1) + 1e-9).all()
    assert (after["rate"] > after["item_id"].map(known) + 1e-9).any()


def max_spread(case: Case, after: pd.DataFrame) -> None:
    assert spread(after, kept_on(case)) <= 0.02 + 1e-8


def kept_on(case: Case) -> str:
    return "product_set" if case.promotion == "coupon" else "item_id"


def cap(case: Case, after: pd.DataFrame) -> None:
    most = 0 if case.promotion == "threshold" else 1
    assert number_of(after, case.promotion).max() <= most or not len(number_of(after, case.promotion))


def past(case: Case) -> pd.DataFrame:
    """Half of the users were offered in the last week what they are offered now."""
    half = case.given[case.given["user_id"].isin(sorted(case.given["user_id"].unique())[::2])]
    return half[["user_id", "item_id"]].drop_duplicates().assign(week=WEEKS)


def cool_down(case: Case, after: pd.DataFrame) -> None:
    assert not pairs(after[after["rate"] > 0]) & pairs(past(case))


def window(case: Case, after: pd.DataFrame) -> None:
    """One a window: who had a past offer gets none."""
    before = past(case).groupby("user_id").size()
    for (_, user), count in number_of(after, case.promotion).items():
        assert count <= max(0, 1 - before.get(user, 0))


def campaigns(case: Case, after: pd.DataFrame) -> None:
    name, most = dearest(case)
    assert (spends(after[departments(case, after) == name]) <= most / 2 * (1 + 1e-9)).all()
    assert most > 0


def departments(case: Case, table: pd.DataFrame) -> pd.Series:
    return table["item_id"].map(case.shop.items.set_index("item_id")["department"])


def dearest(case: Case) -> tuple[str, float]:
    """The department on which a policy spends most, and how much."""
    department = departments(case, case.before)
    spent = {name: spends(case.before[department == name]).max() for name in department.unique()}
    name = max(spent, key=lambda one: spent[one])
    return name, spent[name]


def half_of_dearest(case: Case) -> str:
    name, most = dearest(case)
    return f"--campaign_budgets {name}={most / 2:.9g}"


def first_set(case: Case) -> str:
    """A category in which there is an offer."""
    mine = case.shop.items.set_index("item_id")["product_category"]
    return str(case.given["item_id"].map(mine).min())


def closed(case: Case, after: pd.DataFrame) -> None:
    mine = case.shop.items.set_index("item_id")["product_category"]
    assert not (after["rate"] > 0)[after["item_id"].map(mine) == first_set(case)].any()


def sold_out(case: Case) -> pd.DataFrame:
    """Nothing on hand of every other item that is offered."""
    return pd.DataFrame({"item_id": sorted(case.given["item_id"].unique())[::2], "stock": 0})


def stock(case: Case, after: pd.DataFrame) -> None:
    assert not set(sold_out(case)["item_id"]) & set(after.loc[after["rate"] > 0, "item_id"])


def parity(case: Case, after: pd.DataFrame) -> None:
    assert gap(case, after) <= 0.02 + 1e-9 < gap(case, case.before)


def gap(case: Case, table: pd.DataFrame) -> float:
    income = case.shop.users.set_index("user_id")["income"]
    of = table.assign(income=table["user_id"].map(income)).groupby(["policy", "income"])
    mean = (of["spend"].sum() / of["user_id"].nunique()).groupby("policy").agg(["min", "max"])
    mean = mean[mean["max"] > 0]
    return float((mean["max"] / mean["min"] - 1).max()) if len(mean) else 0.0


def amounts(case: Case, after: pd.DataFrame) -> None:
    chosen = after[(after["policy"] == "knapsack") & (after["rate"] > 0)]
    assert set(chosen["amount"].round(2)) <= {0.15, 0.4}


def product_set(case: Case, after: pd.DataFrame) -> None:
    mine = case.shop.items.set_index("item_id")["department"]
    assert (after["product_set"] == after["item_id"].map(mine)).all()
    assert after.groupby(["policy", "user_id", "product_set"])["rate"].nunique().max() == 1


def costs(case: Case, after: pd.DataFrame) -> None:
    if case.promotion == "threshold":
        margin = after["user_id"].map(basket_margins(case))
        sales = after["expected_revenue"] + after["spend"]
        assert np.allclose(after["expected_profit"], after["expected_revenue"] - (1 - margin) * sales)
        return
    own = after["item_id"].map(COSTS).fillna(0.7)
    spent = own * after["price"] * after["expected_units"]
    assert np.allclose(after["expected_profit"], after["expected_revenue"] - spent)


def basket_margins(case: Case) -> pd.Series:
    """What is left of the money that each user paid in training."""
    rows = case.shop.train
    told = rows["item_id"].map(COSTS) * rows["regular_price"]
    cost = told.fillna(0.7 * rows["shelf_price"]).groupby(rows["user_id"]).sum()
    return 1 - cost / rows["shelf_price"].groupby(rows["user_id"]).sum()


def weeks(case: Case, after: pd.DataFrame) -> None:
    assert (after["horizon"] == 4).all()
    assert (case.before["horizon"] == 1).all()
    if case.promotion == "threshold":
        return
    rest = (
        table[table["rate"] == 0].set_index(["policy", "user_id", "item_id"])
        for table in (case.before, after)
    )
    one, four = (table["expected_units"] for table in rest)
    four, one = four.align(one, join="inner")
    assert np.allclose(four, 4 * one)


def response(case: Case, after: pd.DataFrame) -> None:
    if case.promotion == "threshold":
        return
    curves = learned_response(Path(checkpoint()), after[["user_id", "item_id", "probability"]], WEEKS + 1)
    told = curves.probability(after["rate"].to_numpy())
    assert np.allclose(after["probability_at_rate"], told, atol=1e-7)  # none of a log is below 1e-6


@lru_cache
def checkpoint() -> str:
    """A response that was fitted to the log of the shop."""
    return fit_response()


def objective(case: Case, after: pd.DataFrame) -> None:
    told, now = (table["reason"].str.contains(" units") for table in (case.before, after))
    assert not now.any()
    assert after["reason"].str.contains(" revenue").any() or not told.any()


COSTS = dict.fromkeys(NAMES[::2], 0.55)
"""Cost of some items as a share of their price."""


def cost_file(case: Case) -> str:
    shares = pd.Series(COSTS)
    frame = pd.DataFrame({"item_id": shares.index, "margin": 1 - shares.to_numpy()})
    return case.file("costs.csv", frame)


DEEP = "--rate 0.6 --max_rate 0.9 --min_margin -1"
OF_ITEMS = {"threshold": BASKET}
OPTIONS: dict[str, Option] = {
    "budget": Option(lambda case: f"--budget {spends(case.before).max() / 2:.9g}", budget),
    "users": Option(
        lambda case: f"--users {case.file('half.csv', case.shop.users[['user_id']][::2])}", users
    ),
    "k": Option(
        lambda case: "-k 1",
        best,
        refused=OF_ITEMS,
        unchanged=lambda case: not case.before.duplicated(["policy", "user_id"]).any(),
    ),
    "items": Option(
        lambda case: "--items repeat",
        items_repeat,
        refused={**OF_ITEMS, "launch": "leave none of them", "cross_sell": "leave none of them"},
        unchanged=lambda case: case.scenario == "retention",
    ),
    "week": Option(lambda case: "--week 44", week),
    "rate": Option(lambda case: "--rate 0.07", rate, refused={"threshold": "only the policy uniform"}),
    "margin": Option(lambda case: "--margin 0.45", margin),
    "funded_share": Option(lambda case: "--funded_share 1", funded),
    "max_rate": Option(lambda case: f"--max_rate {case.deepest / 2:.9g}", max_rate),
    "min_margin": Option(lambda case: f"--min_margin {least_margin(case):.9g}", min_margin),
    "depths": Option(
        lambda case: "--depths any", depths, "--rate 0.6 --max_rate 0.9 --min_margin -1", OF_ITEMS
    ),
    "max_spread": Option(
        lambda case: "--max_spread 0.02",
        max_spread,
        refused=OF_ITEMS,
        unchanged=lambda case: spread(case.before, kept_on(case)) <= 0.02,
    ),
    "max_offers_per_user": Option(
        lambda case: f"--max_offers_per_user {0 if case.promotion == 'threshold' else 1}",
        cap,
        unchanged=lambda case: (
            case.promotion != "threshold" and number_of(case.before, case.promotion).max() == 1
        ),
    ),
    "cool_down_weeks": Option(
        lambda case: f"--exposure {case.file('past.csv', past(case))} --cool_down_weeks 2", cool_down
    ),
    "window_weeks": Option(
        lambda case: f"--exposure {case.file('past.csv', past(case))} --window_weeks 3",
        window,
        "--max_offers_per_user 1",
    ),
    "campaign_budgets": Option(half_of_dearest, campaigns, refused=OF_ITEMS),
    "campaign": Option(
        lambda case: f"--campaign product_category --campaign_budgets {first_set(case)}=0",
        closed,
        refused=OF_ITEMS,
    ),
    "costs": Option(lambda case: f"--costs {cost_file(case)}", costs),
    "weeks": Option(lambda case: "--weeks 4", weeks),
    "date": Option(lambda case: f"--date {MONDAY + pd.Timedelta(days=7 * 43):%Y-%m-%d}", week),
    "response": Option(lambda case: f"--response {checkpoint()}", response),
    "stock": Option(
        lambda case: f"--stock {case.file('stock.csv', sold_out(case))}", stock, refused=OF_ITEMS
    ),
    "max_parity_gap": Option(lambda case: "--parity income --max_parity_gap 0.02", parity),
    "amounts": Option(
        lambda case: "--amounts 0.15 0.4",
        amounts,
        refused=dict.fromkeys(("percent", "coupon", "threshold"), "only the promotion amount"),
    ),
    "product_set": Option(
        lambda case: "--product_set department",
        product_set,
        refused=dict.fromkeys(("percent", "amount", "threshold"), "only coupons"),
    ),
    "objective": Option(
        lambda case: "--objective revenue",
        objective,
        unchanged=lambda case: not case.before["reason"].str.contains(" units").any(),
    ),
}


def changes(case: Case, after: pd.DataFrame) -> bool:
    return not case.before.equals(after)


def meant(case: Case, after: pd.DataFrame) -> None:
    """Whom and what the scenario is for, recomputed."""
    made, shop = after[after["rate"] > 0], case.shop
    if case.scenario == "clearance":
        assert set(made["item_id"]) <= shop.faded()
        assert {NAMES[item] for item in FADING} & shop.faded()
    if case.scenario == "launch":
        assert set(made["item_id"]) <= {NAMES[item] for item in NEW}
    if case.scenario in ("launch", "cross_sell"):
        assert not seen(case, made).any()
    if case.scenario == "cross_sell":
        known = shop.items.set_index("item_id")["product_category"]
        bought = set(zip(shop.train["user_id"], shop.train["item_id"].map(known), strict=True))
        assert not set(zip(made["user_id"], made["item_id"].map(known), strict=True)) & bought
    if case.scenario == "retention":
        assert set(after["user_id"]) <= shop.rarer()
        assert case.promotion == "threshold" or seen(case, made).all()
        assert len(shop.rarer() & {f"{user:03d}" for user in RARER}) > 6
    if case.scenario == "mine.yaml":
        assert set(after["user_id"]) <= set(pd.read_csv("some.csv", dtype=str)["user_id"])


def guarded(case: Case, after: pd.DataFrame, name: str) -> None:
    """Rates and margins of every offer, recomputed."""
    deepest = {"clearance": 0.5, "mine.yaml": 0.35}.get(case.scenario, 0.3)
    made = after[after["rate"] > 0]
    assert (made["promotion"] == case.promotion).all()
    if name != "depths":
        assert made["rate"].max() <= deepest + 1e-9 or not len(made)
        funded, margin = (1.0 if name == "funded_share" else 0.5), (0.45 if name == "margin" else 0.3)
        cost = made["item_id"].map(COSTS).fillna(0.7) if name == "costs" else 1 - margin
        if name == "costs" and case.promotion == "threshold":
            cost = 1 - made["user_id"].map(basket_margins(case)).astype(float)
        floor = np.minimum(0.05, 1 - cost / 0.35) if case.scenario == "clearance" else 0.05
        net = 1 - funded * made["rate"]
        assert (net - cost >= floor * net - 1e-9).all()
        if case.promotion != "threshold":
            assert (
                made["rate"] <= made["item_id"].map(case.shop.depth()).astype(float).fillna(1) + 1e-9
            ).all()
    if case.promotion == "coupon":
        assert after.groupby(["policy", "user_id", "product_set"])["rate"].nunique().max() == 1
    if case.promotion == "threshold":
        assert (made["threshold"] > made["median_basket"]).all()
        assert np.allclose(made["rate"], made["amount"] / made["threshold"])
    if case.promotion == "amount":
        assert np.allclose(made["amount"], made["rate"] * made["price"], atol=0.0051)
    meant(case, after)


KNOWN: dict[str, pd.DataFrame] = {}
"""Offers without the options, by command line."""


@pytest.fixture
def mine(shop) -> Seasonal:
    """The shop, with a scenario of its own."""
    Path("mine.yaml").write_text(MINE, encoding="utf-8")
    shop.users[["user_id"]][4:30].to_csv("some.csv", index=False)
    return shop


def words_of(promotion: str, scenario: str) -> str:
    policies = "knapsack greedy_roi" if promotion == "threshold" else "uniform linear_rate affinity knapsack"
    rate = "" if promotion == "threshold" else "--rate 0.2"
    return (
        f"--promotion {promotion} --scenario {scenario} --policy {policies} --objective units {rate}".strip()
    )


def decided(shop: Seasonal, words: str) -> pd.DataFrame:
    if words not in KNOWN:
        KNOWN[words] = shop.decided(words)
    return KNOWN[words]


def test_a_threshold_refuses_scenarios_that_choose_items(shop):
    for scenario in ("clearance", "launch", "cross_sell"):
        with pytest.raises(InputError, match=f"{BASKET}, and the scenario {scenario} {ON_ITEMS}"):
            shop.decided(words_of("threshold", scenario))


CELLS = [
    (promotion, scenario)
    for promotion in PROMOTIONS
    for scenario in SCENARIOS
    if promotion != "threshold" or scenario in ("promotion", "retention", "mine.yaml")
]
PRODUCT = [(*cell, name) for cell in CELLS for name in OPTIONS]
QUICK = {(*CELLS[place % len(CELLS)], name) for place, name in enumerate(OPTIONS)}
QUICK |= {(*cell, list(OPTIONS)[7 * place % len(OPTIONS)]) for place, cell in enumerate(CELLS)}


@pytest.mark.parametrize(
    ("promotion", "scenario", "name"),
    [case if case in QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in PRODUCT],
)
def test_each_option_holds_or_says_why_not(promotion, scenario, name, mine):
    option, base = OPTIONS[name], words_of(promotion, scenario)
    refused = option.refused.get(promotion) or option.refused.get(scenario)
    beside = f"{base} {'' if refused else option.beside}".strip()
    case = Case(mine, promotion, scenario, decided(mine, beside))
    if refused:
        given = REFUSED_WORDS.get(name) or option.words(case)
        with pytest.raises(InputError, match=refused):
            mine.decided(f"{base} {given}")
        return
    after = mine.decided(f"{beside} {option.words(case)}")
    assert changes(case, after) != option.unchanged(case)
    option.holds(case, after)
    guarded(case, after, name)


REFUSED_WORDS = {
    "campaign_budgets": "--campaign_budgets food=1",
    "campaign": "--campaign product_category --campaign_budgets tea=1",
}
"""Where a value would follow from offers on items, which there are none of."""
