"""Named numeric columns without gaps: what tables of attributes and facts of the log become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from graphrec.arrays import AnyFloatArray, Float32Array


@dataclass(frozen=True)
class Block:
    """Named columns of one group of features.

    Args:
        names: ``group:column``, one per column.
        values: float32, finite. Shape ``[n, F]``.
    """

    names: list[str]
    values: Float32Array

    @classmethod
    def of(cls, group: str, columns: Mapping[str, AnyFloatArray], n: int) -> Block:
        """Stack columns of length ``n``; a value that is not known becomes the mean of its column."""
        values = np.zeros((n, len(columns)), dtype=np.float32)
        for position, column in enumerate(columns.values()):
            values[:, position] = _filled(column)
        return cls([f"{group}:{name}" for name in columns], values)

    @classmethod
    def joined(cls, blocks: Iterable[Block], n: int) -> Block:
        """Put groups side by side."""
        blocks = [cls.of("", {}, n), *blocks]
        names = [name for block in blocks for name in block.names]
        return cls(names, np.concatenate([block.values for block in blocks], axis=1))


@dataclass(frozen=True)
class Attributes:
    """An attribute table in the order of the codes.

    Args:
        levels: Names of the levels of categorical columns, such as ``department=GROCERY``.
        member: Which row has which level, 0 or 1. Sparse, shape ``[n, len(levels)]``.
        numbers: Standardised numeric columns and, where one has gaps, ``column=unknown``. Shape ``[n]`` each.
        names_not_levels: Columns left out because their values name single rows (titles, for example).
    """

    levels: list[str]
    member: sparse.csr_matrix
    numbers: dict[str, AnyFloatArray] = field(default_factory=dict)
    names_not_levels: list[str] = field(default_factory=list)

    def block(self, group: str) -> Block:
        """Encode all attributes as dense features: one-hot levels, then numbers."""
        n = self.member.shape[0]
        one_hot = Block(
            [f"{group}:{level}" for level in self.levels], self.member.astype(np.float32).toarray()
        )
        return Block.joined([one_hot, Block.of(group, self.numbers, n)], n)


def _filled(column: AnyFloatArray) -> AnyFloatArray:
    known = np.isfinite(column)
    if known.all():
        return column
    return np.where(known, column, column[known].mean() if known.any() else 0.0)
