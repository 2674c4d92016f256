"""Whether a new policy goes live: only if the worst that its log allows still beats the current one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.offpolicy.estimators import PolicyValue


@dataclass(frozen=True)
class GateDecision:
    """What the gate said.

    Args:
        live: Whether the new policy goes live.
        reason: Why, with the figures.
    """

    live: bool
    reason: str


def gate(candidate: PolicyValue, current: PolicyValue) -> GateDecision:
    """Compare the lower end of the candidate's interval with the current policy's estimate.

    The candidate must have been made without the decisions that it is judged on. A refused estimate of either
    keeps the current policy.

    Args:
        candidate: Value of the new policy, for example by DR.
        current: Value of the one in use, on the same decisions.
    """
    for name, value in (("new", candidate), ("current", current)):
        if not np.isfinite(value.value):
            return GateDecision(False, f"kept: the {name} policy cannot be judged: {value.reason}")
    figures = f"at least {candidate.low:.4g} against {current.value:.4g}"
    if candidate.low > current.value:
        return GateDecision(True, f"live: worth {figures}")
    return GateDecision(False, f"kept: worth {figures}")
