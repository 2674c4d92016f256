"""The offers table: who is offered which item at which rate, what that should bring, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.errors import InputError
from graphrec.files import write_parquet
from graphrec.offers.decisions import Pairs, Reasons, Rules, best_levels, rule_rates
from graphrec.offers.economics import Economics, FloatArray
from graphrec.offers.guardrails import Guardrails
from graphrec.offers.policies import ExpectedProfit, Policy
from graphrec.offers.response import ElasticResponse
from graphrec.offers.scenarios import scenario_named

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
    "spend",
    "promotion",
    "threshold",
    "amount",
    "scenario",
    "policy",
    "propensity",
    "reason",
]
"""Columns of the offers table, in order. All are filled but ``threshold`` and ``amount``."""

RANGES = {
    "score": (-np.inf, np.inf, "a finite number"),
    "unit_score": (0.0, 1.0, "in 0..1"),
    "probability": (0.0, 1.0, "in 0..1"),
    "price": (np.nextafter(0.0, 1.0), np.inf, "a price above 0"),
    "elasticity": (0.0, np.inf, "a finite number of 0 or more"),
}
CANDIDATE_COLUMNS = ["user_id", "item_id", *RANGES, "seen"]


@dataclass(frozen=True)
class Candidates:
    """Pairs that may get an offer, validated on construction.

    Args:
        frame: ``user_id``, ``item_id`` (together unique), ``score`` (raw), ``unit_score`` in [0, 1],
            ``probability`` of buying at the regular price, ``price`` (regular, money per unit),
            ``elasticity``, ``seen`` (bought in training). Other columns are ignored.

    Raises:
        InputError: If a column is missing, a value out of its range, or a pair there twice.
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        """Check columns, then keys, then values."""
        missing = [column for column in CANDIDATE_COLUMNS if column not in self.frame]
        if missing:
            raise InputError("candidates need this column", column=missing[0], mend="see build_candidates")
        for column in ("user_id", "item_id", "seen"):
            self._refuse(self.frame[column].isna(), column, "must not be empty")
        twice = self.frame.duplicated(["user_id", "item_id"])
        self._refuse(twice, "item_id", "is there twice for this user; keep one row per pair")
        for column, (low, high, what) in RANGES.items():
            number = pd.to_numeric(self.frame[column], errors="coerce")
            inside = number.between(low, high) & np.isfinite(number)
            self._refuse(~inside, column, f"must be {what}")

    def _refuse(self, wrong: pd.Series[Any], column: str, what: str) -> None:
        if wrong.any():
            row = self.frame.loc[wrong.to_numpy()].iloc[0]
            pair = f"user {row['user_id']!r}, item {row['item_id']!r}"
            raise InputError(f"{row[column]!r} ({pair}) {what}", column=column)

    def pairs(self) -> Pairs:
        """The columns as arrays, with response curves. Shapes ``[P]``."""
        numbers: dict[str, FloatArray]
        numbers = {column: self.frame[column].to_numpy(dtype=np.float64) for column in RANGES}
        response = ElasticResponse(numbers["probability"], numbers["elasticity"])
        seen = self.frame["seen"].to_numpy(dtype=np.bool_)
        return Pairs(numbers["unit_score"], numbers["price"], seen, response)


def make_offers(
    candidates: Candidates,
    policy: Policy,
    scenario: str = "promotion",
    budget: float | None = None,
    guardrails: Guardrails | None = None,
    economics: Economics | None = None,
) -> pd.DataFrame:
    """Decide the rate of every candidate.

    Every candidate gets a row, also those at rate 0, so that policies can be compared pair by pair. One
    purchase is one unit; units, revenue, profit and spend are expectations over the window that the
    probabilities were calibrated on, totals rather than gains over no discount.

    Args:
        candidates: Pairs that may get an offer. ``P`` rows.
        policy: How rates are chosen. All policies here are deterministic: the propensity is 1.
        scenario: Whose objective, and which pairs may get a rate above 0.
        budget: Upper bound of the retailer's total spend, in money; none if missing.
        guardrails: Allowed rates; the defaults if missing.
        economics: Margin and funding; the defaults if missing.

    Returns:
        ``P`` rows in the candidates' order with `OFFER_COLUMNS`.

    Raises:
        InputError: If the scenario is not known or the budget negative.
    """
    rules = Rules(scenario_named(scenario), economics or Economics(), guardrails or Guardrails(), budget)
    pairs = candidates.pairs()
    decide = (
        best_levels(policy, pairs, rules)
        if isinstance(policy, ExpectedProfit)
        else rule_rates(policy, pairs, rules)
    )
    frame = _outcomes(candidates.frame, pairs, *decide, rules.economics)
    return frame.assign(scenario=scenario, policy=policy.name)[OFFER_COLUMNS]


def _outcomes(
    frame: pd.DataFrame, pairs: Pairs, rate: FloatArray, reason: Reasons, economics: Economics
) -> pd.DataFrame:
    """Everything that follows from the rates."""
    probability = pairs.response.probability(rate)
    return frame[["user_id", "item_id", "score", "probability", "price"]].assign(
        rate=rate,
        probability_at_rate=probability,
        expected_units=probability,
        expected_revenue=economics.revenue(probability, pairs.price, rate),
        expected_profit=economics.profit(probability, pairs.price, rate),
        spend=economics.spend(probability, pairs.price, rate),
        promotion=pd.Series(np.where(rate > 0, "percent", "none"), index=frame.index, dtype="str"),
        # Percentages have neither; the columns stand so that the table keeps its form with other kinds
        threshold=np.nan,
        amount=np.nan,
        propensity=1.0,
        reason=pd.Series(reason, index=frame.index, dtype="str"),
    )


def policy_totals(offers: pd.DataFrame) -> pd.DataFrame:
    """What each policy comes to.

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
    """Write an offers table to Parquet: all of it or nothing.

    Args:
        frame: Offers of one or more policies.
        path: The file; its folder is made if need be.

    Raises:
        InputError: If the path is a folder.
        ValueError: If the columns are not `OFFER_COLUMNS`, a number is not finite, or a pair is there twice
            under a policy and scenario.
    """
    _check_offers(frame)
    return write_parquet(frame, path)


def _check_offers(frame: pd.DataFrame) -> None:
    if list(frame.columns) != OFFER_COLUMNS:
        raise ValueError(f"an offers table has the columns {OFFER_COLUMNS}")
    numbers = frame.select_dtypes("number").drop(
        columns=["user_id", "item_id", "threshold", "amount"], errors="ignore"
    )
    if not np.isfinite(numbers.to_numpy(dtype=np.float64)).all():
        raise ValueError("every number of an offers table is finite, threshold and amount excepted")
    if frame.duplicated(["policy", "scenario", "user_id", "item_id"]).any():
        raise ValueError("a pair of user and item is there twice under one policy")
