"""What weeks teach, and whether that foretells the next one better than what serves does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import RATE
from graphrec.offers.policies.named import POLICIES, follows_objective
from graphrec.offers.table import HAZARD
from graphrec.offpolicy.estimators import PolicyValue, as_logged
from graphrec.offpolicy.loop.learned import LearnedResponse
from graphrec.offpolicy.loop.weeks import Week
from graphrec.offpolicy.support import Decisions
from graphrec.response.recalibration import Recalibration


def teach(weeks: Sequence[Week], kept: Sequence[np.ndarray] | None = None) -> LearnedResponse:
    """Learn from weeks, or from some rows of each."""
    rows = [np.arange(len(week.frame)) for week in weeks] if kept is None else kept
    parts = [week.frame.assign(bought=week.share).iloc[own] for week, own in zip(weeks, rows, strict=True)]
    return LearnedResponse.fit(pd.concat(parts), weeks[-1].horizon)


def better(
    weeks: Sequence[Week], serving: LearnedResponse | None, challenger: LearnedResponse | None = None
) -> PolicyValue | None:
    """Compare how the newest week is foretold by what serves and by what the weeks before it teach.

    What serves is recalibrated on those weeks first: that alone is no reason for another policy.

    Args:
        weeks: In order.
        serving: Of the policy that serves; before the first promotion it is what the tables foretold.
        challenger: What was learnt before the newest week; it is learnt again if missing.

    Returns:
        Logloss per decision of the first less that of the second. None if there is no week before, if they
        have learnt from the same weeks, or if what serves decides by no response.
    """
    *before, week = weeks
    if not before or (serving is not None and serving.after >= before[-1].last):
        return None
    if serving is None and not all(_by_response(one) for one in weeks):
        return None
    old = _recalibrated([_logits(one, serving) for one in weeks], [one.share for one in weeks])
    learnt = teach(before) if challenger is None else challenger
    new = learnt.response(week.frame).probability(week.frame[RATE].to_numpy(np.float64))
    losses = [week.horizon * _loss(one, week.share) for one in (old, new)]
    user = pd.factorize(week.frame[Columns.USER].astype("str"))[0].astype(np.int64)
    return as_logged(Decisions(np.zeros(len(user), dtype=np.int64), losses[0] - losses[1], None, user))


def pooled(weeks: Sequence[PolicyValue]) -> PolicyValue | None:
    """Average comparisons of several weeks, each of which was foretold before it came; None without any."""
    if not weeks:
        return None
    error = float(np.sqrt(sum(one.standard_error**2 for one in weeks))) / len(weeks)
    return PolicyValue(float(np.mean([one.value for one in weeks])), error)


def _by_response(week: Week) -> bool:
    """Tell whether the policy that a week was decided by looks at a response."""
    name = str(week.frame["policy"].iloc[0])
    return name in POLICIES and follows_objective(POLICIES[name]())


def _loss(chance: FloatArray, share: FloatArray) -> FloatArray:
    """Compute the logloss of a week, of the share of them in which each pair was bought. Shape ``[n]``."""
    inside = chance.clip(1e-9, 1.0 - 1e-9)
    return np.asarray(-share * np.log(inside) - (1.0 - share) * np.log1p(-inside), dtype=np.float64)


def _logits(week: Week, serving: LearnedResponse | None) -> tuple[FloatArray, FloatArray]:
    """Find logits without discount, and what the rates that were given add. Shapes ``[n]``."""
    rate = week.frame[RATE].to_numpy(np.float64)
    if serving is None:
        chances = [_weekly(week.frame, name) for name in ("probability", "probability_at_rate")]
    else:
        response = serving.response(week.frame)
        chances = [response.base, response.probability(rate)]
    base, there = (np.log(one) - np.log1p(-one) for one in (np.clip(c, 1e-9, 1 - 1e-9) for c in chances))
    return base, there - base


def _weekly(frame: pd.DataFrame, name: str) -> FloatArray:
    """Turn the chance of a purchase in all weeks into that of one. Shape ``[n]``."""
    within = frame[name].to_numpy(np.float64)
    if HAZARD not in frame:
        return within
    hazard = np.log1p(-within.clip(0.0, 1.0 - 1e-12)) / frame[HAZARD].to_numpy(np.float64)
    return np.asarray(-np.expm1(hazard), dtype=np.float64)


def _recalibrated(
    logits: Sequence[tuple[FloatArray, FloatArray]], bought: Sequence[FloatArray]
) -> FloatArray:
    """Put the newest week's logits right by the weeks before. Shape ``[n]``."""
    base, rise = (np.concatenate(one) for one in zip(*logits[:-1], strict=True))
    found = Recalibration.fit(base, rise, np.concatenate(bought[:-1]))
    return np.asarray(1.0 / (1.0 + np.exp(-found(*logits[-1]))), dtype=np.float64)
