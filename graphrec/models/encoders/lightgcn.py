"""LightGCN: message passing without weights or activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

from graphrec.errors import InputError, check_between, check_finite
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Embeddings, Rows
from graphrec.models.encoders.baskets import TOLD_ROWS, Readout, basket_sizes, basket_sums
from graphrec.models.encoders.table import MOST_LAYERS, EmbeddingTable, Start

LARGE_TABLE_BYTES = 64 << 20
"""Above this a gather waits for main memory."""


class LightGCN(EmbeddingTable):
    """Mean of the embeddings of layers 0..L, ``E^(l+1) = D^-1/2 A D^-1/2 E^(l)``, or another sum of them.

    He et al., "LightGCN", SIGIR 2020, eq. 4 and 7. The numbers are those of
    ``torch_geometric.nn.LightGCN`` on ``graph.edge_index`` (tested); that class normalises the graph again
    in each layer of each step and keeps a message per edge. This one asks the graph for one product.

    Args:
        graph: Gives the number of users and items.
        dim: Dimension ``D``.
        num_layers: Layers ``L`` of propagation.
        init_std: Standard deviation of the start.
        storage: Type in which propagation reads and writes the vectors between layers. ``bfloat16`` halves
            what it moves, at a relative error of about 0.1 % in the result; weights, Adam and sums stay in
            float32. ``auto`` takes it on a CPU for tables above 64 MB, which leave its caches.
        layer_weights: The paper's ``α_0 … α_L``, one for each layer and one for the table itself, taken as
            they are; the mean if missing.
        start: Where training begins: ``normal`` numbers, or at the graph's leading singular vectors
            (``spectral``). ``auto`` is spectral unless the table is shared out over processes.

    Raises:
        InputError: If there are not ``L + 1`` layer weights, or a spectral start is asked for and the table
            is shared out over processes.
    """

    static_step: ClassVar[bool] = True
    shardable: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 128,
        num_layers: int = 3,
        init_std: float = 0.1,
        storage: Literal["auto", "float32", "bfloat16"] = "auto",
        layer_weights: list[float] | None = None,
        start: Start = "auto",
    ) -> None:
        super().__init__(graph, dim, init_std, start)
        check_between(0, MOST_LAYERS, num_layers=num_layers)
        self.num_layers, self.storage = num_layers, storage
        mean = [1 / (num_layers + 1)] * (num_layers + 1)
        self.coefficients = mean if layer_weights is None else layer_weights
        if len(self.coefficients) != num_layers + 1:
            raise InputError(
                f"{len(self.coefficients)} weights for {num_layers} layers and the table itself",
                column="layer_weights",
                hint=f"give {num_layers + 1} numbers",
            )
        for weight in self.coefficients:
            check_finite(layer_weights=weight)
        if not any(self.coefficients):
            raise InputError("all weights are 0", column="layer_weights", hint="give one that is not 0")

    @property
    def storage_type(self) -> torch.dtype:
        """The type in which propagation reads the vectors, on the device of now."""
        if self.storage != "auto":
            return torch.bfloat16 if self.storage == "bfloat16" else torch.float32
        large = 4 * self.num_nodes * self.weight.shape[1] > LARGE_TABLE_BYTES
        return torch.bfloat16 if large and self.weight.device.type == "cpu" else torch.float32

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Propagate the table through the graph."""
        total = graph.filter(self.table(), self.coefficients, self.storage_type)
        return Embeddings(*torch.split(total, [self.num_users, self.num_items]))

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Propagate, the last layer for the batch alone."""
        nodes = torch.cat([users, items + self.num_users])
        total, ego = graph.filter_nodes(self.table(), self.coefficients, nodes, self.storage_type)
        sizes = [len(users), len(items)]
        user, item = torch.split(total, sizes)
        return Rows(user, item, lambda: Embeddings(*torch.split(ego(), sizes)))

    own_sample = EmbeddingTable.own_sample
    """Layers are as wide as the table."""

    fold_in_note: ClassVar[str] = TOLD_ROWS

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Propagate from the layers of the items; own rows of the table are told from what arrives."""
        return self.own_folding(graph)(baskets)

    def own_folding(self, graph: BipartiteGraph) -> Callable[[BipartiteGraph], Tensor]:
        """Propagate and read the table out once; a basket then costs a sum."""
        sent, own = self._sent(graph), self.coefficients[0]
        if not own:
            return lambda baskets: _arriving(baskets, sent)
        table, known = self.table(), _arriving(graph, sent)
        told = Readout.fitted(known, table[: self.num_users] - self.unseen_users(graph))

        def fold(baskets: BipartiteGraph) -> Tensor:
            near = _arriving(baskets, sent)
            return near + own * (told(near) + self.unseen_users(baskets))

        return fold

    def messages(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Sum what the items of each basket send over the layers of the training graph. Shape ``[B, D]``."""
        return _arriving(baskets, self._sent(graph))

    def _sent(self, graph: BipartiteGraph) -> Tensor:
        """Compute what each item sends to a user who bought it alone. ``[I, D]``."""
        layers = graph.filter(self.table(), self.coefficients[1:] or [0.0], self.storage_type)
        return layers[self.num_users :] / graph.strength()[graph.num_users :][:, None].sqrt()

    @property
    def embeds_items(self) -> bool:
        """Whether features stand for an item's row of the table, and the table is in the sum."""
        return super().embeds_items and self.coefficients[0] != 0

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Take what is added to the table: nobody sends anything to an item that nobody bought."""
        return self.coefficients[0] * self.unseen_items(items)

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"{super().extra_repr()}, num_layers={self.num_layers}"


def _arriving(baskets: BipartiteGraph, sent: Tensor) -> Tensor:
    """Sum what items send to users. ``[I, D]`` to ``[B, D]``."""
    return basket_sums(baskets, sent) / basket_sizes(baskets).sqrt()
