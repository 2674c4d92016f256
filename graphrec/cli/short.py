"""What ``-m lightgcn`` and ``--data purchases.csv`` stand for: a shipped model, and a file as it is."""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from graphrec.cli.shipped import EXPERIMENTS, path_of
from graphrec.cli.table_options import add_table_options, column_mapping, form_of, text_of
from graphrec.errors import InputError
from graphrec.notices import note

_MODELS = EXPERIMENTS / "models"
_YAML = (".yaml", ".yml")
_JOURNEY = "complete_journey"
_WITHOUT_HEADER = ("user_id", "item_id", "rating", "timestamp")
"""What the columns of a file without a header are taken for, as far as it has them."""

ATTRIBUTES = ("users", "items")
"""Options that name tables of attributes beside the file of ``--data``."""


def model_names() -> list[str]:
    """List the models that ``-m`` takes by name: ``lightgcn``, ``ease`` and so on."""
    return sorted(file.stem for file in _MODELS.glob("*.yaml"))


def model_file(name: str) -> Path:
    """Find the YAML file of a model, which holds the key ``model`` and what its trainer needs.

    Args:
        name: One of `model_names`, or the path of a YAML file.

    Raises:
        InputError: If there is no such model; names the nearest.
    """
    if name in model_names():
        return _MODELS / f"{name}.yaml"
    if name.endswith(_YAML) and (file := Path(name) if Path(name).is_file() else path_of(name)):
        return file
    close = difflib.get_close_matches(name, model_names(), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(model_names())}, or a YAML file"
    raise InputError(f"no model is called '{name}'", column="-m", hint=hint)


