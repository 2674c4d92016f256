"""What runs were configured with: the keys in which they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphrec.report.runs import RunRecord
from graphrec.report.table import labels

LEFT_OUT = (
    *("seed_everything", "run.name", "run.id", "run.root", "run.refit_of", "run.tags", "run.wandb_project"),
    *("ckpt_path", "weights_only", "trainer.default_root_dir", "trainer.logger", "data.init_args.refit"),
)
"""Keys that tell a run from its like and not a model from another: seeds, names and folders."""
_MOST_AXES = 7


@dataclass(frozen=True)
class Differences:
    """The keys in which experiments of one dataset differ.

    Args:
        runs: The experiments.
        rows: Each key with its value for each experiment; a dash where it is not set.
    """

    runs: list[str]
    rows: list[tuple[str, list[str]]]


def differences(runs: Sequence[RunRecord]) -> Differences:
    """Find the keys in which the configurations of experiments differ.

    Seeds of one experiment are one column; where they differ beyond their seed, all values are listed.

    Args:
        runs: Runs of one dataset.
    """
    flat: dict[str, list[dict[str, Any]]] = {}
    for run, label in zip(runs, labels(runs), strict=True):
        flat.setdefault(label, []).append(_settings(run))
    keys = dict.fromkeys(key for seeds in flat.values() for one in seeds for key in one)
    rows = [(key, [_cell([one.get(key, _NOTHING) for one in seeds]) for seeds in flat.values()])
            for key in keys]  # fmt: skip
    return Differences(list(flat), [(key, cells) for key, cells in rows if len(set(cells)) > 1])


def varied(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Lay out the settings that all runs have and that vary, as a sweep leaves them: a row per run.

    Args:
        runs: Runs of one dataset.

    Returns:
        A column per setting, called by the last part of its key where that is enough. At most seven, those
        with the fewest values left out first.
    """
    settings = [_settings(run) for run in runs]
    common = [key for key in settings[0] if all(key in one for one in settings)] if settings else []
    counts = {key: len({_text(one[key]) for one in settings}) for key in common}
    keys = sorted((key for key in common if counts[key] > 1), key=lambda key: -counts[key])[:_MOST_AXES]
    names = [_short(key, keys) for key in keys]
    rows = [[_axis_value(one[key]) for key in keys] for one in settings]
    return pd.DataFrame(rows, columns=names, dtype="object")


_NOTHING = object()


def _settings(run: RunRecord) -> dict[str, Any]:
    """Flatten the configuration of a run, without what tells it from its like."""
    return {key: value for key, value in _flat(run.config, "") if key not in LEFT_OUT}


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, value


def _cell(values: list[Any]) -> str:
    return " or ".join(dict.fromkeys("–" if value is _NOTHING else _text(value) for value in values))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _axis_value(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else _text(value).rpartition(".")[2] or _text(value)


def _short(key: str, keys: Sequence[str]) -> str:
    """Name a key by its last part, or by the whole where two would be called the same."""
    last = key.rpartition(".")[2]
    return last if sum(other.rpartition(".")[2] == last for other in keys) == 1 else key
