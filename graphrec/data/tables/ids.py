"""What an id is: the text that was written, in one form for every file.

Ids are names. '001' stays '001', and 'NA' is a name too. Only what nobody can see or mean is taken off: space
around an id, another Unicode form of the same letters, and '.0'. A column of whole numbers gets that ending
when a program holds it as floating point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.cleaning.account import CleaningStep
from graphrec.errors import InputError
from graphrec.notices import warn

_AROUND = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
)
"""Spaces and characters of no width: around an id they are nobody's intention."""
_WHOLE = r"^-?(0|[1-9][0-9]*)$"
_POINT_ZERO = r"^-?(0|[1-9][0-9]*)\.0+$"
_SHORTENED = r"\d([.,]\d+)?E\+\d\d+"
_EXACT = 2.0**53
"""Larger whole numbers are rounded in floating point."""


@dataclass(frozen=True)
class Ids:
    """A column of ids in the common form.

    Args:
        values: Text, missing where the file has nothing.
        trimmed: Rows whose id had space around it or was written in another Unicode form.
        whole: Rows whose id was written as a whole number with '.0'.
    """

    values: pd.Series[str]
    trimmed: int = 0
    whole: int = 0

    def steps(self, column: str) -> tuple[CleaningStep, ...]:
        """List rows of the cleaning report, where something was changed."""
        done = (
            (f"{column}: space around ids taken off", self.trimmed),
            (f"{column}: ids such as 7.0 read as 7", self.whole),
        )
        return tuple(CleaningStep(what, len(self.values), filled=rows) for what, rows in done if rows)


def as_ids(values: pd.Series[Any]) -> Ids:
    """Bring a column of text to the common form of ids."""
    column = pa.chunked_array(pa.array(values, type=pa.large_string(), from_pandas=True))
    if _is_plain_text(column):
        return Ids(values.astype("str"))
    encoded = column.combine_chunks().dictionary_encode()
    written = encoded.dictionary
    trimmed = trimmed_text(written)
    named = _without_zeros(trimmed)
    if named.equals(written):
        return Ids(values.astype("str"))
    found = named.take(encoded.indices).to_pandas().astype("str").set_axis(values.index)
    return Ids(found, _changed(written, trimmed, encoded), _changed(trimmed, named, encoded))


def _is_plain_text(column: pa.ChunkedArray) -> bool:
    """Tell whether nothing is to be done: ASCII, no space around ids and no '.0'.

    This is found five times as fast.
    """
    if pc.any(pc.match_substring(column, ".0")).as_py() or not pc.all(pc.string_is_ascii(column)).as_py():
        return False
    return (
        bool(pc.utf8_trim(column, characters=_AROUND).equals(column))
        and not pc.any(pc.equal(column, "")).as_py()
    )


def warn_of_rounded(ids: pd.Series[Any], file: str | Path, column: str) -> None:
    """Say which ids look as a spreadsheet shows long numbers: several of them may be one by now."""
    marked = ids[ids.str.contains("E+", regex=False, na=False)]
    rounded = marked[marked.str.fullmatch(_SHORTENED)].unique()
    if len(rounded):
        what = f"{len(rounded):,} ids such as {rounded[0]} look rounded by a spreadsheet; each may be several"
        warn(what, file=file, column=column, hint="export the ids as text")


def trimmed_text(texts: pa.Array) -> pa.Array:
    """Bring texts to Unicode's composed form without space around them; nothing is missing."""
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        texts = pc.utf8_normalize(texts, form="NFC")
    found = pc.utf8_trim(texts, characters=_AROUND)
    return pc.if_else(pc.equal(found, ""), pa.scalar(None, found.type), found)


def without_zeros(texts: pa.Array) -> pa.Array:
    """Write '7.0' as '7', whatever stands beside it."""
    return pc.if_else(
        pc.match_substring_regex(texts, _POINT_ZERO), pc.replace_substring_regex(texts, r"\.0+$", ""), texts
    )


def _without_zeros(texts: pa.Array) -> pa.Array:
    """Write whole numbers without '.0', if all are such or one number stands in both forms.

    Versions such as 1.0, 1.1 and 1.10 stay as they are.
    """
    if not pc.any(pc.match_substring_regex(texts, _POINT_ZERO)).as_py():
        return texts
    short = without_zeros(texts)
    if pc.all(pc.match_substring_regex(short, _WHOLE)).as_py():
        return short
    return pc.if_else(pc.is_in(short, value_set=texts), short, texts)


def _changed(before: pa.Array, after: pa.Array, encoded: pa.DictionaryArray) -> int:
    """Count rows whose text is another one; what is missing afterwards was nothing but space."""
    rows = pc.not_equal(before, after).take(encoded.indices)
    return int(pc.sum(rows).as_py() or 0)


def id_text(values: pa.ChunkedArray, file: Path, column: str) -> pa.ChunkedArray:
    """Write ids of any type that Parquet knows as the text that a CSV file would have.

    Raises:
        InputError: If one value is not one id, as in a column of lists.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    for belongs, convert in _CONVERSIONS:
        if belongs(kind):
            try:
                return convert(values, file, column)
            except pa.ArrowException as error:
                raise InputError(
                    f"ids of the type {kind} cannot be read",
                    file=file,
                    column=column,
                    hint="write them as text",
                ) from error
    raise InputError(
        f"each value is a {str(kind).partition('<')[0]}, not one id",
        file=file,
        column=column,
        hint="write one row per id: in pandas, frame.explode(column)",
    )


def _cast(values: pa.ChunkedArray, file: Path, column: str) -> pa.ChunkedArray:
    return values.cast(pa.large_string())


def _floats(values: pa.ChunkedArray, file: Path, column: str) -> pa.ChunkedArray:
    """Write whole numbers as '7.0', so that the column is judged as one of text is."""
    encoded = values.combine_chunks().dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    exact = 2.0**24 if distinct.dtype == np.float32 else _EXACT
    if np.any(np.isfinite(distinct) & (np.abs(distinct) > exact)):
        warn(
            f"ids above 2^{int(np.log2(exact))} are held as floating point, which rounds them",
            file=file,
            column=column,
            hint="write them as text or whole numbers",
        )
    texts = [
        None if np.isnan(x) else f"{int(x)}.0" if np.isfinite(x) and x == int(x) else str(x) for x in distinct
    ]
    return pa.chunked_array([pa.array(texts, pa.large_string()).take(encoded.indices)])


def _truths(values: pa.ChunkedArray, file: Path, column: str) -> pa.ChunkedArray:
    return pa.chunked_array([pc.if_else(values.combine_chunks(), "True", "False").cast(pa.large_string())])


def _bytes(values: pa.ChunkedArray, file: Path, column: str) -> pa.ChunkedArray:
    return values.cast(pa.large_binary()).cast(pa.large_string())


def _uuids(values: pa.ChunkedArray, file: Path, column: str) -> pa.ChunkedArray:
    texts = [None if value is None else str(value) for value in values.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def _times(values: pa.ChunkedArray, file: Path, column: str) -> pa.ChunkedArray:
    series = values.to_pandas()
    texts = series.astype("str").where(series.notna())
    return pa.chunked_array([pa.array(texts, pa.large_string(), from_pandas=True)])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_plain(kind: pa.DataType) -> bool:
    return bool(
        _is_text(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)


_Conversion = Callable[[pa.ChunkedArray, Path, str], pa.ChunkedArray]
_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], _Conversion], ...] = (
    (_is_plain, _cast),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _truths),
    (_is_bytes, _bytes),
    (_is_uuid, _uuids),
    (pa.types.is_temporal, _times),
)
