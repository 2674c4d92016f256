"""Does a response predict the lift that discounts have? Checks by depth and by the user's affinity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from graphrec.arrays import FloatArray, IntArray
from graphrec.evaluation.intervals import resamples

Curves = Callable[[FloatArray], FloatArray]

DEPTHS = (0.01, 0.1, 0.2, 0.3, 0.4)
"""Lower ends of the depth bins; below the first a shelf price counts as the regular one."""
BIN_NAMES = ("regular", "1-10 %", "10-20 %", "20-30 %", "30-40 %", "40 % and more")
QUARTILES = 4
_CHUNK = 50


@dataclass(frozen=True)
class _Cells:
    """Sums over the rows of each user and item, by depth bin; each matrix is ``[U, I]``."""

    rows: list[sp.csr_array]
    bought: list[sp.csr_array]
    predicted: list[sp.csr_array]
    quartile: IntArray


def lift_table(
    rows: pd.DataFrame, probability: npt.ArrayLike, replicates: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Compare observed and predicted lift of each affinity quartile and depth bin, with intervals.

    The lift is the number of purchases over what the same items sell at the regular price. It is relative to
    the same quotient of the quartile's rows at the regular price. So neither do items that are often on deal
    and bought often anyway look responsive, nor quartiles that buy more. Predicted lifts follow from the same
    computation on probabilities instead of purchases. Items without a row at the regular price are left out.

    There are two intervals. ``low`` to ``high`` resamples users alone: how far the lift of *these* deals is
    off because other users could have come. But all users share what makes a deal sell well or badly in its
    week: a rival shop, the weather, a place at the entrance. So the rows of an item are no independent tries,
    and a few items make most of a cell. ``twoway_low`` to ``twoway_high`` resamples users and items
    independently, a row counting as often as both were drawn: the pigeonhole bootstrap (Owen, Annals of
    Applied Statistics 2007), somewhat conservative. It covers what deals on other items would have shown. So
    it is the one to judge a prediction by that was made before the weeks.

    Args:
        rows: ``user_id``, ``item_id``, ``bought``, ``rate`` and ``affinity``; quartiles are of users.
        probability: Of a purchase, for each row. Shape ``[n]``.
        replicates: Resamples of users, whose rows stay together, and of as many of users and items.
        seed: Of the resamples.

    Returns:
        A row per quartile (0 the lowest affinity) and bin: ``quartile``, ``depth``, ``rows``, ``observed``,
        ``predicted``, ``low``, ``high`` and ``inside`` over users, and ``twoway_low``, ``twoway_high`` and
        ``twoway_inside`` over users and items (95 %).
    """
    cells = _cells(rows, np.asarray(probability, dtype=np.float64))
    everyone, all_items = np.ones((1, len(cells.quartile))), np.ones((1, cells.rows[0].shape[1]))
    observed, predicted = (
        _lifts(cells, values, everyone, all_items)[0] for values in (cells.bought, cells.predicted)
    )
    quartile, depth = np.divmod(np.arange(observed.size), len(BIN_NAMES))
    table = pd.DataFrame({"quartile": quartile, "depth": np.array(BIN_NAMES)[depth]})
    table["rows"] = _counts(cells).ravel().astype(np.int64)
    table["observed"], table["predicted"] = observed.ravel(), predicted.ravel()
    for prefix, crossed in (("", False), ("twoway_", True)):
        low, high = _interval(cells, replicates, seed, crossed)
        table[f"{prefix}low"], table[f"{prefix}high"] = low.ravel(), high.ravel()
        table[f"{prefix}inside"] = table["predicted"].between(low.ravel(), high.ravel())
    return table


