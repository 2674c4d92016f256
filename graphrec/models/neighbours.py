"""Collaborative filtering by neighbours: of items (the articles' baseline) and of users."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import ClassVar, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from rich.progress import track
from torch import Tensor

from graphrec.capabilities import written_for
from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.kernels.private import csr_product
from graphrec.kernels.sparse_rows import LargestOfRows, SparseRows, arrays, product_of_rows
from graphrec.kernels.topk import tie_order, top_items
from graphrec.models.answers.one_item import one_item_baskets
from graphrec.models.base import KEPT_BYTES, ClosedForm, ItemSet, Scores

RowBlock: TypeAlias = Callable[[int, int], sp.csr_array]
"""Rows `start` to `end` of a square matrix that is never held as a whole."""

_BLOCK = 512


def purchases(graph: BipartiteGraph) -> sp.csr_array:
    """Build the interaction matrix ``X`` of the edges' weights, 1 where all count alike. ``[U, I]``."""
    user, item = graph.edge_user.cpu().numpy(), graph.edge_item.cpu().numpy()
    weights = np.ones(len(user), dtype=np.float32)
    if graph.edge_weight is not None:
        weights = graph.edge_weight.cpu().numpy()
    return sp.csr_array((weights, (user, item)), shape=(graph.num_users, graph.num_items))


def largest(rows: RowBlock, size: int, count: int, description: str) -> sp.csr_array:
    """Find the `count` largest positive entries of each row of a square matrix, block by block.

    Equal entries come in the order in which equal scores are ranked (`tie_order`).

    Args:
        rows: Gives a block of rows; called from several threads, since SciPy's product uses only one.
        size: Number of rows.
        count: Entries to keep of each row.
        description: Of the progress bar.
    """
    search = LargestOfRows(tie_order(size, torch.device("cpu")).numpy())

    def block(start: int) -> sp.csr_array:
        return _kept(*search.find(arrays(rows(start, min(start + _BLOCK, size))), min(count, size)), size)

    starts = range(0, size, _BLOCK)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        blocks = pool.map(block, starts)
        return sp.vstack(list(track(blocks, description, total=len(starts), transient=True)), format="csr")


def _kept(values: np.ndarray, columns: np.ndarray, size: int) -> sp.csr_array:
    """Make a sparse matrix of the entries that were found. Each ``[n, count]`` to ``[n, size]``."""
    found = values != 0
    starts = np.concatenate([[0], found.sum(axis=1).cumsum()])
    return sp.csr_array((values[found], columns[found], starts), shape=(len(values), size))


def cosines(matrix: sp.csr_array, count: int, shrinkage: float, description: str) -> sp.csr_array:
    """Find the `count` largest cosines of each row of a matrix with its other rows.

    ``w_ab = a · b / (‖a‖ ‖b‖ + shrinkage m)`` (Sarwar et al., WWW 2001, eq. 1; the shrinkage as in Ferrari
    Dacrema et al., RecSys 2019). ``m`` is the mean of the squared entries, so that the unit of the entries
    does not matter. Of a binary matrix that is ``|a ∩ b| / (sqrt(|a| |b|) + shrinkage)``.
    """
    transposed = matrix.T.tocsr()
    squares = matrix.power(2)
    root = np.sqrt(np.asarray(squares.sum(axis=1), dtype=np.float32)).ravel()
    shrinkage *= float(squares.data.mean(dtype=np.float64)) if squares.nnz else 1.0

    def rows(start: int, end: int) -> sp.csr_array:
        common = product_of_rows(matrix, start, end, transposed)
        row = np.repeat(np.arange(start, end, dtype=np.int32), np.diff(common.indptr))
        common.data /= root[row] * root[common.indices] + np.float32(shrinkage)
        common.data[row == common.indices] = 0.0
        return common

    return largest(rows, matrix.shape[0], count, description)


