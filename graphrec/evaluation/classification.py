"""How well a score tells rare events from the rest, with intervals that resample whole users.

Rows of one user depend on each other, so a bootstrap over rows would give intervals that are too narrow.
A resample only changes how often a user's rows count; hence every measure takes weights, and the rows are
sorted once for all resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.evaluation.intervals import resamples


class Separation(NamedTuple):
    """How well a score separates events from the rest."""

    auc: float
    average_precision: float


@dataclass(frozen=True)
class Ordered:
    """Rows from the highest score to the lowest, and where each run of equal scores ends.

    Args:
        label: Whether the event happened. Shape ``[P]``.
        user: Code of each row's user. Shape ``[P]``.
        end: Index of the last row of each run. Shape ``[runs]``.
    """

    label: BoolArray
    user: IntArray
    end: IntArray

    @classmethod
    def by_score(cls, score: npt.ArrayLike, label: npt.ArrayLike, user: npt.ArrayLike) -> Ordered:
        """Sort once.

        Raises:
            ValueError: If the lengths differ, or the labels are all the same.
        """
        scores, labels = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.bool_)
        users = np.unique(np.asarray(user), return_inverse=True)[1].astype(np.int64)
        if not scores.shape == labels.shape == users.shape:
            raise ValueError("score, label and user must be vectors of one length")
        if labels.all() or not labels.any():
            raise ValueError("both outcomes must occur")
        order = np.argsort(-scores, kind="stable")
        end = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
        return cls(labels[order], users[order], end.astype(np.int64))

    @property
    def num_users(self) -> int:
        """Number of different users."""
        return int(self.user.max()) + 1

    def measure(self, user_weight: FloatArray | None = None) -> Separation:
        """Compute the area under the ROC curve, ties counted half, and average precision.

        Average precision is a step sum, without interpolation.

        Args:
            user_weight: How often each user counts; once if missing. Shape ``[U]``.
        """
        weight = np.ones(len(self.label)) if user_weight is None else user_weight[self.user]
        hits = np.cumsum(weight * self.label)[self.end]
        rows = np.cumsum(weight)[self.end]
        if not hits[-1] or hits[-1] == rows[-1]:
            return Separation(float("nan"), float("nan"))  # a resample may hold no event at all
        misses = rows - hits
        gained = np.diff(hits, prepend=0.0)
        precision = np.divide(hits, rows, out=np.zeros_like(hits), where=rows > 0)
        beaten = misses[-1] - misses + 0.5 * np.diff(misses, prepend=0.0)
        area = float(gained @ beaten / (hits[-1] * misses[-1]))
        return Separation(area, float(gained @ precision / hits[-1]))


def area_under_curve(score: npt.ArrayLike, label: npt.ArrayLike) -> float:
    """Compute the area under the ROC curve, ties counted half; 0.5 where both outcomes do not occur.

    Args:
        score: Higher means more likely. Shape ``[P]``.
        label: Whether the event happened. Shape ``[P]``.
    """
    ordered = _both_outcomes(score, label)
    return 0.5 if ordered is None else ordered.measure().auc


def average_precision(score: npt.ArrayLike, label: npt.ArrayLike) -> float:
    """Compute average precision, a step sum; the share of events where both outcomes do not occur.

    Args:
        score: Higher means more likely. Shape ``[P]``.
        label: Whether the event happened. Shape ``[P]``.
    """
    ordered = _both_outcomes(score, label)
    return (
        float(np.asarray(label, dtype=np.float64).mean())
        if ordered is None
        else ordered.measure().average_precision
    )


def _both_outcomes(score: npt.ArrayLike, label: npt.ArrayLike) -> Ordered | None:
    labels = np.asarray(label, dtype=np.bool_)
    if labels.all() or not labels.any():
        return None
    return Ordered.by_score(score, labels, np.zeros(len(labels), dtype=np.int64))


def user_intervals(
    score: npt.ArrayLike,
    label: npt.ArrayLike,
    user: npt.ArrayLike,
    replicates: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, float]:
    """Compute AUC and average precision with percentile intervals over resampled users.

    Args:
        score: Higher means more likely. Shape ``[P]``.
        label: Whether the event happened. Shape ``[P]``.
        user: Whose row it is. Shape ``[P]``.
        replicates: Number of resamples.
        level: Probability mass between the bounds.
        seed: The same seed gives the same intervals.

    Returns:
        ``auc``, ``auc_low``, ``auc_high`` and the same of ``average_precision``.
    """
    rows = Ordered.by_score(score, label, user)
    drawn = np.array([rows.measure(weight) for weight in _weights(rows, replicates, seed)])
    return _named(np.array(rows.measure()), drawn, level)


def paired_intervals(
    score: npt.ArrayLike,
    other: npt.ArrayLike,
    label: npt.ArrayLike,
    user: npt.ArrayLike,
    replicates: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, float]:
    """Measure what one score gains over another, on the same rows and resamples; see `user_intervals`."""
    ours, theirs = (Ordered.by_score(one, label, user) for one in (score, other))
    drawn = np.array(
        [np.subtract(ours.measure(w), theirs.measure(w)) for w in _weights(ours, replicates, seed)]
    )
    return _named(np.subtract(ours.measure(), theirs.measure()), drawn, level)


def _weights(rows: Ordered, replicates: int, seed: int) -> list[FloatArray]:
    users = rows.num_users
    return [
        np.bincount(drawn, minlength=users).astype(np.float64) for drawn in resamples(users, replicates, seed)
    ]


def _named(values: FloatArray, drawn: FloatArray, level: float) -> dict[str, float]:
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(drawn, [tail, 100 - tail], axis=0)
    found: dict[str, float] = {}
    for number, name in enumerate(Separation._fields):
        found |= {name: float(values[number])}
        found |= {f"{name}_low": float(low[number]), f"{name}_high": float(high[number])}
    return found
