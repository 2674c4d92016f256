"""Read a log for Python: files or frames in, cleaned, counted and cut, as a YAML would have it."""

from __future__ import annotations

import inspect
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.config.vocabulary import trusted_modules
from graphrec.cli.errors.boundary import mistakes_told
from graphrec.data import sources
from graphrec.data.features.build import FeatureOptions
from graphrec.data.interactions import RawData
from graphrec.data.ledger import cleaning_lines, reading_line, split_line
from graphrec.data.module import RecommenderData
from graphrec.data.places.frames import LAZY, Frame, FrameFile
from graphrec.data.splits import Given, Split, Splitter
from graphrec.data.tables.files import closest
from graphrec.data.weights.edges import EdgeWeights
from graphrec.data.weights.rows import RowWeight
from graphrec.errors import InputError
from graphrec.front.arguments import arguments_of, check_call, check_kind, path_of, written
from graphrec.front.asking import exported
from graphrec.front.makers import Maker

Table = str | Path | Sequence[str] | Frame
FILES = {"path": "log", "users": "users", "items": "items", "valid_path": "valid", "test_path": "test"}
"""Arguments of a source that name tables, and what they are called here."""
_ROW = re.compile(r"\brow (\d+)")
_HERE = ("source", "split", "refit")


def load(
    log: Table,
    columns: Mapping[str, str | None] | None = None,
    *,
    split: Splitter | None = None,
    users: Table | None = None,
    items: Table | None = None,
    valid: Table | None = None,
    test: Table | None = None,
    name: str | None = None,
    trust: bool = False,
    **options: Any,
) -> Any:
    """Read a log of purchases, clean it and cut it; what became of the rows is printed.

    What ``graphrec export`` wrote is read as a model, which takes no other argument but `trust`.

    Args:
        log: One row per purchase: a file (CSV, TSV, Parquet, also packed), a folder of parts, a pattern, a
            list of files, or a frame of pandas, Polars or Arrow. The name of a known data set reads that one,
            as for `graphrec data`.
        columns: Our name → the name in the table, for those that differ: ``{"user_id": "customer"}``; None
            leaves a column out. Names are those of `graphrec.data.sources.table`.
        split: How it is cut, such as ``gr.LeaveLast()`` or ``gr.Temporal(train_end=40, val_end=44)``; may be
            left out where `test` is given.
        users: Attributes, one row per user.
        items: Attributes, one row per item.
        valid: Log of the validation part, where the split is given.
        test: Log of the test part, where the split is given.
        trust: Whether an exported model may name code that is not graphrec's.
        name: Of the data set, for runs and reports; the file's if missing, ``data`` for a frame.
        options: By the names that a YAML has: arguments of the source (``min_rating``, ``delimiter``,
            ``time_format`` …) and of the data module (``item_sets``, ``cutoffs``, ``measures``, ``features``,
            ``strict``). ``weights`` are a list, or `EdgeWeights`, of those in `graphrec.data.weights`.

    Returns:
        The data, `Data`, for `fit`; or an exported model, `Exported`. Times are in UTC, prices in the money
        of the log.

    Raises:
        InputError: If an argument has the wrong type, or a table cannot be used.
    """
    others = {"columns": columns, "split": split, "users": users, "items": items, "valid": valid}
    others |= {"test": test, "name": name, **options}
    if (model := exported(log, trust, others)) is not None:
        return model
    tables = {"path": log, "users": users, "items": items, "valid_path": valid, "test_path": test}
    given = {key: _table(table, FILES[key]) for key, table in tables.items() if table is not None}
    source = sources.source_of(given["path"])
    named: dict[str, Any] = {"columns": columns, "name": name}
    if isinstance(given["path"], FrameFile):
        named["name"] = name or "data"
    named = {key: value for key, value in named.items() if value is not None}
    of_source, of_module = _sorted(options, source)
    arguments = {**given, **named, **of_source}
    if source is sources.complete_journey:
        del arguments["path"]
    if split is None and test is not None:
        split = Given()
    _check_split(split)
    assert split is not None
    with mistakes_told(["data"]):
        return Data(source, arguments, split, of_module)


