"""Graphs of a few people's baskets, made of arrays in a fraction of a millisecond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from graphrec.arrays import BoolArray, Float32Array, FloatArray, IntArray
from graphrec.graph import BipartiteGraph, ItemLists

_NOBODY = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Basket:
    """What one person did, by item.

    Args:
        items: Codes, each once and ascending. Shape ``[n]``.
        bought: Which of them are of what is predicted. Shape ``[n]``.
        weight: Of the edges; None where all count alike. Shape ``[n]``.
        last: Time of the last row of each, NaN if unknown; None where no time is known. Shape ``[n]``.
        row_item: Item of each row of the history: once in each week, or of each row. Shape ``[m]``.
        row_week: Its week, 0 without weeks. Shape ``[m]``.
    """

    items: IntArray
    bought: BoolArray
    weight: Float32Array | None = None
    last: FloatArray | None = None
    row_item: IntArray | None = None
    row_week: IntArray | None = None


class Baskets(BipartiteGraph):
    """What a graph of training says of its users, for people of their own; nothing can be propagated in it.

    Each person's edges are as they would be in a graph of that person alone, whoever else is in it.

    Args:
        baskets: One for each person.
        training: The graph of training, whose items they are of.
        mean_weight: Of its edges, where they have weights.
    """

    def __init__(self, baskets: Sequence[Basket], training: BipartiteGraph, mean_weight: float = 1.0) -> None:
        nn.Module.__init__(self)  # and not what sorts a log and normalises a matrix
        self.tables = self.sharded = None
        self.num_users, self.num_items = len(baskets), training.num_items
        self.has_weeks = training.has_weeks
        self.seen = _lists([one.items for one in baskets], training.num_items)
        self.bought = self.seen
        if not all(one.bought.all() for one in baskets):
            self.bought = _lists([one.items[one.bought] for one in baskets], training.num_items)
        counts = np.array([len(one.items) for one in baskets], dtype=np.int64)
        edge_user = torch.from_numpy(np.repeat(np.arange(len(baskets)), counts))
        self._add("edge_user", edge_user)
        self._add("edge_item", self.seen.items)
        self._weigh(baskets, training.relative_weight is not None, mean_weight)
        known = [np.zeros(0) if one.last is None else one.last for one in baskets]
        places = [_places(one) for one in known] if all(one.last is not None for one in baskets) else []
        self._add("edge_place", torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.float32), *places])))
        self._add_rows(baskets)
        self._add("user_features", None)
        self._add("item_features", None)

    def _add(self, name: str, value: Tensor | None) -> None:
        self.register_buffer(name, value, persistent=False)

    def _weigh(self, baskets: Sequence[Basket], differ: bool, mean_weight: float) -> None:
        """Weigh the edges, and relative to the mean of training, so that nobody's weigh by the others'."""
        weights = [one.weight for one in baskets if one.weight is not None]
        whole = torch.from_numpy(np.concatenate(weights)) if len(weights) == len(baskets) > 0 else None
        self._add("edge_weight", whole)
        relative = (whole.double() / mean_weight).float() if differ and whole is not None else None
        self._add("relative_weight", relative)

    def _add_rows(self, baskets: Sequence[Basket]) -> None:
        items = [one.items if one.row_item is None else one.row_item for one in baskets]
        weeks = [
            np.zeros(len(item), dtype=np.int64) if one.row_week is None else one.row_week
            for one, item in zip(baskets, items, strict=True)
        ]
        users = np.repeat(np.arange(len(baskets)), [len(one) for one in items])
        parts = (users, np.concatenate([_NOBODY, *items]), np.concatenate([_NOBODY, *weeks]))
        for name, part in zip(("user", "item", "week"), parts, strict=True):
            self._add(f"history_{name}", torch.from_numpy(part))


def weigh_as_training(baskets: BipartiteGraph, training: BipartiteGraph) -> None:
    """Make the weights of baskets relative to the mean of training, so that nobody's weigh by the others'.

    A graph of people of their own has the mean of them all.
    """
    if baskets.edge_weight is None or training.edge_weight is None:
        return
    mean = training.edge_weight.double().mean().to(baskets.edge_weight.device)
    differ = training.relative_weight is not None
    baskets.relative_weight = (baskets.edge_weight.double() / mean).float() if differ else None


def _lists(items: Sequence[IntArray], size: int) -> ItemLists:
    users = np.repeat(np.arange(len(items)), [len(one) for one in items])
    return ItemLists(np.stack([users, np.concatenate([_NOBODY, *items])], axis=1), len(items), size)


def _places(last: FloatArray) -> Float32Array:
    """Find the place of each item by its last time, ties alike, as in a graph of training. Shape ``[n]``."""
    found, known = np.full(len(last), 0.5, dtype=np.float32), ~np.isnan(last)
    if known.any():
        found[known] = (rankdata(last[known]) - 0.5) / known.sum()
    return found
