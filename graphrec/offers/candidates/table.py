"""Pairs that may get an offer, as a checked table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.offers.hindsight.past import Hindsight
from graphrec.offers.horizon import Horizon
from graphrec.offers.pairs import Pairs
from graphrec.response.curves import ElasticResponse, Response

RANGES = {
    "score": (-np.inf, np.inf, "a finite number"),
    "unit_score": (0.0, 1.0, "in 0..1"),
    "probability": (0.0, 1.0, "in 0..1"),
    "price": (np.nextafter(0.0, 1.0), np.inf, "a price above 0"),
    "elasticity": (0.0, np.inf, "a finite number of 0 or more"),
}
CANDIDATE_COLUMNS = ["user_id", "item_id", *RANGES, "seen"]
OPTIONAL = {"affinity": 0.0, "max_depth": np.inf, "worth": 0.0, "stock": np.inf, "growth": 1.0}
"""What candidates may bring besides, and what is taken where they do not."""


@dataclass(frozen=True)
class Candidates:
    """Pairs that may get an offer, validated on construction.

    Args:
        frame: A row per pair, with ``user_id``, ``item_id`` (together unique), ``score`` (raw) and
            ``unit_score`` in [0, 1]; with ``probability`` of buying at the regular price and ``price``
            (regular, money per unit); with ``elasticity`` and ``seen`` (bought in training). It may have
            ``affinity`` (share saved in training) and ``max_depth`` (deepest discount in the item's log);
            ``worth`` (of a sold unit to the scenario, in money), ``stock`` (units on hand) and
            ``product_set``; other columns are ignored. A probability is of one week where `weeks` says for
            how many the offers are, and ``growth`` leads to them (`graphrec.offers.horizon`).
        response: Response curves of the rows; the elasticities if missing.
        weeks: That an offer is for; missing where probabilities are not of weeks.
        hindsight: Past weeks of the rows, which say how far the gain may be off. The response is what they
            put right then.

    Raises:
        InputError: If a column is missing, a value out of its range, or a pair there twice.
    """

    frame: pd.DataFrame
    response: Response | None = None
    weeks: int | None = None
    hindsight: Hindsight | None = None

    def __post_init__(self) -> None:
        """Check columns, then keys, then values."""
        missing = [column for column in CANDIDATE_COLUMNS if column not in self.frame]
        if missing:
            raise InputError("candidates need this column", column=missing[0], hint="see build_candidates")
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
        """Turn the columns into arrays, with response curves. Shapes ``[P]``."""
        numbers: dict[str, FloatArray]
        numbers = {column: self.frame[column].to_numpy(dtype=np.float64) for column in RANGES}
        response = self.response or ElasticResponse(numbers["probability"], numbers["elasticity"])
        affinity, max_depth, worth, stock, growth = (self._optional(name) for name in OPTIONAL)
        return Pairs(
            unit_score=numbers["unit_score"],
            price=numbers["price"],
            seen=self.frame["seen"].to_numpy(dtype=np.bool_),
            response=response,
            user=pd.factorize(self.frame["user_id"])[0].astype(np.int64),
            item=pd.factorize(self.frame["item_id"])[0].astype(np.int64),
            cooling=np.zeros(len(self.frame), dtype=np.bool_),
            affinity=affinity,
            max_depth=max_depth,
            worth=worth,
            stock=stock,
            horizon=Horizon() if self.weeks is None else Horizon(self.weeks, growth),
        )

    def _optional(self, name: str) -> FloatArray:
        """Read a column that may be missing, in whole or in part. Shape ``[P]``."""
        column = self.frame.get(name, pd.Series(OPTIONAL[name], self.frame.index))
        return np.asarray(column.fillna(OPTIONAL[name]), dtype=np.float64)
