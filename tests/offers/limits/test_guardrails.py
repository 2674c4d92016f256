from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.offers.economics import Economics
from graphrec.offers.limits.guardrails import Guardrails

shares = st.floats(0, 0.99)


@given(
    st.lists(st.floats(-1, 2), min_size=1, max_size=20),
    shares,
    shares,
    st.floats(0.01, 0.99),
    st.floats(0, 1),
)
def test_never_negative_never_above_the_limits(asked, max_rate, min_margin, margin, funded):
    economics = Economics(margin, funded)
    rate, capped = Guardrails(max_rate, min_margin).apply(np.array(asked), economics)
    assert ((rate >= 0) & (rate <= max_rate) & (rate < 1)).all()
    net, cost = 1 - funded * rate, 1 - margin
    given_away = rate > 0
    assert ((net - cost)[given_away] >= min_margin * net[given_away] - 1e-9).all()
    assert (rate[~capped] == np.maximum(np.array(asked)[~capped], 0)).all()


def test_a_rate_that_is_not_allowed_falls_to_the_largest_allowed():
    economics = Economics(margin=0.3, funded_share=1.0)
    rails = Guardrails(max_rate=0.4, min_margin=0.05)
    limit = 1 - 0.7 / 0.95
    rate, capped = rails.apply(np.array([0.1, 0.39]), economics)
    assert rate == pytest.approx([0.1, limit])
    assert capped.tolist() == [False, True]
    assert rails.reason(economics) == "min_margin: capped at 26.32 % to leave a margin of 5 %"
    grid = np.array([0.0, 0.25, 0.3])
    assert rails.allowed(grid, economics).tolist() == [True, True, False]


def test_the_maximum_rate_is_itself_allowed_and_named():
    rails, economics = Guardrails(), Economics()
    assert rails.allowed(np.array([0.30, 0.35]), economics).tolist() == [True, False]
    assert rails.reason(economics) == "max_rate: capped at the maximum rate 30 %"


def test_no_discount_at_all_where_the_margin_is_already_too_small():
    assert Guardrails(0.3, 0.2).limit(Economics(margin=0.1)) == 0
    assert Guardrails(0.3, 0.2).limit(Economics(margin=0.1, funded_share=0.0)) == 0


@pytest.mark.parametrize("bad", [{"max_rate": 1.0}, {"max_rate": -0.1}, {"min_margin": 1.0}])
def test_refuses_limits_outside_0_1(bad):
    with pytest.raises(InputError, match=f"column '{next(iter(bad))}'"):
        Guardrails(**bad)


def test_a_missing_rate_is_an_error():
    with pytest.raises(ValueError, match="missing rate"):
        Guardrails().apply(np.array([np.nan]), Economics())
