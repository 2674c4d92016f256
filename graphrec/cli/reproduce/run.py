"""The steps that make a row from scratch, each done once, and the figures that come out."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from graphrec.cli.reproduce.kinds import JUDGED, Experiment, FusionReproduction, Ranked, Reproduction, Study
from graphrec.cli.reproduce.resume import Steps
from graphrec.errors import InputError
from graphrec.files import write_text

if TYPE_CHECKING:
    from graphrec.cli.experiment.runs.folder import RunFolder

METRICS = "metrics.json"


def reproduce_ranked(row: Ranked, out: Path, seed: int, data: list[str]) -> dict[str, Any]:
    """Fit, fit again on both parts, test once; what is finished in the folder is not done again.

    Args:
        row: A model or a fusion.
        out: Folder to write to.
        seed: Seed of the fits and of the search for weights.
        data: Options that lead an experiment to its data.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        InputError: If the folder holds another job, or what a fit or a fusion complains about.
    """
    epochs = row.epochs if isinstance(row, Reproduction) else None
    settings = hashlib.sha256(json.dumps(row.settings, sort_keys=True).encode()).hexdigest()
    job = {"name": row.name, "seed": seed, "epochs": epochs, "settings": settings}
    job["data"] = data[-1] if data else None
    steps, file = Steps.of(out, job), out / METRICS
    if not (steps.finished("test") and file.is_file()):
        if isinstance(row, FusionReproduction):
            tested = _fuse(row, out, seed, data, steps)
        else:
            tested = _fit(row.experiment, out, seed, data, steps, epochs)
        _test(tested, steps)
        _write_metrics(file, _ranked_metrics(tested, row, steps, seed))
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _fit(
    experiment: Experiment,
    out: Path,
    seed: int,
    data: list[str],
    steps: Steps,
    epochs: int | None,
    of: str = "",
) -> RunFolder:
    """Fit on the training part and then on both, or on both at once; return what is to be tested."""
    from graphrec.cli.commands import refit
    from graphrec.cli.experiment.command import run_experiment
    from graphrec.cli.experiment.runs.folder import LAST, RunFolder

    folder = RunFolder(out / "runs" / experiment.run_name / f"seed-{seed}")
    last = folder.checkpoints / LAST
    fit = ["fit", "--config", str(experiment.file), "--seed_everything", str(seed), *data]
    fit += ["--run.root", str(out / "runs"), "--run.id", folder.id, "--trainer.enable_model_summary", "false"]
    if epochs is not None:
        fit += ["--data.init_args.refit", "true", "--trainer.max_epochs", str(epochs)]
    if last.exists():  # an earlier fit was killed
        fit += ["--ckpt_path", str(last)]
    steps.run(f"fit{of}", lambda: run_experiment(fit), kept=last)
    if epochs is not None:
        return folder
    steps.run(
        f"refit{of}", lambda: refit.run(argparse.Namespace(folder=folder.path, trust=False, strict=False))
    )
    return RunFolder(folder.path / "refit")


def _fuse(row: FusionReproduction, out: Path, seed: int, data: list[str], steps: Steps) -> RunFolder:
    """Fit every member, then find their weights with the fits, which have not seen the validation part."""
    from graphrec.cli.commands import fuse
    from graphrec.cli.experiment.runs.folder import RunFolder

    for member in row.members:
        _fit(member, out, seed, data, steps, None, of=f" {member.run_name}")
    runs = [out / "runs" / member.run_name / f"seed-{seed}" for member in row.members]
    folder = RunFolder(out / "runs" / row.name / f"seed-{seed}")
    options = argparse.Namespace(
        runs=runs, name=row.name, combine=row.combine, gate=row.gate, items=row.items, seed=seed
    )
    options.root, options.id = str(out / "runs"), folder.id
    options.trust = options.strict = False
    if not steps.finished("fuse") and folder.path.exists():  # what a killed search left
        shutil.rmtree(folder.path)
    steps.run("fuse", lambda: fuse.run(options))
    return RunFolder(folder.path / "refit")


def _test(tested: RunFolder, steps: Steps) -> None:
    from graphrec.cli.experiment.command import run_experiment
    from graphrec.cli.experiment.runs.folder import LAST

    steps.run("test", lambda: run_experiment(["test", "--ckpt_path", str(tested.checkpoints / LAST)]))


def _ranked_metrics(tested: RunFolder, row: Ranked, steps: Steps, seed: int) -> dict[str, Any]:
    measured = json.loads((tested.path / "test_metrics.json").read_text(encoding="utf-8"))
    metrics = flat_metrics(measured)
    if isinstance(row, Reproduction):
        config = yaml.safe_load(tested.config.read_text(encoding="utf-8"))
        metrics["epochs"] = config["trainer"]["max_epochs"]
    else:
        found = json.loads((tested.path.parent / "fusion.json").read_text(encoding="utf-8"))
        metrics |= {key: value for key, value in found.items() if key.startswith(("weight_", "gate_"))}
    metrics["split_sha256"] = measured["split_sha256"]
    return metrics | job_metrics(row.name, steps, seed)


def flat_metrics(measured: dict[str, Any]) -> dict[str, Any]:
    """Name Recall@20 and NDCG@20 with their intervals as `metrics.json` does.

    Args:
        measured: What a test wrote. Its first item set gives ``test_ndcg_20``; where there are several, those
            but ``all`` are named as well: ``test_ndcg_20_new``.
    """
    prefix = "test_users_"
    sets = [key.removeprefix(prefix) for key in measured if key.startswith(prefix) and measured[key] > 0]
    metrics = {}
    for place, items in enumerate(sets):
        names = [""] * (place == 0) + [f"_{items}"] * (len(sets) > 1 and items != "all")
        for measure in JUDGED:
            for suffix in names:
                for bound in ("", "_low", "_high"):
                    metrics[f"test_{measure}{suffix}{bound}"] = measured[f"test_{measure}_{items}{bound}"]
    return metrics


def reproduce_study(row: Study, out: Path, seed: int, folder: Path | None) -> dict[str, Any]:
    """Run the script as a process of its own and add time, memory and machine to its figures.

    Args:
        row: Which script.
        out: Folder to write to.
        seed: Handed to the script.
        folder: Folder of the data set, handed to the script if given.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        InputError: If there is no such script, it ends with code 2, or its ``metrics.json`` is not flat.
    """
    if not row.script.is_file():
        raise InputError(f"the script of {row.name} is missing", file=row.script, hint="see experiments/")
    job = {"name": row.name, "seed": seed, "data": None if folder is None else str(folder.resolve())}
    job["settings"] = hashlib.sha256(row.script.read_bytes()).hexdigest()
    steps, file = Steps.of(out, job), out / METRICS
    if not (steps.finished("script") and file.is_file()):
        steps.entries.pop("script", None)
    command = [sys.executable, str(row.script), "--out", str(out), "--seed", str(seed)]
    command += [] if folder is None else ["--data", str(folder)]
    steps.run("script", lambda: _run_script(command, row.script))
    metrics = script_figures(file, row.script) | job_metrics(row.name, steps, seed)
    _write_metrics(file, metrics)
    return metrics


def _run_script(command: list[str], script: Path) -> None:
    sys.stdout.flush()  # what the script prints comes after what we printed
    code = subprocess.run(command, check=False).returncode
    if code == 2:
        raise InputError("the script could not go on", file=script, hint="it says above what to fix")
    if code:
        raise subprocess.CalledProcessError(code, command)


def script_figures(file: Path, script: Path) -> dict[str, Any]:
    """Read what the script wrote: names with numbers, or with a word about them."""
    if not file.is_file():
        raise InputError(f"wrote no {METRICS}", file=script, hint=f"let it write {file}")
    content = json.loads(file.read_text(encoding="utf-8"))
    for key, value in content.items() if isinstance(content, dict) else [("the whole", content)]:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            hint = f"let {script.name} write a number"
            raise InputError(f"'{key}' is neither number nor text", file=file, column=key, hint=hint)
    return dict(content)


def job_metrics(name: str, steps: Steps, seed: int) -> dict[str, Any]:
    """Collect name, seed, time, memory and machine of a job."""
    costs = {"seconds": round(steps.seconds, 1), "peak_gb": round(steps.peak_gb, 2)}
    return {**costs, "seed": seed, "name": name, "machine": _machine()}


def _machine() -> str:
    """Name the cores, and the GPU if there is one: a time without them means nothing."""
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{os.cpu_count()} cores{gpu}"


def _write_metrics(file: Path, metrics: dict[str, Any]) -> None:
    write_text(file, json.dumps(metrics, indent=1) + "\n")
