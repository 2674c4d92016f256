"""How the probability of buying grows with the discount.

Two forms: curves learnt per pair (`SplineResponse`), and one elasticity per user (`ElasticResponse`). The
second is read off how much of the shop's discounts the user took in training. It is an assumption for logs
that curves cannot be learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.response.splines import KNOTS, check_knots, response_shapes

MEDIAN_ELASTICITY = 1.5
"""Where prices are missing: the median elasticity of Complete Journey's products is 1.49."""


class Response(Protocol):
    """Response curves of ``P`` pairs: non-decreasing in the rate, equal to the base probability at rate 0."""

    @property
    def base(self) -> FloatArray:
        """Probability without discount, in [0, 1]. Shape ``[P]``."""
        ...

    def probability(self, rate: FloatArray | float) -> FloatArray:
        """Compute the probability at one rate per pair. ``[P]`` or a number, in [0, 1), to ``[P]``."""
        ...

    def curve(self, levels: npt.ArrayLike) -> FloatArray:
        """Compute the probability of each pair at each level. ``[R]`` to ``[P, R]``."""
        ...

    @property
    def ends(self) -> tuple[Response, Response] | None:
        """The same curves where discounts add least and most, at 95 %; None where nobody knows."""
        ...


@dataclass(frozen=True)
class ElasticResponse:
    """``logit p(d) = logit p(0) + s * -log(1 - d)`` for each pair; for small p, s is the price elasticity.

    Args:
        base: Probability without discount, in [0, 1]. Shape ``[P]``.
        elasticity: ``s >= 0``, which makes the curve non-decreasing in the rate. Shape ``[P]``.

    Raises:
        ValueError: If a value is outside its range.
    """

    base: FloatArray
    elasticity: FloatArray

    def __post_init__(self) -> None:
        """Check ranges."""
        if not ((self.base >= 0) & (self.base <= 1)).all():
            raise ValueError("base probabilities must lie in 0..1")
        if not ((self.elasticity >= 0) & np.isfinite(self.elasticity)).all():
            raise ValueError("elasticities must be finite and not negative")

    def probability(self, rate: FloatArray | float) -> FloatArray:
        """Compute the probability at one rate per pair. ``[P]`` or a number, in [0, 1), to ``[P]``."""
        # The odds form of the logit: exact at rate 0, and no logarithm of a probability of 0 or 1
        kept = np.power(1.0 - np.asarray(rate, dtype=np.float64), self.elasticity)
        return np.asarray(self.base / (self.base + (1.0 - self.base) * kept), dtype=np.float64)

    def curve(self, levels: npt.ArrayLike) -> FloatArray:
        """Compute the probability of each pair at each level. ``[R]`` to ``[P, R]``."""
        rates = np.asarray(levels, dtype=np.float64)[None, :]
        return ElasticResponse(self.base[:, None], self.elasticity[:, None]).probability(rates)

    @property
    def ends(self) -> None:
        """Nothing: what is assumed has no interval."""
        return None


@dataclass(frozen=True)
class SplineResponse:
    """``logit p(d) = a + Σ_k w_k h_k(d)`` for each pair, ``h_k`` being those of `graphrec.response.splines`.

    Monotone whatever the numbers are, because no weight is negative and no ``h_k`` falls.

    Args:
        base_logit: ``a``, the logit without discount. Shape ``[P]``.
        weights: ``w_k >= 0``. Shape ``[P, K]``.
        knots: Rates between which a curve may bend. Length ``K``.
        ends: See `Response`.

    Raises:
        InputError: If the knots cannot be used.
        ValueError: If shapes do not fit, or a weight is negative or not finite.
    """

    base_logit: FloatArray
    weights: FloatArray
    knots: tuple[float, ...] = KNOTS
    ends: tuple[SplineResponse, SplineResponse] | None = None

    def __post_init__(self) -> None:
        """Check shapes and ranges."""
        if self.weights.shape != (len(self.base_logit), len(check_knots(self.knots))):
            raise ValueError(f"weights must have shape [{len(self.base_logit)}, {len(self.knots)}]")
        if not ((self.weights >= 0) & np.isfinite(self.weights)).all() or np.isnan(self.base_logit).any():
            raise ValueError("weights must be finite and not negative, base logits not missing")

    @property
    def base(self) -> FloatArray:
        """Probability without discount. Shape ``[P]``."""
        return _sigmoid(self.base_logit)

    def probability(self, rate: FloatArray | float) -> FloatArray:
        """Compute the probability at one rate per pair. ``[P]`` or a number, in [0, 1), to ``[P]``."""
        rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), self.base_logit.shape)
        return _sigmoid(self.base_logit + self.added(rates))

    def added(self, rate: FloatArray) -> FloatArray:
        """Compute what one rate per pair adds to its logit. ``[P]`` to ``[P]``."""
        return np.asarray((self.weights * self._shapes(rate)).sum(axis=1), dtype=np.float64)

    def curve(self, levels: npt.ArrayLike) -> FloatArray:
        """Compute the probability of each pair at each level. ``[R]`` to ``[P, R]``."""
        rates = np.asarray(levels, dtype=np.float64)
        return _sigmoid(self.base_logit[:, None] + self.weights @ self._shapes(rates).T)

    def _shapes(self, rates: FloatArray) -> FloatArray:
        """Compute the shapes at some rates, ``[R]`` to ``[R, K]``."""
        return response_shapes(torch.tensor(rates, dtype=torch.float64), self.knots).numpy()


