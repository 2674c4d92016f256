"""Collaborative filtering by neighbours: the documents' item-based baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from rich.progress import track
from torch import Tensor

from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph, SparseMatrix
from graphrec.models.base import ClosedForm


class ItemCF(ClosedForm):
    """Item-based collaborative filtering, ``R_ui = Σ_{j ∈ N_i} w_ij r_uj``.

    ``w_ij`` is the cosine of the two item columns of the interaction matrix,
    ``|U_i ∩ U_j| / (sqrt(|U_i| |U_j|) + shrinkage)``, and ``N_i`` the `neighbours` items most similar to
    ``i``, itself left out (Sarwar et al., WWW 2001).

    Args:
        neighbours: Size of ``N_i``.
        shrinkage: Damps similarities that rest on few common buyers.
    """

    def __init__(self, neighbours: int = 100, shrinkage: float = 0.0) -> None:
        super().__init__()
        check_at_least(1, neighbours=neighbours)
        check_at_least(0, shrinkage=shrinkage)
        self.neighbours, self.shrinkage = neighbours, shrinkage

    def fit(self, graph: BipartiteGraph) -> None:
        """Compute the similarities in blocks of items and keep the best of each row."""
        self.graph = graph
        user, item = graph.edge_user.cpu().numpy(), graph.edge_item.cpu().numpy()
        ones = np.ones(len(user), dtype=np.float32)
        matrix = sp.csc_array((ones, (user, item)), shape=(graph.num_users, graph.num_items))
        starts = track(range(0, graph.num_items, 1024), "Item similarities", transient=True)
        blocks = [self._neighbours(matrix, start, min(start + 1024, graph.num_items)) for start in starts]
        self.weights = SparseMatrix(sp.vstack(blocks)).to(graph.edge_user.device)

    def _neighbours(self, matrix: sp.csc_array, start: int, end: int) -> sp.csr_array:
        degree = np.asarray(matrix.sum(axis=0)).ravel()
        common = (matrix[:, start:end].T @ matrix).toarray()
        norm = np.sqrt(np.outer(degree[start:end], degree)) + self.shrinkage
        similarity = common / np.maximum(norm, 1e-12)
        similarity[np.arange(end - start), np.arange(start, end)] = 0.0
        return sp.csr_array(_keep_largest(similarity, self.neighbours))

    def score(self, users: Tensor) -> Tensor:
        """Sum the similarities to what the user bought. Shape ``[B, I]``."""
        rated = self.graph.seen_mask(users).to(torch.float32)
        scores: Tensor = self.weights(rated.T.contiguous()).T
        return scores.contiguous()


def _keep_largest(similarity: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Zero all but the `count` largest entries of each row."""
    if count >= similarity.shape[1]:
        return similarity
    drop = np.argpartition(-similarity, count - 1, axis=1)[:, count:]
    np.put_along_axis(similarity, drop, 0.0, axis=1)
    return similarity
