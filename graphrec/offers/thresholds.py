"""满减: spend T, save y, with T and y chosen for each household against its own baskets.

What a threshold does to a household's baskets: those at T or above take the saving and change nothing
(infra-marginal); of those below, some are filled up to T. How many is not in a log without such offers.
Assumed is ``P(filled | b) = stretch x min(1, y / (T - b))``: at most a share `stretch` of the baskets, fewer
the less of the missing money the saving pays back. Every figure rests on that share, which is printed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray, BoolArray, FloatArray, IntArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.choices import Choices
from graphrec.offers.decision import Chosen
from graphrec.offers.economics import Money, percent
from graphrec.offers.households import Baskets
from graphrec.offers.levels import Levels
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.reasons import Reason, chosen, everywhere, written
from graphrec.offers.scenarios import Scenario
from graphrec.offers.table import BASKET, GAINS, whole_column
from graphrec.response.curves import MEDIAN_ELASTICITY

QUANTILES = (0.55, 0.65, 0.75, 0.85)
SAVINGS = (0.05, 0.10, 0.15, 0.20)
"""Thresholds by quantile of the household's own baskets, savings as shares of the threshold."""
MIN_BASKETS = 5
"""A household with fewer has no distribution of its own, and gets no threshold."""
STRETCH = 0.3
"""Share of the baskets just below the threshold that are filled up, at the median elasticity; assumed."""
INFRA_PENALTY = 0.5
"""What a unit of money paid out on baskets that were above the threshold anyway counts besides its cost."""


@dataclass(frozen=True)
class ThresholdOptions:
    """What each household may be offered and what would come of it in the horizon; option 0 is nothing.

    Args:
        threshold: T, 0 for no offer. Shape ``[U, R]``.
        saving: y. Shape ``[U, R]``.
        before: P(a basket at T or above in the horizon) without the offer. Shape ``[U, R]``.
        redeemed: P(a basket that takes the saving). Shape ``[U, R]``.
        infra: Part of it from baskets that were there anyway. Shape ``[U, R]``.
        added: Expected sales that are added to reach T, in money at shelf prices. Shape ``[U, R]``.
        median: Median basket of the household, 0 where it has too few. Shape ``[U]``.
        mean: Mean basket. Shape ``[U]``.
        trips: Expected baskets in the horizon. Shape ``[U]``.
    """

    threshold: FloatArray
    saving: FloatArray
    before: FloatArray
    redeemed: FloatArray
    infra: FloatArray
    added: FloatArray
    median: FloatArray
    mean: FloatArray
    trips: FloatArray


def threshold_options(
    baskets: Baskets,
    users: IntArray,
    elasticity: FloatArray,
    stretch: float = STRETCH,
    weeks: int = 1,
    savings: tuple[float, ...] = (),
) -> ThresholdOptions:
    """List thresholds above each household's median basket, and their outcomes if filled up as assumed.

    Args:
        baskets: Past baskets.
        users: Codes of the households. Shape ``[U]``.
        elasticity: Of each; 1.5 stretches as much as `stretch` says. Shape ``[U]``.
        stretch: See `STRETCH`.
        weeks: The horizon: an offer is good for one basket within so many weeks.
        savings: Shares of the threshold that may be saved; `SAVINGS` if there is none.
    """
    shares = savings or SAVINGS
    count = 1 + len(QUANTILES) * len(shares)
    tables = {name: np.zeros((len(users), count)) for name in _TABLES}
    facts = {name: np.zeros(len(users)) for name in ("median", "mean", "trips")}
    start = np.searchsorted(baskets.user, users)
    end = np.searchsorted(baskets.user, users, side="right")
    for row in range(len(users)):
        own = baskets.value[start[row] : end[row]]
        if len(own) < MIN_BASKETS:
            continue
        facts["median"][row], facts["mean"][row] = np.median(own), own.mean()
        facts["trips"][row] = len(own) / baskets.weeks * weeks
        threshold, saving = _offers_above(own, shares)
        filled = min(1.0, stretch * float(elasticity[row]) / MEDIAN_ELASTICITY)
        outcome = _outcome(own, threshold, saving, filled, float(facts["trips"][row]))
        for name, values in zip(_TABLES, (threshold, saving, *outcome), strict=True):
            tables[name][row, 1:] = values
    return ThresholdOptions(**tables, **facts)


_TABLES = ("threshold", "saving", "before", "redeemed", "infra", "added")


