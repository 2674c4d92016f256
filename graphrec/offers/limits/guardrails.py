"""Limits that no policy may cross: rate, margin, depths that were seen, spread on an item, parity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.offers.economics import Money


@dataclass(frozen=True)
class Guardrails:
    """Which rates are allowed.

    Args:
        max_rate: No rate is above this, in [0, 1); for all, or of each pair. Shape ``[P]``.
        min_margin: Share of the net price that must be left over cost, below 1, negative where a loss is
            wanted; for all, or of each pair. Shape ``[P]``.
        observed_depths: Only rates up to the deepest discount that the item's own log shows; no curve is
            known beyond it.
        max_spread: Two users who are offered the same item get rates no further apart than this.
        salvage: Share of the regular price that a unit brings otherwise, as in a clearance: a price down to
            it is allowed, whatever margin is left.
        max_parity_gap: The mean spend per user of one demographic group exceeds that of another by no more
            than this share; groups come with the call.

    Raises:
        InputError: If one is outside its range.
    """

    max_rate: float | FloatArray = 0.3
    min_margin: float | FloatArray = 0.05
    observed_depths: bool = False
    max_spread: float | None = None
    salvage: float | None = None
    max_parity_gap: float | None = None

    def __post_init__(self) -> None:
        """Check each."""
        hint = "give a share, as 0.3 for 30 %"
        if not np.all((np.asarray(self.max_rate) >= 0.0) & (np.asarray(self.max_rate) < 1.0)):
            raise InputError(f"{self.max_rate} is not in 0..1", column="max_rate", hint=hint)
        if not np.all((np.asarray(self.min_margin) >= -10.0) & (np.asarray(self.min_margin) < 1.0)):
            raise InputError(f"{self.min_margin} is not below 1", column="min_margin", hint=hint)
        for key in ("max_spread", "max_parity_gap"):
            value = getattr(self, key)
            if value is not None and not value >= 0.0:
                raise InputError(f"{value} is negative", column=key, hint=hint)

    def floor(self, economics: Money) -> float | FloatArray:
        """Find the margin that must be left: the least one, or that at the salvage value if it is less."""
        if self.salvage is None:
            return self.min_margin
        return np.minimum(self.min_margin, 1.0 - (1.0 - economics.margin) / self.salvage)

    def margin_limit(self, economics: Money) -> FloatArray:
        """Find the rate at which ``(net - c) / net`` is the floor; ``net = P (1 - phi d)``, c the cost.

        Returns:
            In [0, 1], 0 where even the regular price leaves too little. No shape, or ``[P]``.
        """
        room = np.maximum(1.0 - (1.0 - economics.margin) / (1.0 - self.floor(economics)), 0.0)
        paid = np.asarray(economics.funded_share, dtype=np.float64)
        limit = np.divide(
            room, paid, out=np.ones(np.broadcast_shapes(room.shape, paid.shape)), where=paid > 0
        )
        return np.asarray(np.where(room > 0.0, limit, 0.0), dtype=np.float64)
