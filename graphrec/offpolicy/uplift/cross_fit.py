"""Cross-fitting: each person is judged by models that were fitted on other people."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.errors import InputError, check_at_least
from graphrec.offpolicy.uplift.encoded import Base, Outcome, encoder, facts_of
from graphrec.offpolicy.uplift.learners import Learner, fit_uplift

FOLDS = 5


def folds(
    group: IntArray, arm: IntArray, parts: int = FOLDS, seed: int = 0
) -> Iterator[tuple[IntArray, IntArray]]:
    """Split people into parts; each is judged once, by what was fitted on the others.

    Args:
        group: Code of the person; the rows of one stay together. Shape ``[n]``.
        arm: Code of the arm. People of each arm are spread over the parts evenly. Shape ``[n]``.
        parts: How many.
        seed: Of the order.

    Yields:
        Rows to fit on and rows to judge.

    Raises:
        InputError: If there are fewer people than parts.
    """
    check_at_least(2, folds=parts)
    people, first = np.unique(group, return_index=True)
    if len(people) < parts:
        raise InputError(f"{len(people)} people cannot be split into {parts} parts", hint="ask for fewer")
    drawn = np.random.default_rng(seed).random(len(people))
    order = np.lexsort((drawn, arm[first]))
    part = np.empty(len(people), dtype=np.int64)
    part[order] = np.arange(len(people)) % parts
    of_row = part[np.searchsorted(people, group)]
    for number in range(parts):
        yield np.flatnonzero(of_row != number), np.flatnonzero(of_row == number)


def cross_fitted(
    facts: pd.DataFrame,
    split: Iterator[tuple[IntArray, IntArray]],
    fit: Callable[[FloatArray, IntArray], Callable[[FloatArray], FloatArray]],
) -> FloatArray:
    """Foretell each row by a model of the other parts; the encoder, too, sees those alone.

    Args:
        facts: A column per fact. Shape ``[n, F]``.
        split: Rows to fit on and rows to judge.
        fit: Encoded facts of some rows, and those rows → what foretells others.

    Returns:
        Shape ``[n]`` or ``[n, R]``.
    """
    table = facts_of(facts)
    found: FloatArray | None = None
    for train, judged in split:
        if facts.shape[1]:
            encode = encoder().fit(table.iloc[train])
            x, other = (np.asarray(encode.transform(table.iloc[rows])) for rows in (train, judged))
        else:
            x, other = np.empty((len(train), 0)), np.empty((len(judged), 0))
        values = fit(x, train)(other)
        found = np.empty((len(table), *values.shape[1:])) if found is None else found
        found[judged] = values
    assert found is not None
    return found


def rewards(
    facts: pd.DataFrame,
    group: IntArray,
    arm: IntArray,
    reward: FloatArray,
    base: Base = "linear",
    parts: int = FOLDS,
    seed: int = 0,
) -> FloatArray:
    """Foretell the reward of each row under each arm, from other people.

    Args:
        facts: A column per fact; without any, the mean of the arm is foretold. Shape ``[n, F]``.
        group: Code of the person. Shape ``[n]``.
        arm: Code of the arm, from 0. Shape ``[n]``.
        reward: Shape ``[n]``.
        base: Model of the reward.
        parts: How many parts people are split into.
        seed: Of the split and of boosted trees.

    Returns:
        Shape ``[n, R]``.

    Raises:
        InputError: If an arm has fewer people than parts.
    """
    arms = int(arm.max()) + 1
    fewest = np.array([len(np.unique(group[arm == code])) for code in range(arms)])
    if fewest.min() < parts:
        what = f"an arm has {fewest.min()} people, too few for {parts} parts"
        raise InputError(what, column="arm", hint="leave its rows out or join it with another arm")

    def fit(x: FloatArray, rows: IntArray) -> Callable[[FloatArray], FloatArray]:
        models = [
            Outcome(base, seed).fit(x[mine], reward[rows][mine])
            for mine in (arm[rows] == code for code in range(arms))
        ]
        return lambda other: np.column_stack([model.predict(other) for model in models])

    return cross_fitted(facts, folds(group, arm, parts, seed), fit)


def uplift(
    learner: Learner,
    facts: pd.DataFrame,
    group: IntArray,
    treated: BoolArray,
    outcome: FloatArray,
    propensity: FloatArray,
    base: Base = "linear",
    parts: int = FOLDS,
    seed: int = 0,
) -> FloatArray:
    """Foretell the uplift of each row from other people; see `fit_uplift`. Shape ``[n]``."""

    def fit(x: FloatArray, rows: IntArray) -> Callable[[FloatArray], FloatArray]:
        return fit_uplift(learner, x, treated[rows], outcome[rows], propensity[rows], base, seed)

    return cross_fitted(facts, folds(group, treated.astype(np.int64), parts, seed), fit)