class Data:
    """A log that was read and cut; `fit` takes it.

    Args:
        source: What reads it.
        arguments: Of the source; tables in memory are `FrameFile`.
        split: How it is cut.
        options: Of the data module.

    Raises:
        InputError: If an argument is wrong or a table cannot be used.
    """

    def __init__(
        self, source: Any, arguments: Mapping[str, Any], split: Splitter, options: Mapping[str, Any]
    ) -> None:
        self._source, self._arguments = source, arguments_of(arguments, "load")
        weights = _weights(options.get("weights"))
        options = {**options, "weights": None if weights is None else vars(weights)}
        self._split, self._options = written(split, "split"), arguments_of(options, "load")
        check_call(source, self._arguments, "load")
        parts = {**self._options, "source": self._named({}), "split": self._split}
        check_call(RecommenderData, parts, "load", self.modules)
        built = {**self._options, "measures": options.get("measures"), "weights": weights}
        if built.get("features") is not None:
            built["features"] = FeatureOptions(**built["features"])
        objects = {name: arguments[name] for name in ("cleaning",) if name in arguments}
        self.module = RecommenderData(source(**{**self._arguments, **objects}), split, **built)
        _ = self.split
        self.module.report()

    @property
    def raw(self) -> RawData:
        """The cleaned log and the attributes, with what cleaning did."""
        return self.module.source

    @property
    def split(self) -> Split:
        """The three parts of the log."""
        return self.module.split

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.raw.name

    @property
    def log(self) -> pd.DataFrame:
        """The cleaned log, in our names and types."""
        return self.raw.log

    @property
    def modules(self) -> list[str]:
        """Packages of others that it names: those of a split and of measures of the user's own."""
        return trusted_modules([self._split["class_path"], self._options.get("measures")])

    @property
    def has_frames(self) -> bool:
        """Whether a table of it is in memory, so that a run must keep it."""
        return any(isinstance(value, FrameFile) for value in self._arguments.values())

    def as_config(self, folder: Path | None = None, first: Path | None = None) -> dict[str, Any]:
        """Write it as the key ``data`` of a YAML.

        Args:
            folder: Where tables in memory are written, as Parquet.
            first: A folder that holds them already; they are linked instead of copied.

        Raises:
            InputError: If a table is in memory and there is no folder, or it cannot be written.
        """
        kept: dict[str, str] = {}
        for key, value in self._arguments.items():
            if isinstance(value, FrameFile):
                if folder is None:
                    raise InputError("a frame has no path that a file could name", column=FILES[key])
                kept[key] = str(_kept(value, folder, first, f"{FILES[key]}.parquet"))
        defaults = inspect.signature(RecommenderData).parameters
        options = {name: defaults[name].default for name in defaults if name not in _HERE}
        return {
            "class_path": path_of(RecommenderData),
            "init_args": {**options, **self._options, "source": self._named(kept), "split": self._split},
        }

    def _named(self, kept: Mapping[str, str]) -> dict[str, Any]:
        arguments = {key: kept.get(key, value) for key, value in self._arguments.items()}
        plain = {key: str(one) if isinstance(one, FrameFile) else one for key, one in arguments.items()}
        return {"class_path": f"graphrec.data.sources.{self._source.__name__}", "init_args": plain}

    def counts(self) -> pd.DataFrame:
        """Count the parts: a row each, columns ``part``, ``rows``, ``users``, ``items``."""
        parts = {"train": self.split.train, "validation": self.split.val, "test": self.split.test}
        frames = {name: part.frame for name, part in parts.items()}
        counts = [(name, len(f), f["user"].nunique(), f["item"].nunique()) for name, f in frames.items()]
        return pd.DataFrame(counts, columns=["part", "rows", "users", "items"])

    def ledger(self) -> tuple[str, ...]:
        """Tell what became of the rows: a line of the reading, one per step of cleaning, one of the split."""
        split = split_line(self.split, self.module.splitter, self.raw.log)
        return reading_line(self.raw), *cleaning_lines(self.raw), split

    def told(self, folder: Path) -> set[str]:
        """List the lines of `load` as a run says them that keeps tables in memory in a folder."""
        reading, *others = self.ledger()
        for key, value in self._arguments.items():
            if isinstance(value, FrameFile):
                reading = reading.replace(str(value), str(folder / f"{FILES[key]}.parquet"))
        if isinstance(self._arguments.get("path"), FrameFile):
            others += [_ROW.sub(_below_header, line) for line in cleaning_lines(self.raw)]
        weights = [] if self.module.weights is None else [self.module.weights.line(self.split.train)]
        return {f"graphrec: {line}" for line in (reading, *others, *weights)}

    def __repr__(self) -> str:
        """Show name and sizes."""
        parts = self.split
        sizes = f"{len(parts.users):,} users, {len(parts.items):,} items"
        rows = f"{len(parts.train):,} + {len(parts.val):,} + {len(parts.test):,} rows"
        return f"Data({self.name!r}: {sizes}, {rows} of train, validation and test)"

    def _repr_html_(self) -> str:
        """Show the same with a table, for notebooks."""
        lines = "".join(f"<p>{escape(line)}</p>" for line in self.ledger())
        return f"<b>{escape(self.name)}</b>{lines}{self.counts().to_html(index=False)}"


