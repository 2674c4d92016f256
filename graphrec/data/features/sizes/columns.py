"""Columns of package sizes: how large a package is, of which kind, and where nothing is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.choice.known import examples
from graphrec.data.features.sizes.reading import Decimal, Size, read_size
from graphrec.errors import InputError
from graphrec.notices import note

KIND = "kind"
NOT_SAID = ("", "unknown")
"""Texts that state nothing; cleaning writes the second."""


@dataclass(frozen=True)
class SizeFeatures:
    """A column of the table of items that holds sizes of packages.

    Args:
        column: In the table, such as ``package_size``.
        decimal: The sign before decimals. If missing, a point or a comma is; ``1,000`` may be either and
            is not read.
    """

    column: str
    decimal: Decimal | None = None

    def __post_init__(self) -> None:
        """Check the sign.

        Raises:
            InputError: If it is neither point nor comma.
        """
        if self.decimal not in (None, ".", ","):
            key = f"features.sizes.{self.column}.decimal"
            raise InputError(f"{self.decimal!r} is no decimal sign", column=key, hint="write . or ,")

    def into(self, table: pd.DataFrame, said: bool) -> pd.DataFrame:
        """Put the logarithm of the size, and its kind, in the place of the text.

        Args:
            table: Attributes of items.
            said: Whether a line says how many texts could be read.

        Raises:
            InputError: If there is no such column, it holds no text, or none of it can be read.
        """
        key, kind = f"features.sizes.{self.column}", f"{self.column}_{KIND}"
        if self.column not in table:
            there = ", ".join(map(str, table.columns[:8]))
            hint = f"the table has {there}" if there else "give the source a table: items: FILE"
            raise InputError("no table of items has this column of sizes", column=key, hint=hint)
        if kind in table:
            hint = "call that column otherwise"
            raise InputError(f"the table has a column {kind!r} already", column=key, hint=hint)
        texts = self._texts(table[self.column], key)
        sizes = [None if text is None else read_size(text, self.decimal) for text in texts]
        if said:
            self._tell(texts, sizes, key)
        amounts = [np.nan if size is None else np.log(size.amount) for size in sizes]
        kinds = [None if size is None else size.kind for size in sizes]
        found = {self.column: pd.array(amounts, dtype="Float64"), kind: pd.array(kinds, dtype="string")}
        return table.assign(**found)

    def _texts(self, column: pd.Series[Any], key: str) -> list[str | None]:
        if column.notna().any() and pd.api.types.is_numeric_dtype(column):
            what, hint = "holds numbers without a unit", "leave it out of sizes: numbers are features already"
            raise InputError(what, column=key, hint=hint)
        texts = [str(text).strip() for text in column.astype("object").where(column.notna(), "")]
        return [None if text.casefold() in NOT_SAID else text for text in texts]

    def _tell(self, texts: Sequence[str | None], sizes: Sequence[Size | None], key: str) -> None:
        """Say how many sizes were read, of which kind, and what could not be.

        Raises:
            InputError: If none was.
        """
        pairs = list(zip(texts, sizes, strict=True))
        unread = pd.Series([text for text, size in pairs if text is not None and size is None], dtype="str")
        kinds = Counter(size.kind for size in sizes if size is not None)
        if not kinds:
            such = f", such as {examples(unread.drop_duplicates())}" if len(unread) else ""
            hint = "name a column of texts such as 12 OZ or 1,5 L"
            raise InputError(f"no text of it is a size{such}", column=key, hint=hint)
        counts = ", ".join(f"{count:,} by {kind}" for kind, count in kinds.most_common())
        what = f"{self.column}: sizes of {kinds.total():,} of {len(texts):,} items read ({counts})"
        silent = sum(text is None for text in texts)
        left = f"; {silent:,} say nothing" if silent else ""
        if len(unread):
            left += f"; {len(unread):,} cannot be read, such as {examples(unread.drop_duplicates())}"
        note(f"{what}{left}")


def with_sizes(table: pd.DataFrame, sizes: Sequence[SizeFeatures], said: bool = True) -> pd.DataFrame:
    """Read the sizes in some columns of a table of items.

    Args:
        table: Attributes, in any order.
        sizes: The columns.
        said: Whether a line says how many texts could be read. If not, a column that is not there is unknown.
    """
    for one in sizes:
        if said or one.column in table:
            table = one.into(table, said)
    return table
