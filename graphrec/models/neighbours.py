"""Collaborative filtering by neighbours: of items (the articles' baseline) and of users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from rich.progress import track
from torch import Tensor, nn

from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models.base import KEPT_BYTES, ClosedForm

RowBlock: TypeAlias = Callable[[int, int], sp.csr_array]
"""Rows `start` to `end` of a square matrix that is never held as a whole."""

_BLOCK = 512
_PARTS = (("start", np.int32), ("index", np.int32), ("values", np.float32))


class SparseRows(nn.Module):
    """A constant sparse matrix of which a few rows at a time are used, as three plain buffers (CSR, int32).

    ``SparseMatrix`` is for products with a dense matrix, this is for products of some rows with another
    sparse matrix: what a shopper bought with the neighbours of each item.

    Args:
        matrix: Any SciPy sparse matrix. Shape ``[rows, columns]``.
        kept: Whether checkpoints hold it, unless it is large.
    """

    start: Tensor
    index: Tensor
    values: Tensor

    def __init__(self, matrix: sp.sparray, kept: bool = False) -> None:
        super().__init__()
        csr = sp.csr_array(matrix)
        self.shape: tuple[int, int] = csr.shape
        kept = kept and 8 * csr.nnz <= KEPT_BYTES
        parts = zip(_PARTS, (csr.indptr, csr.indices, csr.data), strict=True)
        for (name, kind), part in parts:
            self.register_buffer(name, torch.from_numpy(part.astype(kind)), persistent=kept)

    @classmethod
    def restored(cls, state: Mapping[str, Tensor], name: str, columns: int) -> SparseRows | None:
        """Restore the one that a state holds under a name, if it does.

        Args:
            state: What `state_dict` of a model held that kept it.
            name: What the model calls it.
            columns: Its number of columns.
        """
        keys = [f"{name}.{part}" for part, _ in _PARTS]
        if not state.keys() >= set(keys):
            return None
        start, index, values = (state[key].cpu().numpy() for key in keys)
        return cls(sp.csr_array((values, index, start), shape=(len(start) - 1, columns)), kept=True)

    def scipy(self) -> sp.csr_array:
        """View the buffers in SciPy; they must be on the CPU."""
        parts = (self.values.numpy(), self.index.numpy(), self.start.numpy())
        return sp.csr_array(parts, shape=self.shape)

    def tensor(self) -> Tensor:
        """View the buffers as a sparse tensor. Shape ``[rows, columns]``."""
        return torch.sparse_csr_tensor(
            self.start, self.index, self.values, self.shape, check_invariants=False
        )

    def dense(self, rows: Tensor) -> Tensor:
        """Make a dense matrix of some rows. ``[B]`` to ``[B, columns]``."""
        start, count = self.start[rows].long(), (self.start[rows + 1] - self.start[rows]).long()
        row = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), count)
        within = torch.arange(len(row), device=rows.device) - (count.cumsum(0) - count)[row]
        place = start[row] + within
        result = torch.zeros(len(rows), self.shape[1], device=rows.device)
        result[row, self.index[place].long()] = self.values[place]
        return result

    def product(self, rows: Tensor, other: SparseRows) -> Tensor:
        """Multiply some rows by another sparse matrix, dense. ``[B]`` to ``[B, other.columns]``.

        Both factors are sparse; SciPy uses that on the CPU, about ten times faster there than the dense
        left factor that is used elsewhere.
        """
        if rows.device.type != "cpu":
            return self.dense(rows) @ other.tensor()
        product = self.scipy()[rows.numpy()] @ other.scipy()
        return torch.from_numpy(product.toarray())


def purchases(graph: BipartiteGraph) -> sp.csr_array:
    """Build the binary interaction matrix ``X``. Shape ``[U, I]``."""
    user, item = graph.edge_user.cpu().numpy(), graph.edge_item.cpu().numpy()
    ones = np.ones(len(user), dtype=np.float32)
    return sp.csr_array((ones, (user, item)), shape=(graph.num_users, graph.num_items))


def largest(rows: RowBlock, size: int, count: int, description: str) -> sp.csr_array:
    """Find the `count` largest positive entries of each row of a square matrix, block by block.

    Args:
        rows: Gives a block of rows; called from several threads, since SciPy's product uses only one.
        size: Number of rows.
        count: Entries to keep of each row.
        description: Of the progress bar.
    """

    def block(start: int) -> sp.csr_array:
        return _largest_of_block(rows(start, min(start + _BLOCK, size)), count)

    starts = range(0, size, _BLOCK)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        blocks = pool.map(block, starts)
        return sp.vstack(list(track(blocks, description, total=len(starts), transient=True)), format="csr")


def _largest_of_block(block: sp.csr_array, count: int) -> sp.csr_array:
    """Find the largest entries of each row, where positive."""
    count = min(count, block.shape[1])
    top = torch.from_numpy(block.toarray()).topk(count, dim=1)
    starts = np.arange(0, block.shape[0] * count + 1, count)
    parts = (top.values.numpy().ravel(), top.indices.numpy().ravel(), starts)
    kept = sp.csr_array(parts, shape=block.shape)
    kept.eliminate_zeros()
    return kept


def cosines(matrix: sp.csr_array, count: int, shrinkage: float, description: str) -> sp.csr_array:
    """Find the `count` largest cosines of each row of a binary matrix with its other rows.

    ``w_ab = |a ∩ b| / (sqrt(|a| |b|) + shrinkage)`` (Sarwar et al., WWW 2001, eq. 1, on binary data; the
    shrinkage as in Ferrari Dacrema et al., RecSys 2019).
    """
    transposed = matrix.T.tocsr()
    root = np.sqrt(np.asarray(matrix.sum(axis=1), dtype=np.float32)).ravel()

    def rows(start: int, end: int) -> sp.csr_array:
        common = matrix[start:end] @ transposed
        row = np.repeat(np.arange(start, end), np.diff(common.indptr))
        common.data /= root[row] * root[common.indices] + np.float32(shrinkage)
        common.data[row == common.indices] = 0.0
        return common

    return largest(rows, matrix.shape[0], count, description)


class ItemSimilarity(ClosedForm):
    """Scores an item by its weights from the items the user bought, ``s(u, ·) = Σ_{j ∈ I_u} S_j·``.

    ``similarity[j, i]`` is what having bought ``j`` says for ``i``.
    """

    similarity: SparseRows
    bought: SparseRows

    def _keep(self, graph: BipartiteGraph, matrix: sp.csr_array, similarity: sp.csr_array) -> None:
        self._hold(graph, matrix, SparseRows(similarity, kept=True))

    def _hold(self, graph: BipartiteGraph, matrix: sp.csr_array, similarity: SparseRows) -> None:
        self.graph = graph
        device = graph.edge_user.device
        self.bought, self.similarity = SparseRows(matrix).to(device), similarity.to(device)

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the similarities as they were, if they were small enough to be kept."""
        similarity = SparseRows.restored(state, "similarity", graph.num_items)
        if similarity is None:
            self.fit(graph)
        else:
            self._hold(graph, purchases(graph), similarity)

    def score(self, users: Tensor) -> Tensor:
        """Sum the rows of what the user bought. Shape ``[B, I]``."""
        return self.bought.product(users, self.similarity)


