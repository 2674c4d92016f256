"""The offers table: who is offered which item at which rate, what that should bring, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.offers.budget.budgets import Budget, UserCap
from graphrec.offers.candidates.table import Candidates
from graphrec.offers.decide import Groups, decide
from graphrec.offers.decision import Decision
from graphrec.offers.economics import Economics
from graphrec.offers.exploration import Exploration, explored
from graphrec.offers.hindsight.past import gains
from graphrec.offers.levels import Promotion, levels_of
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.item_facts import of_items
from graphrec.offers.limits.parity import user_groups_of
from graphrec.offers.limits.rates import tightest
from graphrec.offers.limits.terms import Terms
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.base import Policy
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.scenarios import Scenario
from graphrec.offers.words import reasons_of
from graphrec.response.curves import reference
from graphrec.results import write_table

GAINS = ("gain_low", "gain_high")
OFFER_COLUMNS = [
    "user_id",
    "item_id",
    "score",
    "probability",
    "rate",
    "probability_at_rate",
    "price",
    "expected_units",
    "expected_revenue",
    "expected_profit",
    *GAINS,
    "spend",
    "promotion",
    "threshold",
    "amount",
    "scenario",
    "policy",
    "propensity",
    "reason",
    "reason_code",
    "disclosure",
    "product_set",
    "median_basket",
    "week",
    "horizon",
]
"""Columns of the offers table, in order; ``reason`` is ``reason_code`` and words. All are filled but
``threshold``, ``amount``, ``product_set`` and ``median_basket``, which belong to kinds of promotion,
``gain_low`` and ``gain_high``, the profit beyond no offer at both ends of the interval of the sum (95 %),
which an assumed response does not tell, and
``week``, the week that was decided for, where a log has no weeks and none was named. ``horizon`` is how
many weeks from then on the offer is for; missing where the validation part of the split is no time.
``disclosure`` marks prices that personal data set, which New York's Algorithmic Pricing Disclosure Act wants
said to the shopper in the words of `DISCLOSURE`."""

MAY_BE_MISSING = [*GAINS, "threshold", "amount", "median_basket", "week", "horizon"]
"""Columns of numbers that not every row has."""

HAZARD = "hazard_weeks"
EXPLORED_COLUMNS = [
    "planned_rate",
    "highest_rate",
    "margin",
    "funded_share",
    "worth",
    "affinity",
    "base_logit",
    "slope",
    HAZARD,
]
"""Columns that a table has besides where chance took a hand: what the policy had planned, and what any other
policy would have known of the pair. ``slope`` is the rise of the logit with ``-log(1 - rate)``; both it and
``base_logit`` are of one week. `HAZARD` is as how many weeks, each on its own, the horizon counts."""

GAIN, FOR_MANAGER, FOR_SHOPPER = "gain", "for_manager", "for_shopper"
SENTENCES = [GAIN, FOR_MANAGER, FOR_SHOPPER]
"""Columns behind those, where they were asked for: see `graphrec.offers.sentences`."""

DISCLOSURE = "THIS PRICE WAS SET BY AN ALGORITHM USING YOUR PERSONAL DATA"
BASKET = "basket"
"""``item_id`` of an offer on a whole basket."""


def make_offers(
    candidates: Candidates,
    policy: Policy,
    scenario: str | Scenario = "promotion",
    budget: float | None = None,
    guardrails: Guardrails | None = None,
    economics: Economics | None = None,
    terms: Terms | None = None,
    exploration: Exploration | None = None,
) -> pd.DataFrame:
    """Decide the rate of every candidate.

    Every candidate gets a row, also those at rate 0, so that policies can be compared pair by pair. A week
    with a purchase is one unit; units, revenue, profit and spend are expectations over the horizon, totals
    rather than gains over no discount. The probabilities are those of at least one purchase in it.

    Args:
        candidates: Pairs that may get an offer. ``P`` rows.
        policy: How rates are chosen. All policies here are deterministic.
        scenario: Whose objective, and which pairs may get a rate above 0.
        budget: Upper bound of the retailer's total spend, in money; none if missing.
        guardrails: Allowed rates; the defaults, opened as far as the scenario says, if missing.
        economics: Margin and funding; the defaults if missing.
        terms: Campaigns, caps and the kind of promotion; none, and per cent, if missing.
        exploration: Share that is left to chance; nothing if missing, and then each propensity is 1.

    Returns:
        ``P`` rows in the candidates' order with `OFFER_COLUMNS`, and `EXPLORED_COLUMNS` with exploration.

    Raises:
        InputError: If the scenario is not known, a budget negative, or a column that the terms need missing.
    """
    aim = scenario_named(scenario) if isinstance(scenario, str) else scenario
    terms = terms or Terms()
    limits = guardrails or aim.guardrails(Guardrails())
    pairs = pairs_of(candidates, aim, limits, economics or Economics(), terms)
    money_bound = budget_of(candidates, pairs, budget, terms)
    groups = _groups(candidates, terms)
    if exploration is None:
        decision = decide(policy, pairs, money_bound, groups)
    else:
        decision = explored(policy, pairs, money_bound, exploration)
    if candidates.hindsight is not None:
        again = lambda at: decide(policy, at, money_bound, groups).rate  # noqa: E731
        ends = candidates.hindsight.ends(pairs, again, decision.rate)
        pairs = replace(pairs, response=replace(candidates.hindsight.corrected, ends=ends))
    frame = _outcomes(candidates.frame, pairs, decision, terms.promotion)
    week = whole_column(terms.week, len(frame))
    horizon = whole_column(candidates.weeks, len(frame))
    frame = frame.assign(scenario=aim.name, policy=policy.name, week=week, horizon=horizon)[OFFER_COLUMNS]
    return frame if exploration is None else frame.assign(**_known(candidates.frame, pairs, decision))


def pairs_of(
    candidates: Candidates, scenario: Scenario, guardrails: Guardrails, economics: Economics, terms: Terms
) -> Pairs:
    """Gather what a policy may know of candidates; arguments are those of `make_offers`."""
    levels = levels_of(terms.promotion, candidates.frame, terms.amounts)
    cooling = terms.frequency.cooling(candidates.frame, terms.exposure, terms.week or 0)
    money, limits = of_items(candidates.frame, economics, guardrails)
    return replace(
        candidates.pairs(),
        cooling=cooling,
        scenario=scenario,
        economics=money,
        guardrails=limits,
        levels=levels,
    )


def _known(frame: pd.DataFrame, pairs: Pairs, decision: Decision) -> dict[str, Any]:
    """Gather what another policy would have known of the pairs: `EXPLORED_COLUMNS`."""
    known = reference(pairs.response)
    return {
        "planned_rate": decision.rate if decision.planned is None else decision.planned,
        "highest_rate": np.where(pairs.eligible, tightest(pairs.limits), 0.0),
        "margin": np.broadcast_to(pairs.economics.margin, len(pairs)),
        "funded_share": np.broadcast_to(pairs.economics.funded_share, len(pairs)),
        "worth": pairs.worth,
        "affinity": pairs.affinity,
        **{name: frame.get(name, values) for name, values in known.items()},
        HAZARD: np.broadcast_to(pairs.horizon.weeks**pairs.horizon.growth, len(pairs)).astype(np.float64),
    }


def whole_column(number: int | None, rows: int) -> pd.Series[Any]:
    """Write a whole number in each row, missing where it is not known. Shape ``[rows]``."""
    return pd.Series([pd.NA if number is None else number] * rows, dtype="Int64")


def budget_of(candidates: Candidates, pairs: Pairs, total: float | None, terms: Terms) -> Budget:
    """Set what the offers may cost together, and how many a user may get."""
    users = pd.Index(candidates.frame["user_id"].drop_duplicates())
    quota = terms.frequency.quota(users, terms.exposure, terms.week or 0)
    return Budget(total, terms.family(), None if quota is None else UserCap(pairs.user, quota))


def _groups(candidates: Candidates, terms: Terms) -> Groups | None:
    """Find the groups of the candidates' users, where a gap between them is limited."""
    if terms.groups is None:
        return None
    return Groups(*user_groups_of(candidates.frame["user_id"], terms.groups))


