"""Why a pair has its rate: codes while a decision is made, words only in the table that people read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from string import Formatter

import numpy as np

from graphrec.arrays import AnyArray, IntArray

Field = Callable[[IntArray], list[str]]
"""What one ``{field}`` of a text says of some pairs, by their numbers."""


class Reason(Enum):
    """A code of the offers table, and its words; two reasons may share a code.

    A text may name fields in braces, see `graphrec.offers.words` and `graphrec.offers.thresholds`.
    """

    ASKED = "asked", "{asked} by the policy's own rule"
    SAID = "asked", "{said}"
    NO_DISCOUNT = "no_discount", "this policy gives none"
    UNIFORM = "uniform", "{asked} for everyone"
    LINEAR_RATE = "linear_rate", "{factor} x score {score}"
    INVERSE = "inverse", "{factor} x (1 - score {score})"
    AFFINITY = "affinity", "{factor} x saved share {share}"

    BEST_LEVEL = "best_level", "best of {levels} levels: {gain} {measure}"
    BEST_RETURN = "best_return", "best of {levels} levels: {gain} {measure}"
    NO_LEVEL_PAYS = "no_level_pays", "no level pays at {margin} margin"
    BUDGET_LOWERS = "budget", "{gain} {measure}; {asked} without a budget"
    BUDGET_ELSEWHERE = "budget", "{asked} would pay, but other offers do more"
    BUDGET_LIKELIER = "budget", "spent on likelier buyers"
    CAP_LOWERS = "user_cap", "{gain} {measure}; {asked} without a budget"
    CAP_ELSEWHERE = "user_cap", "{asked} would pay, but other offers do more"
    CAP_LIKELIER = "user_cap", "spent on likelier buyers"

    NOT_ELIGIBLE = "not_eligible", "{scenario} is for items the user has {eligible}"
    COOL_DOWN = "cool_down", "offered too recently"
    STOCK = "stock", "sells out at the regular price"
    MAX_RATE = "max_rate", "capped at the maximum rate {limit}"
    MIN_MARGIN = "min_margin", "capped at {limit} to leave a margin of {min_margin}"
    OBSERVED_DEPTH = (
        "observed_depth",
        "the item was never sold at more than {limit} off, so no response is known beyond",
    )
    PRODUCT_SET = "product_set", "the item is in no set of products"
    COUPON = "coupon", "the lowest rate that the policy asks for in its set, in whole per cent"
    EXPLORED = "explored", "drawn at random, to learn from it; {planned} otherwise"
    COIN = "coin", "it would be less than the smallest amount off"
    SPREAD = "spread", "within {spread} of the lowest offer on this item"
    SPREAD_TOO_FAR = "spread", "another rate would pay, but too far from the other offers on this item"

    FEW_BASKETS = "few_baskets", "fewer than {min_baskets} baskets, so no threshold of its own"
    NO_THRESHOLD_PAYS = (
        "no_threshold_pays",
        "baskets above it would cost more than the filled ones bring",
    )
    THRESHOLD_ELSEWHERE = "budget", "a threshold would pay, but the budget does more elsewhere"
    BEST_THRESHOLD = (
        "best_threshold",
        "{threshold} is above the median basket {median}; {gain} {measure}; "
        "{infra} of it goes to baskets that were there anyway",
    )
    QUOTA = "user_cap", "no offer is left to the household in this window"
    BASKET_COOL_DOWN = "cool_down", "a basket was offered too recently"

    @property
    def code(self) -> str:
        """What the column ``reason_code`` says."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The words, with fields in braces."""
        return self.value[1]


LIMITS = frozenset(
    reason.code
    for reason in (
        Reason.BUDGET_LOWERS,
        Reason.CAP_LOWERS,
        Reason.NOT_ELIGIBLE,
        Reason.COOL_DOWN,
        Reason.STOCK,
        Reason.MAX_RATE,
        Reason.MIN_MARGIN,
        Reason.OBSERVED_DEPTH,
        Reason.PRODUCT_SET,
        Reason.COUPON,
        Reason.COIN,
        Reason.SPREAD,
        Reason.FEW_BASKETS,
    )
)
"""Codes of what keeps a rate from being what the policy would give."""


def everywhere(reason: Reason, count: int) -> AnyArray:
    """Give every pair the same reason. Shape ``[count]``."""
    return np.full(count, reason, dtype=object)


def chosen(condition: AnyArray, reason: Reason, otherwise: AnyArray) -> AnyArray:
    """Put one reason where a condition holds. ``[P]`` each."""
    return np.where(condition, everywhere(reason, len(otherwise)), otherwise)


def written(reasons: AnyArray, fields: Mapping[str, Field]) -> tuple[list[str], list[str]]:
    """Write reasons out.

    Args:
        reasons: A `Reason` for each pair. Shape ``[P]``.
        fields: What each field of their texts says.

    Returns:
        Codes, and ``code: words``. ``P`` each.
    """
    words = np.empty(len(reasons), dtype=object)
    for reason in dict.fromkeys(reasons.tolist()):
        rows = np.flatnonzero(reasons == reason).astype(np.int64)
        names = [name for _, name, _, _ in Formatter().parse(reason.text) if name]
        columns = [fields[name](rows) for name in names]
        template = f"{reason.code}: {reason.text}"
        if not names:
            words[rows] = template
            continue
        words[rows] = [
            template.format(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)
        ]
    return [reason.code for reason in reasons.tolist()], words.tolist()