def data_config(
    given: str | Path,
    columns: Mapping[str, str | None] | None = None,
    form: Mapping[str, str] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write the key ``data`` of a YAML for a file or folder: its source, and the split that suits it.

    A log with times is cut by ``LeaveLast``, one that names its parts by ``Given``, any other at random. All
    of it is told.

    Args:
        given: A CSV, TSV, Parquet or .inter file, a folder of parts, of MovieLens or of LightGCN's text
            files, ``complete_journey``, or a YAML file of data.
        columns: Our name → the file's name, for those that differ.
        form: ``delimiter``, ``encoding`` and ``decimal`` of text files, where they are given.
        attributes: Tables of ``users`` and ``items`` beside a log that is a table.

    Raises:
        InputError: If there is no such file, or it lacks a column of users or items; or if the log brings its
            own attributes.
    """
    from graphrec.data.places.given import is_there

    if str(given) == _JOURNEY or str(given).endswith(_YAML):
        return _written_in(f"{_JOURNEY}/data.yaml" if str(given) == _JOURNEY else str(given))
    if not is_there(given):
        hint = "check the path, or name a class such as RecommenderData or a YAML file"
        raise InputError("there is no such file or folder", file=given, column="--data", hint=hint)
    with_form: dict[str, Any] = {"columns": dict(columns or {}), **(form or {}), **(attributes or {})}
    source, split = _read_as(str(given), {key: value for key, value in with_form.items() if value})
    return {"class_path": "RecommenderData", "init_args": {"source": source, "split": split}}


def with_features(data: Mapping[str, Any], model: str | None) -> dict[str, Any]:
    """Add features, with their defaults, to data that says none, if the model learns from them.

    Args:
        data: The value of the key ``data``.
        model: Name or file of the model.
    """
    from graphrec.cli.config.files import leaves, load_yaml

    arguments = data.get("init_args") or {}
    if model is None or arguments.get("features") is not None:
        return dict(data)
    content = load_yaml(model_file(model))
    named = [str(value) for _, value in leaves(content, "")] if isinstance(content, dict) else []
    if not any(map(_learns_from_features, named)):
        return dict(data)
    note(f"{Path(model).stem} learns from features: the defaults, as the data names none")
    return {**data, "init_args": {**arguments, "features": {}}}


def _learns_from_features(name: str) -> bool:
    """Tell whether a class of ours that a model names needs the data to have features."""
    from graphrec import models
    from graphrec.training import rating

    kind = name.rpartition(".")[2]
    return any(getattr(getattr(place, kind, None), "needs_features", False) for place in (models, rating))


def spelled(args: list[str]) -> list[str]:
    """Put what they stand for in the place of ``-m NAME`` and of ``--data FILE`` with its columns.

    Args:
        args: The command and its options.

    Raises:
        InputError: See `model_file` and `data_config`.
    """
    given = _last(args, "--data")
    data = given if _is_file(given) else None
    if data is None and not any(arg == "-m" or arg.startswith("-m=") for arg in args):
        return args
    try:
        options, others = _parser(data is not None).parse_known_args(args[1:])
    except argparse.ArgumentError as error:
        raise InputError(str(error), hint=f"see `graphrec {args[0]} --help`") from error
    found = _name_of_run(options.model, given)
    if data is not None and others[:1] and others[0][0] != "-" and _is_file(others[0]):
        hint = "quote a pattern of files, as 'sales/*.csv'; a list of them goes into a YAML file"
        raise InputError(f"{others[0]!r} stands where an option should", column="--data", hint=hint)
    if options.model is not None:
        found += ["--config", str(model_file(options.model))]
        found += _features_beside(given, options.model, others)
    if data is not None:
        columns, form = column_mapping(options.columns), form_of(options)
        beside = {name: file for name in ATTRIBUTES if (file := getattr(options, name)) is not None}
        content = with_features(data_config(data, columns, form, beside), options.model)
        found += ["--data", json.dumps(content)]
    return [*args[:1], *found, *others]


def _features_beside(given: str, model: str, others: list[str]) -> list[str]:
    """Ask for the default features where a YAML file of data names none, and the model learns from them.

    Args:
        given: The value of ``--data``.
        model: The name of the model.
        others: The other options, which may name features themselves.
    """
    if not given.endswith(_YAML) or any(
        one.startswith(("--data.features", "--data.init_args.features")) for one in others
    ):
        return []
    data = _written_in(given)
    return ["--data.features", "{}"] if with_features(data, model) != data else []


def _parser(takes_data: bool) -> argparse.ArgumentParser:
    """Make the parser of what is spelled out; all other options are left as they are."""
    short = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    short.add_argument("-m", dest="model", metavar="MODEL")
    if takes_data:
        short.add_argument("--data")
        for name in ATTRIBUTES:
            short.add_argument(f"--{name}", metavar="FILE")
        add_table_options(short, "the file of --data")
    return short


def _last(args: list[str], option: str) -> str:
    """Give the last value of an option, empty if it is not there."""
    pairs = [(arg.partition("=")[0], arg.partition("=")[2]) for arg in args if "=" in arg]
    pairs += list(pairwise(args))
    return next((value for name, value in reversed(pairs) if name == option), "")


def _is_file(data: str) -> bool:
    """Tell whether ``--data`` names a file as it is: no class, no YAML file and none written out."""
    from graphrec.data.places.given import is_there
    from graphrec.data.tables.files import DELIMITERS, PARQUET
    from graphrec.data.tables.unpacked import PACKED

    if not data or data.lstrip().startswith("{") or data.endswith(_YAML):
        return False
    return (
        data == _JOURNEY or is_there(data) or "/" in data or data.endswith((*DELIMITERS, *PARQUET, *PACKED))
    )


def _name_of_run(model: str | None, data: str) -> list[str]:
    """Name a run after its data and its model, for those that get no other name."""
    if model is None or not data or data.lstrip().startswith("{"):
        return []
    from graphrec.data.places.database import is_database
    from graphrec.data.places.given import name_of

    name = name_of(data if is_database(data) else str(Path(data).resolve()))
    return ["--run.name", f"{name}-{Path(model).stem}"]


def _read_as(file: str, form: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Choose the source of a file with its arguments, and the split."""
    from graphrec.data import sources

    source = sources.source_of(file)
    arguments: dict[str, Any] = {"path": file, **form}
    split: dict[str, Any] = {"class_path": "LeaveLast"}
    if source is not sources.table and (given := [name for name in ATTRIBUTES if name in form]):
        what, hint = "this log brings its own tables of attributes", "leave it out"
        raise InputError(what, file=file, column=f"--{given[0]}", hint=hint)
    if source is sources.lightgcn_txt:
        split = {"class_path": "Given", "init_args": {"whole_catalogue": True}}
    elif source in (sources.table, sources.recbole):
        columns = _columns(file, arguments)
        split = {"class_path": _split_for(columns)}
    return {"class_path": f"graphrec.data.sources.{source.__name__}", "init_args": arguments}, split


def _columns(file: str, arguments: dict[str, Any]) -> set[str]:
    """Find what the columns are, by our names; those of a file without a header become an argument.

    Raises:
        InputError: If there is no column of users or of items.
    """
    from graphrec.data.tables.header import header_of

    header = header_of(file, text_of(arguments))
    if header.is_data:
        arguments["names"] = list(_WITHOUT_HEADER[: len(header.fields)])
        arguments["delimiter"] = header.delimiter
        note(f"{file}: no header, so its columns are taken for {', '.join(arguments['names'])}")
        return set(arguments["names"])
    given: dict[str, str | None] = arguments.get("columns", {})
    found = {ours for ours, theirs in given.items() if theirs in header.fields}
    found |= {name for name in header.fields if name not in given}
    for name in _WITHOUT_HEADER[:2]:
        if name not in found:
            what = f"there is no such column; the file has {', '.join(header.fields)}"
            hint = f"say which one it is: --columns {name}=..."
            raise InputError(what, file=file, column=name, hint=hint)
    return found


def _split_for(columns: set[str]) -> str:
    """Choose how a log with these columns is cut."""
    from graphrec.data.interactions import Columns

    if Columns.PART in columns:
        return "Given"
    return "LeaveLast" if columns & {Columns.TIMESTAMP, Columns.WEEK} else "Random"


def _written_in(name: str) -> dict[str, Any]:
    """Read a YAML file of data, its own or that of a whole experiment.

    Raises:
        InputError: If there is no such file, or it holds no data.
    """
    from graphrec.cli.config.files import load_yaml

    file = Path(name) if Path(name).is_file() else path_of(name)
    if file is None:
        raise InputError("there is no such file", file=name, column="--data", hint="check the path")
    content = load_yaml(file)
    content = content.get("data", content) if isinstance(content, dict) else content
    if isinstance(content, str):
        return _written_in(str(file.parent / content))
    if not isinstance(content, dict) or "class_path" not in content:
        hint = "write class_path: RecommenderData and init_args, see docs/how-to/table.md"
        raise InputError("this file describes no data", file=file, column="--data", hint=hint)
    return content
