"""LightGCN over users, items and what they share: categories, brands, regions as nodes of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from graphrec.capabilities import written_for
from graphrec.data.features.nodes import AttributeNodes, Side, attribute_nodes
from graphrec.errors import check_above, check_between
from graphrec.graph import BipartiteGraph
from graphrec.kernels.memory import check_room
from graphrec.kernels.polynomial import polynomial, polynomial_rows
from graphrec.kernels.sparse import SparseMatrix
from graphrec.models.base import Embeddings, Rows
from graphrec.models.encoders.baskets import TOLD_ROWS, Readout, basket_sums
from graphrec.models.encoders.table import MOST_LAYERS, EmbeddingTable, Start

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData


class HeteroGCN(EmbeddingTable):
    """Mean of the layers of ``E^(l+1) = D^-1/2 A D^-1/2 E^(l)`` over users, items and attribute nodes.

    An item is joined to its buyers and to its category, brand and so on; a user likewise. So an item that few
    have bought is told by what it is, and one that nobody has bought by that alone. Layers are He et al.'s
    (LightGCN, SIGIR 2020) on the joint graph, `hetero_data` of PyG; one product serves all kinds of edges,
    for which PyG's ``HeteroConv`` would take one each.

    Args:
        graph: Gives users, items, edges and the tables of attributes.
        dim: Dimension ``D``.
        num_layers: Layers ``L`` of propagation.
        nodes: Columns of the tables of items and users whose values become nodes; all that are shared by
            several rows and hold no numbers if missing.
        attribute_weight: What an edge to an attribute weighs beside one to a buyer, which weighs 1.
        init_std: Standard deviation of the start.
        start: Where training begins, as in `EmbeddingTable`; an attribute begins at the mean of its members.

    Raises:
        InputError: If the data has no such attribute, or the table is shared out over processes.
    """

    static_step: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True
    reads_tables: ClassVar[bool] = True
    """The tables of attributes decide what its nodes are."""

    def __init__(
        self,
        graph: BipartiteGraph,
        dim: int = 128,
        num_layers: int = 3,
        nodes: list[str] | None = None,
        attribute_weight: float = 1.0,
        init_std: float = 0.1,
        start: Start = "auto",
    ) -> None:
        super().__init__(graph, dim, init_std, start)
        check_between(1, MOST_LAYERS, num_layers=num_layers)
        check_above(0, attribute_weight=attribute_weight)
        self.attributes = attribute_nodes(graph.tables, nodes)
        count = sum(len(one.values) for one in self.attributes)
        check_room(4 * dim * count, dim=dim)
        self.attribute_weight, self.coefficients = attribute_weight, [1 / (num_layers + 1)] * (num_layers + 1)
        member = self._members(graph)
        joint, degree = joined(graph, member)
        self.adjacency = SparseMatrix(joint, symmetric=True)
        self.register_buffer("degree", torch.from_numpy(degree).float()[:, None], persistent=False)
        sizes = np.maximum(member.sum(axis=0), 1e-12).astype(np.float32)
        means = SparseMatrix(sp.csr_array((member / sizes).T))(self.weight.detach().cpu())
        self.attribute = nn.Parameter(means.to(self.weight))

    degree: Tensor

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Propagate the table and the attributes' vectors through the joint graph."""
        total = polynomial(self.adjacency, self._start(), self.coefficients)[: self.num_nodes]
        return Embeddings(*torch.split(total, [self.num_users, self.num_items]))

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Propagate, the last layer for the batch alone."""
        nodes = torch.cat([users, items + self.num_users])
        total, ego = polynomial_rows(self.adjacency, self._start(), self.coefficients, nodes)
        sizes = [len(users), len(items)]
        user, item = torch.split(total, sizes)
        return Rows(user, item, lambda: Embeddings(*torch.split(ego(), sizes)))

    own_sample = EmbeddingTable.own_sample
    """Layers are as wide as the table."""
    fold_in_note: ClassVar[str] = TOLD_ROWS

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Propagate to users from what they bought and from their attributes."""
        return self.own_folding(graph)(baskets)

    def own_folding(self, graph: BipartiteGraph) -> Callable[[BipartiteGraph], Tensor]:
        """Propagate and read the table out once; people then cost a sum."""
        sent, own = self._sent(), self.table()[: self.num_users] - self.unseen_users(graph)
        told = Readout.fitted(self._arriving(graph, sent), own)

        def fold(baskets: BipartiteGraph) -> Tensor:
            near = self._arriving(baskets, sent)
            return near + self.coefficients[0] * (told(near) + self.unseen_users(baskets))

        return fold

    def _arriving(self, baskets: BipartiteGraph, sent: tuple[Tensor, Tensor]) -> Tensor:
        """Sum what items and attributes send to users. ``[n, D]``."""
        member = self._member(baskets, "user")
        sizes = torch.bincount(baskets.edge_user, baskets.relative(), minlength=baskets.num_users)
        return self._received(basket_sums(baskets, sent[0]) + member(sent[1]), sizes, member)

    @property
    def describes_users(self) -> bool:
        """Whether features or attributes tell who a user is, without any purchase."""
        return super().describes_users or any(one.side == "user" for one in self.attributes)

    @property
    def embeds_items(self) -> bool:
        """Whether attributes tell what an item is: they always do."""
        return written_for(type(self), "embed_items", "forward")

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Propagate to items from their attributes alone."""
        member = self._member(items, "item")
        sent = member(self._sent()[1])
        near = self._received(sent, torch.zeros_like(sent[:, 0]), member)
        return near + self.coefficients[0] * self.unseen_items(items)

    def _start(self) -> Tensor:
        """Put the vectors of the attributes below the table."""
        return torch.cat([self.table(), self.attribute])

    def _sent(self) -> tuple[Tensor, Tensor]:
        """Compute what items and attributes send to a neighbour over all layers, by their degrees."""
        layers = polynomial(self.adjacency, self._start(), self.coefficients[1:]) / self.degree.sqrt()
        return layers[self.num_users : self.num_nodes], layers[self.num_nodes :]

    def _received(self, sent: Tensor, bought: Tensor, member: SparseMatrix) -> Tensor:
        """Divide what is sent by the root of the receiver's own degree."""
        degree: Tensor = bought[:, None] + member(self.weight.new_ones(member.columns, 1))
        return sent / degree.clamp_min(1e-12).sqrt()

    def _member(self, graph: BipartiteGraph, side: Side) -> SparseMatrix:
        """Take the rows of one side's nodes in `_members`."""
        rows = self._members(graph)
        rows = rows[: graph.num_users] if side == "user" else rows[graph.num_users :]
        member: SparseMatrix = SparseMatrix(rows).to(self.weight.device)
        return member

    def _members(self, graph: BipartiteGraph) -> sp.csr_array:
        """Write what an edge to each attribute weighs, users before items. Shape ``[N, attributes]``."""
        blocks = [member_of(graph, one) for one in self.attributes]
        return sp.csr_array(sp.hstack(blocks)) * np.float32(self.attribute_weight)

    def extra_repr(self) -> str:
        """Show the sizes and the kinds of nodes."""
        kinds = ", ".join(f"{one.name}={len(one.values)}" for one in self.attributes)
        return f"{super().extra_repr()}, num_layers={len(self.coefficients) - 1}, {kinds}"


