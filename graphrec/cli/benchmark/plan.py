"""What a benchmark fits: models, data sets and seeds, and what each cell depends on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec import __version__
from graphrec.benchmarking.cells import RESULT
from graphrec.cli.config.files import leaves, load_yaml
from graphrec.cli.short import data_config, model_file, with_features
from graphrec.data.places.database import DatabaseTable, is_database
from graphrec.data.places.given import fingerprints, name_of
from graphrec.data.tables.files import is_pattern
from graphrec.errors import InputError
from graphrec.files import sha256_of
from graphrec.report.users import is_closed_form

_DEFAULT_CUTOFFS = (10, 20)


@dataclass(frozen=True)
class DataSet:
    """A data set.

    Args:
        name: What the benchmark calls it.
        config: Value of the key ``data``.
        sha256: Fingerprint of that and of the files that it names.
    """

    name: str
    config: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True)
class Model:
    """A model.

    Args:
        name: What the benchmark calls it.
        file: Its YAML file.
        sha256: Of that file.
        closed_form: Whether it is computed, so that a seed changes nothing.
    """

    name: str
    file: Path
    sha256: str
    closed_form: bool

    def seeds(self, seeds: Sequence[int]) -> list[int]:
        """Take the seeds that it is fitted with: the first alone where nothing is drawn."""
        return list(seeds[:1] if self.closed_form else seeds)


@dataclass(frozen=True)
class Settings:
    """Settings of a model on a data set.

    Args:
        values: Dotted keys that differ from the model's file.
        trials: How many were tried on validation; 0 where the defaults are taken.
        seconds: What the trials took together.
    """

    values: Mapping[str, Any]
    trials: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Cell:
    """One model on one data set with one seed.

    Args:
        data: The data set.
        model: The model.
        seed: Of the fit.
        settings: Those of the model there.
        k: Cut-off of what is watched.
    """

    data: DataSet
    model: Model
    seed: int
    settings: Settings
    k: int

    @property
    def key(self) -> str:
        """Fingerprint of all that it depends on."""
        given = [self.data.sha256, self.model.sha256, self.seed, dict(self.settings.values), self.k]
        return _sha256([*given, __version__])  # another version may have other defaults

    @property
    def said(self) -> str:
        """Name it in a line."""
        seed = "" if self.model.closed_form else f", seed {self.seed}"
        return f"{self.data.name} × {self.model.name}{seed}"

    def folder(self, out: Path) -> Path:
        """Find its folder: of another key it is another one."""
        return out / "cells" / self.data.name / self.model.name / f"seed-{self.seed}-{self.key[:8]}"

    def job(self, out: Path) -> dict[str, Any]:
        """Write what the process that fits it has to know."""
        given = {
            "name": self.said,
            "data": self.data.name,
            "model": self.model.name,
            "seed": self.seed,
            "k": self.k,
        }
        settings: dict[str, Any] = {"settings": dict(self.settings.values), "trials": self.settings.trials}
        settings["tune_seconds"] = self.settings.seconds
        folder = {"folder": str(self.folder(out)), "args": fit_arguments(self.model, self.data, self.k)}
        return {
            **given,
            **settings,
            **folder,
            "result": RESULT,
            "key": self.key,
            "tune_seconds": self.settings.seconds,
        }


def fit_arguments(model: Model, data: DataSet, k: int) -> list[str]:
    """Write the options of a fit that hold for all seeds and settings."""
    watched = ["--run.monitor", f"val_ndcg_{k}"]
    known = with_features(_at(data.config, k), str(model.file))
    return ["--config", str(model.file), "--data", json.dumps(known), *watched]


def read_models(names: Sequence[str]) -> list[Model]:
    """Find the models, each by the name of a shipped one or a YAML file.

    Raises:
        InputError: If there is no such model, or two are called the same.
    """
    files = [model_file(name) for name in names]
    _check_once([file.stem for file in files], "--models", "give each once; rename a file of the same name")
    return [_model(file) for file in files]


def _model(file: Path) -> Model:
    content = load_yaml(file)
    if not isinstance(content, dict) or "model" not in content:
        hint = "write `model:` with class_path and init_args, as experiments/models/ do"
        raise InputError("this file describes no model", file=file, column="--models", hint=hint)
    named = content["model"]
    task = {"class_path": named} if isinstance(named, str) else named
    return Model(file.stem, file, sha256_of(file), is_closed_form({"model": task}))


def read_data(
    given: Sequence[Path | str], columns: Mapping[str, str | None], form: Mapping[str, str]
) -> list[DataSet]:
    """Describe the data sets, each a table, a folder, or a YAML file of data.

    Args:
        given: Their paths.
        columns: Our name → the file's name, for tables.
        form: See `data_config`; of tables alone.

    Raises:
        InputError: If one cannot be read as data, or two are called the same.
    """
    names = _names(given)
    _check_once(names, "--data", "give each once")
    return [_data(name, path, columns, form) for name, path in zip(names, given, strict=True)]


def _data(name: str, path: Path | str, columns: Mapping[str, str | None], form: Mapping[str, str]) -> DataSet:
    from graphrec.data import sources

    named = isinstance(path, Path) and path.suffix in (".yaml", ".yml")
    own = not named and sources.source_of(str(path)) in (sources.table, sources.recbole)
    config = data_config(path, columns if own else None, form if own else None)
    return DataSet(name, config, _sha256(_with_contents(config)))


def _names(given: Sequence[Path | str]) -> list[str]:
    """Name data sets after their file or folder; after the folder above where that says nothing."""
    plain = [_name(path if isinstance(path, str) else path.resolve()) for path in given]
    twice = {name for name, count in Counter(plain).items() if count > 1}
    return [
        f"{_above(path)}-{name}" if name in twice else name for path, name in zip(given, plain, strict=True)
    ]


def _above(path: Path | str) -> str:
    """Name the folder of a file, or the database of a table."""
    if isinstance(path, str):
        return Path(DatabaseTable.of(path).address.where).stem
    return path.resolve().parent.name


def _name(path: Path | str) -> str:
    if isinstance(path, str):
        return name_of(path)
    name = path.name if path.is_dir() else name_of(str(path))
    return path.parent.name if name == "data" else name


def _check_once(names: Sequence[str], option: str, hint: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"'{twice[0]}' is given twice", column=option, hint=hint)


def _at(config: Mapping[str, Any], k: int) -> dict[str, Any]:
    """Let the data be judged at a cut-off; 10 stays beside 20, as everywhere."""
    arguments = dict(config.get("init_args") or {})
    known = tuple(arguments.get("cutoffs") or _DEFAULT_CUTOFFS)
    arguments["cutoffs"] = list(known) if k == 20 and k in known else [k]
    return {**config, "init_args": arguments}


def _with_contents(config: Mapping[str, Any]) -> list[list[Any]]:
    """List the values of a data's configuration, with the content of files in the place of their paths."""
    return [[key, _content(value)] for key, value in leaves(dict(config), "data")]


def _content(value: Any) -> Any:
    """Give fingerprints of the files that a value names; the value itself where it names none."""
    path = Path(value) if isinstance(value, str) and value else None
    if path is not None and (is_database(value) or is_pattern(path)):
        return fingerprints(value)
    if path is None or not path.exists():
        return value
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [[str(file.relative_to(path)), sha256_of(file)] for file in files]


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
