"""Names for arrays by the type of their entries, and what is kept of arrays that never change."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
AnyFloatArray = npt.NDArray[np.floating[Any]]
Float32Array = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Made = TypeVar("Made")
AnyArray = npt.NDArray[Any]
"""Of any type, as words (object) or a view of a frame's column."""


def once_per_array(make: Callable[[AnyArray], Made]) -> Callable[[AnyArray], Made]:
    """Keep what a function makes of an array as long as the array lives, for ids that never change.

    Args:
        make: What it makes must not hold the array itself.
    """
    kept: dict[int, tuple[weakref.ref[AnyArray], Made]] = {}

    def found(array: AnyArray) -> Made:
        key = id(array)
        if (entry := kept.get(key)) is None or entry[0]() is not array:
            entry = (weakref.ref(array, lambda _: kept.pop(key, None)), make(array))
            kept[key] = entry
        return entry[1]

    return found
