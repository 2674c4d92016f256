"""Limits that no policy may cross: rate, margin, depths that were seen, spread on an item, parity."""

from __future__ import annotations

from dataclasses import dataclass

from graphrec.errors import InputError
from graphrec.offers.economics import Economics


@dataclass(frozen=True)
class Guardrails:
    """Which rates are allowed.

    Args:
        max_rate: No rate is above this, in [0, 1).
        min_margin: Share of the net price that must be left over cost, below 1; negative where a loss down
            to the salvage value is wanted, as in a clearance.
        observed_depths: Only rates up to the deepest discount that the item's own log shows; no curve is
            known beyond it.
        max_spread: Two users who are offered the same item get rates no further apart than this.
        max_parity_gap: The mean spend per user of one demographic group exceeds that of another by no more
            than this share; groups come with the call.

    Raises:
        InputError: If one is outside its range.
    """

    max_rate: float = 0.3
    min_margin: float = 0.05
    observed_depths: bool = False
    max_spread: float | None = None
    max_parity_gap: float | None = None

    def __post_init__(self) -> None:
        """Check each."""
        hint = "give a share, as 0.3 for 30 %"
        if not 0.0 <= self.max_rate < 1.0:
            raise InputError(f"{self.max_rate} is not in 0..1", column="max_rate", hint=hint)
        if not -10.0 <= self.min_margin < 1.0:
            raise InputError(f"{self.min_margin} is not below 1", column="min_margin", hint=hint)
        for key in ("max_spread", "max_parity_gap"):
            value = getattr(self, key)
            if value is not None and not value >= 0.0:
                raise InputError(f"{value} is negative", column=key, hint=hint)

    def margin_limit(self, economics: Economics) -> float:
        """Find the rate at which ``(net - c) / net`` is `min_margin`; ``net = P (1 - phi d)``, c the cost."""
        room = 1.0 - (1.0 - economics.margin) / (1.0 - self.min_margin)
        if room <= 0.0:
            return 0.0
        return room / economics.funded_share if economics.funded_share > 0 else 1.0
