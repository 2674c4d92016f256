"""What a log up to some week says about a pair of user and item: the columns that `PurchaseRanker` reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch

from graphrec.arrays import Float32Array, IntArray
from graphrec.kernels.eigenvectors import decompose, square
from graphrec.kernels.sparse import SparseMatrix

DECAYS = (3.0, 8.0, 20.0)
"""Weeks after which a purchase counts 1/e, for three sums over the weeks in which a pair was bought."""
SPANS = (1, 2, 4, 8, 16)
"""Weeks over which sales of an item are counted."""
FILTERS = (("bought", 32), ("bought", 96), ("often", 48))
"""Low-pass filters of the graph: what an edge weighs (1, or log(1 + weeks)), and how many directions stay."""
PAIR_FACTS = 6 + len(DECAYS)
"""Columns of `pair_facts`, which come first where a pair was bought before; link scores follow."""
_NEVER = 99.0


@dataclass(frozen=True)
class Purchases:
    """Distinct (user, item, week) rows of a log, sorted by pair, up to and including the week `last`.

    Args:
        user: Codes. Shape ``[H]``.
        item: Codes. Shape ``[H]``.
        week: Weeks. Shape ``[H]``.
        num_users: ``U``.
        num_items: ``I``.
        last: The last week known.
    """

    user: IntArray
    item: IntArray
    week: IntArray
    num_users: int
    num_items: int
    last: int

    def until(self, last: int) -> Purchases:
        """Keep the rows up to and including a week."""
        kept = self.week <= last
        rows = (self.user[kept], self.item[kept], self.week[kept])
        return Purchases(*rows, self.num_users, self.num_items, last)

    def between(self, first: int, last: int) -> IntArray:
        """List distinct pairs bought from one week to another as sorted numbers ``u I + i``."""
        kept = (self.week >= first) & (self.week <= last)
        return np.unique(self.user[kept] * self.num_items + self.item[kept])

    @cached_property
    def pairs(self) -> IntArray:
        """Distinct pairs as sorted numbers ``u I + i``. Shape ``[E]``."""
        return np.unique(self.user * self.num_items + self.item)

    @cached_property
    def place(self) -> IntArray:
        """Place of each row's pair in `pairs`. Shape ``[H]``."""
        return np.searchsorted(self.pairs, self.user * self.num_items + self.item)

    @cached_property
    def age(self) -> IntArray:
        """Weeks before the last one. Shape ``[H]``."""
        return self.last - self.week


