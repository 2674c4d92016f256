"""How many people an experiment needs, or what it can find with those there are.

Two arms are compared by the difference of their means, two-sided, with the normal approximation:

    n per arm = (z(1 - α/2) + z(power))² · (variance of control + variance of treated / ratio) / effect²

For a share the variance is p (1 - p) of each arm. With several arms against one control the level is α over
their number (Bonferroni), so that all of them together keep it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt

from scipy.optimize import brentq
from scipy.stats import norm

from graphrec.errors import InputError, check_above, check_between


@dataclass(frozen=True)
class Measure:
    """What is measured of each person.

    Args:
        mean: Without a treatment. Of a share, the share itself.
        deviation: Standard deviation over people; nothing for a share, which tells its own.
    """

    mean: float
    deviation: float | None = None

    @property
    def share(self) -> bool:
        """Whether it is 0 or 1 of each person."""
        return self.deviation is None

    def variance(self, effect: float = 0.0) -> float:
        """Compute the variance of one person where the mean has moved by an effect."""
        if self.deviation is not None:
            return self.deviation**2
        moved = self.mean + effect
        return moved * (1.0 - moved)


@dataclass(frozen=True)
class Plan:
    """An experiment with one control and one or more treated arms of equal size.

    Args:
        measure: The one that decides.
        effect: Difference of means that is to be found, in the unit of the measure.
        power: Probability of finding it.
        level: Probability of finding something where there is nothing, over all arms.
        arms: Treated arms.
        ratio: People of one treated arm for each of the control.
        control: People of the control.
        explained: Share of the variance that a measure from before explains (CUPED): the square of the
            correlation.
    """

    measure: Measure
    effect: float
    power: float
    level: float = 0.05
    arms: int = 1
    ratio: float = 1.0
    control: int = 0
    explained: float = 0.0

    @property
    def treated(self) -> int:
        """People of one treated arm."""
        return ceil(self.control * self.ratio)

    @property
    def people(self) -> int:
        """People of all arms together."""
        return self.control + self.arms * self.treated

    @property
    def relative(self) -> float:
        """The effect as a share of the mean without a treatment."""
        return self.effect / self.measure.mean if self.measure.mean else float("nan")


def _check(plan: Plan) -> None:
    check_above(0, level=plan.level, ratio=plan.ratio)
    check_between(0, 0.99, explained=plan.explained)
    if plan.arms < 1:
        raise InputError("must be at least 1", column="arms")
    if not plan.level < 0.5:
        raise InputError("must be below 0.5", column="level", hint="0.05 is usual")
    share = plan.measure.share
    if share and not 0 < plan.measure.mean < 1:
        raise InputError("a share lies between 0 and 1", column="baseline", hint="0.05 for 5 %")
    if share and not 0 < plan.measure.mean + plan.effect < 1:
        raise InputError("takes the share out of 0 to 1", column="effect", hint="ask for a smaller one")
    if plan.measure.deviation is not None and not plan.measure.deviation > 0:
        raise InputError("must be above 0", column="sd", hint="the standard deviation over people")


def people_for(plan: Plan) -> Plan:
    """Find the people of the control that a plan with an effect and a power needs.

    Raises:
        InputError: If a number is out of its range, or the effect is 0.
    """
    _check(plan)
    if not 0 < plan.power < 1:
        raise InputError("must lie between 0 and 1", column="power", hint="0.8 is usual")
    if plan.effect == 0:
        raise InputError("an effect of 0 needs everybody there is", column="effect", hint="name one")
    z = norm.ppf(1 - plan.level / (2 * plan.arms)) + norm.ppf(plan.power)
    spread = plan.measure.variance() + plan.measure.variance(plan.effect) / plan.ratio
    return replace(plan, control=ceil(z**2 * spread * (1 - plan.explained) / plan.effect**2))


def power_of(plan: Plan) -> Plan:
    """Find the power that a plan with people and an effect has.

    Raises:
        InputError: If a number is out of its range.
    """
    _check(plan)
    if plan.control < 2:
        raise InputError("too few people", column="people", hint="2 in each arm at least")
    error = _error(plan)
    z = norm.ppf(1 - plan.level / (2 * plan.arms))
    return replace(plan, power=float(norm.cdf(plan.effect / error - z) + norm.cdf(-plan.effect / error - z)))


def effect_for(plan: Plan) -> Plan:
    """Find the least effect above 0 that a plan with people finds with its power.

    Raises:
        InputError: If a number is out of its range, or no effect can be found.
    """
    top = (1 - plan.measure.mean) * 0.999999 if plan.measure.share else 100 * sqrt(plan.measure.variance())

    def lacks(effect: float) -> float:
        return power_of(replace(plan, effect=effect)).power - plan.power

    _check(replace(plan, effect=0.0))
    if lacks(top) < 0:
        raise InputError(
            "so few people find no effect", column="people", hint="ask for less power, or more people"
        )
    return replace(plan, effect=float(brentq(lacks, top * 1e-9, top)))


def _error(plan: Plan) -> float:
    spread = plan.measure.variance() / plan.control + plan.measure.variance(plan.effect) / plan.treated
    return sqrt(spread * (1 - plan.explained))
