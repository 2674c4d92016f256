"""Learners of uplift: what a treatment adds to an outcome, from the facts of a person.

- ``t``: one model of the outcome per arm; their difference.
- ``s``: one model of outcome from facts and treatment, with their products where the model is a line.
- ``x``: each arm's model foretells what the other arm's people lack (Künzel et al., PNAS 2019).
- ``transformed``: a model of ``y (t - e) / (e (1 - e))``, whose mean is the uplift (Athey & Imbens, 2015).
- ``dr``: a model of the doubly robust score (Kennedy, EJS 2023), its outcome models fitted on other halves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from graphrec.arrays import BoolArray, FloatArray
from graphrec.errors import InputError
from graphrec.offpolicy.uplift.encoded import Base, Outcome

Learner = Literal["t", "s", "x", "transformed", "dr"]
LEARNERS: tuple[Learner, ...] = get_args(Learner)

Predict = Callable[[FloatArray], FloatArray]
"""Facts ``[n, F]`` → uplift ``[n]``."""


def fit_uplift(
    learner: Learner,
    x: FloatArray,
    treated: BoolArray,
    outcome: FloatArray,
    propensity: FloatArray,
    base: Base = "linear",
    seed: int = 0,
) -> Predict:
    """Fit a learner of uplift.

    Args:
        learner: Which.
        x: Facts. Shape ``[n, F]``.
        treated: Who was. Shape ``[n]``.
        outcome: In any unit. Shape ``[n]``.
        propensity: Probability of being treated, within (0, 1). Shape ``[n]``.
        base: Model of the outcome.
        seed: Of what is drawn.

    Returns:
        What foretells the uplift of other people.

    Raises:
        InputError: If the learner is not known, or an arm has nobody.
    """
    if learner not in LEARNERS:
        raise InputError(f"there is no learner {learner!r}", hint=f"use {', '.join(LEARNERS)}")
    if treated.all() or not treated.any():
        raise InputError("one arm has nobody, so nothing can be compared", column="arm")
    made = {"t": _t, "s": _s, "x": _x, "transformed": _transformed, "dr": _dr}[learner]
    return made(x, treated, outcome, propensity, lambda: Outcome(base, seed))


_New = Callable[[], Outcome]


def _t(x: FloatArray, treated: BoolArray, y: FloatArray, e: FloatArray, new: _New) -> Predict:
    with_it, without = new().fit(x[treated], y[treated]), new().fit(x[~treated], y[~treated])
    return lambda rows: with_it.predict(rows) - without.predict(rows)


def _s(x: FloatArray, treated: BoolArray, y: FloatArray, e: FloatArray, new: _New) -> Predict:
    def joined(rows: FloatArray, t: FloatArray) -> FloatArray:
        return np.column_stack([rows, t[:, None] * np.column_stack([np.ones(len(rows)), rows])])

    model = new().fit(joined(x, treated.astype(np.float64)), y)

    def predict(rows: FloatArray) -> FloatArray:
        ones = np.ones(len(rows))
        return model.predict(joined(rows, ones)) - model.predict(joined(rows, 0 * ones))

    return predict


def _x(x: FloatArray, treated: BoolArray, y: FloatArray, e: FloatArray, new: _New) -> Predict:
    with_it, without = new().fit(x[treated], y[treated]), new().fit(x[~treated], y[~treated])
    of_treated = new().fit(x[treated], y[treated] - without.predict(x[treated]))
    of_others = new().fit(x[~treated], with_it.predict(x[~treated]) - y[~treated])
    share = float(e.mean())
    return lambda rows: share * of_others.predict(rows) + (1 - share) * of_treated.predict(rows)


def _transformed(x: FloatArray, treated: BoolArray, y: FloatArray, e: FloatArray, new: _New) -> Predict:
    return new().fit(x, y * (treated - e) / (e * (1 - e))).predict


def _dr(x: FloatArray, treated: BoolArray, y: FloatArray, e: FloatArray, new: _New) -> Predict:
    half = np.random.default_rng(0).random(len(y)) < 0.5
    score = np.empty(len(y))
    for mine in (half, ~half):
        with_it = new().fit(x[~mine & treated], y[~mine & treated]).predict(x[mine])
        without = new().fit(x[~mine & ~treated], y[~mine & ~treated]).predict(x[mine])
        t, own = treated[mine], e[mine]
        left = y[mine] - np.where(t, with_it, without)
        score[mine] = with_it - without + left * np.where(t, 1 / own, -1 / (1 - own))
    return new().fit(x, score).predict
