"""Offers that chance decides, within every limit and budget, and how likely each of them was.

Of a small share of the decisions the level is drawn at random among those that are allowed. Without that no
log can say what another policy would have brought. All draws come from one turn of a wheel: each decision has
a place on it, and those that come to lie in a sector of the wanted share are drawn for. A turn that would
cost more than a budget is not taken. So the propensity of a level is the length of the turns that give it,
among the turns that are taken: exact, whatever the budgets are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget, GroupBudget, UserCap
from graphrec.offers.choices import Choices
from graphrec.offers.decide import decide
from graphrec.offers.decision import Decision
from graphrec.offers.levels import LEVELS
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.base import Policy
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offers.reasons import Reason, chosen
from graphrec.response.curves import Response

DEVIATIONS = 2.0
"""Standard deviations of what chance may cost that are kept back beside its mean."""
MOST_OF_BUDGET = 0.5
"""Share of a budget that may be kept back for chance."""
ROUNDING = 1e-9
"""A turn is taken if it costs this share of a budget less than all of it: sums depend on their order."""


@dataclass(frozen=True)
class Exploration:
    """How much is left to chance.

    Args:
        share: Of the decisions for which a level is drawn, above 0 and up to 1.
        seed: The same one draws the same in the same week.
        week: That is decided for.
        challenger: Curves of the same pairs that may take the place of those which serve.

    Raises:
        InputError: If the share is outside its range.
    """

    share: float
    seed: int = 0
    week: int = 0
    challenger: Response | None = None

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0.0 < self.share <= 1.0:
            hint = "give a share above 0, as 0.05"
            raise InputError(f"{self.share} is no share to explore", column="--explore", hint=hint)

    @property
    def draw(self) -> float:
        """The one number that chance draws, in [0, 1)."""
        return float(np.random.default_rng([self.seed, self.week % 2**32]).random())


def explored(policy: Policy, pairs: Pairs, budget: Budget, exploration: Exploration) -> Decision:
    """Decide as a policy does, and leave a share of the decisions to chance.

    Args:
        policy: One that chooses among levels, as the knapsack does.
        pairs: What may be known of them.
        budget: What the offers may cost together, those of chance included.
        exploration: How much is left to chance.

    Returns:
        The decision with the propensity of each rate, and the rate that the policy itself had planned.

    Raises:
        InputError: If the policy has no levels, or chance would use up a budget.
    """
    if not hasattr(policy, "choose"):
        what = f"{policy.name} does not choose among levels, which chance could draw from"
        hint = "choose knapsack, expected_profit, greedy_roi or none"
        raise InputError(what, column="--explore", hint=hint)
    choices = pairs.choices(getattr(policy, "levels", LEVELS))
    pooled, row = choices.pooled(budget), _Rows(choices)
    likely = _likely(choices, row, pairs, budget, exploration.challenger)
    within = without_reserve(budget, pooled, choices.spend, likely, exploration.share)
    planned = decide(policy, pairs, within)
    plan = row.level(planned.rate)
    likely = _within_cap(likely, plan, pooled.cap)
    wheel = Wheel(choices.spend, likely, plan, exploration.share)
    level, drawn, propensity = wheel.turn(pooled, exploration.draw)
    return replace(
        planned,
        rate=choices.rates[np.arange(len(row.of_pair)), level[row.of_pair]],
        reason=chosen(drawn[row.of_pair], Reason.EXPLORED, planned.reasons),
        gain=choices.value[np.arange(len(level)), level][row.of_pair],
        levels=choices.rates.shape[1],
        propensity=propensity[row.of_pair],
        planned=planned.rate,
    )


class _Rows:
    """Which decision each pair belongs to: its own, or that of a coupon.

    Args:
        choices: What is chosen among.
    """

    def __init__(self, choices: Choices) -> None:
        alone = choices.members is None
        self.of_pair = np.arange(len(choices.rates)) if alone else np.asarray(choices.members)
        self.rates = choices.rates[np.unique(self.of_pair, return_index=True)[1]]
        self.first = np.unique(self.of_pair, return_index=True)[1]

    def level(self, rate: FloatArray) -> IntArray:
        """Find the level of each decision. ``[P]`` to ``[D]``."""
        nearest = np.abs(self.rates - rate[self.first, None]).argmin(axis=1)
        return np.asarray(nearest, dtype=np.int64)


def _likely(
    choices: Choices, row: _Rows, pairs: Pairs, budget: Budget, challenger: Response | None
) -> FloatArray:
    """Find how likely each level is where chance draws. Shape ``[D, R]``.

    All that are allowed are equally likely. With a challenger half of the draws take what it would do: so it
    can be judged soon.
    """
    likely = choices.allowed / choices.allowed.sum(axis=1, keepdims=True)
    if challenger is None:
        return np.asarray(likely, dtype=np.float64)
    asked = decide(Knapsack(), replace(pairs, response=challenger), budget)
    half = np.eye(likely.shape[1])[row.level(asked.rate)] * choices.allowed
    half[half.sum(axis=1) == 0, 0] = 1.0
    return np.asarray((likely + half) / 2.0, dtype=np.float64)


def without_reserve(
    budget: Budget, pooled: Budget, spend: FloatArray, likely: FloatArray, share: float
) -> Budget:
    """Keep back of each budget what chance is likely to cost: its mean and some deviations.

    A plan does not cost what it costs without chance, since a share of it is drawn for.

    Args:
        budget: Of the pairs.
        pooled: The same of the decisions.
        spend: Of each level. Shape ``[D, R]``.
        likely: How likely each level is where chance draws. Shape ``[D, R]``.
        share: That is left to chance.

    Raises:
        InputError: If that is more than half of a budget.
    """
    mean, square = (share * (likely * cost).sum(axis=1) for cost in (spend, spend**2))

    def left(money: FloatArray, group: IntArray) -> FloatArray:
        inside, size = group >= 0, len(money)
        cost, spread = (np.bincount(group[inside], one[inside], size) for one in (mean, square))
        reserve = cost + DEVIATIONS * np.sqrt(spread)
        short = reserve > MOST_OF_BUDGET * money
        if short.any():
            place = int(np.flatnonzero(short)[0])
            what = (
                f"chance may cost {reserve[place]:,.4g} of a budget of {money[place]:,.4g},"
                f" and no more than half of it is left to chance"
            )
            hint = f"give a smaller share, or a budget of {reserve[place] / MOST_OF_BUDGET:,.4g} or more"
            raise InputError(what, column="--explore", hint=hint)
        most = (money - reserve) / max(1.0 - share, 1e-9)
        return np.asarray(np.minimum(most, money), dtype=np.float64)

    everything = np.zeros(len(mean), dtype=np.int64)
    total = None if budget.total is None else float(left(np.array([budget.total]), everything)[0])
    groups = tuple(
        GroupBudget(own.group, left(own.budget, family.group))
        for own, family in zip(budget.groups, pooled.groups, strict=True)
    )
    return Budget(total, groups, budget.cap)


def _within_cap(likely: FloatArray, plan: IntArray, cap: UserCap | None) -> FloatArray:
    """Draw nothing where a user may get no more offers. Shape ``[D, R]``.

    Where there are only so many more, only so many of the user's decisions without one may be drawn for.
    """
    if cap is None:
        return likely
    users = int(cap.user.max(initial=-1)) + 1
    most = np.full(users, cap.offers) if isinstance(cap.offers, int) else cap.offers
    room = most - np.bincount(cap.user[plan > 0], minlength=len(most))
    without = np.flatnonzero(plan == 0)
    before = pd.Series(cap.user[without]).groupby(cap.user[without]).cumcount().to_numpy()
    shut = without[before >= room[cap.user[without]]]
    kept = likely.copy()
    kept[shut] = np.eye(likely.shape[1])[0]
    return kept


class Wheel:
    """Places of decisions on a wheel, and what each turn of it costs.

    Args:
        spend: Of each level. Shape ``[D, R]``.
        chance: How likely each level is where it is drawn; rows sum to 1. Shape ``[D, R]``.
        plan: Level that is given where nothing is drawn. Shape ``[D]``.
        share: Sector of the wheel in which a level is drawn.
    """

    def __init__(self, spend: FloatArray, chance: FloatArray, plan: IntArray, share: float) -> None:
        self.spend, self.plan, self.share = spend, plan, share
        self.rows = np.flatnonzero((chance > 0).sum(axis=1) > 1)
        ends = chance[self.rows].cumsum(axis=1)
        ends = np.where(ends > 1.0 - ROUNDING, share, share * ends)
        self.ends = np.hstack([np.zeros((len(ends), 1)), ends])
        places = np.random.default_rng(len(self.rows)).permutation(len(self.rows))
        self.place = (places + 0.5) / max(len(self.rows), 1)

    def turn(self, budget: Budget, draw: float) -> tuple[IntArray, BoolArray, FloatArray]:
        """Turn once: levels, which of them were drawn, and their propensities. Shapes ``[D]``.

        Args:
            budget: What no turn may exceed.
            draw: A uniform number: the place among the turns that are taken.

        Raises:
            InputError: If no turn keeps to the budgets.
        """
        edges, covered = self._taken(budget)
        if not covered[-1] > 0.0:
            hint = "give a smaller --explore, or a larger budget"
            raise InputError("no draw keeps to the budget", column="--explore", hint=hint)
        turn = float(np.interp(draw * covered[-1], covered, edges))
        drawn, propensity = np.zeros(len(self.plan), dtype=np.bool_), np.ones(len(self.plan))
        level = self._level_at(turn)
        drawn[self.rows] = (self.place + turn) % 1.0 < self.share
        propensity[self.rows] = self._chance(level[self.rows], edges, covered) / covered[-1]
        return level, drawn, propensity

    def _taken(self, budget: Budget) -> tuple[FloatArray, FloatArray]:
        """Find the turns that are taken: points of the wheel, and the length that is taken up to each."""
        limits = [] if budget.total is None else [(np.zeros(len(self.plan), dtype=np.int64), budget.total)]
        for family in budget.groups:
            of_group = [np.where(family.group == one, 0, -1) for one in range(len(family.budget))]
            limits += list(zip(of_group, family.budget.tolist(), strict=True))
        if not limits or not len(self.rows):
            return np.array([0.0, 1.0]), np.array([0.0, 1.0])
        at = (self.ends - self.place[:, None]) % 1.0
        plan = self.spend[self.rows, self.plan[self.rows]][:, None]
        change = np.diff(np.hstack([plan, self.spend[self.rows], plan]), axis=1)
        order = np.argsort(at, axis=None, kind="stable")
        edges = np.concatenate([[0.0], at.ravel()[order], [1.0]])
        kept = np.ones(len(edges) - 1, dtype=np.bool_)
        start = self.spend[np.arange(len(self.plan)), self._level_at(0.0)]
        for group, money in limits:
            mine = (group[self.rows] == 0)[:, None]
            changes = np.where(mine, change, 0.0).ravel()[order].cumsum()
            cost = float(start[group == 0].sum()) + np.concatenate([[0.0], changes])
            kept &= cost <= money * (1.0 - ROUNDING)
        return edges, np.concatenate([[0.0], np.cumsum(np.diff(edges) * kept)])

    def _level_at(self, turn: float) -> IntArray:
        """Find the levels at a turn. Shape ``[D]``."""
        at = (self.place + turn) % 1.0
        inside, level = at < self.share, self.plan.copy()
        level[self.rows[inside]] = (at[inside, None] >= self.ends[inside, 1:]).sum(axis=1)
        return level

    def _chance(self, level: IntArray, edges: FloatArray, covered: FloatArray) -> FloatArray:
        """Measure the taken turns that give each decision its level. Shape ``[rows]``."""
        rows, everywhere = np.arange(len(level)), np.ones(len(level))
        start, end = self.ends[rows, level], self.ends[rows, level + 1]
        found = self._arc(start, end - start, edges, covered)
        rest = self._arc(self.share * everywhere, (1.0 - self.share) * everywhere, edges, covered)
        return np.asarray(found + np.where(level == self.plan[self.rows], rest, 0.0))

    def _arc(
        self, start: FloatArray, width: FloatArray, edges: FloatArray, covered: FloatArray
    ) -> FloatArray:
        """Measure the taken turns that bring each place into a part of the wheel. Shape ``[rows]``."""
        first = (start - self.place) % 1.0
        last = first + width
        length = np.interp(np.minimum(last, 1.0), edges, covered) - np.interp(first, edges, covered)
        return np.asarray(length + np.interp(np.maximum(last - 1.0, 0.0), edges, covered))
