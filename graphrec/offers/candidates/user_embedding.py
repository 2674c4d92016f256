"""Where users lie in embedding space, whatever the recommender is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Interactions

if TYPE_CHECKING:  # it brings PyG along
    from graphrec.models.base import Recommender

DIM = 32


def user_embedding(recommender: Recommender, train: Interactions) -> FloatArray:
    """Take the recommender's own embeddings of the users, or the graph's if it has none. Shape ``[U, D]``."""
    own = getattr(recommender, "embeddings", None)
    if callable(own):
        return np.asarray(own().user.detach().cpu().numpy(), dtype=np.float64)
    return graph_embedding(train)


def graph_embedding(train: Interactions, dim: int = DIM) -> FloatArray:
    """Find the leading left singular vectors of the normalised user-item matrix. Shape ``[U, D]``."""
    pairs = train.pairs()
    matrix = sp.csr_matrix(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(train.users), len(train.items))
    )
    scale = [sp.diags(1.0 / np.sqrt(np.maximum(matrix.sum(axis=axis).A1, 1.0))) for axis in (1, 0)]
    dim = min(dim, min(matrix.shape) - 1)
    normalised = scale[0] @ matrix @ scale[1]
    left, value, _ = svds(normalised, k=dim, v0=np.ones(min(matrix.shape)))
    return np.asarray(left * value, dtype=np.float64)
