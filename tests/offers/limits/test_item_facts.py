"""Costs and limits that the shop knows of its items, against the money counted again by hand."""

import numpy as np
import pandas as pd
import pytest
from offer_pairs import candidate_frame

from graphrec.data.tables.read import TextFormat
from graphrec.errors import InputError
from graphrec.offers.economics import Economics
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.item_facts import of_items, read_item_facts
from graphrec.offers.limits.terms import Terms
from graphrec.offers.policies.by_value import ExpectedProfit, Knapsack
from graphrec.offers.policies.rules import Uniform
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.table import Candidates, make_offers

ASSUMED = Economics(margin=0.4, funded_share=1.0)


@pytest.fixture
def known():
    """Candidates, half of whose items have facts: a cost anywhere between nothing and above the price."""
    frame = candidate_frame()
    rng = np.random.default_rng(0)
    items = frame["item_id"].unique()
    facts = pd.DataFrame(
        {
            "cost": rng.uniform(0.0, 1.4, len(items)),
            "funded_share": rng.choice([0.0, 0.25, 1.0], len(items)),
            "max_rate": rng.choice([0.1, 0.2, 0.9], len(items)),
            "min_margin": rng.choice([0.0, 0.2, np.nan], len(items)),
        },
        index=items,
    )
    facts["cost"] *= frame.groupby("item_id")["price"].first().reindex(items)
    facts[rng.random(len(items)) < 0.5] = np.nan
    return frame.assign(**{name: frame["item_id"].map(facts[name]) for name in facts})


@pytest.mark.parametrize("policy", [Uniform(0.25), ExpectedProfit(), Knapsack()], ids=lambda one: one.name)
@pytest.mark.parametrize("promotion", ["percent", "amount"])
@pytest.mark.parametrize("objective", ["units", "profit"])
def test_no_offer_breaks_what_is_known_of_its_item_and_the_money_adds_up(known, policy, promotion, objective):
    aim = scenario_named("promotion").aiming_at(objective)
    offers = make_offers(
        Candidates(known), policy, aim, 50.0, Guardrails(), ASSUMED, Terms(promotion=promotion)
    )
    rate, price, chance = offers["rate"], known["price"], offers["probability_at_rate"]
    cost = known["cost"].fillna(0.6 * price)
    funded = known["funded_share"].fillna(1.0)
    net = price * (1 - funded * rate)
    given = rate > 0
    assert (rate <= np.fmin(known["max_rate"], 0.3) + 1e-9).all()
    left = (net - cost) / net
    assert (left[given] >= known["min_margin"].fillna(0.05)[given] - 1e-9).all()
    assert (net[given] >= cost[given] - 1e-9).all(), "no offer is below cost"
    assert offers["expected_profit"].tolist() == pytest.approx((chance * (net - cost)).tolist())
    assert offers["spend"].tolist() == pytest.approx((chance * funded * rate * price).tolist())
    assert offers["spend"].sum() <= 50.0 + 1e-6


def test_facts_that_are_missing_everywhere_change_nothing(known):
    plain = candidate_frame()
    empty = plain.assign(**dict.fromkeys(("cost", "funded_share", "max_rate", "min_margin"), np.nan))
    for policy in (ExpectedProfit(), Knapsack()):
        pd.testing.assert_frame_equal(
            make_offers(Candidates(plain), policy, budget=5.0, economics=ASSUMED),
            make_offers(Candidates(empty), policy, budget=5.0, economics=ASSUMED),
        )


def test_reasons_name_the_limit_of_the_item(known):
    offers = make_offers(Candidates(known), ExpectedProfit(), scenario_named("promotion").aiming_at("units"),
                         None, Guardrails(), ASSUMED)  # fmt: skip
    dear = known["cost"] > known["price"]
    assert dear.any()
    assert (offers.loc[dear, "rate"] == 0).all()
    assert offers.loc[dear & (known["min_margin"].isna()), "reason"].str.contains("5 %").all()


def test_a_clearance_goes_down_to_the_salvage_value_of_each_item():
    frame = candidate_frame().assign(cost=lambda rows: 0.9 * rows["price"])
    money, limits = of_items(frame, Economics(0.3, 1.0), Guardrails(max_rate=0.9, salvage=0.5))
    assert limits.margin_limit(money) == pytest.approx(np.full(len(frame), 0.5))
    own = frame.assign(min_margin=0.05)
    money, limits = of_items(own, Economics(0.3, 1.0), Guardrails(max_rate=0.9, salvage=0.5))
    assert limits.margin_limit(money) == pytest.approx(np.full(len(frame), 1 - 0.9 / 0.95))


def test_amounts_are_the_shops():
    frame = candidate_frame()
    terms = Terms(promotion="amount", amounts=(0.7, 0.3))
    offers = make_offers(Candidates(frame), ExpectedProfit(), scenario_named("promotion").aiming_at("units"),
                         None, Guardrails(), Economics(), terms)  # fmt: skip
    assert set(offers["amount"].dropna()) <= {0.3, 0.7}
    assert offers["amount"].notna().any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("item_id,colour\na,red\n", "holds no fact"),
        ("item_id,cost\na,\nb,\n", "tells nothing: every cost is missing"),
        ("item_id,cost\n,1\n", "row 2, column 'item_id': the value is missing"),
        ("item_id,cost,margin\na,1,0.2\n", "cost and margin are given"),
        ("item_id,cost\na,-1\n", "row 2, column 'cost': '?-1'? is negative"),
        ("item_id,cost\na,cheap\n", "row 2, column 'cost': 'cheap' is not a number"),
        ("item_id,max_rate\na,30\n", "row 2, column 'max_rate': '?30'? is not between 0 and 1"),
        ("item_id,min_margin\na,5\n", "row 2, column 'min_margin': 5 is not below 1"),
    ],
)
def test_a_table_of_facts_that_cannot_be_used_is_refused(text, said, tmp_path):
    (tmp_path / "costs.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_item_facts(tmp_path / "costs.csv")


def test_a_table_of_facts_is_read_by_its_own_names(tmp_path):
    (tmp_path / "costs.csv").write_text("sku;ek\n007;1.5\n008;\n")
    found = read_item_facts(tmp_path / "costs.csv", {"item_id": "sku", "cost": "ek"}, TextFormat(";"))
    assert found.frame["item_id"].tolist() == ["007", "008"]
    assert found.frame["cost"].tolist() == pytest.approx([1.5, np.nan], nan_ok=True)
