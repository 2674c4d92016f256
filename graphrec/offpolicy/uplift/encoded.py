"""Facts of people as a matrix of numbers, and the models of an outcome that read it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from graphrec.arrays import FloatArray

Base = Literal["linear", "boosting"]
"""Which model of the outcome: a line (logistic for 0 and 1), or boosted trees."""

MOST_LEVELS = 30


def encoder() -> ColumnTransformer:
    """Make the encoder of a table of facts, to be fitted on training rows.

    Numbers are standardised, a missing one is the median with a flag beside it. Text becomes one column per
    level; the rarest levels share one.
    """
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    levels = OneHotEncoder(
        max_categories=MOST_LEVELS,
        min_frequency=10,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )
    number = make_column_selector(dtype_include="number")
    return ColumnTransformer(
        [("numbers", numbers, number), ("levels", levels, make_column_selector(dtype_exclude="number"))]
    )


class Outcome:
    """A model of an outcome from facts: a probability for 0 and 1, else a mean.

    Args:
        base: Which model.
        seed: Of boosted trees.
    """

    def __init__(self, base: Base = "linear", seed: int = 0) -> None:
        self.base, self.seed = base, seed
        self.constant: float | None = None
        self.model: Any = None

    def fit(self, x: FloatArray, y: FloatArray, weight: FloatArray | None = None) -> Outcome:
        """Fit to facts ``[n, F]`` and outcomes ``[n]``; an outcome that never varies is foretold as it is."""
        values = np.unique(y)
        if len(values) < 2 or x.shape[1] == 0:
            self.constant = float(np.average(y, weights=weight)) if len(y) else 0.0
            return self
        self.binary = bool(np.isin(values, (0.0, 1.0)).all())
        self.model = clone(self._unfitted()).fit(x, y.astype(int) if self.binary else y, sample_weight=weight)
        return self

    def _unfitted(self) -> Any:
        if self.base == "linear":
            return LogisticRegression(C=1.0, max_iter=300) if self.binary else Ridge(alpha=1.0)
        how = {"max_iter": 60, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 100}
        kind = HistGradientBoostingClassifier if self.binary else HistGradientBoostingRegressor
        return kind(**how, early_stopping=False, random_state=self.seed)

    def predict(self, x: FloatArray) -> FloatArray:
        """Foretell the outcome. Shape ``[n]``."""
        if self.constant is not None:
            return np.full(len(x), self.constant)
        found = self.model.predict_proba(x)[:, 1] if self.binary else self.model.predict(x)
        return np.asarray(found, dtype=np.float64)


def facts_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Bring every column to a number or to text, as `encoder` tells them apart."""
    return pd.DataFrame(
        {
            name: column.astype("float64")
            if pd.api.types.is_numeric_dtype(column)
            else column.astype("object").where(column.notna(), "unknown").map(str)
            for name, column in frame.items()
        },
        index=frame.index,
    )
