"""A vector for each user and item, without propagation: matrix factorisation when decoded by `Dot`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from graphrec.capabilities import written_for
from graphrec.errors import check_above, check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.kernels.memory import check_room
from graphrec.kernels.sharded import distributed_rows
from graphrec.models.base import Embeddings, Encoder, Rows
from graphrec.models.encoders.added import AddedVectors
from graphrec.models.encoders.baskets import LEAST_SQUARES, Readout, basket_means
from graphrec.models.encoders.spectral_init import start_spectrally

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

Start = Literal["auto", "normal", "spectral"]
"""Where the training of a table begins."""
MOST_LAYERS = 1000
"""Of an encoder; beyond that, all nodes have long had the same vector."""
DRAWN_ROWS = 1 << 14
"""Rows drawn at a time where only some are kept."""


class EmbeddingTable(Encoder):
    """Free vectors, trained directly (Koren et al., 2009).

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D``.
        init_std: Standard deviation of the start.
        start: Where training begins: ``normal`` numbers, or at the graph's leading singular vectors
            (``spectral``), which takes a second for a million edges and saves epochs. ``auto`` is spectral
            unless the table is shared out over processes.

    Raises:
        InputError: If a number is out of its range, or the table does not fit into the memory; or if a
            spectral start is asked for and the table is shared out over processes.
    """

    static_step: ClassVar[bool] = True
    shardable: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 128,
        init_std: float = 0.1,
        start: Start = "auto",
    ) -> None:
        super().__init__()
        check_at_least(1, dim=dim)
        check_above(0, init_std=init_std)
        check_room(4 * dim * len(graph.nodes), dim=dim)
        self.num_users, self.num_items = graph.num_users, graph.num_items
        self.nodes, self.num_nodes = graph.nodes, graph.num_nodes
        self.weight = nn.Parameter(torch.empty(len(self.nodes), dim))
        self.init_std = init_std
        self.added: AddedVectors | None = None
        self.reset_parameters()
        if start == "spectral" or (start == "auto" and graph.sharded is None):
            start_spectrally(self.weight, graph)

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        if len(self.nodes) == self.num_nodes:
            nn.init.normal_(self.weight, std=self.init_std)
        else:
            draw_rows(self.weight.detach(), self.nodes, self.num_nodes, self.init_std)

    @property
    def shared_table(self) -> nn.Parameter:
        """The vectors, users before items. Shape ``[N, D]``, or the rows held here."""
        return self.weight

    def distribute(self, mesh: DeviceMesh) -> None:
        """Declare the rows held here a part of one table that is spread over the processes of a mesh."""
        self.weight = distributed_rows(self.weight, self.num_nodes, mesh)

    learns_users: ClassVar[bool] = True
    """Whether a user has a vector of their own."""

    def table(self) -> Tensor:
        """Take the vectors that a pass begins with: the table, and what is added to it. Shape ``[N, D]``."""
        return self.weight if self.added is None else self.added(self.weight)

    def unseen_users(self, baskets: BipartiteGraph) -> Tensor:
        """Take what stands for rows of the table of users who have none: what is added. ``[n, D]``."""
        nothing = self.weight.new_zeros(baskets.num_users, self.weight.shape[1])
        return nothing if self.added is None else nothing + self.added.of_users(baskets)

    def unseen_items(self, items: BipartiteGraph) -> Tensor:
        """Take what stands for rows of the table of items that have none: what is added. ``[n, D]``."""
        nothing = self.weight.new_zeros(items.num_items, self.weight.shape[1])
        return nothing if self.added is None else nothing + self.added.of_items(items)

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Take the table itself."""
        return self.ego(graph)

    def ego(self, graph: BipartiteGraph) -> Embeddings:
        """Take the table itself, users and items apart."""
        return Embeddings(*torch.split(graph.whole(self.table()), [self.num_users, self.num_items]))

    fold_in_note: ClassVar[str] = LEAST_SQUARES

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Tell a user's vector from the mean of what they bought, as it is for the users of training."""
        return self.own_folding(graph)(baskets)

    def own_folding(self, graph: BipartiteGraph) -> Callable[[BipartiteGraph], Tensor]:
        """Fit the read-out once; a basket then costs a mean."""
        user, item = self.ego(graph)
        told = Readout.fitted(basket_means(graph, item), user - self.unseen_users(graph))
        return lambda baskets: self.unseen_users(baskets) + told(basket_means(baskets, item))

    @property
    def describes_users(self) -> bool:
        """Whether features tell who a user is, without any purchase."""
        return self.added is not None and len(self.added.of_user) > 0

    @property
    def embeds_items(self) -> bool:
        """Whether features stand for an item's row of the table."""
        return self.added is not None and written_for(type(self), "embed_items", "forward")

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Take what is added to the table."""
        return self.unseen_items(items)

    def own_sample(self, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        """Take rows of the table, which are as wide as the embeddings; no other process is needed."""
        return self.weight[:1], self.weight[:1]

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Take rows of the table."""
        rows, _ = graph.filter_nodes(self.table(), [1.0], torch.cat([users, items + self.num_users]))
        user, item = torch.split(rows, [len(users), len(items)])
        return Rows(user, item, lambda: Embeddings(user, item))

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"users={self.num_users}, items={self.num_items}, dim={self.weight.shape[1]}"


def draw_rows(weight: Tensor, nodes: range, total: int, std: float, drawn: int = DRAWN_ROWS) -> None:
    """Fill some rows of a normal table with what they are if all of it is drawn at once, on the CPU.

    Generators yield the same numbers in pieces if each is a multiple of 16 long and none is shorter. So the
    last piece takes the remainder in. The generator is left as after the whole table.

    Args:
        weight: The rows to fill. Shape ``[len(nodes), D]``.
        nodes: Which rows of the table they are.
        total: Rows of the table.
        std: Standard deviation.
        drawn: Rows drawn at a time, a multiple of 16.
    """
    for start in range(0, max(total - total % drawn, 1), drawn):
        stop = start + drawn if start + 2 * drawn <= total else total
        rows = weight.new_empty(stop - start, weight.shape[1]).normal_(std=std)
        first, last = max(start, nodes.start), min(stop, nodes.stop)
        if first < last:
            weight[first - nodes.start : last - nodes.start] = rows[first - start : last - start]
