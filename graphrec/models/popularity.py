"""Two baselines that are hard to beat: what everybody buys, and what this shopper buys."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from graphrec.errors import InputError, check_above
from graphrec.graph import BipartiteGraph
from graphrec.models.base import ClosedForm, Scores


def recency_weight(graph: BipartiteGraph, decay_weeks: float | None) -> Tensor:
    """Compute ``exp(-age / decay_weeks)`` of each (user, item, week) of the history; 1 without a decay.

    Raises:
        InputError: If a decay is asked for and the log has no weeks.
    """
    if decay_weeks is None:
        return torch.ones_like(graph.history_week, dtype=torch.float32)
    if not graph.has_weeks:
        raise InputError(
            "a decay by week needs a log with times",
            column="decay_weeks",
            hint="map a week or timestamp column, or set decay_weeks: null",
        )
    age = graph.history_week.max() - graph.history_week
    return torch.exp(-age.float() / decay_weeks)


class Popularity(ClosedForm):
    """Ranks items by their number of distinct buyers, or the weights of their edges, alike for everybody.

    Args:
        decay_weeks: If given, each week a shopper bought the item counts ``exp(-age / decay_weeks)``
            instead, so that what sells now comes first.
    """

    item_score: Tensor
    reads_weights: ClassVar[bool] = True

    def __init__(self, decay_weeks: float | None = None) -> None:
        super().__init__()
        check_above(0, decay_weeks=1 if decay_weeks is None else decay_weeks)
        self.decay_weeks = decay_weeks

    def fit(self, graph: BipartiteGraph) -> None:
        """Count buyers, or recent weeks of purchase.

        Raises:
            InputError: If a decay is asked for and edges have weights, which a decay would leave unread.
        """
        self.graph = graph
        score = graph.item_degree().float()
        if graph.edge_weight is not None:
            if self.decay_weeks is not None:
                what, hint = "a decay reads no weights", "leave it out, and name Recency in data.weights"
                raise InputError(what, column="decay_weeks", hint=hint)
            score = torch.zeros_like(score).index_add_(0, graph.edge_item, graph.edge_weight)
        if self.decay_weeks is not None:
            weight = recency_weight(graph, self.decay_weeks)
            score = torch.zeros_like(score).index_add_(0, graph.history_item, weight)
        self.register_buffer("item_score", score, persistent=False)

    def score(self, users: Tensor) -> Tensor:
        """Give every user the same row. Shape ``[B, I]``."""
        return self.item_score.expand(len(users), -1).clone()


class TopFrequency(ClosedForm):
    """Ranks items by how often this user bought them, recent weeks counting more (P-TopFreq).

    ``s(u, i) = Σ_{weeks w in which u bought i} exp(-(T - w) / decay_weeks)``; popularity orders the items
    the user never bought. Li et al., "A next basket recommendation reality check", TOIS 2023, show that
    few neural models beat it on repeat purchases.

    Args:
        decay_weeks: Age at which a purchase counts 1/e; missing: every week counts the same.
    """

    weight: Tensor
    popularity: Tensor

    def __init__(self, decay_weeks: float | None = 10.0) -> None:
        super().__init__()
        check_above(0, decay_weeks=1 if decay_weeks is None else decay_weeks)
        self.decay_weeks = decay_weeks

    def fit(self, graph: BipartiteGraph) -> None:
        """Sum the weights of each edge's weeks."""
        self.graph = graph
        total = self._frequency(graph)
        degree = graph.item_degree().float()
        self.register_buffer("weight", total, persistent=False)
        # orders the items never bought; a purchase weighs less only after some 14 decays
        self.register_buffer("popularity", 1e-6 * degree / degree.max(), persistent=False)

    def _frequency(self, graph: BipartiteGraph) -> Tensor:
        """Sum the weights of each edge's weeks. Shape ``[E]``."""
        edges = graph.edge_user * graph.num_items + graph.edge_item
        place = torch.searchsorted(edges, graph.history_user * graph.num_items + graph.history_item)
        weight = recency_weight(graph, self.decay_weeks)
        return torch.zeros(len(edges), device=weight.device).index_add_(0, place, weight)

    def score(self, users: Tensor) -> Tensor:
        """Add weighted frequency and a trace of popularity. Shape ``[B, I]``."""
        return self._scores(self.graph, self.weight, users)

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Count how often each item is in a basket; weeks count back from the last one of the baskets."""
        weight = self._frequency(baskets)
        return lambda users: self._scores(baskets, weight, users)

    def _scores(self, graph: BipartiteGraph, weight: Tensor, users: Tensor) -> Tensor:
        scores = self.popularity.expand(len(users), -1).clone()
        rows, places = graph.seen.places(users)
        scores[rows, graph.seen.items[places]] += weight[places]
        return scores
