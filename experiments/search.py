"""Search settings on validation, from a W&B sweep file but without an account; resumable.

python experiments/search.py experiments/sweeps/complete_journey-lightgcn.yaml --out runs/search

Each trial is one `graphrec fit`; the test part is never read. A line per trial goes to
`<out>/<sweep>.csv`; trials that stand there already are skipped, so a killed search goes on where it was.
The same file serves account holders: `wandb sweep experiments/sweeps/....yaml`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from rich.console import Console

from graphrec.cli import main


def trials(sweep: dict[str, Any], count: int | None, seed: int) -> list[dict[str, Any]]:
    """The settings to try: the whole grid, or `count` random points of it."""
    names = list(sweep["parameters"])
    choices = [entry.get("values", [entry.get("value")]) for entry in sweep["parameters"].values()]
    grid = [dict(zip(names, values, strict=True)) for values in itertools.product(*choices)]
    if sweep["method"] == "grid" and count is None:
        return grid
    count = min(count or sweep.get("run_cap", len(grid)), len(grid))
    return random.Random(seed).sample(grid, count)


def config_of(sweep: dict[str, Any]) -> str:
    """The experiment that the sweep's command names."""
    command = sweep["command"]
    return str(command[command.index("--config") + 1])


def fit(config: str, settings: dict[str, Any], root: Path, metric: str) -> dict[str, Any]:
    """One fit; its best validation value, epoch and time."""
    args = ["fit", "--config", config, "--run.root", str(root), "--run.monitor", metric]
    for name, value in settings.items():
        args += [f"--{name}", json.dumps(value) if isinstance(value, list) else str(value)]
    started = time.perf_counter()
    cli = main([*args, "--trainer.enable_model_summary", "false", "--trainer.enable_progress_bar", "false"])
    seconds = round(time.perf_counter() - started)
    history = pd.read_csv(cli.folder.path / "metrics.csv").dropna(subset=[metric])
    best = history.loc[history[metric].idxmax()]
    others = {name: round(float(best[name]), 5) for name in history.columns if name.startswith("val_ndcg_20")}
    return {**others, "epoch": int(best["epoch"]) + 1, "seconds": seconds}


def run(options: argparse.Namespace) -> None:
    """Try what has not been tried yet and print the best."""
    sweep = yaml.safe_load(options.sweep.read_text())
    metric, file = sweep["metric"]["name"], options.out / f"{options.sweep.stem}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    done = pd.read_csv(file).to_dict("records") if file.exists() else []
    known = {row["settings"] for row in done}
    todo = [t for t in trials(sweep, options.trials, options.seed) if json.dumps(t) not in known]
    for place, settings in enumerate(todo, start=1):
        Console().rule(f"{options.sweep.stem}: trial {place} of {len(todo)}: {settings}")
        result = fit(config_of(sweep), settings, options.out / "runs", metric)
        done.append({"settings": json.dumps(settings), **result})
        temporary = file.with_suffix(".tmp")
        pd.DataFrame(done).to_csv(temporary, index=False)
        temporary.replace(file)
    table = pd.DataFrame(done).sort_values(metric, ascending=False)
    print(table.head(options.show).to_string(index=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", type=Path, help="a W&B sweep file of experiments/sweeps/")
    parser.add_argument("--trials", type=int, help="random points of the grid instead of all")
    parser.add_argument("--out", type=Path, default=Path("runs/search"), help="folder of results and runs")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random points")
    parser.add_argument("--show", type=int, default=10, help="rows to print at the end")
    run(parser.parse_args())
