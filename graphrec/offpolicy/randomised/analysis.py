"""What an experiment brought: differences of arms with intervals, after a check that arms are as planned.

- **Ratio.** A chi-square test of the people in each arm against the planned shares. Where it fails (p below
  .001) people were lost between the draw and the log. No difference can be trusted then (Fabijan et al., KDD
  2019).
- **Difference.** Of means, with Welch's interval. Several rows of a person are summed before.
- **CUPED.** Each measure less what the same measure before the experiment foretells of it, by one slope
  within arms (Deng et al., WSDM 2013). The mean is the same, with less variance.
- **Any time.** An interval that holds at every look, tightest at a stated number of people. It is an
  asymptotic confidence sequence (Waudby-Smith et al., Annals of Statistics 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy.stats import chisquare, t

from graphrec.arrays import FloatArray
from graphrec.errors import InputError

BROKEN = 0.001
"""A p of the ratio below this is no chance."""


@dataclass(frozen=True)
class Difference:
    """An arm less the control, of one measure.

    Args:
        control: Mean of the control.
        treated: Mean of the arm.
        value: Their difference, after CUPED where there is a measure from before.
        error: Its standard error.
        low: Of the 95 % interval (or of another level).
        high: Of the same.
        p: Two-sided.
        lift: The difference as a share of the control's mean; missing where that is not above 0.
        lift_low: Of its interval, by the delta method.
        lift_high: Of the same.
        explained: Share of the variance that CUPED took away.
        people: Of both arms.
    """

    control: float
    treated: float
    value: float
    error: float
    low: float
    high: float
    p: float
    lift: float
    lift_low: float
    lift_high: float
    explained: float
    people: int


def ratio_p(counts: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """Compute the p of the people in each arm, where arms were drawn with these shares.

    Raises:
        InputError: If the arms of the two differ.
    """
    if set(counts) != set(shares):
        lacking = sorted(set(counts) ^ set(shares))[0]
        raise InputError(
            f"the arm {lacking!r} is not in both", column="shares", hint="name the arms of the log"
        )
    seen = np.array([counts[arm] for arm in counts], dtype=np.float64)
    planned = np.array([shares[arm] for arm in counts]) * seen.sum() / sum(shares.values())
    return float(chisquare(seen, planned).pvalue)


def difference(
    outcome: FloatArray,
    treated: np.ndarray,
    before: FloatArray | None = None,
    level: float = 0.05,
    any_time: int | None = None,
) -> Difference:
    """Compare two arms.

    Args:
        outcome: A number per person. Shape ``[n]``.
        treated: Whether the person was. Shape ``[n]``.
        before: The same measure before the experiment, for CUPED. Shape ``[n]``.
        level: One less the coverage of the interval.
        any_time: People of both arms at which an interval that holds at any time is to be tightest; the
            ordinary one if missing.

    Raises:
        InputError: If an arm has fewer than two people.
    """
    groups = (~treated, treated)
    if min(int(mine.sum()) for mine in groups) < 2:
        raise InputError("an arm has fewer than two people", column="arm", hint="leave it out")
    adjusted, explained = outcome, 0.0
    if before is not None and before.var() > 0:
        adjusted, explained = _less_before(outcome, before, groups)
    n = [int(mine.sum()) for mine in groups]
    variances = [float(adjusted[mine].var(ddof=1)) / size for mine, size in zip(groups, n, strict=True)]
    value = float(adjusted[treated].mean() - adjusted[~treated].mean())
    error = sqrt(sum(variances))
    half, p = _width(value, error, variances, n, level, any_time)
    lift = _lift(float(adjusted[~treated].mean()), value, variances, half / error if error else 0.0)
    control, other = (float(outcome[mine].mean()) for mine in groups)
    return Difference(control, other, value, error, value - half, value + half, p, *lift, explained, sum(n))


def _lift(control: float, value: float, variances: list[float], reach: float) -> tuple[float, float, float]:
    """Divide the difference by the control's mean, which is an estimate too (delta method)."""
    if control <= 0:
        return float("nan"), float("nan"), float("nan")
    ratio = (control + value) / control
    error = sqrt(variances[1] + ratio**2 * variances[0]) / control
    return value / control, value / control - reach * error, value / control + reach * error


def _less_before(
    outcome: FloatArray, before: FloatArray, groups: tuple[np.ndarray, np.ndarray]
) -> tuple[FloatArray, float]:
    """Take off what the measure before foretells, by the slope within arms."""
    within_y, within_x = outcome.astype(np.float64).copy(), before.astype(np.float64).copy()
    for mine in groups:
        within_y[mine] -= within_y[mine].mean()
        within_x[mine] -= within_x[mine].mean()
    spread = float(within_x @ within_x)
    slope = float(within_x @ within_y) / spread if spread > 0 else 0.0
    total = float(within_y @ within_y)
    explained = slope**2 * spread / total if total > 0 else 0.0
    return outcome - slope * (before - before.mean()), explained


def _width(
    value: float, error: float, variances: list[float], n: list[int], level: float, any_time: int | None
) -> tuple[float, float]:
    """Half the width of the interval, and p."""
    if error == 0.0:
        return 0.0, 1.0 if value == 0.0 else 0.0
    if any_time is not None:
        total = sum(n)
        half = error * any_time_factor(total, any_time, level)
        return half, _any_time_p(abs(value) / error, total, any_time)
    freedom = sum(variances) ** 2 / sum(v**2 / (k - 1) for v, k in zip(variances, n, strict=True))
    return float(t.ppf(1 - level / 2, freedom)) * error, float(2 * t.sf(abs(value) / error, freedom))


def any_time_factor(people: int, tightest: int, level: float = 0.05) -> float:
    """Compute by how many standard errors an interval that holds at any time reaches out.

    ``sqrt((n ρ² + 1) / (n ρ²) · log((n ρ² + 1) / α²))``; ρ is chosen so that it is tightest at `tightest`.

    Args:
        people: There are now.
        tightest: At which it is to be tightest.
        level: One less the coverage, over all looks.
    """
    scaled = people * _rho_squared(tightest, level)
    return sqrt((scaled + 1) / scaled * log((scaled + 1) / level**2))


def _rho_squared(tightest: int, level: float) -> float:
    """Choose the spread of the mixture (Waudby-Smith et al., appendix B.2)."""
    return (-2 * log(level) + log(-2 * log(level) + 1)) / tightest


def _any_time_p(z: float, people: int, tightest: int) -> float:
    """Find the least level at which the interval leaves 0 out, for the mixture of the 95 % interval."""
    scaled = people * _rho_squared(tightest, 0.05)
    exponent = z**2 * scaled / (2 * (scaled + 1))
    return float(min(1.0, sqrt(scaled + 1) * np.exp(-exponent)))
