"""A response that is put right by what offers brought: the served one is where it starts from.

The logit of a purchase is ``b · w + e + h(d) (s · v + f)`` with ``h(d) = -log(1 - d)``. Among the features
``b`` is the logit that the shop had without a discount, among ``s`` the rise that it assumed or had learnt.
The weights start where they leave both as they are, and follow `ThompsonSampling`: a Bayesian logistic
regression. What is left of single items and users is added as shrunk effects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.offpolicy.bandits import Choices, ThompsonSampling
from graphrec.offpolicy.slope_effects import level_effects, slope_effects
from graphrec.response.curves import ElasticResponse

GROUPS = (Columns.ITEM, Columns.USER)
"""Whose effects are added."""
KNOWN = ("base_logit", "slope", "affinity", "price", *GROUPS)
"""Columns of a pair that the response is read from."""
START = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
"""Weights that leave the served response as it is: constant, logit, affinity, price; rise, times both."""
BASES = 4


Effects = Mapping[str, Mapping[str, float]]
"""Of `GROUPS`, by id."""


@dataclass(frozen=True)
class LearnedResponse:
    """What has been learnt.

    Args:
        weights: Of the features. Shape ``[7]``.
        centre: Mean and spread of affinity and of the logarithm of the price. Shape ``[2, 2]``.
        levels: Effects on the logit without discount.
        slopes: Effects on its rise.
        rows: Decisions that it has learnt from.
        after: The last week of them.
    """

    weights: FloatArray
    centre: FloatArray
    levels: Effects
    slopes: Effects
    rows: int = 0
    after: int = 0

    @classmethod
    def fit(cls, decisions: pd.DataFrame, steps: FloatArray, level: IntArray) -> LearnedResponse:
        """Learn from decisions and their outcomes.

        Args:
            decisions: Columns `KNOWN`, ``week`` and ``bought``.
            steps: ``-log(1 - d)`` of the levels. Shape ``[R]``.
            level: Level of each decision. Shape ``[n]``.
        """
        centre = _centre(decisions)
        base, slope = _features(decisions, centre)
        bought = decisions["bought"].to_numpy(dtype=np.bool_)
        rows = np.arange(len(decisions))
        choices = Choices(base, slope, steps, np.ones((len(decisions), len(steps))))
        weights = ThompsonSampling(START, np.eye(len(START))).learn(choices, rows, level, bought).mean
        logit = choices.design(rows, level) @ weights
        found: dict[str, dict[str, dict[str, float]]] = {"levels": {}, "slopes": {}}
        for kind, step in (("levels", np.ones(len(level))), ("slopes", steps[level])):
            for name in GROUPS:
                code, names = pd.factorize(decisions[name].astype("str"))
                chance = _sigmoid(logit)
                left, spread = bought - chance, chance * (1.0 - chance)
                group = code.astype(np.int64)
                of = level_effects(group, left, spread) if kind == "levels" else None
                effect = (of or slope_effects(group, left, spread, step)).effect
                logit = logit + effect[code] * step
                found[kind][name] = _named(names, effect)
        after = int(decisions[Columns.WEEK].max())
        return cls(weights, centre, found["levels"], found["slopes"], len(decisions), after)

    def response(self, pairs: pd.DataFrame) -> ElasticResponse:
        """Make curves of pairs, columns `KNOWN`; no rise is below 0."""
        base, slope = _features(pairs, self.centre)
        start = _sigmoid(base @ self.weights[:BASES] + _of_pairs(self.levels, pairs))
        rise = slope @ self.weights[BASES:] + _of_pairs(self.slopes, pairs)
        return ElasticResponse(start, np.maximum(rise, 0.0))

    def written(self) -> dict[str, Any]:
        """Write as plain numbers and names."""
        return {**vars(self), "weights": self.weights.tolist(), "centre": self.centre.tolist()}

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> LearnedResponse:
        """Read what `written` wrote."""
        weights, centre = (np.asarray(written[name], dtype=np.float64) for name in ("weights", "centre"))
        levels, slopes = (dict(written[name]) for name in ("levels", "slopes"))
        return cls(weights, centre, levels, slopes, int(written["rows"]), int(written["after"]))


def _of_pairs(effects: Effects, pairs: pd.DataFrame) -> FloatArray:
    """Add up the effects of each pair's groups; 0 of one that was never seen. Shape ``[P]``."""
    total = np.zeros(len(pairs))
    for name, of in effects.items():
        total += pairs[name].astype("str").map(dict(of)).astype(np.float64).fillna(0.0).to_numpy()
    return total


def _centre(decisions: pd.DataFrame) -> FloatArray:
    """Find mean and spread of affinity and log price. Shape ``[2, 2]``."""
    values = _raw(decisions)
    spread = values.std(axis=0)
    return np.stack([values.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)])


def _raw(pairs: pd.DataFrame) -> FloatArray:
    return np.column_stack([pairs["affinity"], np.log(pairs["price"])]).astype(np.float64)


def _features(pairs: pd.DataFrame, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute features of the base logit ``[n, 4]`` and of the rise ``[n, 3]``."""
    z = (_raw(pairs) - centre[0]) / centre[1]
    base = pairs["base_logit"].to_numpy(dtype=np.float64)
    slope = pairs["slope"].to_numpy(dtype=np.float64)
    return np.column_stack([np.ones(len(z)), base, z]), slope[:, None] * np.column_stack([np.ones(len(z)), z])


def _named(names: pd.Index, effects: FloatArray) -> dict[str, float]:
    """Keep effects by item, those of 0 left out."""
    return {str(name): float(one) for name, one in zip(names, effects, strict=True) if one}


def _sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0))), dtype=np.float64)
