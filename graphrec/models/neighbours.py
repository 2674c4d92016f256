"""Collaborative filtering by neighbours: the documents' item-based baseline."""

from __future__ import annotations

import numpy as np
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
        """The largest entries of rows `start` to `end` of the similarity matrix."""
        root = np.sqrt(np.asarray(matrix.sum(axis=0), dtype=np.float32)).ravel()
        common = (matrix[:, start:end].T @ matrix).toarray()
        common /= np.maximum(root[start:end, None] * root + np.float32(self.shrinkage), 1e-12)
        common[np.arange(end - start), np.arange(start, end)] = 0.0
        count = min(self.neighbours, common.shape[1])
        largest = torch.from_numpy(common).topk(count, dim=1)
        rows = np.arange(0, common.shape[0] * count + 1, count)
        block = sp.csr_array(
            (largest.values.numpy().ravel(), largest.indices.numpy().ravel(), rows), shape=common.shape
        )
        block.eliminate_zeros()
        return block

    def score(self, users: Tensor) -> Tensor:
        """Sum the similarities to what the user bought. Shape ``[B, I]``."""
        rated = self.graph.seen_mask(users).to(torch.float32)
        scores: Tensor = self.weights(rated.T.contiguous()).T
        return scores.contiguous()
