"""What UltraGCN weighs pairs by: the degrees of users and items, and how items go together."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphrec.graph import BipartiteGraph
from graphrec.models.neighbours import largest, purchases


def degree_weights(graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
    """Compute what ``β_ui = √(d_u + 1) / d_u · 1 / √(d_i + 1)`` is the product of. ``[U]`` and ``[I]``.

    Mao et al., "UltraGCN", CIKM 2021, eq. 6. Nodes without edges count as if they had one.
    """
    user = graph.seen.counts(torch.arange(graph.num_users)).clamp_min(1).float()
    item = graph.item_degree().clamp_min(1).float()
    return (user + 1).sqrt() / user, (item + 1).rsqrt()


def item_neighbours(graph: BipartiteGraph, count: int) -> tuple[Tensor, Tensor]:
    """Find the `count` items of the largest ``ω_ij`` for each item, and these weights.

    ``ω_ij = G_ij / (g_i − G_ii) · √(g_i / g_j)`` with the common buyers ``G = XᵀX`` and its row sums ``g``
    (eq. 10 and 11). An item is no neighbour of its own.

    Returns:
        Items and weights, each ``[I, count]``; where an item has fewer, item 0 with weight 0.
    """
    matrix = purchases(graph)
    transposed = matrix.T.tocsr()
    degree = np.asarray(matrix.sum(axis=0), dtype=np.float64)
    total = np.asarray(transposed @ matrix.sum(axis=1), dtype=np.float64)
    own = np.sqrt(total) / np.maximum(total - degree, 1)
    other = 1 / np.sqrt(np.maximum(total, 1))

    def rows(start: int, end: int) -> sp.csr_array:
        common = transposed[start:end] @ matrix
        row = np.repeat(np.arange(start, end), np.diff(common.indptr))
        common.data = (common.data * own[row] * other[common.indices]).astype(np.float32)
        common.data[row == common.indices] = 0.0
        return common

    found = largest(rows, graph.num_items, count, "UltraGCN: item graph")
    size = np.diff(found.indptr)
    row = np.repeat(np.arange(graph.num_items), size)
    place = np.arange(len(row)) - np.repeat(found.indptr[:-1], size)
    items = torch.zeros(graph.num_items, count, dtype=torch.int64)
    weights = torch.zeros(graph.num_items, count)
    items[row, place] = torch.from_numpy(found.indices.astype(np.int64))
    weights[row, place] = torch.from_numpy(found.data)
    return items, weights
