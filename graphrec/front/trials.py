"""Ablations: a model with each of several settings and seeds, as one frame."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.data.module import RecommenderData
from graphrec.data.tables.files import closest
from graphrec.errors import InputError
from graphrec.front.arguments import check_kind
from graphrec.front.bars import bar
from graphrec.front.data import Data
from graphrec.front.fit import fit_plan, seeds_of
from graphrec.front.models import model_of
from graphrec.front.plans import plan_of
from graphrec.front.runs import Run
from graphrec.report.run_file import read_run_file

Cell = dict[str, tuple[Any, Mapping[str, Any]]]
"""Column of the grid → what stands in it, and the keys that it sets."""
COLUMNS = ["seed", "metric", "value", "low", "high", "measure", "k", "items", "epoch", "seconds", "folder"]
"""Of the frame, after those of the grid."""
_DATA = ("source", "split", "refit")
"""Arguments of the data module that `load` has settled."""


def trials(
    model: Any,
    data: Data,
    grid: Mapping[str, Any],
    *,
    seeds: int | Iterable[int] = 0,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
    name: str | None = None,
    root: str | Path | None = None,
) -> pd.DataFrame:
    """Fit a model with every combination of some settings and every seed; measure on the validation part.

    A bar over the fits is shown. Each fit is a run as of `fit`, and the test part is not read.

    Args:
        model: As for `fit`; of a YAML file, settings have their dotted names.
        data: From `load`.
        grid: Setting → its values: ``{"num_layers": [0, 1, 2]}``. A setting is an argument of the model, else
            of the task that trains it, else of the data module; or a dotted key as in ``options``. Settings
            that belong together are a mapping from a label to them:
            ``{"loss": {"bpr": {}, "squares": {"loss": catalogue_squares, "sampling": "none"}}}``.
        seeds: One seed or several.
        epochs: As for `fit`.
        options: As for `fit`, the same for all.
        name: As for `fit`.
        root: As for `fit`.

    Returns:
        A row per combination, seed and metric: a column per setting; ``seed``; ``metric``, ``value``,
        ``low``, ``high``, ``measure``, ``k`` and ``items`` as in `Run.metrics`; ``epoch``, the best one, from
        1; ``seconds`` of the fit; and ``folder`` of the run, for ``gr.Run.of``.

    Raises:
        InputError: If a setting is not known or has no value, or something is wrong as for `fit`.
    """
    cells, wanted = _cells(model, grid), seeds_of(seeds)
    plans = []
    for cell in cells:
        own = {key: value for _, keys in cell.values() for key, value in keys.items()}
        plans.append(plan_of(model, data, epochs, {**(options or {}), **own}, name, root, trust=False))
    parts, known, first = [], set[str](), None
    with bar(len(cells) * len(wanted), "Trials") as advance:
        for cell, plan in zip(cells, plans, strict=True):
            run = fit_plan(plan, wanted, advance=advance, known=known, first=first)
            first = first or run.folders[0]
            parts.append(_rows(run, {column: shown for column, (shown, _) in cell.items()}))
    return pd.concat(parts, ignore_index=True)


def _rows(run: Run, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Write what each seed came to, a row per metric."""
    parts = []
    for (seed, found), folder in zip(run.measured("validation").items(), run.folders, strict=True):
        summary = read_run_file(folder)["summary"]
        own = {"epoch": summary["best_epoch"], "seconds": summary["fit_seconds"], "folder": str(folder)}
        parts.append(found.rows.assign(**{**settings, "seed": seed}, **own))
    return pd.concat(parts)[[*settings, *COLUMNS]]


def _cells(model: Any, grid: Mapping[str, Any]) -> list[Cell]:
    """List the combinations of the grid."""
    hint = 'give settings and their values: {"num_layers": [0, 1, 2]}'
    check_kind(grid, (Mapping,), "mapping", "grid", hint)
    known = _known(model)
    columns = []
    for name, values in grid.items():
        check_kind(values, (Mapping, list, tuple, range), "list of values", f"grid.{name}", hint)
        if not values:
            raise InputError("this setting has no value", column=f"grid.{name}", hint=hint)
        columns.append([(name, value, keys) for value, keys in _choices(name, values, known)])
    return [{name: (value, keys) for name, value, keys in cell} for cell in itertools.product(*columns)]


def _choices(
    name: str, values: Mapping[str, Any] | Sequence[Any], known: Mapping[str, str]
) -> list[tuple[Any, dict[str, Any]]]:
    """List what a column of the frame shows for each value, and the keys that it sets."""
    if not isinstance(values, Mapping):
        return [(value, {_key(name, known): value}) for value in values]
    choices = []
    for label, settings in values.items():
        hint = 'give the settings behind each label: {"bpr": {"loss": bpr}}'
        check_kind(settings, (Mapping,), "mapping", f"grid.{name}.{label}", hint)
        choices.append((label, {_key(one, known): value for one, value in settings.items()}))
    return choices


def _key(name: str, known: Mapping[str, str]) -> str:
    """Find the key of a setting."""
    if "." in name:
        return name
    if name not in known:
        hint = closest(name, list(known), "known are") if known else "give its dotted name, as for fit"
        raise InputError("no part of this model takes it", column=f"grid.{name}", hint=hint)
    return known[name]


def _known(model: Any) -> dict[str, str]:
    """Find the arguments that a setting may name: of the data module, the task and what is inside it."""
    if isinstance(model, str | Path):
        return {}
    task, inside = model_of(model).parts()
    found = {name: f"data.init_args.{name}" for name in _arguments(RecommenderData) if name not in _DATA}
    found |= {name: f"model.init_args.{name}" for name in _arguments(task)}
    for argument, part in inside.items():
        names = (name for name in _arguments(part) if name != "graph")
        found |= {name: f"model.init_args.{argument}.init_args.{name}" for name in names}
    return found


def _arguments(maker: Any) -> list[str]:
    return list(inspect.signature(maker).parameters)