def pair_facts(log: Purchases) -> Float32Array:
    """Measure how often and when each pair was bought. Shape ``[E, 9]``."""
    size = len(log.pairs)
    weeks = np.bincount(log.place, minlength=size).astype(np.float64)
    sums = [np.bincount(log.place, np.exp(-log.age / decay), size) for decay in DECAYS]
    recency, first = np.full(size, np.iinfo(np.int64).max), np.zeros(size, np.int64)
    np.minimum.at(recency, log.place, log.age)
    np.maximum.at(first, log.place, log.age)
    gap = np.where(weeks > 1, (first - recency) / np.maximum(weeks - 1, 1), _NEVER)
    share = weeks / _active_weeks(log, log.last)[log.pairs // log.num_items]
    columns = [weeks, *sums, recency, first, gap, recency / np.maximum(gap, 1), share]
    return np.stack(columns, axis=1).astype(np.float32)


def user_facts(log: Purchases) -> Float32Array:
    """Measure how active each user is and how faithful to what they know. Shape ``[U, 6]``."""
    rows = np.bincount(log.user, minlength=log.num_users)
    late = np.bincount(log.user[log.age < 8], minlength=log.num_users)
    items = np.bincount(log.pairs // log.num_items, minlength=log.num_users)
    recency = np.full(log.num_users, _NEVER)
    np.minimum.at(recency, log.user, log.age)
    active = (_active_weeks(log, log.last), _active_weeks(log, 7))
    return np.stack([rows, late, rows / np.maximum(items, 1), recency, *active], axis=1).astype(np.float32)


def item_facts(log: Purchases) -> Float32Array:
    """Measure how many buy each item, how often again, and lately. Shape ``[I, 9]``."""
    size = log.num_items
    rows, buyers = np.bincount(log.item, minlength=size), np.bincount(log.pairs % size, minlength=size)
    sold = [np.bincount(log.item[log.age < span], minlength=size) for span in SPANS]
    first = np.zeros(len(log.pairs), np.int64)
    np.maximum.at(first, log.place, log.age)
    fresh = np.bincount(log.pairs[first < 4] % size, minlength=size)
    trend = sold[2] / np.maximum(sold[-1], 1)
    columns = [buyers, rows / np.maximum(buyers, 1), *sold, fresh, trend]
    return np.stack(columns, axis=1).astype(np.float32)


def _active_weeks(log: Purchases, back: int) -> IntArray:
    """Count the weeks, of the last ones, in which each user bought anything. Shape ``[U]``."""
    kept = log.age <= back
    weeks = np.unique(log.user[kept] * (log.last + 2) + log.week[kept])
    return np.bincount(weeks // (log.last + 2), minlength=log.num_users)


class GraphScores:
    """Link scores of the log's graph: low-pass filters (`FILTERS`) and one step over shared buyers.

    Args:
        log: The purchases.
        seed: Of the randomised decompositions.
    """

    def __init__(self, log: Purchases, seed: int = 0) -> None:
        weeks = np.bincount(log.place, minlength=len(log.pairs)).astype(np.float32)
        graphs = {
            "bought": _normalised(log, np.ones_like(weeks)),
            "often": _normalised(log, np.log1p(weeks)),
        }
        self.factors = []
        for weight, rank in FILTERS:
            matrix, degree = graphs[weight]
            found = decompose(matrix, rank, seed=seed)
            self.factors.append((matrix(found.vectors), degree.sqrt()[:, None] * found.vectors))
        self.matrix, self.degree = graphs["bought"]

    def of(self, users: IntArray) -> Float32Array:
        """Compute every link score of some users. Shape ``[4, B, I]``."""
        rows = torch.from_numpy(users)
        scores = [left[rows] @ right.T for left, right in self.factors]
        signal = torch.zeros(self.matrix.rows, len(users))
        signal[rows, torch.arange(len(users))] = 1.0
        transposed = self.matrix.transposed or self.matrix
        scores.append((self.degree.sqrt()[:, None] * square(self.matrix, transposed(signal))).T)
        return torch.stack(scores).numpy()

    @property
    def count(self) -> int:
        """Number of scores."""
        return len(self.factors) + 1


def _normalised(log: Purchases, weight: Float32Array) -> tuple[SparseMatrix, torch.Tensor]:
    """Compute ``D_U^-1/2 A D_I^-1/2`` and the items' degrees, for edges of these weights."""
    user, item = log.pairs // log.num_items, log.pairs % log.num_items
    of_user = np.bincount(user, weight, log.num_users)
    of_item = np.bincount(item, weight, log.num_items)
    values = (weight / np.sqrt(of_user[user] * of_item[item])).astype(np.float32)
    shape = (log.num_users, log.num_items)
    degree = torch.from_numpy(np.maximum(of_item, 1).astype(np.float32))
    return SparseMatrix(sp.csr_array((values, (user, item)), shape=shape)), degree


@dataclass(frozen=True)
class PairTable:
    """Pairs with their columns.

    Args:
        pairs: As numbers ``u I + i``. Shape ``[P]``.
        columns: What is known of each. Shape ``[P, F]``.
    """

    pairs: IntArray
    columns: Float32Array


def batches_of_users(num_users: int, num_items: int, scores: int = 8_000_000) -> Iterator[IntArray]:
    """Cut users into batches so that the scores of one over the catalogue stay small."""
    size = max(1, scores // max(1, num_items))
    for start in range(0, num_users, size):
        yield np.arange(start, min(start + size, num_users))


def known_and_new(log: Purchases, depth: int, seed: int = 0) -> tuple[PairTable, PairTable]:
    """Build the pairs of the log, and for each user the most promising items they have not bought.

    Args:
        log: The purchases.
        depth: New items taken from each link score and from what sells.
        seed: Of the decompositions.
    """
    graph, item, user = GraphScores(log, seed), item_facts(log), user_facts(log)
    history = pair_facts(log)
    known, new = [], []
    for users in batches_of_users(log.num_users, log.num_items):
        scores, span = graph.of(users), np.array([users[0], users[-1] + 1]) * log.num_items
        edges = slice(*np.searchsorted(log.pairs, span))
        own = log.pairs[edges]
        found = _candidates(log, scores, item, own - span[0], depth) + span[0]
        known.append(
            np.concatenate([history[edges], _columns(log, own, scores, span[0], user, item)], axis=1)
        )
        new.append(PairTable(found, _columns(log, found, scores, span[0], user, item)))
    fresh = PairTable(*(np.concatenate([getattr(t, n) for t in new]) for n in ("pairs", "columns")))
    return PairTable(log.pairs, np.concatenate(known)), fresh


def _candidates(
    log: Purchases, scores: Float32Array, item: Float32Array, own: IntArray, depth: int
) -> IntArray:
    """Find places ``b I + i`` of the best new items by any link score or by recent sales, sorted."""
    sold = np.broadcast_to(item[None, :, 4], scores.shape[1:])[None]
    chosen = np.zeros(scores.shape[1:], dtype=bool)
    depth = min(depth, log.num_items)
    for score in np.concatenate([scores, sold]):
        flat = torch.from_numpy(score.copy())
        flat.view(-1)[torch.from_numpy(own)] = -torch.inf
        np.put_along_axis(chosen, flat.topk(depth, dim=1).indices.numpy(), True, axis=1)
    chosen.reshape(-1)[own] = False
    return np.flatnonzero(chosen)


def _columns(
    log: Purchases, pairs: IntArray, scores: Float32Array, start: int, user: Float32Array, item: Float32Array
) -> Float32Array:
    """Join link scores, facts of the user and facts of the item of each pair."""
    link = scores.reshape(len(scores), -1)[:, pairs - start].T
    return np.concatenate([link, user[pairs // log.num_items], item[pairs % log.num_items]], axis=1)
