"""Putting a response right on recent weeks, whether its predictions come true, and since when not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize

from graphrec.arrays import FloatArray


@dataclass(frozen=True)
class Recalibration:
    """``logit p = shift + base · a + lift · (logit(d) − a)``, ``a`` being the logit without discount.

    Platt scaling with a slope of its own for what the discount adds; both slopes are above 0, so a monotone
    response stays one and keeps its form.

    Args:
        shift: Added to every logit; what a changed base rate needs.
        base: Slope of the logit without discount.
        lift: Slope of what the discount adds.
    """

    shift: float = 0.0
    base: float = 1.0
    lift: float = 1.0

    @classmethod
    def fit(
        cls,
        base_logit: FloatArray,
        increment: FloatArray,
        bought: npt.ArrayLike,
        importance: FloatArray | None = None,
    ) -> Recalibration:
        """Fit by maximum likelihood.

        Args:
            base_logit: Logits without discount. Shape ``[n]``.
            increment: What the discounts added, at least 0. Shape ``[n]``.
            bought: Shape ``[n]``.
            importance: How much each row counts, 1 on average; all alike if missing. Shape ``[n]``.
        """
        counts = np.ones(len(base_logit)) if importance is None else importance
        label = np.asarray(bought, dtype=np.float64)
        if not 0 < label.sum() < len(label):  # nothing to learn from
            return cls()

        def loss(x: FloatArray) -> tuple[float, FloatArray]:
            base, lift = np.exp(x[1]), np.exp(x[2])
            logit = x[0] + base * base_logit + lift * increment
            error = counts * (1.0 / (1.0 + np.exp(-logit)) - label)
            # a weak prior on slopes of 1 keeps them finite where there is no discount, or no spread
            slope = np.array([error.sum(), base * (error @ base_logit), lift * (error @ increment)])
            slope[1:] += x[1:]
            value = counts @ (np.logaddexp(0.0, logit) - label * logit) + (x[1:] ** 2).sum() / 2
            return float(value) / len(label), slope / len(label)

        found = minimize(
            loss, np.zeros(3), jac=True, method="L-BFGS-B", bounds=[(None, None), (-2, 2), (-2, 2)]
        )
        return cls(float(found.x[0]), float(np.exp(found.x[1])), float(np.exp(found.x[2])))

    def lift_error(
        self,
        base_logit: FloatArray,
        increment: FloatArray,
        bought: npt.ArrayLike,
        person: npt.ArrayLike,
        importance: FloatArray | None = None,
    ) -> float:
        """Compute the standard error of the lift's logarithm; rows of one person may be alike in any way.

        It is the sandwich of Liang and Zeger (Biometrika 1986), for the likelihood that `fit` maximises.

        Args:
            base_logit: As for `fit`. Shape ``[n]``.
            increment: As for `fit`. Shape ``[n]``.
            bought: Shape ``[n]``.
            person: Code of each row's person. Shape ``[n]``.
            importance: As for `fit`. Shape ``[n]``.
        """
        counts = np.ones(len(base_logit)) if importance is None else importance
        chance = 1.0 / (1.0 + np.exp(-self(base_logit, increment)))
        moves = np.column_stack([np.ones(len(chance)), self.base * base_logit, self.lift * increment])
        spread = counts * chance * (1.0 - chance)
        curvature = (moves * spread[:, None]).T @ moves + np.diag([0.0, 1.0, 1.0])
        of_rows = moves * (counts * (chance - np.asarray(bought, dtype=np.float64)))[:, None]
        of_people = pd.DataFrame(of_rows).groupby(np.asarray(person)).sum().to_numpy()
        inverse = np.linalg.pinv(curvature)
        return float((inverse @ (of_people.T @ of_people) @ inverse)[2, 2] ** 0.5)

    def __call__(self, base_logit: FloatArray, increment: FloatArray) -> FloatArray:
        """Put logits right. Shapes ``[n]``."""
        return np.asarray(self.shift + self.base * base_logit + self.lift * increment)


def reliability(probability: npt.ArrayLike, bought: npt.ArrayLike, bins: int = 15) -> pd.DataFrame:
    """Compare predicted and observed frequency in bins of about equally many rows.

    Args:
        probability: Shape ``[n]``.
        bought: Shape ``[n]``.
        bins: At most this many bins.

    Returns:
        A row per bin: ``predicted``, ``observed``, ``rows``, and ``error``, the standard error of `observed`.
    """
    frame = pd.DataFrame({"predicted": np.asarray(probability), "observed": np.asarray(bought, dtype=float)})
    edges = np.unique(np.quantile(frame["predicted"], np.linspace(0, 1, bins + 1)[1:-1]))
    groups = frame.groupby(np.searchsorted(edges, frame["predicted"], side="left"))
    table = groups.mean().assign(rows=groups.size())
    spread = (table["observed"] * (1 - table["observed"]) / table["rows"]) ** 0.5
    return table.assign(error=spread).reset_index(drop=True)


def drift(probability: npt.ArrayLike, bought: npt.ArrayLike, week: npt.ArrayLike) -> pd.DataFrame:
    """Divide purchases by predicted ones in each week; away from 1 by more than noise, recalibrate.

    Args:
        probability: Shape ``[n]``.
        bought: Shape ``[n]``.
        week: Shape ``[n]``.

    Returns:
        A row per week: ``week``, ``rows``, ``observed`` and ``predicted`` rates, their ``ratio``, and ``z``,
        the excess of purchases in standard deviations if the predictions held and rows were independent.
    """
    predicted = np.asarray(probability, dtype=np.float64)
    frame = pd.DataFrame({"week": np.asarray(week), "observed": np.asarray(bought, dtype=float)})
    frame = frame.assign(predicted=predicted, variance=predicted * (1 - predicted), rows=1)
    total = frame.groupby("week").sum().reset_index()
    z = (total["observed"] - total["predicted"]) / total["variance"] ** 0.5
    rates = total[["observed", "predicted"]].div(total["rows"], axis=0)
    ratio = rates["observed"] / rates["predicted"]
    return pd.concat([total[["week", "rows"]], rates], axis=1).assign(ratio=ratio, z=z)