class ItemCF(ItemSimilarity):
    """Item-based collaborative filtering, ``R_ui = Σ_{j ∈ N_i} w_ij r_uj``.

    ``w_ij`` is the cosine of the two item columns of the interaction matrix,
    ``|U_i ∩ U_j| / (sqrt(|U_i| |U_j|) + shrinkage)``. ``N_i`` are the `neighbours` items most similar to
    ``i``, itself left out (Sarwar et al., WWW 2001). Also known as item kNN.

    Args:
        neighbours: Size of ``N_i``.
        shrinkage: Damps similarities that rest on few common buyers.
    """

    def __init__(self, neighbours: int = 100, shrinkage: float = 0.0) -> None:
        super().__init__()
        check_at_least(1, neighbours=neighbours)
        check_at_least(0, shrinkage=shrinkage)
        self.neighbours, self.shrinkage = neighbours, shrinkage

    @property
    def weights(self) -> SparseRows:
        """``w_ij``, a row per scored item. Shape ``[I, I]``."""
        return SparseRows(self.similarity.cpu().scipy().T)

    def fit(self, graph: BipartiteGraph) -> None:
        """Compute the similarities in blocks of items and keep the best of each row."""
        matrix = purchases(graph)
        weights = cosines(matrix.T.tocsr(), self.neighbours, self.shrinkage, "Item similarities")
        self._keep(graph, matrix, weights.T)


class UserKNN(ClosedForm):
    """User-based collaborative filtering, ``s(u, i) = Σ_{v ∈ N_u} w_uv r_vi``.

    ``w_uv`` is the cosine of the two users' rows, ``|I_u ∩ I_v| / (sqrt(|I_u| |I_v|) + shrinkage)``.
    ``N_u`` are the `neighbours` most similar other users (Resnick et al., CSCW 1994, on binary data).

    Args:
        neighbours: Size of ``N_u``.
        shrinkage: Damps similarities that rest on few common items.
    """

    weights: SparseRows
    bought: SparseRows

    def __init__(self, neighbours: int = 100, shrinkage: float = 0.0) -> None:
        super().__init__()
        check_at_least(1, neighbours=neighbours)
        check_at_least(0, shrinkage=shrinkage)
        self.neighbours, self.shrinkage = neighbours, shrinkage

    def fit(self, graph: BipartiteGraph) -> None:
        """Compute the similarities in blocks of users and keep the best of each row."""
        matrix = purchases(graph)
        weights = cosines(matrix, self.neighbours, self.shrinkage, "User similarities")
        self._hold(graph, matrix, SparseRows(weights, kept=True))

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the weights as they were, if they were small enough to be kept."""
        weights = SparseRows.restored(state, "weights", graph.num_users)
        if weights is None:
            self.fit(graph)
        else:
            self._hold(graph, purchases(graph), weights)

    def _hold(self, graph: BipartiteGraph, matrix: sp.csr_array, weights: SparseRows) -> None:
        self.graph = graph
        device = graph.edge_user.device
        self.bought, self.weights = SparseRows(matrix).to(device), weights.to(device)

    def score(self, users: Tensor) -> Tensor:
        """Sum the weights of the neighbours who bought the item. Shape ``[B, I]``."""
        return self.weights.product(users, self.bought)
