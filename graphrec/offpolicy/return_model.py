"""The proxy S = h(R, D, θ): does the user return within four weeks?

This is **not** measured satisfaction, which no log of purchases holds. A user may return out of habit, and
leave for reasons that no receipt shows. ``return_within_four_weeks`` is a named proxy with which scenarios
can put a value on keeping a user.

What it can say about discounts is an association: users choose when to shop and what to buy on sale. The
user's usual saving is an input beside this visit's, so that ``saving`` compares a user with themselves and
not thrifty users with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from graphrec.arrays import FloatArray
from graphrec.errors import InputError
from graphrec.evaluation.probability.calibration import LogisticCurve
from graphrec.offpolicy.return_visits import FEATURES, LABEL, with_saving

ReturnModelKind = Literal["logistic", "svm"]
_LANDMARKS = 200
"""Visits that span the kernel's feature map (Williams & Seeger, NIPS 2000); the exact one needs n² memory."""


@dataclass(frozen=True)
class ReturnModel:
    """A fitted score of returning and its calibration.

    Args:
        scorer: Standardising and a linear classifier, of the features or of their kernel map.
        curve: From its score to a probability, fitted to later visits than the scorer.
    """

    scorer: Pipeline
    curve: LogisticCurve

    @classmethod
    def fit(
        cls,
        visits: pd.DataFrame,
        later: pd.DataFrame,
        kind: ReturnModelKind = "logistic",
        strength: float = 1.0,
        seed: int = 0,
    ) -> ReturnModel:
        """Fit the scorer to earlier visits and calibrate it on later ones (Platt, 1999).

        Args:
            visits: As from `label_returns`, to fit the scorer.
            later: The same for the visits after, to calibrate it.
            kind: ``logistic`` regression, or ``svm`` with a Gaussian kernel.
            strength: Inverse of the regularisation, ``C`` of scikit-learn.
            seed: Of the kernel's landmarks.

        Raises:
            InputError: If one of the tables has only returns or none.
        """
        for name, table in (("earlier", visits), ("later", later)):
            if table[LABEL].nunique() < 2:
                raise InputError(f"the {name} visits hold only one outcome", column=LABEL, hint="add weeks")
        scorer = _scorer(kind, strength, seed).fit(visits[list(FEATURES)].to_numpy(), visits[LABEL])
        score = scorer.decision_function(later[list(FEATURES)].to_numpy())
        bought = later[LABEL].to_numpy(dtype=np.bool_)
        return cls(scorer, LogisticCurve.fit(score, bought, np.ones(len(later))))

    def probability(self, visits: pd.DataFrame) -> FloatArray:
        """Predict P(return within four weeks) after each visit. Shape ``[V]``."""
        return self.curve(self.scorer.decision_function(visits[list(FEATURES)].to_numpy()))


def _scorer(kind: ReturnModelKind, strength: float, seed: int) -> Pipeline:
    steps: list[Any] = [StandardScaler()]
    if kind == "svm":
        steps += [
            Nystroem(gamma=0.3 / len(FEATURES), n_components=_LANDMARKS, random_state=seed),
            LinearSVC(C=strength, random_state=seed),
        ]
    else:
        steps.append(LogisticRegression(C=strength, max_iter=1000))
    return make_pipeline(*steps)


def return_gain(model: ReturnModel, visits: pd.DataFrame, saving: npt.ArrayLike) -> FloatArray:
    """Compute P(return | d) − P(return | 0) by the model: the retention scenario multiplies a value with it.

    It is an association, see the head of this file; it can be negative, and is passed on as it is.

    Args:
        model: A fitted model.
        visits: The users' latest visits, columns `FEATURES`.
        saving: Share of the full price of the visit that is saved, 0 to below 1. Scalar or ``[V]``.

    Raises:
        InputError: If a share is out of range.
    """
    shares = np.asarray(saving, dtype=np.float64)
    if not ((shares >= 0) & (shares < 1)).all():
        raise InputError("a saving is a share of the full price", column="saving", hint="give 0 to below 1")
    return model.probability(with_saving(visits, shares)) - model.probability(with_saving(visits, 0.0))


def absence_risk(model: ReturnModel, visits: pd.DataFrame) -> pd.Series[float]:
    """Predict P(no return within four weeks) after each user's latest visit, by ``user_id``.

    Args:
        model: A fitted model.
        visits: Columns ``user_id``, ``week`` and `FEATURES`; all visits, of which the latest counts.
    """
    latest = visits.sort_values("week", kind="stable").groupby("user_id").tail(1)
    return pd.Series(1 - model.probability(latest), index=latest["user_id"], name="absence_risk").sort_index()
