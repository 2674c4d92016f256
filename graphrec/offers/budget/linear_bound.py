"""The bound that no allocation can exceed: the linear programme of the multiple-choice knapsack, by HiGHS."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from graphrec.arrays import FloatArray


def linear_bound(value: FloatArray, spend: FloatArray, budget: float) -> float:
    """Find the largest value if levels may be mixed within a pair; some 100 times as slow as `allocate`.

    Args:
        value: Value of each level. Shape ``[P, R]``.
        spend: Spend of each level; level 0 spends nothing. Shape ``[P, R]``.
        budget: Upper bound of the total spend.

    Raises:
        RuntimeError: If HiGHS finds no optimum.
    """
    pairs, levels = value.shape
    solved = linprog(
        -value.ravel(),
        A_ub=spend.reshape(1, -1),
        b_ub=[budget],
        A_eq=sp.kron(sp.eye(pairs), np.ones((1, levels)), format="csr"),
        b_eq=np.ones(pairs),
        method="highs",
    )
    if solved.status != 0:
        raise RuntimeError(f"HiGHS: {solved.message}")
    return -float(solved.fun)
