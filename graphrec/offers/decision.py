"""What was decided for each pair, and why."""

from __future__ import annotations

from dataclasses import dataclass

from graphrec.arrays import AnyArray, FloatArray, IntArray
from graphrec.offers.reasons import Reason, everywhere


@dataclass(frozen=True)
class Decision:
    """What a policy says of ``P`` pairs. All arrays have shape ``[P]``.

    Args:
        rate: In [0, 1); 0 is no offer.
        reason: A `Reason` for each pair; `Reason.ASKED` everywhere if missing.
        said: The policy's own words for each pair, which take the place of `Reason.ASKED`.
        asked: What the policy would have given without limits and budgets; `rate` if missing.
        gain: What each rate brings to the objective over no offer; 0 if missing.
        factor: Of a rule, what it multiplies a score by.
        levels: How many levels were chosen among; 0 for a rule, whose rates may be any.
        budget_price: What another unit of budget would bring.
        propensity: How likely each rate was; 1 if missing, for then nothing was left to chance.
        planned: Rate before chance took a hand; `rate` if missing.
    """

    rate: FloatArray
    reason: AnyArray | None = None
    said: AnyArray | None = None
    asked: FloatArray | None = None
    gain: FloatArray | None = None
    factor: float = 0.0
    levels: int = 0
    budget_price: float = 0.0
    propensity: FloatArray | None = None
    planned: FloatArray | None = None

    @property
    def reasons(self) -> AnyArray:
        """A `Reason` for each pair. Shape ``[P]``."""
        if self.reason is not None:
            return self.reason
        return everywhere(Reason.ASKED if self.said is None else Reason.SAID, len(self.rate))


@dataclass(frozen=True)
class Chosen:
    """A level for each decision.

    Args:
        level: Column of the choices, 0 for no offer. Shape ``[D]``.
        reason: Why a level above 0 that nothing kept down is the best.
        budget_price: What another unit of budget would bring.
    """

    level: IntArray
    reason: Reason
    budget_price: float = 0.0
