"""Missing values predicted from other columns, by scikit-learn: its boosted trees take gaps as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.cleaning.declared import file_of
from graphrec.data.interactions import Columns
from graphrec.errors import InputError

_FEWEST = 20
"""Known values that a model needs."""


def predicted(log: pd.DataFrame, column: str, features: Sequence[str], missing: BoolArray) -> pd.Series[Any]:
    """Predict the missing values of a column; known ones come back as they are.

    Args:
        log: The log.
        column: The column, of numbers or of text.
        features: Columns to predict from. Text is coded by its own values.
        missing: Which rows have no value. Shape ``[n]``.

    Raises:
        InputError: If too few values are known, or the column is one of the features.
    """
    if column in features:
        raise InputError(f"{column} cannot be predicted from itself", column="features", hint="leave it out")
    training = (log[Columns.PART] == "train").to_numpy() if Columns.PART in log else np.ones(len(log), bool)
    learn = ~missing & training
    if learn.sum() < _FEWEST:
        what, hint = f"a model needs {_FEWEST} known values, and {learn.sum()} are", "choose another how"
        raise InputError(what, file=file_of(log), column=column, hint=hint)
    filled = log[column].copy()
    if missing.any():
        inputs = _inputs(log, features)
        model = _model(filled).fit(inputs[learn], filled[learn])
        filled[missing] = model.predict(inputs[missing])
    return filled


def _inputs(log: pd.DataFrame, features: Sequence[str]) -> FloatArray:
    """Make numbers of the features: times as days, text by its codes."""
    columns = []
    for name in features:
        values = log[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            columns.append((values - values.min()).dt.total_seconds() / 86_400)
        elif pd.api.types.is_numeric_dtype(values):
            columns.append(values)
        else:
            columns.append(pd.Series(pd.factorize(values, sort=True)[0], log.index).replace(-1, np.nan))
    found: FloatArray = pd.concat(columns, axis=1).to_numpy(dtype="float64")
    return found


def _model(values: pd.Series[Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    numeric = pd.api.types.is_numeric_dtype(values)
    kind = HistGradientBoostingRegressor if numeric else HistGradientBoostingClassifier
    return kind(max_iter=50, random_state=0)
