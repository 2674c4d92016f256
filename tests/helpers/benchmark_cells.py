"""Finished cells of a benchmark, as its processes leave them, without a fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from run_folders import write_run_folder

from graphrec.benchmarking.cells import RESULT, Finished


def write_cells(
    out: Path, levels: Mapping[str, Mapping[str, float]], seeds: Sequence[int] = (0, 1, 2)
) -> list[Finished]:
    """Write cells by data set, model and level of its measures; a level that is no number is a failure."""
    return [
        _cell(out, data, model, level, seed)
        for data, models in levels.items()
        for model, level in models.items()
        for seed in seeds
    ]


def _cell(out: Path, data: str, model: str, level: float, seed: int) -> Finished:
    folder = out / "cells" / data / model / f"seed-{seed}-0123abcd"
    said = {
        "data": data,
        "model": model,
        "seed": seed,
        "k": 20,
        "settings": {},
        "trials": 0,
        "key": "0123abcd",
    }
    if np.isnan(level):
        said["failed"] = "there was not enough memory"
        folder.mkdir(parents=True)
    else:
        rng = np.random.default_rng([seed, *model.encode(), *data.encode()])
        write_run_folder(folder / "fit" / f"s{seed}", level * (1 + 0.02 * rng.normal()), rng)
        _name_the_first_set(folder / "fit" / f"s{seed}" / "test_metrics.json")
        said["seconds"] = {"fit": 60.0 * (seed + 1), "refit": 30.0, "test": 6.0}
        said |= {"peak_gb": 0.6, "split_sha256": "a" * 64, "graphrec": "0.0"}
        said["validation"] = "Validation: the part that the data name."
    (folder / RESULT).write_text(json.dumps(said))
    return Finished(folder, said)


def _name_the_first_set(file: Path) -> None:
    """Add the numbers without a suffix, which are those of the first item set of the data: ``new``."""
    content = json.loads(file.read_text())
    plain = {key.removesuffix("_new"): value for key, value in content.items() if key.endswith("_new")}
    file.write_text(json.dumps(plain | content))