def monotonicity_violations(curves: Curves, pairs: int, comparisons: int = 1_000_000, seed: int = 0) -> int:
    """Count how often a deeper discount is predicted to bring fewer purchases, over random rate pairs.

    Args:
        curves: One rate per pair ``[P]`` to probabilities ``[P]``, for the same ``P`` pairs each time.
        pairs: Number of pairs ``P``.
        comparisons: Comparisons to draw; rounded up to whole passes over the pairs.
        seed: Of the rates, uniform between 0 and 0.9.
    """
    rng, violations = np.random.default_rng(seed), 0
    for _ in range(-(-comparisons // pairs)):
        low, high = np.sort(rng.uniform(0.0, 0.9, size=(2, pairs)), axis=0)
        violations += int((curves(high) < curves(low)).sum())
    return violations


def affinity_quartile(rows: pd.DataFrame) -> pd.Series[int]:
    """Find the quartile of each user's affinity among the users in `rows`, 0 the lowest, by ``user_id``."""
    affinity = rows.groupby("user_id")["affinity"].first()
    place = affinity.rank(method="first") - 1
    return (place * QUARTILES // len(affinity)).astype(np.int64)


def _cells(rows: pd.DataFrame, probability: FloatArray) -> _Cells:
    quartile = affinity_quartile(rows)
    user = pd.Index(quartile.index).get_indexer(pd.Index(rows["user_id"]))
    item, items = pd.factorize(rows["item_id"])
    depth = np.digitize(rows["rate"], DEPTHS)
    priced = np.bincount(item[depth == 0], minlength=len(items)) > 0
    shape, kept = (len(quartile), len(items)), priced[item]

    def sums(values: FloatArray) -> list[sp.csr_array]:
        of = [kept & (depth == place) for place in range(len(BIN_NAMES))]
        return [sp.csr_array(sp.coo_array((values[at], (user[at], item[at])), shape)) for at in of]

    bought = rows["bought"].to_numpy(dtype=np.float64)
    codes = np.asarray(quartile, dtype=np.int64)
    return _Cells(sums(np.ones(len(rows))), sums(bought), sums(probability), codes)


def _interval(cells: _Cells, replicates: int, seed: int, crossed: bool) -> tuple[FloatArray, FloatArray]:
    """Find the ends of the observed lifts' 95 % interval over users, or users and items. ``[4, bins]``."""
    users, items = len(cells.quartile), cells.rows[0].shape[1]
    drawn_users = _weights(users, replicates, seed)
    # items need draws of their own, not those of the users
    drawn_items = (
        _weights(items, replicates, seed + 1) if crossed else [np.ones((1, items))] * len(drawn_users)
    )
    both = zip(drawn_users, drawn_items, strict=True)
    drawn = np.concatenate([_lifts(cells, cells.bought, *weights) for weights in both])
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    return low, high


def _lifts(cells: _Cells, values: list[sp.csr_array], weights: FloatArray, items: FloatArray) -> FloatArray:
    """Compute lifts ``[R, 4, bins]``, by weights of users ``[R, U]`` and items ``[R or 1, I]``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # without a regular week among the users drawn, an item has nothing to compare with
        usual = np.nan_to_num((weights @ values[0]) / (weights @ cells.rows[0]), posinf=0.0)
        lift = np.empty((len(weights), QUARTILES, len(values)))
        for quartile in range(QUARTILES):
            mine = weights * (cells.quartile == quartile)
            for place, (total, rows) in enumerate(zip(values, cells.rows, strict=True)):
                expected = ((mine @ rows) * usual * items).sum(axis=1)
                lift[:, quartile, place] = ((mine @ total) * items).sum(axis=1) / expected
        return np.asarray(lift / lift[:, :, :1])


def _counts(cells: _Cells) -> FloatArray:
    by_user = np.stack([rows.sum(axis=1) for rows in cells.rows], axis=1)
    return np.stack([by_user[cells.quartile == quartile].sum(axis=0) for quartile in range(QUARTILES)])


def _weights(number: int, replicates: int, seed: int) -> list[FloatArray]:
    """Count how often each user or item is drawn, some resamples at a time."""
    drawn = [
        np.bincount(of, minlength=number).astype(np.float64) for of in resamples(number, replicates, seed)
    ]
    return [np.stack(drawn[start : start + _CHUNK]) for start in range(0, replicates, _CHUNK)]