def _below_header(row: re.Match[str]) -> str:
    """Write a row of a frame as that of the Parquet file it is kept in, whose first row is 2."""
    return f"row {int(row[1]) + 2}"


def _table(given: Any, role: str) -> str | list[str]:
    """Take paths as text, a frame as what stands in the place of one."""
    if isinstance(given, Frame):
        return FrameFile.of(given, role)
    if isinstance(given, list | tuple):
        return [str(one) for one in given]
    hint = "give the path of a file, a list of paths, or a frame of pandas, Polars or Arrow"
    check_kind(given, (str, Path), "table", role, f"{hint}{LAZY if hasattr(given, 'collect') else ''}")
    return str(given)


def _check_split(split: Any) -> None:
    if split is None:
        hint = "give split=gr.LeaveLast(), gr.Temporal(...), gr.Random() or gr.Given()"
        raise InputError("how the log is cut is missing", column="split", hint=hint)
    if not isinstance(split, Splitter):
        bare = inspect.isclass(split) or isinstance(split, Maker)
        shown = f"{split.__name__} without brackets" if bare else f"{split!r}"
        hint = "give gr.LeaveLast(), gr.Temporal(...), gr.Random() or gr.Given()"
        raise InputError(f"{shown} is no split", column="split", hint=hint)


def _sorted(options: Mapping[str, Any], source: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort the options into those of the source and those of the data module."""
    known = inspect.signature(source).parameters
    module = [name for name in inspect.signature(RecommenderData).parameters if name not in _HERE]
    for name in options:
        if name not in known and name not in module:
            hint = closest(name, [*known, *module], "known are")
            raise InputError(
                f"neither {source.__name__} nor the data module takes it", column=name, hint=hint
            )
    mine = {name: value for name, value in options.items() if name in known}
    rest = {name: value for name, value in options.items() if name not in known}
    if isinstance(rest.get("features"), FeatureOptions):
        rest["features"] = asdict(rest["features"])
    return mine, rest


def _weights(given: Any) -> EdgeWeights | None:
    """Take the weights of edges, or a list of what their rows weigh."""
    if given is None or isinstance(given, EdgeWeights):
        return given
    hint = "give a list as [Recency(half_life=8)] or EdgeWeights, both of graphrec.data.weights"
    check_kind(given, (list,), "list of weights", "weights", hint)
    for one in given:
        check_kind(one, (RowWeight,), "weight", "weights", hint)
    return EdgeWeights(given)


def _kept(table: FrameFile, folder: Path, first: Path | None, name: str) -> Path:
    """Keep a frame in the folder of a run; several seeds share one file where the disk can."""
    target = folder / name
    if first is None:
        return table.write(target)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.link(first / name, target)
    except OSError:  # a file system without links
        shutil.copyfile(first / name, target)
    return target
