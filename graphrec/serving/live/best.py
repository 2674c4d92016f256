"""The best items of one row of scores, in the order in which every list of graphrec is."""

from __future__ import annotations

import numpy as np

from graphrec.arrays import Float32Array, IntArray


def best(scores: Float32Array, k: int, rank: IntArray) -> IntArray:
    """Find the codes of the `k` best items, best first; fewer where the rest may not be listed.

    As `graphrec.kernels.topk.top_items` for one row, without what a batch costs.

    Args:
        scores: −inf for what may not be listed. Shape ``[I]``.
        k: How many.
        rank: Place of each item in the order of equal scores. Shape ``[I]``.
    """
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        near = np.flatnonzero(scores >= least)
    else:
        near = np.arange(len(scores))
    near = near[scores[near] > -np.inf]
    found: IntArray = near[np.lexsort((rank[near], -scores[near]))[:k]]
    return found