def _offers_above(own: FloatArray, shares: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Round thresholds above the median at some quantiles, and their savings. ``[R - 1]`` each."""
    median = float(np.median(own))
    step = _round_step(median / 4.0)
    quantiles = np.quantile(own, QUANTILES)
    rounded = np.ceil(np.maximum(quantiles, median + 0.5 * step) / step) * step
    threshold = np.repeat(rounded, len(shares))
    return threshold, np.round(threshold * np.tile(shares, len(QUANTILES)), 1)


def _round_step(most: float) -> float:
    """Find the largest of 1, 2, 5, 10, 20, 50 and so on, or their tenths, that is not above `most`."""
    power = 10.0 ** np.floor(np.log10(max(most, 1e-6)))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= max(most, 1e-6) + 1e-12))


def _outcome(
    own: FloatArray, threshold: FloatArray, saving: FloatArray, filled: float, trips: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Compute `before`, `redeemed`, `infra` and `added` of each offer. ``[R - 1]`` each."""
    missing = threshold[:, None] - own[None, :]
    above = missing <= 0
    lifted = np.where(above, 0.0, filled * np.minimum(1.0, saving[:, None] / np.where(above, 1.0, missing)))
    over, lift = above.mean(axis=1), lifted.mean(axis=1)
    chance = over + lift
    redeemed = 1.0 - (1.0 - np.minimum(chance, 1.0)) ** trips
    # The first basket that qualifies takes the saving: of the redeemed, what each kind is of all that qualify
    share = np.divide(redeemed, chance, out=np.zeros_like(chance), where=chance > 0)
    added = share * (lifted * np.maximum(missing, 0.0)).mean(axis=1)
    return 1.0 - (1.0 - over) ** trips, redeemed, share * over, added


@dataclass(frozen=True)
class ThresholdChoice:
    """The options of the households with the value of each, and what was chosen.

    Args:
        option: Of each household, 0 for nothing. Shape ``[U]``.
        reason: A `Reason` of each. Shape ``[U]``.
        spend: Expected, in money. Shape ``[U]``.
        gain: What the option brings to the objective. Shape ``[U]``.
    """

    option: IntArray
    reason: AnyArray
    spend: FloatArray
    gain: FloatArray


Choose = Callable[[Choices, Budget], Chosen]
"""`LevelPolicy.choose` of a policy."""


def choose_thresholds(
    options: ThresholdOptions,
    choose: Choose,
    scenario: Scenario,
    economics: Money,
    guardrails: Guardrails,
    budget: Budget | None = None,
    penalty: float = INFRA_PENALTY,
    refused: AnyArray | None = None,
) -> ThresholdChoice:
    """Choose one option for each household.

    Value is that of the scenario on the added sales less the saving. What is paid out on baskets that were
    above the threshold anyway is taken off `penalty` times.

    Args:
        options: What each household may be offered.
        choose: Of a policy, as `Knapsack().choose`.
        scenario: Objective; its `units` count the added sales.
        economics: Margin and funding, of all or of each household's baskets.
        guardrails: Maximum rate (of y over T) and minimum margin of a basket at T, of all or of each.
        budget: What the offers may cost together, with groups of households; no bound if missing.
        penalty: See `INFRA_PENALTY`.
        refused: Why a household may get no offer, a `Reason`; None where it may. Shape ``[U]``.
    """
    each = economics.each_level()
    spend = each.funded_share * options.saving * options.redeemed
    profit, revenue = each.margin * options.added - spend, options.added - spend
    value = scenario.profit * profit + scenario.revenue * revenue + scenario.units * options.added
    value += scenario.sold * (options.redeemed - options.infra)
    value -= penalty * each.funded_share * options.saving * options.infra
    allowed = _allowed(options, each, guardrails)
    if refused is not None:
        allowed[pd.notna(refused), 1:] = False
    depth = np.divide(
        options.saving, options.threshold, out=np.zeros_like(value), where=options.threshold > 0
    )
    choices = Choices(depth, value, spend, allowed, allowed, None, [], Levels())
    found = choose(choices, budget or Budget())
    reason = _reasons(options, found, choices.best(allowed))
    if refused is not None:
        reason = np.where(pd.notna(refused), refused, reason)
    rows = np.arange(len(found.level))
    return ThresholdChoice(found.level, reason, spend[rows, found.level], value[rows, found.level])


def _allowed(options: ThresholdOptions, economics: Money, guardrails: Guardrails) -> BoolArray:
    """Mark options that keep the guardrails and lie above the median, and no offer. ``[U, R]``."""
    most, least = (np.atleast_1d(one)[:, None] for one in (guardrails.max_rate, guardrails.min_margin))
    net = options.threshold - economics.funded_share * options.saving
    left = net - (1.0 - economics.margin) * options.threshold
    allowed = options.saving <= most * options.threshold
    allowed &= left >= least * net
    allowed &= options.threshold > options.median[:, None]
    allowed[:, 0] = True
    return allowed


def _reasons(options: ThresholdOptions, found: Chosen, free: IntArray) -> AnyArray:
    """Tell why each household has its threshold; `free` is the option without a budget. Shape ``[U]``."""
    if found.reason is Reason.NO_DISCOUNT:
        return everywhere(Reason.NO_DISCOUNT, len(free))
    reason = everywhere(Reason.BEST_THRESHOLD, len(free))
    reason = chosen(found.level == 0, Reason.THRESHOLD_ELSEWHERE, reason)
    reason = chosen((found.level == 0) & (free == 0), Reason.NO_THRESHOLD_PAYS, reason)
    return chosen(options.median == 0.0, Reason.FEW_BASKETS, reason)


def _words(options: ThresholdOptions, choice: ThresholdChoice, measure: str) -> tuple[list[str], list[str]]:
    """Write codes, and codes with words. ``U`` each."""

    def infra(row: int) -> float:
        option = choice.option[row]
        return float(options.infra[row, option] / max(options.redeemed[row, option], 1e-12))

    return written(
        choice.reason,
        {
            "min_baskets": lambda rows: [str(MIN_BASKETS)] * len(rows),
            "threshold": lambda rows: [f"{options.threshold[row, choice.option[row]]:g}" for row in rows],
            "median": lambda rows: [f"{options.median[row]:.2f}" for row in rows],
            "gain": lambda rows: [f"{choice.gain[row]:+.2g}" for row in rows],
            "measure": lambda rows: [measure] * len(rows),
            "infra": lambda rows: [percent(round(infra(row), 3)) for row in rows],
        },
    )


def threshold_table(
    user_ids: AnyArray,
    options: ThresholdOptions,
    choice: ThresholdChoice,
    economics: Money,
    scenario: Scenario,
    policy: str,
    week: int | None = None,
    weeks: int = 1,
) -> pd.DataFrame:
    """Write a row per household in the form of the offers table; the item is the whole basket.

    ``price`` is the mean basket; ``probability`` is that of a basket at T or above in the horizon without the
    offer. ``expected_units`` counts baskets, ``rate`` is y over T.
    """
    rows, option = np.arange(len(choice.option)), choice.option
    given = option > 0
    threshold, saving = options.threshold[rows, option], options.saving[rows, option]
    revenue = options.trips * options.mean + options.added[rows, option] - choice.spend
    cost = (1.0 - economics.margin) * (options.trips * options.mean + options.added[rows, option])
    code, reason = _words(options, choice, scenario.measure)
    empty = pd.Series(pd.NA, range(len(rows)), dtype="str")
    return pd.DataFrame(
        {
            "user_id": user_ids,
            "item_id": pd.Series([BASKET] * len(rows), dtype="str"),
            "score": options.before[rows, option],
            "probability": options.before[rows, option],
            "rate": np.divide(saving, threshold, out=np.zeros(len(rows)), where=given),
            "probability_at_rate": options.redeemed[rows, option],
            "price": options.mean,
            "expected_units": options.trips,
            "expected_revenue": revenue,
            "expected_profit": revenue - cost,
            **dict.fromkeys(GAINS, np.nan),
            "spend": choice.spend,
            "promotion": pd.Series(np.where(given, "threshold", "none"), dtype="str"),
            "threshold": np.where(given, threshold, np.nan),
            "amount": np.where(given, saving, np.nan),
            "scenario": scenario.name,
            "policy": policy,
            "propensity": 1.0,
            "reason": pd.Series(reason, dtype="str"),
            "reason_code": pd.Series(code, dtype="str"),
            "disclosure": given,
            "product_set": empty,
            "median_basket": np.where(options.median > 0, options.median, np.nan),
            "week": whole_column(week, len(rows)),
            "horizon": whole_column(weeks, len(rows)),
        }
    )
