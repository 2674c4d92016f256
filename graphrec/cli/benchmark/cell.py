"""A process that fits one cell, fits it again on both parts, and tests it once.

``python -m graphrec.cli.benchmark.cell``, with the job on its standard input. It ends when that is closed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from graphrec.cli.benchmark.job import do_job
from graphrec.cli.config.arguments import as_arguments
from graphrec.cli.reproduce.resume import Steps
from graphrec.cli.start_up import importing
from graphrec.files import write_text

_QUIET = ("--trainer.enable_model_summary=false", "--trainer.enable_progress_bar=false")
_RUN, _VALIDATION = "fit", "validation.txt"


def fitted(job: dict[str, Any]) -> dict[str, Any]:
    """Fit on train, choose the epoch on validation, fit on both, test; a killed cell goes on where it was.

    Args:
        job: See `Cell.job`.

    Returns:
        Seconds of each step, memory at the peak, the fingerprint of the split, and what validation was.
    """
    with importing():
        from graphrec.cli.commands import refit
        from graphrec.cli.experiment.command import run_experiment
        from graphrec.cli.experiment.runs.folder import LAST, RunFolder

    place = Path(job["folder"])
    folder = RunFolder(place / _RUN / f"seed-{job['seed']}")
    steps = Steps.of(place, {"key": job["key"]})
    last = folder.checkpoints / LAST
    where = ["--run.root", str(place), "--run.name", _RUN, "--run.id", folder.id]
    args = [
        "fit",
        *job["args"],
        *as_arguments(job["settings"]),
        *where,
        "--seed_everything",
        str(job["seed"]),
    ]
    going_on = ["--ckpt_path", str(last)] if last.is_file() else []

    def fit() -> None:
        cli = run_experiment([*args, *_QUIET, *going_on])
        write_text(place / _VALIDATION, validated_on(cli.datamodule))

    steps.run("fit", fit, kept=last)
    again = argparse.Namespace(folder=folder.path, trust=False, strict=False)
    steps.run("refit", lambda: refit.run(again))
    tested = str(folder.refit.checkpoints / LAST)
    steps.run("test", lambda: run_experiment(["test", "--ckpt_path", tested, _QUIET[1]]))
    measured = json.loads((folder.refit.path / "test_metrics.json").read_text(encoding="utf-8"))
    for file in (*folder.checkpoints.glob("*.ckpt"), *folder.refit.checkpoints.glob("*.ckpt")):
        file.unlink()  # of a large catalogue each takes gigabytes
    seconds = {name: entry["seconds"] for name, entry in steps.entries.items()}
    validation = (place / _VALIDATION).read_text(encoding="utf-8")
    known = {"split_sha256": measured["split_sha256"], "validation": validation}
    return {"seconds": seconds, "peak_gb": steps.peak_gb, **known}


def validated_on(data: Any) -> str:
    """Say on what epochs and settings were chosen: a part that is given, or one that was held out.

    Args:
        data: The data module of a fit.
    """
    splitter, log = data.splitter, data.source.log
    name, order = type(splitter).__name__, splitter.order(log)
    part = log.get("part")
    if name == "Given" and part is not None and (part.astype("str") == "valid").any():
        return "Validation: the part that the data name."
    if name == "Given":
        share = f"{splitter.val_fraction:.0%} of the training pairs, drawn at random with seed {data.seed}"
        return f"Validation: none is given, so {share}, were held out for the choice."
    by = f" by {order}" if order else f", at random with seed {data.seed}"
    return f"Validation: {len(data.split.val):,} rows of the split {name}{by}."


if __name__ == "__main__":
    do_job(fitted)
