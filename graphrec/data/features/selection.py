"""Selection and reduction of the columns of one side, learnt from the rows of training."""

from __future__ import annotations

import hashlib

import numpy as np

from graphrec.arrays import AnyFloatArray, BoolArray, Float32Array
from graphrec.data.features.encoding import Block
from graphrec.data.features.fitted import FittedSide
from graphrec.data.features.options import FeatureOptions


def fit_side(block: Block, options: FeatureOptions) -> tuple[FittedSide, list[str]]:
    """Learn which columns of one side stay and how they are scaled and reduced.

    Returns:
        What is applied to rows, and the names of the columns that were left out.
    """
    chosen = _varying(block.values, options.min_variance)
    dropped = [name for name, kept in zip(block.names, chosen, strict=True) if not kept]
    kept = np.flatnonzero(chosen)
    names = [block.names[place] for place in kept]
    mean = block.values.mean(axis=0, dtype=np.float64) if len(block.values) else np.zeros(len(block.names))
    side = FittedSide(block.names, mean, kept, _scale(block.values[:, kept]), names)
    return _reduced(side, block.values, options), dropped


def _varying(values: Float32Array, min_variance: float) -> BoolArray:
    """Mark columns that are not constant, vary enough and copy no earlier column.

    Where nothing varies at all the first column stays, so that a network always has its input.
    """
    spread = np.ptp(values, axis=0) if len(values) else np.zeros(values.shape[1])
    enough: BoolArray = (spread > 0) & (values.var(axis=0, dtype=np.float64) >= min_variance)
    seen: set[bytes] = set()
    for position in np.flatnonzero(enough):
        content = hashlib.sha256(values[:, position].tobytes()).digest()
        enough[position] = content not in seen
        seen.add(content)
    if not enough.any():
        enough[:1] = True
    return enough


def _scale(values: Float32Array) -> AnyFloatArray:
    """Compute the deviation of each column; infinite where it is constant, so that it becomes zeros."""
    constant = np.ptp(values, axis=0) == 0 if len(values) else np.ones(values.shape[1], dtype=bool)
    scale: AnyFloatArray = np.where(constant, np.inf, values.std(axis=0, dtype=np.float64))
    return scale


def _reduced(side: FittedSide, values: Float32Array, options: FeatureOptions) -> FittedSide:
    """Add principal components; scikit-learn makes each one's largest loading positive."""
    if options.pca is None or len(side.names) <= options.pca:
        return side
    from sklearn.decomposition import PCA

    pca = PCA(min(options.pca, len(values)), random_state=options.seed)
    pca.fit(side.transform(values).astype(np.float64))
    return side.then(pca, [f"pca_{position}" for position in range(pca.n_components_)])
