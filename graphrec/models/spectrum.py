"""The spectrum of the item graph: what lies at which eigenvalue, and what held-out purchases ask for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.arrays import Float32Array, IntArray
from graphrec.errors import InputError, check_at_least, check_seed
from graphrec.graph import BipartiteGraph
from graphrec.kernels.eigenvectors import decompose
from graphrec.kernels.sparse import SparseMatrix


def spectrum(
    graph: BipartiteGraph, held_out: IntArray | None = None, rank: int = 256, seed: int = 0
) -> pd.DataFrame:
    """Decompose the item graph ``P = R̃ᵀR̃``, ``R̃ = D_U^-1/2 R D_I^-1/2``, and look at each direction.

    The signal of a user is their row of ``R D_I^-1/2``: what was bought, popular items counting less. A
    filter multiplies the part of a signal in a direction by its response at the direction's eigenvalue. The
    factor that brings training signals nearest to held-out ones is what a response would have to be there.

    Args:
        graph: Of the training part.
        held_out: Pairs of user and item codes of a later part. Shape ``[n, 2]``.
        rank: Leading directions; at most as many as there are users or items.
        seed: Of the randomised decomposition.

    Returns:
        A row per direction, the largest eigenvalue first: ``eigenvalue`` (0 to 1; 1 belongs to what varies
        least over the graph); ``energy``, the direction's share of the training signals' squared length; and
        with `held_out` also ``wanted``, the least-squares factor from training to held-out signals.
    """
    check_at_least(1, rank=rank)
    check_seed(seed=seed)
    if graph.relative_weight is not None:
        hint = "give a graph without"
        raise InputError("the spectrum is that of a graph without weights", column="weights", hint=hint)
    user, item = graph.edge_user.cpu().numpy(), graph.edge_item.cpu().numpy()
    users = np.bincount(user, minlength=graph.num_users)
    items = np.bincount(item, minlength=graph.num_items)
    shape = (graph.num_users, graph.num_items)
    weights = (1.0 / np.sqrt(np.maximum(users, 1)[user] * np.maximum(items, 1)[item])).astype(np.float32)
    found = decompose(SparseMatrix(sp.csr_array((weights, (user, item)), shape=shape)), rank, seed=seed)
    vectors = found.vectors.cpu().numpy()
    train = _coefficients(user, item, items, shape, vectors)
    total = float((1.0 / np.maximum(items, 1)[item]).sum())
    table = pd.DataFrame({"eigenvalue": found.values.cpu().numpy().astype(np.float64)})
    table["energy"] = (train**2).sum(axis=0) / total if total else 0.0
    if held_out is not None:
        late = _coefficients(held_out[:, 0], held_out[:, 1], items, shape, vectors)
        length = (train**2).sum(axis=0)
        table["wanted"] = (train * late).sum(axis=0) / np.where(length > 0, length, np.nan)
    return table


def _coefficients(
    user: IntArray, item: IntArray, degrees: IntArray, shape: tuple[int, int], vectors: Float32Array
) -> Float32Array:
    """Compute every user's signal in every direction. Shape ``[U, K]``."""
    values = 1.0 / np.sqrt(np.maximum(degrees, 1)[item])
    product: Float32Array = sp.csr_array((values, (user, item)), shape=shape) @ vectors
    return product
