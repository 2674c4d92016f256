"""The bipartite interaction graph and the one hot kernel: a product with its normalised adjacency."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from graphrec.data.features import Features
from graphrec.data.interactions import Columns, Interactions


class _Product(torch.autograd.Function):
    """``A x`` with gradient ``Aᵀ g``; for a symmetric matrix both use the same rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        """Multiply; nothing but a reference to the transposed matrix is kept."""
        ctx.transposed = transposed
        return matrix @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        """Multiply the gradient with the transposed matrix."""
        return ctx.transposed @ gradients[0].contiguous(), None, None


class SparseMatrix(nn.Module):
    """A constant sparse matrix in CSR with int32 indices, as three plain buffers.

    A CSR tensor as a buffer would break ``deepcopy`` and distributed training; three dense buffers do not,
    and the view is built on use at no cost.

    Args:
        matrix: Any SciPy sparse matrix, shape ``[rows, columns]``.
        symmetric: Promise that the matrix equals its transpose, which saves storing it twice.
    """

    crow: Tensor
    col: Tensor
    values: Tensor

    def __init__(self, matrix: sp.spmatrix | sp.sparray, symmetric: bool = False) -> None:
        super().__init__()
        csr = sp.csr_array(matrix)
        csr.sort_indices()
        self.rows, self.columns = csr.shape
        self.register_buffer("crow", torch.from_numpy(csr.indptr.astype(np.int32)), persistent=False)
        self.register_buffer("col", torch.from_numpy(csr.indices.astype(np.int32)), persistent=False)
        self.register_buffer("values", torch.from_numpy(csr.data.astype(np.float32)), persistent=False)
        self.transposed = None if symmetric else SparseMatrix(csr.T, symmetric=True)

    def tensor(self) -> Tensor:
        """The CSR view, shape ``[rows, columns]``."""
        size = (self.rows, self.columns)
        return torch.sparse_csr_tensor(self.crow, self.col, self.values, size, check_invariants=False)

    def forward(self, x: Tensor) -> Tensor:
        """Differentiable product with a dense ``x`` of shape ``[columns, D]``."""
        matrix = self.tensor()
        transposed = matrix if self.transposed is None else self.transposed.tensor()
        product: Tensor = _Product.apply(x, matrix, transposed)  # type: ignore[no-untyped-call]
        return product

    def extra_repr(self) -> str:
        """Shape and number of entries."""
        return f"{self.rows} x {self.columns}, {len(self.values)} entries"


class ItemLists(nn.Module):
    """A list of items for each user (CSR without values), for masks and ground truth.

    Args:
        pairs: Distinct (user, item) codes sorted by user. Shape ``[E, 2]``.
        num_users: Number of users ``U``.
        num_items: Number of items ``I``.
    """

    start: Tensor
    items: Tensor

    def __init__(self, pairs: np.ndarray[Any, Any], num_users: int, num_items: int) -> None:
        super().__init__()
        self.num_items = num_items
        counts = np.bincount(pairs[:, 0], minlength=num_users)
        start = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        self.register_buffer("start", start, persistent=False)
        self.register_buffer("items", torch.from_numpy(pairs[:, 1].astype(np.int64)), persistent=False)

    def counts(self, users: Tensor) -> Tensor:
        """Number of items of each user. Shape ``[B]``."""
        return self.start[users + 1] - self.start[users]

    def places(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Row in the batch and place in `items` of each listed pair. Two tensors of the same length."""
        counts = self.counts(users)
        rows = torch.repeat_interleave(torch.arange(len(users), device=users.device), counts)
        before = torch.cumsum(counts, 0) - counts
        return rows, torch.arange(len(rows), device=users.device) + (self.start[users] - before)[rows]

    def pairs(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Row in the batch and item of each listed pair. Two tensors of the same length."""
        rows, places = self.places(users)
        return rows, self.items[places]

    def mask(self, users: Tensor) -> Tensor:
        """True where the item is in the user's list. Shape ``[B, I]``, bool."""
        mask = torch.zeros(len(users), self.num_items, dtype=torch.bool, device=users.device)
        mask[self.pairs(users)] = True
        return mask


class BipartiteGraph(nn.Module):
    """Users and items joined by the edges of the training part, normalised once.

    Nodes are numbered users first: user ``u`` is node ``u``, item ``i`` is node ``U + i``. The adjacency is
    ``D^-1/2 A D^-1/2`` (He et al., LightGCN, eq. 4). Being an ``nn.Module`` it moves between devices with
    the model; nothing in it is trained or saved.

    Args:
        train: Training interactions; no other part may enter.
        features: Feature vectors for the encoders that use them.
    """

    edge_user: Tensor
    edge_item: Tensor
    history_user: Tensor
    history_item: Tensor
    history_week: Tensor
    user_features: Tensor | None
    item_features: Tensor | None

    def __init__(self, train: Interactions, features: Features | None = None) -> None:
        super().__init__()
        self.num_users, self.num_items = len(train.users), len(train.items)
        pairs = train.pairs()
        for name, values in (("edge_user", pairs[:, 0]), ("edge_item", pairs[:, 1])):
            self.register_buffer(name, torch.from_numpy(values.copy()), persistent=False)
        self.seen = ItemLists(pairs, self.num_users, self.num_items)
        self.adjacency = SparseMatrix(self._normalised(), symmetric=True)
        self.has_weeks = Columns.WEEK in train.frame
        self._add_history(train)
        for side in ("user", "item"):
            array = None if features is None else torch.from_numpy(getattr(features, side))
            self.register_buffer(f"{side}_features", array, persistent=False)

    @property
    def num_nodes(self) -> int:
        """``N = U + I``."""
        return self.num_users + self.num_items

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
        """One step of normalised message passing, ``D^-1/2 A D^-1/2 x``. Shape ``[N, D]`` to ``[N, D]``."""
        propagated: Tensor = self.adjacency(x)
        return propagated

    def seen_mask(self, users: Tensor) -> Tensor:
        """True where the pair is a training edge. Shape ``[B, I]``, bool."""
        return self.seen.mask(users)

    def item_degree(self) -> Tensor:
        """Distinct buyers of each item. Shape ``[I]``."""
        return torch.bincount(self.edge_item, minlength=self.num_items)

    def _normalised(self) -> sp.csr_array:
        index, weight = gcn_norm(self.edge_index, None, self.num_nodes, add_self_loops=False)
        shape = (self.num_nodes, self.num_nodes)
        return sp.csr_array((weight.numpy(), (index[1].numpy(), index[0].numpy())), shape=shape)

    def _add_history(self, train: Interactions) -> None:
        """Keep each (user, item, week) once; without weeks, each row counts as one week 0."""
        columns = [Columns.USER_CODE, Columns.ITEM_CODE]
        if self.has_weeks:
            rows = train.frame[[*columns, Columns.WEEK]].drop_duplicates()
            week = rows[Columns.WEEK].to_numpy(dtype=np.int64)
        else:
            rows = train.frame[columns]
            week = np.zeros(len(rows), dtype=np.int64)
        for name, values in (
            ("history_user", rows[Columns.USER_CODE].to_numpy(dtype=np.int64)),
            ("history_item", rows[Columns.ITEM_CODE].to_numpy(dtype=np.int64)),
            ("history_week", week),
        ):
            self.register_buffer(name, torch.from_numpy(values.copy()), persistent=False)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"users={self.num_users}, items={self.num_items}, edges={self.num_edges}"
