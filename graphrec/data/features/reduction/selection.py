"""Selection and reduction of the columns of one side, learnt from the rows of training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.arrays import AnyFloatArray, BoolArray, Float32Array, IntArray
from graphrec.data.features.encoding import Block
from graphrec.data.features.fitted import FittedSide
from graphrec.data.features.options import FeatureOptions
from graphrec.data.features.reduction.estimators import make_estimator, with_seed
from graphrec.data.features.reduction.information import information
from graphrec.errors import InputError


@dataclass(frozen=True)
class Selected:
    """One side after selection.

    Args:
        side: What is applied to rows.
        dropped: Names of the columns that were left out.
        information: Mutual information with a purchase of each column that was weighed by it, in nats.
    """

    side: FittedSide
    dropped: list[str]
    information: Mapping[str, float]


def fit_side(
    block: Block,
    options: FeatureOptions,
    steps: Sequence[Mapping[str, Any]] = (),
    drawn: tuple[IntArray, BoolArray] | None = None,
) -> Selected:
    """Learn which columns of one side stay and how they are scaled and reduced.

    Args:
        block: Raw columns.
        options: How.
        steps: Transformers of scikit-learn, in their order.
        drawn: Where columns are chosen by mutual information, the row of each drawn pair and whether the pair
            was bought. Shapes ``[P]``.
    """
    chosen = _varying(block.values, options.min_variance)
    if options.max_correlation is not None:
        chosen = _apart(block.values, chosen, options.max_correlation)
    told: dict[str, float] = {}
    if drawn is not None:
        places = np.flatnonzero(chosen)
        found = information(block.values[:, places], *drawn)
        told = {block.names[place]: float(value) for place, value in zip(places, found, strict=True)}
        best = np.sort(np.argsort(-found, kind="stable")[: options.informative])
        chosen = np.isin(np.arange(len(chosen)), places[best])
    dropped = [name for name, kept in zip(block.names, chosen, strict=True) if not kept]
    kept = np.flatnonzero(chosen)
    names = [block.names[place] for place in kept]
    mean = block.values.mean(axis=0, dtype=np.float64) if len(block.values) else np.zeros(len(block.names))
    side = FittedSide(block.names, mean, kept, _scale(block.values[:, kept]), names)
    for place, step in enumerate(steps):
        side = _with_step(side, block.values, step, f"pipeline.{place}", options.seed)
    return Selected(_reduced(side, block.values, options), dropped, told)


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


def _apart(values: Float32Array, chosen: BoolArray, bound: float) -> BoolArray:
    """Unmark columns whose correlation with an earlier marked one is above a bound, either way."""
    places = np.flatnonzero(chosen)
    if len(places) < 2:
        return chosen
    with np.errstate(invalid="ignore", divide="ignore"):  # a constant column has no correlation
        alike = np.nan_to_num(np.abs(np.corrcoef(values[:, places], rowvar=False, dtype=np.float64)))
    kept: list[int] = []
    for place in range(len(places)):
        if not kept or alike[place, kept].max() <= bound:
            kept.append(place)
    return np.isin(np.arange(len(chosen)), places[kept])


def _scale(values: Float32Array) -> AnyFloatArray:
    """Compute the deviation of each column; infinite where it is constant, so that it becomes zeros."""
    constant = np.ptp(values, axis=0) == 0 if len(values) else np.ones(values.shape[1], dtype=bool)
    scale: AnyFloatArray = np.where(constant, np.inf, values.std(axis=0, dtype=np.float64))
    return scale


def _with_step(
    side: FittedSide, values: Float32Array, spec: Mapping[str, Any], key: str, seed: int
) -> FittedSide:
    """Fit a transformer to the features so far and add it.

    Raises:
        InputError: If it cannot be fitted, or gives something else than a finite row for each row.
    """
    step = with_seed(make_estimator(spec, key, ["fit", "transform"]), seed)
    name, rows = type(step).__name__, side.transform(values).astype(np.float64)
    try:
        found = step.fit(rows).transform(rows)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name} cannot be fitted to the features: {reason}", column=key) from error
    if hasattr(found, "toarray"):
        hint = "give it sparse_output: false, or leave it out"
        raise InputError(f"{name} gives a sparse matrix", column=key, hint=hint)
    if found.ndim != 2 or len(found) != len(rows) or not np.isfinite(found).all():
        hint = "name a transformer that gives finite numbers for each row"
        raise InputError(f"{name} does not give a finite row for each row", column=key, hint=hint)
    same = found.shape[1] == len(side.names)
    label = name.lower()
    return side.then(step, side.names if same else [f"{label}_{place}" for place in range(found.shape[1])])


def _reduced(side: FittedSide, values: Float32Array, options: FeatureOptions) -> FittedSide:
    """Add principal components; scikit-learn makes each one's largest loading positive."""
    if options.pca is None or len(side.names) <= options.pca:
        return side
    from sklearn.decomposition import PCA

    pca = PCA(min(options.pca, len(values)), random_state=options.seed)
    pca.fit(side.transform(values).astype(np.float64))
    return side.then(pca, [f"pca_{position}" for position in range(pca.n_components_)])
