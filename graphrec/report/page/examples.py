"""A few shoppers and what a model recommends to them, with what the training log says for each item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.report.offer_summary import WORDS

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.models.base import Recommender

_SHOWN = 5


@dataclass(frozen=True)
class Line:
    """A recommended item.

    Args:
        item: Its id, or words where its attributes have some.
        score: The raw score of the model.
        reason: What the training log says for it.
    """

    item: str
    score: float
    reason: str


@dataclass(frozen=True)
class Example:
    """A shopper without a name.

    Args:
        rows: Their rows of the training part.
        bought: What they bought most often.
        lines: What is recommended, best first.
    """

    rows: int
    bought: list[str]
    lines: list[Line]


@dataclass(frozen=True)
class Examples:
    """Examples, or why there are none.

    Args:
        found: From those who bought little to those who bought much.
        items: The item set that was ranked.
        why_none: Why there are none; empty where there are.
    """

    found: Sequence[Example] = ()
    items: str = ""
    why_none: str = ""


def examples(recommender: Recommender, data: RecommenderData, count: int) -> Examples:
    """Recommend to some shoppers, spread from those who bought little to those who bought much.

    Args:
        recommender: Bound to the data.
        data: Where it comes from; its first item set is ranked.
        count: How many shoppers.
    """
    import torch

    log = TrainingLog(data)
    items, order = data.item_sets[0], np.argsort(log.rows, kind="stable")
    places = np.unique((np.arange(1, count + 1) / (count + 1) * len(order)).astype(int))
    users = order[places]
    device = recommender.graph.edge_user.device
    with torch.no_grad():
        ranking = recommender.recommend(torch.from_numpy(users).to(device), _SHOWN, items)
    listed, scores = ranking.items.cpu().numpy(), ranking.scores.cpu().numpy()
    found = [log.example(user, *row) for user, *row in zip(users.tolist(), listed, scores, strict=True)]
    return Examples(found, items)


class TrainingLog:
    """What the training part says of users and items.

    Args:
        data: Its split and the attributes of its items.
    """

    def __init__(self, data: RecommenderData) -> None:
        split, frame = data.split, data.split.train.frame
        shape = (len(split.users), len(split.items))
        users, items = (frame[one].to_numpy() for one in (Columns.USER_CODE, Columns.ITEM_CODE))
        self.counts = sp.coo_array((np.ones(len(frame)), (users, items)), shape=shape).tocsr()
        self.pairs = (self.counts > 0).astype(np.float64).tocsr()
        self.rows = np.bincount(users, minlength=shape[0])
        self.buyers = np.asarray(self.pairs.sum(axis=0)).ravel()
        self._of_item = self.pairs.T.tocsr()
        self._words = _words(data.source.items)
        self._ids = split.items.ids

    def word(self, item: int) -> str:
        """Say in words which item it is, by its id where there are none."""
        name = self._ids[item]
        return self._words.get(name, str(name))

    def example(self, user: int, items: IntArray, scores: FloatArray) -> Example:
        """Describe a shopper and what is recommended."""
        own = self._row(user)
        often = sorted(own, key=lambda item: -own[item])[:_SHOWN]
        lines = [
            Line(self.word(item), score, self.reason(user, item))
            for item, score in zip(items.tolist(), scores.tolist(), strict=True)
            if item >= 0
        ]
        return Example(int(self.rows[user]), [self.word(item) for item in often], lines)

    def reason(self, user: int, item: int) -> str:
        """Say what speaks for an item: bought before, bought by buyers of something of theirs, or by many."""
        own = self._row(user)
        if item in own:
            return f"bought in {own[item]:,} row{'s' if own[item] > 1 else ''} before"
        others = self._of_item[[item]].indices
        together = np.asarray(self.pairs[others].sum(axis=0)).ravel()
        mine = np.array(list(own), dtype=np.int64)
        likeness = together[mine] / np.sqrt(np.maximum(self.buyers[mine] * self.buyers[item], 1))
        if not len(mine) or likeness.max() == 0:
            return f"bought by {self.buyers[item]:,.0f} shoppers"
        near = int(mine[likeness.argmax()])
        return f"{together[near]:,.0f} of {self.buyers[near]:,.0f} buyers of {self.word(near)} bought it, too"

    def _row(self, user: int) -> dict[int, int]:
        """Count the rows of each item of a user."""
        row = self.counts[[user]]
        return dict(zip(row.indices.tolist(), row.data.astype(int).tolist(), strict=True))


def _words(items: pd.DataFrame | None) -> dict[object, str]:
    """Find what items are called."""
    word = next((one for one in WORDS if items is not None and one in items), None)
    if items is None or word is None:
        return {}
    known = items.dropna(subset=[word]).drop_duplicates(Columns.ITEM)
    return {name: f"{text} ({name})" for name, text in known[[Columns.ITEM, word]].to_numpy().tolist()}
