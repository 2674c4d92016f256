"""Items that are alike by what a model learnt of them.

A class may define ``alike``, which gives for items ``[B]`` how alike all items are, ``[B, I]``: rows of an
item matrix, or cosines of vectors. It holds in a class whose ``score`` it was written for.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from graphrec.capabilities import written_for
from graphrec.models.answers.one_item import one_item_baskets
from graphrec.models.base import Recommender, Scores


@runtime_checkable
class KnowsAlike(Protocol):
    """A recommender that can tell how alike items are."""

    def alike(self) -> Scores:
        """Make what tells for items ``[B]`` how alike all items are, ``[B, I]``; 0 if nothing is known."""


class Alike(Recommender):
    """Ranks the other items for each item, by how alike they are; those without a weight, 0, are not ranked.

    Its users are the items of the model, each of which has bought itself.

    Args:
        model: Fitted.

    Raises:
        TypeError: If it does not know; `finds_alike` says so before.
    """

    def __init__(self, model: Recommender) -> None:
        super().__init__()
        if not isinstance(model, KnowsAlike) or not finds_alike(model):
            raise TypeError(f"{type(model).__name__} does not know which items are alike")
        self.graph, self._alike = one_item_baskets(model.graph), model.alike()

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Tell how alike all items are to some. ``[B]`` item codes to ``[B, I]``."""
        found = self._alike(users)
        return found.masked_fill(found == 0, -torch.inf)


def finds_alike(model: Recommender) -> bool:
    """Tell whether a model knows which items are alike."""
    return written_for(type(model), "alike", "score")


def cosines_of(vectors: Tensor) -> Scores:
    """Make cosines of vectors with all others. ``[I, D]``."""
    unit = functional.normalize(vectors.detach(), dim=1)
    return lambda items: unit[items] @ unit.T