def _sigmoid(logit: FloatArray) -> FloatArray:
    return torch.sigmoid(torch.as_tensor(logit)).numpy()


def reference(response: Response, rate: float = 0.3) -> dict[str, FloatArray]:
    """Put curves into two numbers of each pair: where they start, and how they rise to a rate.

    Args:
        response: Curves of ``P`` pairs.
        rate: Where the rise is measured; for an `ElasticResponse` it is the same everywhere.

    Returns:
        ``base_logit``, the logit without discount, and ``slope``, the rise over ``-log(1 - rate)``. ``[P]``.
    """
    base, there = (_logit(one) for one in (response.base, response.probability(rate)))
    return {"base_logit": base, "slope": np.maximum((there - base) / -np.log1p(-rate), 0.0)}


def _logit(probability: FloatArray) -> FloatArray:
    """Compute logits, finite also at 0 and 1."""
    inside = np.clip(probability, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def discount_affinity(log: pd.DataFrame) -> pd.Series[Any]:
    """Compute the share of its regular value that each user saved by shelf discounts.

    Args:
        log: Rows of the TRAINING part with ``user_id``, ``regular_price``, ``shelf_price`` (money per unit)
            and ``quantity``. Rows with a missing price are passed over.

    Returns:
        Share in [0, 1] by ``user_id``; missing for users without a usable row.

    Raises:
        InputError: If a column is missing.
    """
    for column in (Columns.USER, Columns.REGULAR_PRICE, Columns.SHELF_PRICE, Columns.QUANTITY):
        if column not in log:
            hint = "map this column, or use the constant elasticity"
            raise InputError("the discount affinity needs this column", column=column, hint=hint)
    regular = log[Columns.REGULAR_PRICE] * log[Columns.QUANTITY]
    saved = (log[Columns.REGULAR_PRICE] - log[Columns.SHELF_PRICE]).clip(lower=0) * log[Columns.QUANTITY]
    usable = regular.notna() & saved.notna() & (regular > 0)
    value = pd.DataFrame({"regular": regular.where(usable, 0.0), "saved": saved.where(usable, 0.0)})
    total = value.groupby(log[Columns.USER]).sum()
    return (total["saved"] / total["regular"].where(total["regular"] > 0)).clip(0.0, 1.0).rename("affinity")


def elasticity_from_affinity(
    affinity: pd.Series[Any], low: float = 0.8, high: float = 2.25
) -> pd.Series[Any]:
    """Choose elasticity by rank in discount affinity: a stand-in until curves are learnt per pair.

    Where the bounds come from: on Complete Journey, products at about 45 % off sell x1.63 to the quartile
    of households with the lowest affinity and x3.83 to the highest. Affinity is from the first half of 2017,
    response from the second, product and week effects removed. For small probabilities the curve gives
    ``p(d) / p(0) = (1 - d)^-s``, so ``s = ln(ratio) / -ln(1 - 0.45)``: ln 1.63 / 0.60 = 0.82 and
    ln 3.83 / 0.60 = 2.25. Quartile means are put at the extreme ranks, which understates the spread.
    That the pattern holds for another shop, for every item alike and at every depth is assumed, not known.

    Args:
        affinity: Share saved by user; missing values allowed.
        low: Elasticity of the lowest rank, at least 0.
        high: Elasticity of the highest rank, at least `low`.

    Returns:
        Elasticity by user; 1.5 where the affinity is missing. Ties share a rank.

    Raises:
        InputError: If the bounds are out of order.
    """
    if not 0.0 <= low <= high < np.inf:
        hint = "give 0 <= low <= high"
        raise InputError(f"elasticities from {low} to {high} are out of order", column="low", hint=hint)
    known = int(affinity.notna().sum())
    place = (affinity.rank() - 1.0) / (known - 1) if known > 1 else affinity.where(affinity.isna(), 0.5)
    return (low + (high - low) * place).fillna(MEDIAN_ELASTICITY).rename("elasticity")
