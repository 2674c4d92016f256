"""LinkProp: paths of three edges, weighed by powers of the degrees they pass."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from rich.progress import track
from torch import Tensor

from graphrec.errors import check_above, check_between, check_finite
from graphrec.graph import BipartiteGraph
from graphrec.kernels.sparse import SparseMatrix
from graphrec.models.answers.one_item import one_item_baskets
from graphrec.models.base import ClosedForm, Scores
from graphrec.models.neighbours import purchases

_BLOCK = 512
_MOST_ROUNDS = 100


class LinkProp(ClosedForm):
    """Scores ``s(u, i) = Σ d_u^-α d_j^-β d_v^-γ d_i^-δ`` over the paths ``u – j – v – i``.

    Fu, Poirson, Lee and Wang, "Revisiting neighborhood-based link prediction for collaborative filtering",
    WWW 2022 companion, sec. 3.1. LinkProp-Multi,
    sec. 3.2, sets the degrees anew in each round: the best pairs that are no edges count as edges in the
    degrees, and paths still go over edges alone. Degrees of a round are those of the edges and the pairs
    added in it.

    Args:
        alpha: Exponent ``α`` of the user's degree; it matters to which pairs are added, to no ranking.
        beta: Exponent ``β`` of the degree of the item bought.
        gamma: Exponent ``γ`` of the degree of the other buyer.
        delta: Exponent ``δ`` of the degree of the item reached.
        rounds: How often the degrees are set anew; 0 is LinkProp, more is LinkProp-Multi.
        share: Pairs added in a round, as a multiple of the number of edges.
    """

    user_degree: Tensor
    item_degree: Tensor

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        gamma: float = 0.5,
        delta: float = 0.3,
        rounds: int = 0,
        share: float = 0.05,
    ) -> None:
        super().__init__()
        check_finite(alpha=alpha, beta=beta, gamma=gamma, delta=delta)
        check_between(0, _MOST_ROUNDS, rounds=rounds)
        check_above(0, share=share)
        self.alpha, self.beta, self.gamma, self.delta = alpha, beta, gamma, delta
        self.rounds, self.share = rounds, share

    def fit(self, graph: BipartiteGraph) -> None:
        """Count the degrees, and set them anew in each round."""
        self._prepare(graph)
        user, item = self._degrees(torch.stack([graph.edge_user, graph.edge_item]))
        self.keep("user_degree", user.clone())
        self.keep("item_degree", item.clone())
        for _ in range(self.rounds):
            added = self._degrees(self._best_pairs(max(round(self.share * graph.num_edges), 1)))
            self.user_degree.copy_(user + added[0])
            self.item_degree.copy_(item + added[1])

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the degrees as they were."""
        if not {"user_degree", "item_degree"} <= state.keys():
            self.fit(graph)
            return
        self._prepare(graph)
        for name in ("user_degree", "item_degree"):
            self.keep(name, state[name].to(graph.edge_user.device))

    def _prepare(self, graph: BipartiteGraph) -> None:
        self.graph = graph
        self.matrix = SparseMatrix(purchases(graph)).to(graph.edge_user.device)

    def _degrees(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Count the pairs ``[2, n]`` of each user ``[U]`` and of each item ``[I]``."""
        sizes = (self.graph.num_users, self.graph.num_items)
        user, item = (torch.bincount(codes, minlength=size) for codes, size in zip(pairs, sizes, strict=True))
        return user.float(), item.float()

    @torch.no_grad()
    def _best_pairs(self, count: int) -> Tensor:
        """Find the pairs of the highest scores that are no edges. Shape ``[2, at most count]``."""
        values, places = torch.zeros(0), torch.zeros(0, dtype=torch.int64)
        device, items = self.graph.edge_user.device, self.graph.num_items
        values, places = values.to(device), places.to(device)
        for start in track(range(0, self.graph.num_users, _BLOCK), "LinkProp: pairs", transient=True):
            users = torch.arange(start, min(start + _BLOCK, self.graph.num_users), device=device)
            scores = self.score(users).masked_fill_(self.graph.seen_mask(users), 0.0).flatten()
            floor = values[-1] if len(values) == count else 0.0
            better = (scores > floor).nonzero().flatten()
            values = torch.cat([values, scores[better]])
            places = torch.cat([places, better + start * items])
            values, order = values.topk(min(count, len(values)))
            places = places[order]
        return torch.stack([places // items, places % items])

    def score(self, users: Tensor) -> Tensor:
        """Go three steps from these users. Shape ``[B, I]``."""
        return self._reached(self.graph.seen_mask(users), self.user_degree.clamp_min(1)[users])

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Go three steps from the baskets, by the degrees of the training graph."""

        def scores(users: Tensor) -> Tensor:
            degree = baskets.seen.counts(users).to(self.user_degree).clamp_min(1)
            return self._reached(baskets.seen_mask(users), degree)

        return scores

    def alike(self) -> Scores:
        """Take paths of three edges: the scores of who bought that item alone."""
        return self.fold_in(one_item_baskets(self.graph))

    def _reached(self, bought: Tensor, degree: Tensor) -> Tensor:
        """Go three steps from items ``[B, I]`` that users of some degree ``[B]`` bought."""
        user, item = self.user_degree.clamp_min(1), self.item_degree.clamp_min(1)
        signal = bought.T * item[:, None] ** -self.beta
        buyers = self.matrix(signal) * user[:, None] ** -self.gamma
        assert self.matrix.transposed is not None
        reached = self.matrix.transposed(buyers) * item[:, None] ** -self.delta
        scores: Tensor = reached.T * degree[:, None] ** -self.alpha
        return scores
