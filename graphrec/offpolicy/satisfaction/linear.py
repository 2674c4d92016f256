"""A line through facts of a visit: logistic regression or a support vector machine, calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.evaluation.intervals import resamples
from graphrec.evaluation.probability.calibration import LogisticCurve
from graphrec.offpolicy.return_visits import with_saving
from graphrec.offpolicy.satisfaction.data import facts, outcomes

LineKind = Literal["logistic", "svm"]
SAVING = 0.2
"""Share of the full price at which the association of a saving is told."""
REPLICATES = 200


@dataclass(frozen=True)
class Line:
    """``P = curve(coefficients · (x − centre) / scale)``.

    Args:
        centre: Mean of each fact in training. Shape ``[F]``.
        scale: Spread of each fact in training. Shape ``[F]``.
        coefficients: Shape ``[F]``.
        curve: From the score to a probability, fitted to later visits than the line (Platt, 1999).
    """

    centre: FloatArray
    scale: FloatArray
    coefficients: FloatArray
    curve: LogisticCurve

    @classmethod
    def fit(
        cls, train: pd.DataFrame, later: pd.DataFrame, kind: LineKind, strength: float, seed: int
    ) -> Line:
        """Fit to visits and calibrate on later ones.

        Args:
            train: Visits with features and ``satisfied``.
            later: The same, of later weeks.
            kind: ``logistic`` regression or a linear ``svm``.
            strength: Inverse of the penalty, ``C`` of scikit-learn.
            seed: Of the order in which the machine takes its rows.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC

        x = facts(train)
        centre, spread = x.mean(axis=0), x.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        model = (
            LogisticRegression(C=strength, max_iter=1000)
            if kind == "logistic"
            else LinearSVC(C=strength, random_state=seed)
        )
        model.fit((x - centre) / scale, outcomes(train))
        bare = cls(centre, scale, np.asarray(model.coef_[0], dtype=np.float64), LogisticCurve(1.0, 0.0))
        curve = LogisticCurve.fit(bare.score(later), outcomes(later), np.ones(len(later)))
        return cls(centre, scale, bare.coefficients, curve)

    def score(self, visits: pd.DataFrame) -> FloatArray:
        """Compute scores of visits. Shape ``[V]``."""
        return np.asarray(((facts(visits) - self.centre) / self.scale) @ self.coefficients)

    def probability(self, visits: pd.DataFrame) -> FloatArray:
        """Foretell P(satisfied) of visits. Shape ``[V]``."""
        return self.curve(self.score(visits))

    def gain(self, visits: pd.DataFrame, saving: float = SAVING) -> float:
        """Average what a saving adds to P(satisfied) by the line: an association, and no effect."""
        with_it, without = (self.probability(with_saving(visits, share)) for share in (saving, 0.0))
        return float((with_it - without).mean())


@dataclass(frozen=True)
class Association:
    """What a saving has to do with satisfaction, and whether later visits say so, too.

    Args:
        gain: P(satisfied) at a saving of `SAVING` less that without one, by the line.
        later: Log odds per unit of saving among later visits, at the same score without a saving.
        low: Lower end of its 95 % interval over users.
        high: Upper end.
    """

    gain: float
    later: float
    low: float
    high: float

    @classmethod
    def of(cls, line: Line, later: pd.DataFrame, seed: int = 0) -> Association:
        """Find it on visits that the line was not fitted to."""
        x = np.column_stack([line.score(with_saving(later, 0.0)), later["saving"]])
        happened = outcomes(later)
        user, users = pd.factorize(later["user_id"])
        drawn = [
            _slope(x, happened, np.bincount(draw, minlength=len(users)).astype(np.float64)[user])
            for draw in resamples(len(users), REPLICATES, seed)
        ]
        low, high = np.nanpercentile(drawn, [2.5, 97.5])
        return cls(line.gain(later), _slope(x, happened, np.ones(len(x))), float(low), float(high))

    @property
    def holds(self) -> bool:
        """Whether both say that who saves is satisfied the more, the later visits beyond chance."""
        return self.gain > 0 and self.low > 0

    def __str__(self) -> str:
        """Say it, and what follows for offers that are to keep people."""
        points = f"{SAVING:.0%} saved go with {100 * self.gain:+.1f} points of satisfaction"
        interval = f"95 % {self.low:+.2f} to {self.high:+.2f}"
        odds = f"on later visits {self.later:+.2f} log odds per price saved, {interval}"
        verdict = "holds and may count" if self.holds else "does not hold and must not count"
        said = f"{points} ({odds}): this {verdict} in the retention scenario"
        return f"{said}. It is an association, and no proof of an effect."


def _slope(x: FloatArray, happened: BoolArray, count: FloatArray) -> float:
    """Fit log odds by weighted logistic regression and take the slope of the last column."""
    from sklearn.linear_model import LogisticRegression

    kept = count > 0
    if len(np.unique(happened[kept])) < 2:
        return float("nan")
    model = LogisticRegression(C=1e6, max_iter=200)
    return float(model.fit(x[kept], happened[kept], sample_weight=count[kept]).coef_[0, -1])
