"""``graphrec reproduce``: one row of experiments/README.md from scratch."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import yaml

from graphrec.cli.reproductions import EXPERIMENTS, Reproduction, find_row, read_rows
from graphrec.cli.steps import Steps
from graphrec.errors import InputError
from graphrec.files import write_text

METRICS = "metrics.json"
MEASURES = {"recall_20": "Recall@20", "ndcg_20": "NDCG@20"}


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "reproduce",
        help="make one row of experiments/README.md from scratch, or list them",
        description="Choose the epochs on validation, fit again on train and validation, test once, and "
        "write metrics.json. What is finished in the same folder is not done again.",
        epilog="example: graphrec reproduce gowalla-chebycf --data FOLDER --out runs/reproduce/chebycf",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the row, see --list")
    parser.add_argument("--list", action="store_true", help="name all rows with what to expect")
    parser.add_argument("--data", type=Path, help="folder of the data set, if it comes with no package")
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=0, help="seed of the fits (default 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path | None:
    """List the rows, or fit, refit and test one; returns its metrics.json."""
    rows = read_rows(EXPERIMENTS)
    if options.list:
        _print_list(list(rows.values()))
        return None
    if options.name is None:
        raise InputError("no row is named", mend="see `graphrec reproduce --list`")
    row = find_row(rows, options.name)
    if options.out is None:
        raise InputError(
            "no folder to write to", column="--out", mend=f"give --out runs/reproduce/{row.name}"
        )
    arguments = _data_arguments(row, options.data)
    settings = hashlib.sha256(json.dumps(row.config, sort_keys=True).encode()).hexdigest()
    job = {"name": row.name, "seed": options.seed, "epochs": row.epochs, "settings": settings}
    job["data"] = arguments[-1] if arguments else None
    steps, file = Steps.of(options.out, job), Path(options.out) / METRICS
    if steps.finished("test") and file.is_file():
        _print_result(row, json.loads(file.read_text(encoding="utf-8")), file)
        return file
    tested = _reproduce(row, options.out, options.seed, arguments, steps)
    return _finish(row, options.out, options.seed, steps, tested)


def _data_arguments(row: Reproduction, folder: Path | None) -> list[str]:
    """Options that lead the experiment to its data."""
    if row.data_folder is None:
        if folder is not None:
            print("--data is not needed: these data come with a package")
        return []
    if folder is None and not Path(row.data_folder).is_dir():
        mend = f"give the folder of {row.dataset}: --data FOLDER"
        raise InputError(f"the data of {row.name} are not part of the project", column="--data", mend=mend)
    given = Path(row.data_folder) if folder is None else folder
    return ["--data.init_args.source.init_args.path", str(given.resolve())]


def _reproduce(row: Reproduction, out: Path, seed: int, data: list[str], steps: Steps) -> Path:
    """Fit, fit again on both parts, test once; returns the folder of what was tested."""
    from graphrec.cli.commands import refit
    from graphrec.cli.main import main
    from graphrec.cli.run import LAST, RunFolder

    folder = RunFolder(out / "runs" / row.run_name / f"seed-{seed}")
    last = folder.checkpoints / LAST
    fit = ["fit", "--config", str(row.file), "--seed_everything", str(seed), *data]
    fit += ["--run.root", str(out / "runs"), "--run.id", folder.id, "--trainer.enable_model_summary", "false"]
    if row.epochs is not None:
        fit += ["--data.init_args.refit", "true", "--trainer.max_epochs", str(row.epochs)]
    if last.exists():  # an earlier fit was killed
        fit += ["--ckpt_path", str(last)]
    steps.run("fit", lambda: main(fit), kept=last)
    tested = folder if row.epochs is not None else RunFolder(folder.path / "refit")
    if row.epochs is None:
        steps.run("refit", lambda: refit.run(argparse.Namespace(folder=folder.path)))
    steps.run("test", lambda: main(["test", "--ckpt_path", str(tested.checkpoints / LAST)]))
    return tested.path


def _finish(row: Reproduction, out: Path, seed: int, steps: Steps, tested: Path) -> Path:
    """Write metrics.json and say how it compares with what was expected."""
    measured = json.loads((tested / "test_metrics.json").read_text(encoding="utf-8"))
    config = yaml.safe_load((tested / "config.yaml").read_text(encoding="utf-8"))
    metrics = flat_metrics(measured)
    metrics |= {"seconds": round(steps.seconds, 1), "peak_gb": round(steps.peak_gb, 2), "seed": seed}
    metrics |= {"epochs": config["trainer"]["max_epochs"], "split_sha256": measured["split_sha256"]}
    metrics |= {"name": row.name, "machine": _machine()}
    file = write_text(out / METRICS, json.dumps(metrics, indent=1) + "\n")
    _print_result(row, metrics, file)
    return file


def flat_metrics(measured: dict[str, Any]) -> dict[str, Any]:
    """Recall@20 and NDCG@20 with their intervals, as `metrics.json` names them.

    Args:
        measured: What a test wrote. Its first item set gives ``test_ndcg_20``; where there are several, those
            but ``all`` are named as well: ``test_ndcg_20_new``.
    """
    prefix = "test_users_"
    sets = [key.removeprefix(prefix) for key in measured if key.startswith(prefix) and measured[key] > 0]
    metrics = {}
    for place, items in enumerate(sets):
        names = [""] * (place == 0) + [f"_{items}"] * (len(sets) > 1 and items != "all")
        for measure in MEASURES:
            for suffix in names:
                for bound in ("", "_low", "_high"):
                    metrics[f"test_{measure}{suffix}{bound}"] = measured[f"test_{measure}_{items}{bound}"]
    return metrics


def _machine() -> str:
    """Cores, and the GPU if there is one: a time without them means nothing."""
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{os.cpu_count()} cores{gpu}"


def _print_result(row: Reproduction, metrics: dict[str, Any], file: Path) -> None:
    """Each measure beside what was expected, and where the numbers are."""
    import pandas as pd

    from graphrec.cli.terminal import print_frame

    table = []
    for measure, title in MEASURES.items():
        value, expected = metrics[f"test_{measure}"], getattr(row, measure)
        bounds = f"{metrics[f'test_{measure}_low']:.4f} to {metrics[f'test_{measure}_high']:.4f}"
        line = {"measure": title, "value": value, "95 % interval": bounds, "expected": _text(expected)}
        table.append({**line, "verdict": _verdict(value, expected, row.tolerance)})
    print_frame(pd.DataFrame(table), row.name)
    print(f"{metrics['seconds']:.0f} s, {metrics['peak_gb']:.1f} GB at most: {file}")


def _verdict(value: float, expected: float | None, tolerance: float) -> str:
    if expected is None:
        return "nothing to compare with"
    apart = round(round(value, 4) - expected, 4)  # figures are published with four digits
    return f"within {tolerance:g}" if abs(apart) <= tolerance else f"off by {apart:+.4f}, above {tolerance:g}"


def _print_list(rows: list[Reproduction]) -> None:
    """Every row with what to expect of it."""
    import pandas as pd

    from graphrec.cli.terminal import print_frame

    table = [
        {
            **{"name": row.name, "data set": row.dataset, "model": row.model, "protocol": row.protocol},
            **{MEASURES[measure]: _text(getattr(row, measure)) for measure in MEASURES},
            **{"minutes": "–" if row.minutes is None else f"{row.minutes:g}", "trials": row.trials},
        }
        for row in rows
    ]
    print_frame(pd.DataFrame(table), "graphrec reproduce NAME [--data FOLDER] --out DIR; expected on test:")
    print("paper: settings and epochs as published; their authors chose them on the test part.")
    print("honest: chosen on the validation part. Minutes are those of two cores.")


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
