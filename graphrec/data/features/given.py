"""A matrix of one's own as features: sentence embeddings, images, anything with a vector for each id."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from graphrec.arrays import Float32Array
from graphrec.data.features.attributes import UNKNOWN
from graphrec.data.features.encoding import Block
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.joins import as_known, join
from graphrec.data.tables.ids import as_ids
from graphrec.data.tables.read import read_table
from graphrec.errors import InputError
from graphrec.notices import note

GIVEN = "given"


@dataclass(frozen=True)
class GivenMatrix:
    """A vector for each user or item, computed elsewhere.

    Args:
        path: ``.npy`` of shape ``[n, D]``, or Parquet with a column of ids and a column of lists (or one
            column for each dimension).
        of: Whose vectors they are: ``items`` or ``users``.
        ids: Table (CSV, TSV or Parquet) whose rows name the rows of an ``.npy``; none for Parquet.
        id_column: Column of the ids; ``item_id`` or ``user_id`` if missing.
        vector: Column of lists in a Parquet file; if missing, every column but the ids is a dimension.
        name: What its columns begin with; the file's name if missing.
    """

    path: str
    of: Literal["items", "users"] = "items"
    ids: str | None = None
    id_column: str | None = None
    vector: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """What its columns begin with."""
        return f"{GIVEN}:{self.name or Path(self.path).stem}"

    @property
    def key(self) -> str:
        """``item_id`` or ``user_id``."""
        return Columns.ITEM if self.of == "items" else Columns.USER

    def sha256(self) -> str:
        """Fingerprint the files; a missing one is told of where it is read."""
        files = [Path(file) for file in (self.path, self.ids) if file is not None]
        parts = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def read(self) -> tuple[pd.Series[Any], Float32Array]:
        """Read ids ``[n]`` and vectors ``[n, D]``.

        Raises:
            InputError: If a file cannot be read, the two do not agree, or a value is no number.
        """
        suffix = Path(self.path).suffix
        if not Path(self.path).is_file():
            raise InputError("there is no such file", file=self.path, column="features.matrices")
        if suffix not in (".npy", ".parquet", ".pq"):
            hint = "save the matrix as .npy with ids: TABLE, or as .parquet"
            raise InputError(
                f"a matrix cannot be read from {suffix or 'this file'}", file=self.path, hint=hint
            )
        ids, values = self._npy() if suffix == ".npy" else self._parquet()
        wrong = ~np.isfinite(values).all(axis=1)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0]) + 1
            raise InputError("this row holds a value that is no number", file=self.path, row=row)
        return ids, values

    def block(self, ids: IdMap, said: bool = True) -> Block:
        """Bring the vectors into the order of some ids; a row that the file lacks has zeros and a mark.

        Args:
            ids: The users or items.
            said: Whether to print how many rows are missing, and to hold the file to at least one.

        Raises:
            InputError: As in `read`; also if an id stands twice, or none is known.
        """
        given, values = self.read()
        place: dict[str, Any] = {"file": self.ids or self.path, "column": self.id_column or self.key}
        given = join(given, ids.ids, **place) if said else as_known(given, ids.ids)
        codes = ids.codes(_like(given, ids))
        twice = (codes >= 0) & pd.Series(codes).duplicated().to_numpy()
        if twice.any():
            what = f"{given[twice].iloc[0]!r} has more than one row"
            raise InputError(what, file=self.ids or self.path, hint="keep one row for each id")
        rows = np.zeros((len(ids), values.shape[1]), dtype=np.float32)
        rows[codes[codes >= 0]] = values[codes >= 0]
        missing = np.ones(len(ids), dtype=bool)
        missing[codes[codes >= 0]] = False
        if said and missing.any():
            note(
                f"{self.path}: {missing.sum():,} of {len(ids):,} {self.of} have no row;"
                f" they get zeros and the mark {self.label}={UNKNOWN}"
            )
        names = [*(f"{self.label}={place}" for place in range(values.shape[1])), f"{self.label}={UNKNOWN}"]
        return Block(names, np.concatenate([rows, missing[:, None]], axis=1, dtype=np.float32))

    def _npy(self) -> tuple[pd.Series[Any], Float32Array]:
        if self.ids is None:
            hint = f"name a table with a column {self.key}, one row for each row of the matrix"
            raise InputError("an .npy file has no ids", file=self.path, column="ids", hint=hint)
        try:
            values = np.load(self.path, allow_pickle=False)
        except ValueError as error:
            hint = "save it with numpy.save, as an array of numbers"
            raise InputError("this is no matrix of numbers", file=self.path, hint=hint) from error
        if values.ndim != 2 or not np.issubdtype(values.dtype, np.number):
            what = f"this is an array of shape {list(values.shape)} and type {values.dtype}"
            raise InputError(what, file=self.path, hint="save a matrix of numbers, [n, D]")
        columns = {self.key: self.id_column} if self.id_column else None
        kind: Literal["item_list", "user_list"] = "item_list" if self.of == "items" else "user_list"
        ids = read_table(self.ids, columns, kind=kind)[self.key]
        if len(ids) != len(values):
            what = f"{len(ids):,} ids for {len(values):,} rows of {self.path}"
            raise InputError(
                what, file=self.ids, hint="give each row of the matrix its id, in the same order"
            )
        return ids, values.astype(np.float32)

    def _parquet(self) -> tuple[pd.Series[Any], Float32Array]:
        frame, key = pd.read_parquet(self.path), self.id_column or self.key
        for column in (key, *([self.vector] if self.vector else [])):
            if column not in frame:
                hint = f"the file has {', '.join(map(str, frame.columns[:8]))}"
                raise InputError("there is no such column", file=self.path, column=column, hint=hint)
        try:
            values = np.stack(list(frame[self.vector])) if self.vector else frame.drop(columns=key).to_numpy()
            vectors = values.astype(np.float32)
        except (TypeError, ValueError) as error:
            hint = "write equally long lists of numbers, or one column of numbers for each dimension"
            raise InputError("the vectors are no matrix", file=self.path, hint=hint) from error
        return as_ids(frame[key].astype("str").where(frame[key].notna())).values, vectors


def _like(given: pd.Series[Any], ids: IdMap) -> pd.Series[Any]:
    """Give text back its type where the log has whole numbers."""
    if not np.issubdtype(ids.ids.dtype, np.integer):
        return given
    numbers = pd.to_numeric(given, errors="coerce")
    return numbers.where(numbers.notna(), -1).astype("int64")
