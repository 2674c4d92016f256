"""The data module of a log that no frame holds: what a YAML names in the place of `RecommenderData`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from graphrec.data.attributes import attributes_of
from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.engine.backends import DuckDB
from graphrec.data.engine.opened import LATER, ROWS
from graphrec.data.engine.parts import LargeParts, check_splitter
from graphrec.data.features.build import FeatureOptions, Features
from graphrec.data.interactions import Columns, RawData
from graphrec.data.ledger import cold_line, refuse_loss
from graphrec.data.module import RecommenderData
from graphrec.data.splits import Split, Splitter
from graphrec.data.tables.files import parts_of
from graphrec.data.tables.read import Kind, load_table
from graphrec.data.weights.edges import EdgeWeights
from graphrec.files import sha256_of
from graphrec.notices import note

TOGETHER = "rows put together with others of their user, item and week"


class LargeData(RecommenderData):
    """A log in Parquet, cut by time: pairs and features come into memory, rows do not.

    It cleans as `graphrec.data.engine.large.LargeLog` does, and no more.

    Args:
        path: A Parquet file, a folder of them, or a pattern as ``sales/*.parquet``.
        split: ``Temporal``, with bounds alone.
        columns: Our name → the file's name, for those that differ; null leaves a column out.
        users: Table of attributes, one row per user.
        items: Table of attributes, one row per item.
        features: As in `RecommenderData`; no text of the log.
        weights: As in `RecommenderData`.
        memory: The most that DuckDB holds, such as ``4GB``; four fifths of the machine's if missing.
        threads: Of DuckDB; all cores if missing.
        item_sets: As in `RecommenderData`.
        cutoffs: As in `RecommenderData`.
        measures: As in `RecommenderData`.
        category: As in `RecommenderData`.
        batch_size: As in `RecommenderData`.
        eval_batch_size: As in `RecommenderData`.
        refit: As in `RecommenderData`.
        strict: As in `RecommenderData`.

    Raises:
        InputError: If a file, a column, a value or an option cannot be used.
    """

    def __init__(
        self,
        path: str,
        split: Splitter,
        columns: dict[str, str | None] | None = None,
        users: str | None = None,
        items: str | None = None,
        features: FeatureOptions | None = None,
        weights: EdgeWeights | None = None,
        memory: str | None = None,
        threads: int | None = None,
        item_sets: list[Literal["all", "repeat", "new"]] | None = None,
        cutoffs: list[int] | None = None,
        measures: list[Callable[..., Any]] | None = None,
        category: str | None = None,
        batch_size: int | None = None,
        eval_batch_size: int = 256,
        refit: bool = False,
        strict: bool = False,
    ) -> None:
        splitter = check_splitter(split)
        self.path = path
        self._parts = LargeParts.read(path, columns or {}, splitter, weights, DuckDB(memory, threads), refit)
        source = self._source({"users": users, "items": items})
        super().__init__(
            source, splitter, features, item_sets, cutoffs, measures, category, batch_size, eval_batch_size,
            refit, strict=strict, weights=weights,
        )  # fmt: skip

    @cached_property
    def split(self) -> Split:
        """The three parts of the log."""
        if self.strict:
            refuse_loss(self.source, self._parts.split)
        return self._parts.split

    @cached_property
    def features(self) -> Features | None:
        """Feature vectors computed from the training part alone."""
        if self.options is None:
            return None
        return self._parts.log.features(self.source.users, self.source.items, self.options)

    def features_sha256(self) -> str | None:
        """Compute a fingerprint of the files, of which features are made; nothing without features."""
        if self.options is None:
            return None
        digest = hashlib.sha256()
        for part in parts_of(Path(self.path)):
            digest.update(sha256_of(part.path).encode())
        for table in (self.source.users, self.source.items):
            if table is not None:
                digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
        for matrix in self.options.matrices:
            digest.update(matrix.sha256().encode())
        return digest.hexdigest()

    def report(self) -> None:
        """Print the sizes of the parts; what was left out of training was said when it was read."""
        parts = {"training": self.split.train, "validation": self.split.val, "test": self.split.test}
        counts = ", ".join(f"{len(part.pairs()):,} {name} pairs" for name, part in parts.items())
        lost = ", ".join(f"{count:,} {why}" for why, count in self.split.dropped.items() if count)
        order = self.splitter.order(self.source.log)
        note(f"split Temporal by {order}: {counts}{f'; {lost}' if lost else ''}")
        if line := cold_line(self.split):
            note(line)
        if self.weights is not None:
            note(self.weights.line(self.split.train))

    def _source(self, files: dict[Kind, str | None]) -> RawData:
        """Make what other parts know of a source: its tables, and one row for each user, item and week."""
        train = self._parts.split.train
        ids = {Columns.USER: train.users.ids, Columns.ITEM: train.items.ids}
        tables: dict[Kind, pd.DataFrame | None] = {}
        steps: list[CleaningStep] = []
        for kind, file in files.items():
            tables[kind] = None
            if file:
                key = Columns.USER if kind == "users" else Columns.ITEM
                known = pd.DataFrame({key: pd.Series(ids[key], dtype="str")})
                read = load_table(file, None, kind=kind)
                tables[kind], told = attributes_of(known, read, kind, file)
                steps += told
        codes = {Columns.USER: Columns.USER_CODE, Columns.ITEM: Columns.ITEM_CODE}
        levels: dict[str, Any] = {key: pd.Index(values) for key, values in ids.items()}
        named = {
            key: pd.Categorical.from_codes(train.frame[code].to_numpy(), levels[key])
            for key, code in codes.items()
        }
        log = train.frame.assign(**named)
        return RawData(
            name=Path(self.path).stem,
            log=log,
            users=tables["users"],
            items=tables["items"],
            steps=(*self._steps(len(log)), *steps),
            file=self.path,
        )

    def _steps(self, left: int) -> list[CleaningStep]:
        """Account for the rows of training that were left out, and for those put together."""
        account = self._parts.log.account
        rows, steps = account[ROWS], []
        for why, removed in account.items():
            if why != ROWS:
                steps.append(CleaningStep(why, rows, removed, asked=why == LATER))
                rows -= removed
        return [*steps, CleaningStep(TOGETHER, rows, rows - left, asked=True)]
