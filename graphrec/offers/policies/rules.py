"""What each rule asks for, before any limit."""

from __future__ import annotations

import numpy as np

from graphrec.arrays import FloatArray
from graphrec.offers.economics import percent
from graphrec.offers.limits.rates import Reasons
from graphrec.offers.policies.base import (
    Affinity,
    Inverse,
    NoDiscount,
    RulePolicy,
    Uniform,
    inverse_rate,
    linear_rate,
    no_discount,
    uniform,
)


def asked_rates(
    policy: RulePolicy, unit_score: FloatArray, affinity: FloatArray
) -> tuple[FloatArray, Reasons]:
    """Rates of a rule and the reasons. ``[P]`` each.

    Args:
        policy: The rule.
        unit_score: Score in [0, 1]. Shape ``[P]``.
        affinity: Share of its regular value that the user saved so far. Shape ``[P]``.
    """
    count = len(unit_score)
    if isinstance(policy, NoDiscount):
        return no_discount(count), _words(["no_discount: this policy gives none"] * count)
    if isinstance(policy, Uniform):
        same = f"uniform: {percent(policy.rate)} for everyone"
        return uniform(count, policy.rate), _words([same] * count)
    if isinstance(policy, Affinity):
        text = [f"affinity: {policy.scale:g} x saved share {share:.4f}" for share in affinity]
        return policy.scale * affinity, _words(text)
    if isinstance(policy, Inverse):
        text = [f"inverse: {policy.slope:g} x (1 - score {score:.4f})" for score in unit_score]
        return inverse_rate(unit_score, policy.slope), _words(text)
    text = [f"linear_rate: {policy.slope:g} x score {score:.4f}" for score in unit_score]
    return linear_rate(unit_score, policy.slope), _words(text)


def _words(text: list[str]) -> Reasons:
    return np.asarray(text, dtype=object)
