"""The matrix of interactions whose items a filter compares, with weights by the degrees of both sides."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.kernels.eigenvectors import largest_singular_value


def interactions(graph: BipartiteGraph, user_power: float, item_power: float) -> sp.csr_array:
    """Build ``R̃ = D_U^-user_power R D_I^-item_power / c``; ``c`` keeps singular values ≤ 1.

    Args:
        graph: Of training, with ``U`` users and ``I`` items.
        user_power: Of the users' degrees.
        item_power: Of the items' degrees.

    Returns:
        Shape ``[U, I]``.

    Raises:
        InputError: If a power makes a number that is none.
    """
    user, item = graph.edge_user.cpu().numpy(), graph.edge_item.cpu().numpy()
    edges, shape = graph.relative().cpu().numpy(), (graph.num_users, graph.num_items)
    users, items = (np.bincount(codes, edges)[codes] for codes in (user, item))
    with np.errstate(over="ignore"):
        weights = users**-user_power * items**-item_power * edges
    if not np.isfinite(weights).all() or not weights.any():
        what, hint = "these powers of the degrees are beyond any number", "give some between -2 and 2"
        raise InputError(what, column="user_power, item_power", hint=hint)
    matrix = sp.csr_array((weights, (user, item)), shape=shape)
    # with a half each, the largest singular value is 1 already, of the vector of the roots of the degrees
    largest = 1.0 if user_power == item_power == 0.5 else largest_singular_value(matrix)
    return (matrix / largest).astype(np.float32)
