"""Past weeks of pairs that may get an offer: what would have been foretold, chosen, and what happened.

Offers are made on pairs whose gain looks high, by merit or by error. So what is foretold of the chosen is too
high on average, however good it is on all. The same choice, made before weeks that are known by now, is open
to the same error. What those weeks brought tells how much of it there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.evaluation.intervals import NORMAL_95
from graphrec.offers.hindsight.correction import KINDS, Correction, Rows
from graphrec.offers.pairs import Pairs
from graphrec.response.curves import SplineResponse

STEP = 1e-4
"""Of the differences that tell how the gain moves."""


@dataclass(frozen=True)
class PastWeek:
    """One week of ``P`` pairs. Arrays have shape ``[P]``.

    Args:
        curves: What was foretold before the week.
        kind: Place in `graphrec.offers.hindsight.correction.KINDS`, before the week.
        rate: What was off the regular price.
        bought: Whether the pair was bought.
    """

    curves: SplineResponse
    kind: IntArray
    rate: FloatArray
    bought: BoolArray


@dataclass(frozen=True)
class Hindsight:
    """Weeks that neither response nor ranker was learnt from, of the same pairs in the same order.

    Args:
        weeks: Their numbers in the log, ``n`` of them.
        past: What was foretold and what happened in each.
        curves: Of the pairs in the week that is decided for, as they were learnt.
        kind: Of the pairs in that week. Shape ``[P]``.
        user: Codes. Shape ``[P]``.
        item: Codes. Shape ``[P]``.
    """

    weeks: tuple[int, ...]
    past: tuple[PastWeek, ...]
    curves: SplineResponse
    kind: IntArray
    user: IntArray
    item: IntArray

    @property
    def span(self) -> str:
        """Name the weeks."""
        first, last = self.weeks[0], self.weeks[-1]
        return f"week {first}" if first == last else f"weeks {first} to {last}"

    @cached_property
    def purchases(self) -> int:
        """Count the purchases that can judge."""
        return int(self._everything.bought.sum())

    @cached_property
    def _everything(self) -> Rows:
        """All pairs of all weeks."""
        return self._rows([np.ones(len(self.kind), dtype=np.bool_)] * len(self.past))

    @cached_property
    def correction(self) -> Correction:
        """How far the curves are off on all pairs together."""
        return Correction.fit(self._everything)

    @cached_property
    def corrected(self) -> SplineResponse:
        """The curves of the week that is decided for, put right on all pairs together."""
        return self.correction.of(self.curves, self.kind)

    def ends(
        self, pairs: Pairs, rates: Callable[[Pairs], FloatArray], rate: FloatArray
    ) -> tuple[SplineResponse, SplineResponse]:
        """Find the curves at which the gain of a decision is least and most, at 95 %.

        Args:
            pairs: What was decided on, with the curves `corrected`.
            rates: How: the rates of pairs, given what is foretold of them.
            rate: What was decided. Shape ``[P]``.
        """
        offered = [
            rates(replace(pairs, response=self.correction.of(week.curves, week.kind))) > 0
            for week in self.past
        ]
        found = Correction.fit(self._rows(offered))
        slope = self._slope(found, pairs, rate)
        error = max(float(slope @ found.spread @ slope), 1e-300) ** 0.5
        by = NORMAL_95 * (found.spread @ slope) / error
        low, high = (found.moved(sign * by).of(self.curves, self.kind) for sign in (-1.0, 1.0))
        return low, high

    def _rows(self, chosen: list[BoolArray]) -> Rows:
        """Lay out some pairs of each week, below one another."""
        parts = [
            Rows(
                week.curves.base_logit,
                week.curves.added(week.rate),
                week.bought,
                week.kind,
                self.user,
                self.item,
            ).at(some)
            for week, some in zip(self.past, chosen, strict=True)
        ]
        return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _slope(self, at: Correction, pairs: Pairs, rate: FloatArray) -> FloatArray:
        """Differentiate the gain of a decision by the shifts and the lift. Shape ``[4]``."""

        def gain(by: FloatArray) -> float:
            response = at.moved(by).of(self.curves, self.kind)
            return float(gains(replace(pairs, response=response), rate).sum())

        # one-sided, because a lift of 0 cannot fall
        return np.array([(gain(STEP * one) - gain(0.0 * one)) / STEP for one in np.eye(len(KINDS) + 1)])


def gains(pairs: Pairs, rate: FloatArray) -> FloatArray:
    """Compute the profit beyond no offer. Shape ``[P]``."""

    def profit(at: FloatArray) -> FloatArray:
        return pairs.economics.profit(pairs.units(at), pairs.price, at)

    return profit(rate) - profit(0.0 * rate)
