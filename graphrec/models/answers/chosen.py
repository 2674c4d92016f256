"""A recommender with some items left out and some favoured."""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.graph import ItemLists
from graphrec.models.base import Recommender


class Chosen(Recommender):
    """Ranks as another recommender does, after a boost is added to its scores, among the chosen items alone.

    Args:
        base: Gives the scores.
        allowed: Which items may be ranked. Shape ``[I]``; None for all.
        excluded: Items that one user may not get, by user code; None for none.
        boost: What is added to the raw score of each item, for every user. Shape ``[I]``; None for nothing.
    """

    def __init__(
        self,
        base: Recommender,
        allowed: Tensor | None = None,
        excluded: ItemLists | None = None,
        boost: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.base, self.graph = base, base.graph
        self.allowed, self.excluded, self.boost = allowed, excluded, boost

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Compute boosted scores, −inf for what may not be ranked. Shape ``[B, I]``."""
        scores = self.base.score(users)
        if self.boost is not None:
            scores += self.boost.to(scores)
        if self.allowed is not None:
            scores.masked_fill_(~self.allowed.to(scores.device), -torch.inf)
        if self.excluded is not None:
            rows, items = self.excluded.pairs(users)
            scores[rows.to(scores.device), items.to(scores.device)] = -torch.inf
        return scores
