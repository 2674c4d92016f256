"""Recommenders that rank items by the rating that a regression foretells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from graphrec.arrays import AnyFloatArray, Float32Array, FloatArray, IntArray
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender, Scores
from graphrec.models.encoders.features import features_of, side_of

_PAIRS = 500_000
"""Pairs that are foretold at once: 128 MB of 64 features."""
Foretells = Callable[[IntArray, IntArray], AnyFloatArray]
"""From codes of users and of items to the ratings of the pairs, all of shape ``[P]``."""


class ForetoldRatings(Recommender):
    """Ranks by foretold ratings: a score is a rating, on the scale of the log.

    Args:
        graph: Of training.
        foretells: Ratings of pairs of its users and items.
    """

    def __init__(self, graph: BipartiteGraph, foretells: Foretells) -> None:
        super().__init__()
        self.graph, self._foretells = graph, foretells

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Foretell the rating of every pair. Shape ``[B, I]``."""
        return foretold_of_all(self._foretells, users, self.graph.num_items)


class FeatureRatings(ForetoldRatings):
    """Ranks by ratings that are foretold from the features of both sides.

    Args:
        graph: Of training; gives the features.
        regression: Of scikit-learn, fitted to columns of users before columns of items.
    """

    describes_users: ClassVar[bool] = True
    """Whether features tell who a user is, without any purchase."""

    def __init__(self, graph: BipartiteGraph, regression: Any) -> None:
        self._regression = regression
        self._user, self._item = (side.cpu().numpy() for side in features_of(graph))
        super().__init__(graph, self._between(self._user))

    def ratings(self, user: Float32Array, item: Float32Array) -> FloatArray:
        """Foretell ratings ``[P]`` of pairs from features of their sides, ``[P, F_u]`` and ``[P, F_i]``."""
        return np.asarray(self._regression.predict(np.concatenate([user, item], axis=1)), dtype=np.float64)

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Put the features of the users of the baskets in the place of those of training."""
        between = self._between(side_of(baskets, "user").cpu().numpy())
        return lambda users: foretold_of_all(between, users, self.graph.num_items)

    def _between(self, people: Float32Array) -> Foretells:
        return lambda user, item: self.ratings(people[user], self._item[item])


def foretold_of_all(foretells: Foretells, users: Tensor, items: int) -> Tensor:
    """Foretell the ratings that some users give all items. Shape ``[B, I]``.

    Args:
        foretells: Ratings of pairs.
        users: Codes. Shape ``[B]``.
        items: Their number, ``I``.
    """
    every = np.arange(items)
    found = [torch.zeros(0, items)]
    for part in torch.split(users.cpu(), max(_PAIRS // max(items, 1), 1)):
        codes = part.numpy()
        values = foretells(np.repeat(codes, items), np.tile(every, len(codes)))
        found.append(torch.from_numpy(values.astype(np.float32)).view(len(codes), items))
    return torch.cat(found).to(users.device)
