"""A response that is put right by what offers brought: the served one is where it starts from.

The logit of a purchase is ``b · w + e + h(d) (s · v + f)`` with ``h(d) = -log(1 - d)``. Among the features
``b`` is the logit that the shop had without a discount, among ``s`` the rise that it assumed or had learnt.
The weights start where they leave both as they are, and follow `ThompsonSampling`: a Bayesian logistic
regression. Effects ``e`` and ``f`` of single items and users are learnt with them, as far apart as groups
truly are (`graphrec.offpolicy.loop.group_effects`): what little is known of is pulled to 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import RATE
from graphrec.offpolicy.bandits import Choices, ThompsonSampling, sigmoid
from graphrec.offpolicy.loop.group_effects import Groups, Outcomes, with_groups
from graphrec.response.curves import ElasticResponse

GROUPS = (Columns.ITEM, Columns.USER)
"""Whose effects are added."""
KNOWN = ("base_logit", "slope", "affinity", "price", *GROUPS)
"""Columns of a pair that the response is read from."""
START = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
"""Weights that leave the served response as it is: constant, logit, affinity, price; rise, times both."""
BASES = 4

ByName = Mapping[str, Mapping[str, float]]
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
    levels: ByName
    slopes: ByName
    rows: int = 0
    after: int = 0

    @classmethod
    def fit(cls, decisions: pd.DataFrame, weeks: int = 1) -> LearnedResponse:
        """Learn from decisions and their outcomes.

        Args:
            decisions: Columns `KNOWN`, ``rate``, ``week`` and ``bought``: whether, or in which share of the
                weeks.
            weeks: That each decision was for.
        """
        centre = _centre(decisions)
        base, slope = _features(decisions, centre)
        bought = decisions["bought"].to_numpy(dtype=np.float64)
        rows, step = np.arange(len(decisions)), -np.log1p(-decisions[RATE].to_numpy(dtype=np.float64))
        steps, level = np.unique(step, return_inverse=True)
        choices = Choices(base, slope, steps, np.ones((len(decisions), 1)))
        start = ThompsonSampling(START, np.eye(len(START)))
        weights = start.learn(choices, rows, level, bought, weeks).mean
        x = choices.design(rows, level)
        groups = [Groups.of(decisions[name]) for name in GROUPS]
        weights, effects = with_groups(Outcomes(x, step, bought, weeks), START, weights, groups)
        levels, slopes = (
            {one.name: _named(one.names, vars(own)[kind]) for one, own in zip(groups, effects, strict=True)}
            for kind in ("levels", "slopes")
        )
        after = int(decisions[Columns.WEEK].max()) + weeks - 1
        return cls(weights, centre, levels, slopes, len(decisions), after)

    def response(self, pairs: pd.DataFrame) -> ElasticResponse:
        """Make curves of pairs, columns `KNOWN`; no rise is below 0."""
        return self.curves(
            {name: pairs[name].to_numpy(dtype=np.float64) for name in KNOWN if name not in GROUPS},
            {name: pairs[name].astype("str").tolist() for name in GROUPS},
        )

    def curves(self, known: Mapping[str, FloatArray], groups: Mapping[str, Sequence[str]]) -> ElasticResponse:
        """Make curves of pairs of which the numbers and the ids, as text, are at hand. ``[P]`` each."""
        base, slope = _features(known, self.centre)
        start = sigmoid(base @ self.weights[:BASES] + _of_pairs(self.levels, groups))
        rise = slope @ self.weights[BASES:] + _of_pairs(self.slopes, groups)
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


def _of_pairs(effects: ByName, groups: Mapping[str, Sequence[str]]) -> FloatArray:
    """Add up the effects of each pair's groups; 0 of one that was never seen. Shape ``[P]``."""
    total = np.zeros(len(next(iter(groups.values()))))
    for name, of in effects.items():
        total += [of.get(one, 0.0) for one in groups[name]]
    return total


def _centre(decisions: pd.DataFrame) -> FloatArray:
    """Find mean and spread of affinity and log price. Shape ``[2, 2]``."""
    values = _raw(decisions)
    spread = values.std(axis=0)
    return np.stack([values.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)])


def _raw(pairs: Mapping[str, FloatArray] | pd.DataFrame) -> FloatArray:
    return np.column_stack([pairs["affinity"], np.log(pairs["price"])]).astype(np.float64)


def _features(
    pairs: Mapping[str, FloatArray] | pd.DataFrame, centre: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Compute features of the base logit ``[n, 4]`` and of the rise ``[n, 3]``."""
    z = (_raw(pairs) - centre[0]) / centre[1]
    base, slope = (np.asarray(pairs[name], dtype=np.float64) for name in ("base_logit", "slope"))
    return np.column_stack([np.ones(len(z)), base, z]), slope[:, None] * np.column_stack([np.ones(len(z)), z])


def _named(names: pd.Index, effects: FloatArray) -> dict[str, float]:
    """Keep effects by item, those of 0 left out."""
    return {str(name): float(one) for name, one in zip(names, effects, strict=True) if one}
