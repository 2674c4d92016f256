"""How well a score sorts people by what a treatment adds: uplift curve, Qini, AUUC, profit, with intervals.

People are sorted by the score, best first. Treating the first share ``q`` of them brings, per person of all,

    gain(q) = q · (mean outcome of the treated − mean outcome of the others, among those first people)

where means are weighted by one over the probability of the arm (Radcliffe, 2007; Gutierrez & Gérardy, 2017).
AUUC is the area under that curve, Qini the area between it and the straight line of a random order.
With outcomes after costs the curve is the profit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.errors import InputError

STEPS = 100
"""Points of a curve."""
RESAMPLES = 400


@dataclass(frozen=True)
class Trial:
    """People, half of whom (or another share) were treated by chance.

    Args:
        treated: Who was. Shape ``[n]``.
        outcome: Of each, in any unit. Shape ``[n]``.
        propensity: Probability of being treated, within (0, 1). Shape ``[n]``.
        cluster: Code of the person, where one has several rows. Shape ``[n]``.

    Raises:
        InputError: If an arm has nobody or a propensity is 0 or 1.
    """

    treated: BoolArray
    outcome: FloatArray
    propensity: FloatArray
    cluster: IntArray | None = None

    def __post_init__(self) -> None:
        """Check that there is something to compare."""
        if self.treated.all() or not self.treated.any():
            raise InputError("one arm has nobody, so nothing can be compared", column="arm")
        if not ((self.propensity > 0) & (self.propensity < 1)).all():
            raise InputError("must lie above 0 and below 1", column="propensity")

    @property
    def weight(self) -> FloatArray:
        """One over the probability of the arm that each had. Shape ``[n]``."""
        return 1.0 / np.where(self.treated, self.propensity, 1.0 - self.propensity)


@dataclass(frozen=True)
class Curve:
    """An uplift curve with its areas; every figure has a 95 % interval of the percentile bootstrap.

    Args:
        table: Columns ``share``, ``gain``, ``low``, ``high``, and ``random``, the line of a random order.
        figures: ``qini``, ``auuc``, ``gain_of_all``, each also as ``_low`` and ``_high``.
    """

    table: pd.DataFrame
    figures: dict[str, float]


def curve(score: FloatArray, trial: Trial, resamples: int = RESAMPLES, seed: int = 0) -> Curve:
    """Draw the curve of a score.

    Args:
        score: Higher first; who has the same score stands in a drawn order. Shape ``[n]``.
        trial: What happened.
        resamples: Of the bootstrap, over people.
        seed: Of the order of equals and of the bootstrap.
    """
    step = _steps_of(score, seed)
    shares = np.arange(1, step.max() + 2) / (step.max() + 1)
    gains = _gains(trial, step, shares)
    gain = gains(np.ones(len(score)))
    drawn = np.stack([gains(times) for times in _resampled(trial, resamples, seed)])
    low, high = _ends(drawn)
    table = pd.DataFrame(
        {"share": shares, "gain": gain, "low": low, "high": high, "random": shares * gain[-1]}
    )
    figures: dict[str, float] = {}
    for name, of in (("qini", _qini), ("auuc", _area), ("gain_of_all", lambda lines: lines[:, -1])):
        value = float(of(gain[None])[0])
        ends = _ends(of(drawn)[:, None])
        figures |= {name: value, f"{name}_low": float(ends[0][0]), f"{name}_high": float(ends[1][0])}
    return Curve(table, figures)


def deciles(predicted: FloatArray, trial: Trial, parts: int = 10, seed: int = 0) -> pd.DataFrame:
    """Compare what was foretold with what happened, in parts of equal size, the highest first.

    Returns:
        Columns ``part``, ``people``, ``predicted``, ``observed``, ``low``, ``high`` (95 %, normal).
    """
    order = _order(predicted, seed)
    rows = []
    for number, mine in enumerate(np.array_split(order, parts), start=1):
        value, error = _difference(trial, mine)
        told = float(predicted[mine].mean())
        rows.append((number, len(mine), told, value, value - 1.96 * error, value + 1.96 * error))
    return pd.DataFrame(rows, columns=["part", "people", "predicted", "observed", "low", "high"])


def _difference(trial: Trial, rows: IntArray) -> tuple[float, float]:
    """Weighted difference of means and its standard error among some rows."""
    value, variance = 0.0, 0.0
    for sign, mine in ((1, trial.treated[rows]), (-1, ~trial.treated[rows])):
        weight, y = trial.weight[rows][mine], trial.outcome[rows][mine]
        if len(y) < 2:
            return float("nan"), float("nan")
        mean = float(np.average(y, weights=weight))
        value += sign * mean
        variance += float((weight**2 @ (y - mean) ** 2) / weight.sum() ** 2)
    return value, variance**0.5


def _order(score: FloatArray, seed: int) -> IntArray:
    tie = np.random.default_rng(seed).random(len(score))
    return np.lexsort((tie, -score))


def _steps_of(score: FloatArray, seed: int) -> IntArray:
    """Find the step of the curve in which each person is treated, the best first. Shape ``[n]``."""
    step = np.empty(len(score), dtype=np.int64)
    step[_order(score, seed)] = np.arange(len(score)) * min(STEPS, len(score)) // len(score)
    return step


def _gains(trial: Trial, step: IntArray, shares: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Make what computes the curve where each row counts so many times. ``[n]`` to ``[steps]``."""
    sides = []
    for mine in (np.flatnonzero(trial.treated), np.flatnonzero(~trial.treated)):
        weight = trial.weight[mine]
        sides.append((mine, step[mine], weight, weight * trial.outcome[mine]))

    def gain(times: FloatArray) -> FloatArray:
        means = []
        for mine, steps, *sums in sides:
            people, total = (
                np.cumsum(np.bincount(steps, weights=times[mine] * of, minlength=len(shares))) for of in sums
            )
            means.append(np.divide(total, people, out=np.full(len(shares), np.nan), where=people > 0))
        return np.asarray(shares * (means[0] - means[1]))

    return gain


def _resampled(trial: Trial, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Draw people with replacement: how often each row counts."""
    rng = np.random.default_rng(seed)
    code = (
        np.arange(len(trial.treated))
        if trial.cluster is None
        else np.unique(trial.cluster, return_inverse=True)[1]
    )
    people = int(code.max()) + 1
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, people, people), minlength=people)[code].astype(np.float64)


def _ends(drawn: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Take 95 % of what was drawn, column by column; missing where an arm has nobody in any draw."""
    low, high = np.full((2, drawn.shape[1]), np.nan)
    known = np.isfinite(drawn).any(axis=0)
    if known.any():
        low[known], high[known] = np.nanpercentile(drawn[:, known], [2.5, 97.5], axis=0)
    return low, high


def _area(lines: FloatArray) -> FloatArray:
    """Compute the area under each curve, from 0 on, by trapezia. ``[B, steps]`` to ``[B]``.

    While the first people are all of one arm, nothing is gained yet.
    """
    whole = np.nan_to_num(np.concatenate([np.zeros((len(lines), 1)), lines], axis=1))
    return np.asarray((whole[:, 1:] + whole[:, :-1]).sum(axis=1) / (2 * lines.shape[1]))


def _qini(lines: FloatArray) -> FloatArray:
    """Compute the area between each curve and its straight line. ``[B, steps]`` to ``[B]``."""
    return np.asarray(_area(lines) - lines[:, -1] / 2)
