"""What `graphrec evaluate` prints and leaves: tables, and folders that `graphrec compare` reads as runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from graphrec.cli.evaluate.request import Request
from graphrec.cli.evaluate.scoring import Scored, ScoredList
from graphrec.evaluation.groups.user_facts import is_measure
from graphrec.evaluation.measures import metric_title, of_kind
from graphrec.files import write_parquet, write_text
from graphrec.report.run_file import add_to_run_file
from graphrec.report.significance import significance
from graphrec.report.users import Experiment

MAIN = ("ndcg", "recall")
"""Measures whose differences are printed; the files have all."""


def measures_frame(scored: Scored, cutoffs: tuple[int, ...]) -> pd.DataFrame:
    """Lay out a row per measure and K, and a column per file: the value with its 95 % interval."""
    names = [f"{one.name}_{k}" for one in of_kind("user", "catalogue") for k in cutoffs]
    shown = [name for name in names if f"test_{name}_{scored.items}" in scored.lists[0].numbers]
    columns = {one.name: [_cell(one, name, scored.items) for name in shown] for one in scored.lists}
    return pd.DataFrame({"measure": [metric_title(name) for name in shown], **columns})


def _cell(one: ScoredList, name: str, items: str) -> str:
    value, low, high = (one.numbers[f"test_{name}_{items}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def differences_frame(scored: Scored, k: int) -> pd.DataFrame:
    """Lay out what separates each pair of files, user by user, at the largest K."""
    experiments = [_experiment(one, scored) for one in scored.lists]
    table = significance([], (experiments, [])).table
    table = table[table["metric"].isin([f"{name}_{k}" for name in MAIN])]
    interval = [f"[{low:+.4f}, {high:+.4f}]" for low, high in table[["low", "high"]].to_numpy()]
    return pd.DataFrame(
        {
            "lists": table["run_a"] + " − " + table["run_b"],
            "measure": table["metric"].map(metric_title),
            "difference": table["difference"].map("{:+.4f}".format),
            "95 %": interval,
            "p, corrected": table["p_corrected"].map("{:.3f}".format),
            "verdict": table["verdict"],
        }
    )


def _experiment(one: ScoredList, scored: Scored) -> Experiment:
    """Take one file for an experiment with a seed of which nothing is known."""
    frame = one.users.drop(columns="items").astype({"user_id": "str"}).set_index("user_id")
    measures = frame[[name for name in frame if is_measure(name, frame)]]
    items, sha = str(scored.items), scored.split.sha256()
    return Experiment(one.name, scored.raw.name, sha, {items: frame}, {items: [measures]})


def write_runs(scored: Scored, request: Request, out: Path, command: str) -> list[Path]:
    """Write a folder for each file, as a tested run has it.

    Args:
        scored: What the files came to.
        request: What was asked for.
        out: Folder above them.
        command: The command line, for whoever wants to make the figures again.

    Returns:
        The folders.

    Raises:
        InputError: If one cannot be written.
    """
    folders = []
    for one in scored.lists:
        folder = out / one.name
        split = scored.split.sha256()
        identity = {
            "run": one.name,
            "id": "list",
            "model": "a given list",
            "dataset": request.name or scored.raw.name,
        }
        about = {"seed": 0, "split_sha256": split, "command": command}
        add_to_run_file(folder, identity | about, {})
        write_text(folder / "config.yaml", yaml.safe_dump(_config(request, one.name), sort_keys=False))
        content: dict[str, Any] = {"split_sha256": split, "notes": [*one.notes, *scored.notes], **one.numbers}
        write_text(folder / "test_metrics.json", json.dumps(content, indent=1) + "\n")
        write_parquet(one.users, folder / "test_users.parquet")
        folders.append(folder)
    return folders


def _config(request: Request, name: str) -> Mapping[str, Any]:
    """Write down what the lists were judged on."""
    files = {part: str(file) for part, file in request.parts.items()}
    given = {key: value for key, value in {**request.attributes, **request.options}.items() if value}
    columns = {"columns": dict(request.columns)} if request.columns else {}
    return {"evaluate": {"recommendations": str(request.lists[name]), **files, **given, **columns}}