class SparseProduct(ClosedForm):
    """Scores by a product of two sparse matrices, whose entries are not negative.

    Only items that have an entry are ranked, all others score 0. Where fewer than asked for have one, the
    user's scores are ranked as a whole.
    """

    @abstractmethod
    def factors(self) -> tuple[SparseRows, SparseRows]:
        """Give the matrices ``L [U, n]`` and ``R [n, I]``."""

    def score(self, users: Tensor) -> Tensor:
        """Multiply the users' rows of ``L`` by ``R``. Shape ``[B, I]``."""
        left, right = self.factors()
        return left.product(users, right)

    @torch.no_grad()
    def lists(
        self, users: Tensor, k: int, item_sets: Sequence[ItemSet]
    ) -> dict[ItemSet, tuple[Tensor, Tensor]]:
        """List the best items; on a CPU without a score for those that no entry leads to."""
        plain = "repeat" in item_sets or not self.graph.edge_item.is_cpu
        if plain or not len(users) or not written_for(type(self), "lists", "score"):
            return super().lists(users, k, item_sets)
        parts = torch.split(users, -(-len(users) // torch.get_num_threads()))
        with ThreadPoolExecutor(len(parts)) as pool:
            found = list(
                pool.map(lambda part: self._best(part, min(k, self.graph.num_items), item_sets), parts)
            )
        lists = {}
        for name in item_sets:
            values, items = (torch.cat(part) for part in zip(*(part[name] for part in found), strict=True))
            short = (values[:, -1] == 0).nonzero().flatten()
            if len(short):
                values[short], items[short] = super().lists(users[short], k, [name])[name]
            lists[name] = values, items
        return lists

    def _best(
        self, users: Tensor, k: int, item_sets: Sequence[ItemSet]
    ) -> dict[ItemSet, tuple[Tensor, Tensor]]:
        """Find the best items with a score above 0, each ``[B, k]``; score 0 where a user has fewer."""
        left, right = self.factors()
        crow, col, values = csr_product(
            arrays(left.scipy()[users.numpy()]), arrays(right.scipy()), right.shape[1]
        )
        search = LargestOfRows(tie_order(right.shape[1], torch.device("cpu")).numpy())
        lists = {}
        for name in sorted(item_sets):  # all before new, which leaves some out
            if name == "new":
                values[self._among_seen(users, crow, col)] = 0.0
            scores, items = search.find((crow, col, values), k)
            lists[name] = torch.from_numpy(scores), torch.from_numpy(items)
        return lists

    def _among_seen(self, users: Tensor, crow: np.ndarray, col: np.ndarray) -> np.ndarray:
        """Mark the entries of items that the users have bought. Shape of `col`."""
        seen = self.graph.bought.mask(users).numpy()
        row = np.repeat(np.arange(len(users)) * seen.shape[1], np.diff(crow))
        marks: np.ndarray = seen.reshape(-1)[row + col]
        return marks


class ItemSimilarity(SparseProduct):
    """Scores an item by its weights from the items the user bought, ``s(u, ·) = Σ_{j ∈ I_u} S_j·``.

    ``similarity[j, i]`` is what having bought ``j`` says for ``i``.
    """

    similarity: SparseRows
    bought: SparseRows

    def _keep(self, graph: BipartiteGraph, matrix: sp.csr_array, similarity: sp.csr_array) -> None:
        self._hold(graph, matrix, SparseRows(similarity, kept=KEPT_BYTES))

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

    def factors(self) -> tuple[SparseRows, SparseRows]:
        """Give what was bought and the similarities; a score is the sum of the rows of what was bought."""
        return self.bought, self.similarity

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Sum the rows of what is in the baskets, as for the users of training."""
        bought = SparseRows(purchases(baskets)).to(baskets.edge_user.device)
        return lambda users: bought.product(users, self.similarity)

    def alike(self) -> Scores:
        """Take rows of the item matrix: the scores of who bought that item alone."""
        return self.fold_in(one_item_baskets(self.graph))


class ItemCF(ItemSimilarity):
    """Item-based collaborative filtering, ``R_ui = Σ_{j ∈ N_i} w_ij r_uj``.

    ``w_ij`` is the cosine of the two item columns of the interaction matrix,
    ``|U_i ∩ U_j| / (sqrt(|U_i| |U_j|) + shrinkage)``. Where edges have weights, such as ratings, they are
    ``r_uj`` and the entries of the columns, see `cosines`. ``N_i`` are the `neighbours` items most similar to
    ``i``, itself left out (Sarwar et al., WWW 2001). Also known as item kNN.

    Args:
        neighbours: Size of ``N_i``.
        shrinkage: Damps similarities that rest on few common buyers.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(self, neighbours: int = 100, shrinkage: float = 100.0) -> None:
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


class UserKNN(SparseProduct):
    """User-based collaborative filtering, ``s(u, i) = Σ_{v ∈ N_u} w_uv r_vi``.

    ``w_uv`` is the cosine of the two users' rows, ``|I_u ∩ I_v| / (sqrt(|I_u| |I_v|) + shrinkage)``.
    ``N_u`` are the `neighbours` most similar other users (Resnick et al., CSCW 1994, on binary data). Where
    edges have weights, they are ``r_vi`` and the entries of the rows, see `cosines`.

    Args:
        neighbours: Size of ``N_u``.
        shrinkage: Damps similarities that rest on few common items.
    """

    weights: SparseRows
    bought: SparseRows
    reads_weights: ClassVar[bool] = True

    def __init__(self, neighbours: int = 100, shrinkage: float = 0.0) -> None:
        super().__init__()
        check_at_least(1, neighbours=neighbours)
        check_at_least(0, shrinkage=shrinkage)
        self.neighbours, self.shrinkage = neighbours, shrinkage

    def fit(self, graph: BipartiteGraph) -> None:
        """Compute the similarities in blocks of users and keep the best of each row."""
        matrix = purchases(graph)
        weights = cosines(matrix, self.neighbours, self.shrinkage, "User similarities")
        self._hold(graph, matrix, SparseRows(weights, kept=KEPT_BYTES))

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
        vars(self).pop("_known", None)

    @cached_property
    def _known(self) -> tuple[sp.csr_array, Tensor, float]:
        """Turn the purchases round, ``[I, U]``, and find the users' lengths and the mean square."""
        known = purchases(self.graph)
        mean = float(known.power(2).data.mean(dtype=np.float64)) if known.nnz else 1.0
        return known.T.tocsr(), _roots(known), mean

    def factors(self) -> tuple[SparseRows, SparseRows]:
        """Give weights and purchases; a score is the sum of the weights of the neighbours who bought."""
        return self.weights, self.bought

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Find the neighbours of the baskets among the users of training."""
        found, (transposed, known_roots, mean) = purchases(baskets), self._known
        device, order = baskets.edge_user.device, tie_order(self.graph.num_users, torch.device("cpu"))
        roots = _roots(found)
        shrinkage = self.shrinkage * mean

        def scores(users: Tensor) -> Tensor:
            codes = users.cpu().numpy()
            common = torch.from_numpy(product_of_rows(found[codes], 0, len(codes), transposed).toarray())
            common /= roots[codes, None] * known_roots + shrinkage
            values, near = top_items(common.nan_to_num_(), self.neighbours, order)
            weights = torch.zeros_like(common).scatter_(1, near, values.clamp_min(0.0))
            return weights.to(device) @ self.bought.tensor()

        return scores


def _roots(matrix: sp.csr_array) -> Tensor:
    """Compute the lengths of the rows. Shape ``[rows]``."""
    return torch.from_numpy(np.sqrt(matrix.power(2).sum(axis=1, dtype=np.float32)))
