"""The bipartite interaction graph: training edges, normalised once, and propagation over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from graphrec.arrays import IntArray
from graphrec.data.features.build import Features
from graphrec.data.features.nodes import AttributeTables
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.weights.edge_facts import edge_places, relative_weights
from graphrec.errors import InputError
from graphrec.kernels.polynomial import polynomial, polynomial_rows
from graphrec.kernels.sharded import ShardedMatrix, sharded_polynomial, sharded_polynomial_rows, whole_table
from graphrec.kernels.shards import Shard
from graphrec.kernels.sparse import SparseMatrix

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData


class ItemLists(nn.Module):
    """A list of items for each user (CSR without values), for masks and ground truth.

    Args:
        pairs: Distinct (user, item) codes sorted by user, then item. Shape ``[E, 2]``.
        num_users: Number of users ``U``.
        num_items: Number of items ``I``.
    """

    start: Tensor
    items: Tensor

    def __init__(self, pairs: IntArray, num_users: int, num_items: int) -> None:
        super().__init__()
        self.num_items = num_items
        counts = np.bincount(pairs[:, 0], minlength=num_users)
        start = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        self.register_buffer("start", start, persistent=False)
        items = torch.from_numpy(np.ascontiguousarray(pairs[:, 1], dtype=np.int64))
        self.register_buffer("items", items, persistent=False)
        self._keys: Tensor | None = None

    def counts(self, users: Tensor) -> Tensor:
        """Count the items of each user; the codes may be on another device. Shape ``[B]``."""
        users = users.to(self.start.device)
        return self.start[users + 1] - self.start[users]

    def places(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Find row in the batch and place in `items` of each listed pair. Two tensors of the same length."""
        users = users.to(self.start.device)
        counts = self.counts(users)
        rows = torch.repeat_interleave(torch.arange(len(users), device=users.device), counts)
        before = torch.cumsum(counts, 0) - counts
        return rows, torch.arange(len(rows), device=users.device) + (self.start[users] - before)[rows]

    def pairs(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """List row in the batch and item of each listed pair. Two tensors of the same length."""
        rows, places = self.places(users)
        return rows, self.items[places]

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """Mark where the item is in the user's list.

        On the CPU a binary search in every user's list at once, which needs memory for the pairs asked about
        and not for the lists; by NumPy, whose small operations take a third of the time of torch's. A GPU
        waits for every small operation: there it is one search in all pairs.

        Args:
            users: User codes. Shape ``[B]``.
            items: Items asked about for each user. Shape ``[B, K]``.
        """
        if not len(self.items) or not len(users):
            return torch.zeros_like(items, dtype=torch.bool)
        if not self.items.is_cpu:
            return self._among_keys(users[:, None] * self.num_items + items)
        start, listed, asked = self.start.numpy(), self.items.numpy(), items.numpy()
        first = start[users.numpy()][:, None]
        size = counts = start[users.numpy() + 1][:, None] - first
        place = np.minimum(first, len(listed) - 1)
        for _ in range(int(counts.max()).bit_length()):
            half = size >> 1  # the item is at its place or in the `size - 1` after it, if it is there at all
            place = place + half * (listed[place + half] <= asked)
            size = size - half
        return torch.from_numpy((listed[place] == asked) & (counts > 0))

    def _among_keys(self, keys: Tensor) -> Tensor:
        """Mark where ``user I + item`` is that of a listed pair."""
        if self._keys is None or self._keys.device != keys.device:
            self._keys = torch.arange(len(self.start) - 1, device=keys.device).repeat_interleave(
                self.start.diff(), output_size=len(self.items)
            )
            self._keys.mul_(self.num_items).add_(self.items)
        place = torch.searchsorted(self._keys, keys).clamp_max_(len(self._keys) - 1)
        return self._keys[place] == keys

    def mask(self, users: Tensor) -> Tensor:
        """Mark where the item is in the user's list. Shape ``[B, I]``, bool."""
        mask = torch.zeros(len(users), self.num_items, dtype=torch.bool, device=users.device)
        mask[self.pairs(users)] = True
        return mask


class BipartiteGraph(nn.Module):
    """Users and items joined by the edges of the training part, normalised once.

    Nodes are numbered users first: user ``u`` is node ``u``, item ``i`` is node ``U + i``. The adjacency is
    ``D^-1/2 A D^-1/2`` (He et al., LightGCN, eq. 4); where edges have weights, ``A`` holds them and ``D``
    their sums. `seen` lists the edges of each user, `bought` those of what is predicted. Being an
    ``nn.Module`` it moves between devices with the model; nothing in it is trained or saved.

    Args:
        train: Training interactions; no other part may enter.
        features: Feature vectors for the encoders that use them.
        shard: Which nodes this process holds, if their vectors and the adjacency are shared out over several;
            ``x`` then stands for this process's rows of it, and all processes must call what propagates.
        tables: Attributes of users and items, for the encoders that make nodes of them.
    """

    edge_user: Tensor
    edge_item: Tensor
    edge_weight: Tensor | None
    relative_weight: Tensor | None
    edge_place: Tensor
    history_user: Tensor
    history_item: Tensor
    history_week: Tensor
    user_features: Tensor | None
    item_features: Tensor | None

    def __init__(
        self,
        train: Interactions,
        features: Features | None = None,
        shard: Shard | None = None,
        tables: AttributeTables | None = None,
    ) -> None:
        super().__init__()
        self.tables = tables
        self.num_users, self.num_items = len(train.users), len(train.items)
        pairs = train.pairs()
        self.seen = ItemLists(pairs, self.num_users, self.num_items)
        users = torch.from_numpy(np.ascontiguousarray(pairs[:, 0]))
        self.register_buffer("edge_user", users, persistent=False)
        self.register_buffer("edge_item", self.seen.items, persistent=False)
        bought = train.targets()
        self.bought = (
            self.seen if bought is train else ItemLists(bought.pairs(), len(train.users), len(train.items))
        )
        for name, weight in zip(("edge_weight", "relative_weight"), relative_weights(train), strict=True):
            self.register_buffer(name, weight, persistent=False)
        self.sharded = None if shard is None else ShardedMatrix(self._normalised(), shard)
        if shard is None:
            self.adjacency = SparseMatrix(self._normalised(), symmetric=True)
        self.has_weeks = Columns.WEEK in train.frame
        self._add_history(train)
        self.register_buffer("edge_place", edge_places(train), persistent=False)
        for side in ("user", "item"):
            array = None if features is None else torch.from_numpy(getattr(features, side))
            self.register_buffer(f"{side}_features", array, persistent=False)

    @classmethod
    def of(cls, data: RecommenderData, shard: Shard | None = None) -> BipartiteGraph:
        """Make the graph of a data module's training part, with its features and attributes."""
        return cls(data.split.train, data.features, shard, data.tables)

    @property
    def num_nodes(self) -> int:
        """``N = U + I``."""
        return self.num_users + self.num_items

    @property
    def nodes(self) -> range:
        """The nodes whose vectors this process holds."""
        return range(self.num_nodes) if self.sharded is None else self.sharded.nodes

    @property
    def num_edges(self) -> int:
        """Distinct training pairs ``E``."""
        return len(self.edge_user)

    @property
    def edge_index(self) -> Tensor:
        """Both directions of every edge, as PyG's layers want them. Shape ``[2, 2E]``."""
        user, item = self.edge_user, self.edge_item + self.num_users
        return torch.stack([torch.cat([user, item]), torch.cat([item, user])])

    def propagate(self, x: Tensor) -> Tensor:
        """Take one step of normalised message passing, ``D^-1/2 A D^-1/2 x``. ``[N, D]`` to ``[N, D]``."""
        propagated: Tensor = self.adjacency(x)
        return propagated

    def filter(
        self, x: Tensor, coefficients: Sequence[float], storage: torch.dtype = torch.float32
    ) -> Tensor:
        """Apply the graph filter ``Σ_l c_l Â^l x``, ``Â = D^-1/2 A D^-1/2``. ``[N, D]`` to ``[N, D]``."""
        if self.sharded is not None:
            return whole_table(self.sharded, sharded_polynomial(self.sharded, x, coefficients, storage))
        return polynomial(self.adjacency, x, coefficients, storage)

    def filter_nodes(
        self, x: Tensor, coefficients: Sequence[float], nodes: Tensor, storage: torch.dtype = torch.float32
    ) -> tuple[Tensor, Callable[[], Tensor]]:
        """Compute the filter's result at some nodes, which may repeat, and what gives ``x`` there.

        That is all a training step needs. ``x [N, D]`` and ``nodes [n]`` to two tensors of shape ``[n, D]``.
        """
        if self.sharded is not None:
            result, own = sharded_polynomial_rows(self.sharded, x, coefficients, nodes, storage)
            return result, lambda: own
        return polynomial_rows(self.adjacency, x, coefficients, nodes, storage)

    def whole(self, x: Tensor) -> Tensor:
        """Gather the rows of every node, ``[N, D]``: `x` itself, unless processes share the rows out."""
        return x if self.sharded is None else whole_table(self.sharded, x)

    def seen_mask(self, users: Tensor) -> Tensor:
        """Mark where the pair is a training edge. Shape ``[B, I]``, bool."""
        return self.seen.mask(users)

    def signals(self, users: Tensor) -> Tensor:
        """Write the weights of the users' edges, 1 where all count alike, into rows. Shape ``[B, I]``."""
        if self.edge_weight is None:
            return self.seen.mask(users).float()
        rows, places = self.seen.places(users)
        signals = torch.zeros(len(users), self.num_items, device=users.device)
        signals[rows, self.edge_item[places]] = self.edge_weight[places]
        return signals

    def item_degree(self) -> Tensor:
        """Count the distinct buyers of each item. Shape ``[I]``."""
        return torch.bincount(self.edge_item, minlength=self.num_items)

    def relative(self, edges: Tensor | None = None) -> Tensor:
        """Take the weights of some edges, or of all, relative to the mean of all; 1 where all count alike."""
        if self.relative_weight is None:
            return torch.ones_like(self.edge_user if edges is None else edges, dtype=torch.float32)
        return self.relative_weight if edges is None else self.relative_weight[edges]

    def strength(self) -> Tensor:
        """Sum the relative weights of each node's edges, or count them; 1 for a node without. ``[N]``."""
        nodes = self.edge_index[0]
        if self.relative_weight is None:
            return torch.bincount(nodes, minlength=self.num_nodes).clamp_min(1).float()
        total = torch.bincount(nodes, self.relative_weight.double().repeat(2), minlength=self.num_nodes)
        return torch.where(total > 0, total, 1.0).float()

    def _normalised(self) -> sp.csr_array:
        """Build both triangles of ``D^-1/2 A D^-1/2``, row by row: no sort, no list of both directions."""
        users, items = self.num_users, self.num_items
        user, item, start = self.edge_user.numpy(), self.edge_item.numpy(), self.seen.start.numpy()
        weight = self.relative().numpy()
        length = np.sqrt(np.bincount(user, weight, minlength=users), dtype=np.float32)[user]
        length *= np.sqrt(np.bincount(item, weight, minlength=items), dtype=np.float32)[item]
        upper = sp.csr_array(
            (weight / length, item.astype(np.int32), start.astype(np.int32)), shape=(users, items)
        )
        lower = upper.T.tocsr()
        crow = np.concatenate([upper.indptr, lower.indptr[1:] + np.int32(self.num_edges)])
        col = np.concatenate([upper.indices + np.int32(users), lower.indices])
        size = (self.num_nodes, self.num_nodes)
        return sp.csr_array((np.concatenate([upper.data, lower.data]), col, crow), shape=size)

    def _add_history(self, train: Interactions) -> None:
        """Keep each (user, item, week) once; without weeks, each row counts as one week 0."""
        week = torch.zeros(1, dtype=torch.int64)
        history = [self.edge_user, self.edge_item, week.expand(self.num_edges)]
        if self.has_weeks or len(train.frame) > self.num_edges:  # else a row is an edge: share their memory
            columns = [Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK]
            frame = train.frame if self.has_weeks else train.frame.assign(**{Columns.WEEK: 0})
            rows = frame[columns].drop_duplicates() if self.has_weeks else frame[columns]
            history = [torch.from_numpy(rows[name].to_numpy(dtype=np.int64, copy=True)) for name in columns]
        for name, values in zip(("user", "item", "week"), history, strict=True):
            self.register_buffer(f"history_{name}", values, persistent=False)

    def check_order(self, option: str) -> None:
        """Raise `InputError` for an option that goes by time, if no purchase is known to be the older."""
        if not len(self.edge_place):
            hint = "leave it out, map a column of times, or in_time_order: true where lists are in that order"
            raise InputError("the log does not say which items came first", column=option, hint=hint)

    def places(self, edges: Tensor) -> Tensor:
        """Find the place of edges in their users' histories, 0 the oldest to 1; ½ where no time is known."""
        if not len(self.edge_place):
            return torch.full(edges.shape, 0.5, device=edges.device)
        return self.edge_place[edges]

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"users={self.num_users}, items={self.num_items}, edges={self.num_edges}"
