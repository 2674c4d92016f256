"""Where training begins when not at random: at the leading singular vectors of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.kernels.eigenvectors import decompose
from graphrec.kernels.sparse import SparseMatrix

_loaded: ContextVar[bool] = ContextVar("loaded", default=False)
"""Whether the tables that are made are about to be replaced by those of a checkpoint."""


@contextmanager
def weights_follow() -> Iterator[None]:
    """Make tables without a spectral start, because a checkpoint holds what they are to be."""
    token = _loaded.set(True)
    try:
        yield
    finally:
        _loaded.reset(token)


@torch.no_grad()
def start_spectrally(weight: Tensor, graph: BipartiteGraph) -> None:
    """Put the singular vectors of ``R̃ = D_U^-1/2 R D_I^-1/2`` into a table that was drawn at random.

    A node's row becomes ``(U Σ)_u`` or ``(V Σ)_i``, scaled so that the whole keeps the standard deviation it
    was drawn with. What many layers of propagation would leave of the draw is there from the start, and
    training need not find it. Nodes without edges, and columns beyond the smaller side of ``R``, keep their
    draw.

    Args:
        weight: The drawn table, written to. Shape ``[N, D]``.
        graph: The training graph.

    Raises:
        InputError: If the rows of the table are shared out over processes.
    """
    if graph.sharded is not None:
        what = "a spectral start needs the whole table in each process"
        raise InputError(what, column="start", hint="choose normal, or --trainer.strategy ddp")
    if _loaded.get():
        return
    matrix = SparseMatrix(graph.adjacency.csr().scipy()[: graph.num_users, graph.num_users :])
    seed = int(torch.randint(1 << 31, ()))
    found = decompose(matrix.to(weight.device), weight.shape[1], seed=seed)
    item = found.vectors * found.values.sqrt()
    table = torch.cat([matrix(found.vectors), item])  # R̃ V = U Σ
    filled = weight[:, : table.shape[1]]
    scale = filled.square().mean().sqrt() / table.square().mean().sqrt().clamp_min(1e-12)
    filled.copy_(torch.where(table.any(1, keepdim=True), scale * table, filled))
