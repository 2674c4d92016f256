from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from offer_pairs import pairs_with

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.decision import Decision
from graphrec.offers.economics import Economics
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.words import reasons_of

shares = st.floats(0, 0.99)


class Asked:
    """Asks for whatever a test wants."""

    name = "asked"

    def __init__(self, rate) -> None:
        self.rate = np.array(rate)

    def rates(self, pairs, budget):
        return Decision(self.rate)


def decided(asked, guardrails, economics):
    """Rates and reasons."""
    pairs = pairs_with(len(asked), guardrails=guardrails, economics=economics)
    found = decide(Asked(asked), pairs, Budget())
    return found.rate, reasons_of(found, pairs)[1]


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=20),
    shares,
    shares,
    st.floats(0.01, 0.99),
    st.floats(0, 1),
)
def test_never_above_the_limits(asked, max_rate, min_margin, margin, funded):
    rate, reason = decided(asked, Guardrails(max_rate, min_margin), Economics(margin, funded))
    assert ((rate >= 0) & (rate <= max_rate) & (rate < 1)).all()
    net, cost = 1 - funded * rate, 1 - margin
    given_away = rate > 0
    assert ((net - cost)[given_away] >= min_margin * net[given_away] - 1e-9).all()
    free = np.array([text.startswith("asked") for text in reason])
    assert rate[free] == pytest.approx(np.array(asked)[free], abs=1e-8)


def test_a_rate_that_is_not_allowed_falls_to_the_largest_allowed():
    economics, rails = Economics(margin=0.3, funded_share=1.0), Guardrails(max_rate=0.4, min_margin=0.05)
    rate, reason = decided([0.1, 0.39], rails, economics)
    assert rate == pytest.approx([0.1, 1 - 0.7 / 0.95])
    assert reason == [
        "asked: 10 % by the policy's own rule",
        "min_margin: capped at 26.32 % to leave a margin of 5 %",
    ]
    choices = pairs_with(1, guardrails=rails, economics=economics).choices((0.0, 0.25, 0.3))
    assert choices.allowed.tolist() == [[True, True, False]]


def test_the_maximum_rate_is_itself_allowed_and_named():
    rate, reason = decided([0.30, 0.35], Guardrails(), Economics())
    assert rate.tolist() == [0.30, 0.30]
    assert reason[1] == "max_rate: capped at the maximum rate 30 %"
    assert pairs_with(1).choices((0.0, 0.30, 0.35)).allowed.tolist() == [[True, True, False]]


def test_no_discount_at_all_where_the_margin_is_already_too_small():
    assert Guardrails(0.3, 0.2).margin_limit(Economics(margin=0.1)) == 0
    assert Guardrails(0.3, 0.2).margin_limit(Economics(margin=0.1, funded_share=0.0)) == 0


@pytest.mark.parametrize("bad", [{"max_rate": 1.0}, {"max_rate": -0.1}, {"min_margin": 1.0}])
def test_refuses_limits_outside_0_1(bad):
    with pytest.raises(InputError, match=f"column '{next(iter(bad))}'"):
        Guardrails(**bad)
