"""SimpleX: a user is a vector of their own and the mean of what they bought."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from graphrec.errors import check_between
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Embeddings, Rows
from graphrec.models.encoders.baskets import UNTRAINED, basket_sizes, basket_sums
from graphrec.models.encoders.table import EmbeddingTable, Start


class SimpleX(EmbeddingTable):
    """Mixes a user's vector with the items bought, ``g e_u + (1 − g) V mean_{j ∈ I_u} e_j``.

    Mao et al., "SimpleX: a simple and strong baseline for collaborative filtering", CIKM 2021, eq. 3 and 4,
    with the average of the items (``V`` is a square matrix). The paper trains it with the loss
    ``CosineContrastive`` and ranks by cosine. For a user without items the mean is 0. The paper's attention
    over the items, which it took for Gowalla, is not built.

    Args:
        graph: Gives users, items and what was bought.
        dim: Dimension ``D``.
        init_std: Standard deviation of the start of the vectors.
        own: Weight ``g`` of the user's own vector, from 0 to 1.
        start: Where training begins, as in `EmbeddingTable`.
    """

    static_step: ClassVar[bool] = True
    shardable: ClassVar[bool] = False
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 64,
        init_std: float = 0.1,
        own: float = 0.5,
        start: Start = "auto",
    ) -> None:
        super().__init__(graph, dim, init_std, start)
        check_between(0, 1, own=own)
        self.own = own
        self.bought = nn.Linear(dim, dim, bias=False)
        nn.init.eye_(self.bought.weight)
        degree = graph.strength()
        # the graph's own matrix divides by the roots of both degrees, a mean by the user's
        lift = torch.where(torch.arange(graph.num_nodes) < graph.num_users, 0.0, degree.sqrt())
        self.register_buffer("lift", lift[:, None], persistent=False)
        self.register_buffer("root", degree[: graph.num_users, None].sqrt(), persistent=False)

    lift: Tensor
    root: Tensor

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Mix the users' vectors with the means of their items."""
        user, item = self.ego(graph)
        means = graph.propagate(self.table() * self.lift)[: self.num_users] / self.root
        return Embeddings(self._mixed(user, means), item)

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Mix the vectors of the batch's users alone."""
        table = self.table()
        near, _ = graph.filter_nodes(table * self.lift, [0.0, 1.0], users)
        ego = Embeddings(table[users], table[items + self.num_users])
        return Rows(self._mixed(ego.user, near / self.root[users]), ego.item, lambda: ego)

    own_sample = EmbeddingTable.own_sample
    """Users are as wide as the table."""

    fold_in_note: ClassVar[str] = UNTRAINED

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Mix the means of the baskets' items with what is added."""
        means = basket_sums(baskets, self.ego(graph).item) / basket_sizes(baskets)
        return self._mixed(self.unseen_users(baskets), means)

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Take what is added to the table."""
        return self.unseen_items(items)

    def _mixed(self, user: Tensor, means: Tensor) -> Tensor:
        mixed: Tensor = self.own * user + (1 - self.own) * self.bought(means)
        return mixed
