"""Limits that no policy may cross: a maximum rate and a minimum margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.errors import InputError
from graphrec.offers.economics import BoolArray, Economics, FloatArray, percent


@dataclass(frozen=True)
class Guardrails:
    """Which rates are allowed.

    Args:
        max_rate: No rate is above this, in [0, 1).
        min_margin: Share of the net price that must be left over cost, in [0, 1).

    Raises:
        InputError: If one is outside its range.
    """

    max_rate: float = 0.3
    min_margin: float = 0.05

    def __post_init__(self) -> None:
        """Check both."""
        for key, value in (("max_rate", self.max_rate), ("min_margin", self.min_margin)):
            if not 0.0 <= value < 1.0:
                raise InputError(f"{value} is not in 0..1", column=key, mend="give a share, as 0.3 for 30 %")

    def limit(self, economics: Economics) -> float:
        """The largest allowed rate, in [0, 1)."""
        return min(self.max_rate, self._margin_limit(economics))

    def allowed(self, levels: FloatArray, economics: Economics) -> BoolArray:
        """Which levels may be used; rate 0 always may. ``[R]`` to ``[R]``."""
        return np.asarray(levels <= self.limit(economics))

    def apply(self, rate: FloatArray, economics: Economics) -> tuple[FloatArray, BoolArray]:
        """Bring rates into the limits: one that is not allowed falls to the largest allowed.

        Args:
            rate: Rates that a policy asked for. Shape ``[P]``.
            economics: Margin and funding.

        Returns:
            Allowed rates and which of them were capped. Shapes ``[P]``.

        Raises:
            ValueError: If a rate is missing.
        """
        if np.isnan(rate).any():
            raise ValueError("a policy returned a missing rate")
        limit = self.limit(economics)
        return np.clip(rate, 0.0, limit), np.asarray(rate > limit)

    def reason(self, economics: Economics) -> str:
        """What to tell about a capped rate."""
        margin_limit = self._margin_limit(economics)
        if margin_limit < self.max_rate:
            left = f"to leave a margin of {percent(self.min_margin)}"
            return f"min_margin: capped at {percent(margin_limit)} {left}"
        return f"max_rate: capped at the maximum rate {percent(self.max_rate)}"

    def _margin_limit(self, economics: Economics) -> float:
        """Rate at which ``(net - c) / net`` is `min_margin`, with ``net = P (1 - phi d)`` and c the cost."""
        room = 1.0 - (1.0 - economics.margin) / (1.0 - self.min_margin)
        if room <= 0.0:
            return 0.0
        return room / economics.funded_share if economics.funded_share > 0 else 1.0