def _outcomes(frame: pd.DataFrame, pairs: Pairs, decision: Decision, promotion: Promotion) -> pd.DataFrame:
    """Compute everything that follows from the rates."""
    rate, economics, horizon = decision.rate, pairs.economics, pairs.horizon
    units = pairs.units(rate)
    given = rate > 0
    code, reason = reasons_of(decision, pairs)
    sets = frame["product_set"] if promotion == "coupon" else pd.Series(pd.NA, frame.index, dtype="str")
    return frame[["user_id", "item_id", "score", "price"]].assign(
        probability=horizon.reached(pairs.response.base),
        rate=rate,
        probability_at_rate=horizon.reached(pairs.response.probability(rate)),
        expected_units=units,
        expected_revenue=economics.revenue(units, pairs.price, rate),
        expected_profit=economics.profit(units, pairs.price, rate),
        **_gains(pairs, rate),
        spend=economics.spend(units, pairs.price, rate),
        promotion=pd.Series(np.where(given, promotion, "none"), index=frame.index, dtype="str"),
        threshold=np.nan,
        amount=np.where(given & (promotion == "amount"), (rate * pairs.price).round(2), np.nan),
        propensity=1.0 if decision.propensity is None else decision.propensity,
        reason=pd.Series(reason, index=frame.index, dtype="str"),
        reason_code=pd.Series(code, index=frame.index, dtype="str"),
        disclosure=given,
        product_set=sets.astype("str"),
        median_basket=np.nan,
    )


