"""A policy that somebody else wrote: what it may do, and what it cannot do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offer_pairs import candidate_frame, pairs_with

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.decision import Chosen, Decision
from graphrec.offers.limits.exposure import Frequency
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.terms import Terms
from graphrec.offers.policies.base import LevelPolicy
from graphrec.offers.policies.named import checked_policy, made_policy
from graphrec.offers.reasons import Reason
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.table import Candidates, make_offers

UNITS = scenario_named("promotion").aiming_at("units")


@dataclass(frozen=True)
class Given:
    """Whatever rates a test wants."""

    rate: object
    name: str = "given"

    def rates(self, pairs, budget):
        return Decision(self.rate)


class Loyal:
    """5 % for who bought the item before, in words of its own."""

    name = "loyal"

    def rates(self, pairs, budget):
        said = np.where(pairs.seen, "a thank-you", "not a customer of this item")
        return Decision(np.where(pairs.seen, 0.05, 0.0), said=said)


class Deepest(LevelPolicy):
    """The deepest level that is allowed and pays, whatever it costs."""

    name = "deepest"

    def choose(self, choices, budget):
        good = choices.allowed & (choices.value >= 0)
        level = good.shape[1] - 1 - good[:, ::-1].argmax(axis=1)
        return Chosen(level, Reason.BEST_LEVEL)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 20), st.sampled_from(["percent", "amount", "coupon"]))
def test_no_rate_crosses_a_limit_or_a_budget(seed, budget, promotion):
    rng = np.random.default_rng(seed)
    frame = candidate_frame(12, 6, seed).assign(
        max_depth=rng.uniform(0, 0.5, 72), product_set=np.tile(["a", "a", "b", "b", "b", "c"], 12)
    )
    guardrails = Guardrails(max_rate=0.25, observed_depths=True)
    terms = Terms(Frequency(max_offers=6), promotion=promotion)
    for policy in (Given(rng.choice([0, 0.1, 0.4, 1.0, 3.0], 72)), Deepest()):
        offers = make_offers(Candidates(frame), policy, budget=budget, guardrails=guardrails, terms=terms)
        assert offers["spend"].sum() <= budget * (1 + 1e-9)
        assert (offers["rate"] <= np.minimum(0.25, frame["max_depth"]) + 1e-9).all()
        counted = ["user_id", "product_set"] if promotion == "coupon" else ["user_id", "item_id"]
        given_offers = frame.assign(given=offers["rate"] > 0).groupby(counted)["given"].max()
        assert given_offers.groupby("user_id").sum().max() <= 6
        if promotion == "coupon":
            assert offers["rate"].groupby([frame["user_id"], frame["product_set"]]).nunique().max() == 1
        refused = offers[
            (offers["rate"] == 0) & (np.asarray(policy.rates(Candidates(frame).pairs(), Budget()).rate) > 0)
        ]
        assert (refused["reason_code"] != "asked").all()


def test_its_own_words_stand_in_the_table():
    frame = candidate_frame(6, 4)
    offers = make_offers(Candidates(frame), Loyal())
    assert (offers["policy"] == "loyal").all()
    assert (offers.loc[frame["seen"], "reason"] == "asked: a thank-you").all()
    assert (offers.loc[~frame["seen"], "reason"] == "asked: not a customer of this item").all()
    plain = make_offers(Candidates(frame), Given(np.full(24, 0.125)))
    assert set(plain["reason"]) == {"asked: 12.5 % by the policy's own rule"}
    assert (plain["propensity"] == 1).all()


def test_a_policy_of_levels_gets_the_reasons_of_ours():
    table = candidate_frame(8, 5).assign(max_depth=0.12)
    limits = Guardrails(observed_depths=True, min_margin=-1.0)
    offers = make_offers(
        Candidates(table), Deepest(), UNITS, guardrails=limits, terms=Terms(Frequency(max_offers=1))
    )
    given_offers = offers[offers["rate"] > 0]
    assert (given_offers["rate"] == 0.1).all()
    assert given_offers["user_id"].is_unique
    assert (given_offers["reason_code"] == "observed_depth").all()
    assert (offers.loc[offers["rate"] == 0, "reason"] == "user_cap: spent on likelier buyers").all()


@pytest.mark.parametrize(
    ("rate", "what"),
    [
        (np.zeros(3), r"rates of shape \[3\].*one rate for each of the 4 pairs"),
        (0.1, r"rates of shape \[\]"),
        (np.array([0, 0, np.nan, 0]), "the rate nan"),
        (np.array([0, -0.1, 0, 0]), "the rate -0.1.*0.1 for 10 % off"),
        (np.array([0, np.inf, 0, 0]), "the rate inf"),
    ],
)
def test_what_is_no_rate_is_told(rate, what):
    with pytest.raises(InputError, match=f"policy given.*{what}"):
        decide(Given(rate), pairs_with(4), Budget())


def test_what_is_no_decision_is_told():
    class Bare:
        name = "bare"

        def rates(self, pairs, budget):
            return np.zeros(len(pairs))

    with pytest.raises(InputError, match=r"policy bare.*returned a ndarray.*Decision"):
        decide(Bare(), pairs_with(4), Budget())


def test_a_class_an_instance_and_nothing_else_is_a_policy():
    assert checked_policy(Loyal, "x").name == "loyal"
    one = Given(np.zeros(2))
    assert checked_policy(one, "x") is one
    assert made_policy(Given, {"rate": 0.1, "name": "mine"}, "x").name == "mine"
    with pytest.raises(InputError, match=r"it cannot be made.*rate"):
        checked_policy(Given, "x")
    with pytest.raises(InputError, match="unexpected keyword argument 'depth'"):
        made_policy(Given, {"rate": 1, "depth": 2}, "x")
    for wrong in (3, None, "loyal", pd.DataFrame(), lambda pairs, budget: None):
        with pytest.raises(InputError, match="is no policy; a policy has a `name`"):
            checked_policy(wrong, "x")
    with pytest.raises(InputError, match=r"'knapsack' is a policy of graphrec's.*another name"):
        checked_policy(Given(0, "knapsack"), "x")
