"""A response that is put right by what offers brought: the served one is where it starts from.

The logit of a purchase is ``b · w + e + h(d) (s · v + f)`` with ``h(d) = -log(1 - d)``. Among the features
``b`` is the logit that the shop had without a discount, among ``s`` the rise that it assumed or had learnt.
The weights start where they leave both as they are, and follow `ThompsonSampling`: a Bayesian logistic
regression. Effects ``e`` and ``f`` of single items and users are found with them, as far apart as
`slope_effects` says that groups are: what little is known of is pulled to 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.optimize import minimize

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import RATE
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
SAME = 1e-3
"""Groups that differ by less than this in logits are alike."""
ITERATIONS, ENOUGH = 200, 1e-2
"""The search ends after so many steps, or where no direction rises by more than this."""


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
        blocks = _blocks(decisions, step, weeks * (bought - _sigmoid(x @ weights)), _bend(x @ weights, weeks))
        found = _together(x, blocks, bought, weights, weeks)
        effects: dict[str, dict[str, dict[str, float]]] = {"levels": {}, "slopes": {}}
        for block, own in zip(blocks, found[1], strict=True):
            effects[block.kind][block.name] = _named(block.names, own)
        after = int(decisions[Columns.WEEK].max()) + weeks - 1
        return cls(found[0], centre, effects["levels"], effects["slopes"], len(decisions), after)

    def response(self, pairs: pd.DataFrame) -> ElasticResponse:
        """Make curves of pairs, columns `KNOWN`; no rise is below 0."""
        return self.curves(
            {name: pairs[name].to_numpy(dtype=np.float64) for name in KNOWN if name not in GROUPS},
            {name: pairs[name].astype("str").tolist() for name in GROUPS},
        )

    def curves(self, known: Mapping[str, FloatArray], groups: Mapping[str, Sequence[str]]) -> ElasticResponse:
        """Make curves of pairs of which the numbers and the ids, as text, are at hand. ``[P]`` each."""
        base, slope = _features(known, self.centre)
        start = _sigmoid(base @ self.weights[:BASES] + _of_pairs(self.levels, groups))
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


@dataclass(frozen=True)
class _Block:
    """Effects of the groups of one column on the level or on the rise.

    Args:
        kind: ``levels`` or ``slopes``.
        name: Column.
        names: Its groups. Length ``G``.
        design: What each group's effect is multiplied with. Shape ``[n, G]``.
        spread: Standard deviation between groups.
    """

    kind: str
    name: str
    names: pd.Index[Any]
    design: sp.csr_array
    spread: float


def _blocks(decisions: pd.DataFrame, step: FloatArray, left: FloatArray, spread: FloatArray) -> list[_Block]:
    """Find which groups differ, and by how much, from a fit that is common to all.

    Args:
        decisions: With the columns `GROUPS`.
        step: What the slope is multiplied with. Shape ``[n]``.
        left: What was bought beyond what the fit says. Shape ``[n]``.
        spread: Its variance by the fit. Shape ``[n]``.
    """
    found = []
    for name in GROUPS:
        code, names = pd.factorize(decisions[name].astype("str"))
        group, rows = code.astype(np.int64), np.arange(len(code))
        of = {"levels": (np.ones(len(code)), level_effects(group, left, spread))}
        of["slopes"] = (step, slope_effects(group, left, spread, step))
        for kind, (values, effects) in of.items():
            if effects.spread > SAME:
                shape = (len(code), len(names))
                design = sp.csr_array(sp.coo_array((values, (rows, group)), shape))
                found.append(_Block(kind, name, pd.Index(names), design, effects.spread))
    return found


def _together(
    x: FloatArray, blocks: list[_Block], bought: FloatArray, start: FloatArray, weeks: int
) -> tuple[FloatArray, list[FloatArray]]:
    """Find the mode of weights and effects together: one logistic regression with a normal prior on each.

    The search goes in directions in which the loss bends about alike, which makes it quick.
    """
    count, sizes = len(start), [len(block.names) for block in blocks]
    design = sp.hstack([sp.csr_array(x), *(block.design for block in blocks)], format="csr")
    precision = np.concatenate([np.ones(count), *(np.full(len(one.names), one.spread**-2) for one in blocks)])
    prior = np.concatenate([START, np.zeros(sum(sizes))])
    bend = _bend(x @ start, weeks)
    root = np.linalg.cholesky((x * bend[:, None]).T @ x + np.eye(count))
    scale = 1.0 / np.sqrt((design**2).T @ bend + precision)

    def weights_of(z: FloatArray) -> FloatArray:
        return np.concatenate([np.linalg.solve(root.T, z[:count]), scale[count:] * z[count:]])

    def loss(z: FloatArray) -> tuple[float, FloatArray]:
        weights = weights_of(z)
        logit, off = design @ weights, weights - prior
        value = weeks * (np.logaddexp(0.0, logit) - bought * logit).sum() + (precision * off**2).sum() / 2.0
        slope = weeks * (design.T @ (_sigmoid(logit) - bought)) + precision * off
        slope = np.concatenate([np.linalg.solve(root, slope[:count]), scale[count:] * slope[count:]])
        return float(value), slope

    first = np.concatenate([root.T @ start, np.zeros(sum(sizes))])
    ends = {"maxiter": ITERATIONS, "ftol": 0.0, "gtol": ENOUGH}
    found = weights_of(minimize(loss, first, jac=True, method="L-BFGS-B", options=ends).x)
    parts = np.split(found, np.cumsum([count, *sizes])[:-1])
    return parts[0], parts[1:]


def _of_pairs(effects: Effects, groups: Mapping[str, Sequence[str]]) -> FloatArray:
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


def _bend(logit: FloatArray, weeks: int) -> FloatArray:
    """Compute how the loss of so many weeks bends: the variance of what is bought in them. ``[n]``."""
    chance = _sigmoid(logit)
    return weeks * chance * (1.0 - chance)


def _sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0))), dtype=np.float64)