def _gains(pairs: Pairs, rate: FloatArray) -> dict[str, FloatArray]:
    """Compute the profit beyond no offer at both ends of what discounts may add. Shapes ``[P]``."""
    ends = pairs.response.ends
    if ends is None:
        return {name: np.full(len(rate), np.nan) for name in GAINS}

    low, high = (gains(replace(pairs, response=end), rate) for end in ends)
    return dict(zip(GAINS, (low, high), strict=True))


def policy_totals(offers: pd.DataFrame) -> pd.DataFrame:
    """Sum up what each policy comes to.

    Args:
        offers: Offers tables of one or more policies, one below the other.

    Returns:
        A row per policy and scenario, in order of appearance: ``pairs``, ``offers`` (rate above 0),
        ``mean_rate`` (of those offers; 0 if there are none) and the sums of ``expected_units``,
        ``expected_revenue``, ``expected_profit`` and ``spend``.
    """
    sums = ["expected_units", "expected_revenue", "expected_profit", "spend"]
    counted = offers.assign(offers=(offers["rate"] > 0).astype(int), pairs=1)
    grouped = counted.groupby(["policy", "scenario"], sort=False)
    totals = grouped[["pairs", "offers", "rate", *sums]].sum()
    totals.insert(2, "mean_rate", totals.pop("rate") / totals["offers"].clip(lower=1))
    return totals.reset_index()


def write_offers(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write an offers table as its suffix says (`graphrec.results.write_table`): all of it or nothing.

    Args:
        frame: Offers of one or more policies.
        path: The file; its folder is made if need be.

    Raises:
        InputError: If the path is a folder or has another suffix.
        ValueError: If the columns are not `OFFER_COLUMNS`, a number is not finite, or a pair is there twice
            under a policy and scenario.
    """
    check_offers(frame)
    return write_table(frame, path)


def check_offers(frame: pd.DataFrame) -> None:
    """Raise `ValueError` for what no offers table may hold; see `write_offers`."""
    bare = [name for name in frame.columns if name not in SENTENCES]
    told = [name for name in frame.columns if name in SENTENCES]
    if bare not in (OFFER_COLUMNS, OFFER_COLUMNS + EXPLORED_COLUMNS) or told not in ([], SENTENCES):
        raise ValueError(f"an offers table has the columns {OFFER_COLUMNS}")
    numbers = frame.select_dtypes("number").drop(
        columns=["user_id", "item_id", *MAY_BE_MISSING],
        errors="ignore",
    )
    if not np.isfinite(numbers.to_numpy(dtype=np.float64)).all():
        raise ValueError(f"every number of an offers table is finite, {', '.join(MAY_BE_MISSING)} excepted")
    if frame.duplicated(["policy", "scenario", "user_id", "item_id"]).any():
        raise ValueError("a pair of user and item is there twice under one policy")