def member_of(graph: BipartiteGraph, nodes: AttributeNodes) -> sp.csr_array:
    """Mark which node has which value of an attribute, users before items. Shape ``[N, V]``."""
    none = sp.csr_array((graph.num_nodes, len(nodes.values)), dtype=np.float32)
    if graph.tables is None:
        return none
    member = nodes.members(graph.tables)
    others = none[: graph.num_items if nodes.side == "user" else graph.num_users]
    return sp.csr_array(sp.vstack([member, others] if nodes.side == "user" else [others, member]))


def joined(graph: BipartiteGraph, member: sp.csr_array) -> tuple[sp.csr_array, np.ndarray]:
    """Normalise the joint graph, ``D^-1/2 A D^-1/2``, and give the degrees in it, at least a trace above 0.

    Args:
        graph: Edges of users and items.
        member: What an edge of each node to each attribute weighs. Shape ``[N, M]``.

    Returns:
        Shapes ``[N + M, N + M]`` and ``[N + M]``.
    """
    user, item = graph.edge_user.cpu().numpy(), graph.edge_item.cpu().numpy() + graph.num_users
    bought = sp.coo_array((graph.relative().cpu().numpy(), (user, item)), shape=(graph.num_nodes,) * 2)
    upper = sp.block_array([[bought, member], [None, sp.coo_array((member.shape[1],) * 2)]])
    joint = sp.csr_array(upper + upper.T, dtype=np.float32)
    degree = np.maximum(np.asarray(joint.sum(axis=1)).ravel(), 1e-12)
    scale = sp.diags_array((degree**-0.5).astype(np.float32))
    return sp.csr_array(scale @ joint @ scale), degree


def hetero_data(graph: BipartiteGraph, attributes: list[AttributeNodes]) -> HeteroData:
    """Write a graph and its attributes as PyG's ``HeteroData``, for layers of PyG or of your own.

    Node types are ``user``, ``item`` and a type for each attribute, such as ``item_category``. Edge types are
    ``(user, buys, item)``, with weights where edges have any, and ``(item, has, item_category)``.

    Args:
        graph: Users, items, edges and tables of attributes.
        attributes: From `graphrec.data.features.nodes.attribute_nodes`.
    """
    from torch_geometric.data import HeteroData  # takes long to import

    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = graph.num_users, graph.num_items
    data["user", "buys", "item"].edge_index = torch.stack([graph.edge_user, graph.edge_item])
    if graph.relative_weight is not None:
        data["user", "buys", "item"].edge_weight = graph.relative_weight
    for nodes in attributes:
        member = member_of(graph, nodes).tocoo()
        place = member.row - (graph.num_users if nodes.side == "item" else 0)
        data[nodes.name].num_nodes = len(nodes.values)
        edges = np.stack([place, member.col]).astype(np.int64)
        data[nodes.side, "has", nodes.name].edge_index = torch.from_numpy(edges)
    return data
