"""Recommenders of people that a model was not fitted to: by their baskets, or by what most people buy."""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender


class FoldedIn(Recommender):
    """Ranks for the users of baskets, as a fitted model does for its own.

    Args:
        model: Fitted, and one that folds in.
        baskets: Users that it was not fitted to, with edges to its items. Their items are not new to them.
    """

    def __init__(self, model: Recommender, baskets: BipartiteGraph) -> None:
        super().__init__()
        self.graph, self.model, self._scores = baskets, model, model.fold_in(baskets)

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Compute the scores that the model folds in. Shape ``[B, I]``."""
        return self._scores(users)


class MostBought(Recommender):
    """Ranks items by their distinct buyers in the user's segment, then by those among all users.

    A score is the number of buyers in the segment, and a trace of the number of all buyers.

    Args:
        baskets: The users, with the items that are not new to them, if any.
        buyers: Distinct buyers of each item in each segment; the last row is of all users. ``[S + 1, I]``.
        segment: The segment of each user, −1 for none known. Shape ``[n]``.
    """

    def __init__(self, baskets: BipartiteGraph, buyers: Tensor, segment: Tensor) -> None:
        super().__init__()
        everybody = buyers[-1].float()
        trace = everybody / (4 * everybody.max().clamp_min(1))
        self.graph, self.segment = baskets, segment
        self.buyers = torch.cat([buyers[:-1] + trace, everybody[None]])

    def score(self, users: Tensor) -> Tensor:
        """Take the row of each user's segment. Shape ``[B, I]``."""
        return self.buyers[self.segment[users]]
