"""Where the numbers of a run go: a CSV file, an offline run of W&B, and loggers that the user names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions
from graphrec.cli.experiment.runs.made_by import made_by
from graphrec.cli.experiment.tracking.metrics_file import MetricsFile
from graphrec.cli.experiment.tracking.short_config import run_title, short_config
from graphrec.cli.experiment.tracking.wandb_runs import QuietWandbLogger, send
from graphrec.report.run_file import NAME, add_to_run_file, read_run_file


def make_loggers(
    options: RunOptions,
    folder: RunFolder,
    command: str,
    config: Any,
    trainer: Mapping[str, Any] | Namespace | None = None,
) -> list[Logger]:
    """Make the loggers of a command; nothing is written before the first of them is used.

    Fit, refit and test are three runs of W&B in one group, so that none writes over the curves of another.

    Args:
        options: Name, project and tags.
        folder: The run's folder.
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``fuse``.
        config: The whole configuration, as a mapping or as its parser holds it.
        trainer: What the configuration gives the trainer, made; one of its loggers may be of W&B, and takes
            the place of ours.
    """
    named = None if trainer is None else trainer.get("logger")
    given = named if isinstance(named, list) else [named] if isinstance(named, Logger) else []
    own: list[Logger] = []
    if command == "fit":  # there are epochs to log
        own.append(MetricsFile(folder.path.parent, name="", version=folder.path.name))
    if not any(isinstance(logger, WandbLogger) for logger in given):
        own.append(_weights_and_biases(options, folder, command, short_config(plain(config))))
    return [*own, *given]


def _weights_and_biases(
    options: RunOptions, folder: RunFolder, command: str, short: Mapping[str, Any]
) -> QuietWandbLogger:
    """Make the logger of W&B; what its environment variables say goes before what we would."""
    import wandb

    _stage_in(folder.path.resolve() / "wandb")
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # a process that ends would wait for it
    asked = os.environ.get
    job = folder.step if command == "fit" else command
    group = folder.wandb_id(options.name)
    tags = [*options.tags, *filter(None, (asked("WANDB_TAGS") or "").split(","))]
    return QuietWandbLogger(
        project=asked("WANDB_PROJECT") or options.wandb_project,
        name=asked("WANDB_NAME") or run_title(short),
        id=asked("WANDB_RUN_ID") or (group if job == "fit" else f"{group[-120:]}-{job}"),
        group=asked("WANDB_RUN_GROUP") or group,
        job_type=asked("WANDB_JOB_TYPE") or job,
        # W&B's service writes the files, and keeps the working directory that it was started in
        save_dir=folder.path.resolve(),
        resume="allow",
        tags=tags,
        settings=wandb.Settings(console="off", silent=True),
    )


def _stage_in(folder: Path) -> None:
    """Keep tables and artifacts that wait to be sent with their run, unless the user has a place for them."""
    ours = "GRAPHREC_WANDB_DATA_DIR"  # for an earlier run, of this process or of the one that started it
    if os.environ.get("WANDB_DATA_DIR") in (None, "", os.environ.get(ours)):
        os.environ["WANDB_DATA_DIR"] = os.environ[ours] = str(folder)


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def make_folder(folder: RunFolder, fit: bool) -> None:
    """Make the run's folder; W&B would fall back to another one.

    The CSV logger starts its file anew; on resume, what the first part of the fit wrote is kept beside it.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    metrics = folder.path / "metrics.csv"
    if fit and metrics.exists():
        parts = len(list(folder.path.glob("metrics.part*.csv")))
        metrics.rename(metrics.with_name(f"metrics.part{parts + 1}.csv"))


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def record_in_wandb(loggers: list[Logger], config: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Write what a command does, and what came out of it, into its W&B run."""

    def write(run: Any) -> None:
        if config:
            run.config.update(dict(config), allow_val_change=True)
        if summary:
            run.summary.update(dict(summary))

    send(loggers, write)


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def record_fit(
    folder: RunFolder,
    loggers: list[Logger],
    said: Mapping[str, Any],
    monitor: str,
    mode: str | None,
) -> None:
    """Write what a fit is into ``run.json`` and its W&B run.

    Args:
        folder: Of the run.
        loggers: Of the trainer.
        said: What the run says of itself, with the whole configuration as ``cli``.
        monitor: What the run watches.
        mode: ``min`` or ``max``, of which W&B then keeps the value and not the last one; None if it watches
            nothing.
    """
    settings = {"settings": short_config(said["cli"]), "made_by": made_by()}
    add_to_run_file(folder.path, {**_without(said, "cli"), **settings}, {})

    def begin(run: Any) -> None:
        add_to_run_file(folder.path, {"wandb_group": run.group or None}, {})
        if mode is not None:
            run.define_metric(monitor, summary=mode)

    send(loggers, begin)
    record_in_wandb(loggers, _compared_by(said, folder.step), {})


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def record_result(folder: RunFolder, loggers: list[Logger], **summary: float) -> None:
    """Write what a fit came to into ``run.json`` and its W&B run."""
    add_to_run_file(folder.path, {}, summary)
    record_in_wandb(loggers, {}, summary)


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def record_test(
    folder: RunFolder, loggers: list[Logger], said: Mapping[str, Any], tested: Mapping[str, Any]
) -> None:
    """Write what was tested into the W&B run of the test, beside settings and numbers of the fit.

    Args:
        folder: Of the fit or the refit whose checkpoint it is.
        loggers: Of the trainer.
        said: What the run says of itself, with the whole configuration as ``cli``.
        tested: Checkpoint and split.
    """
    place = folder.path.parent if folder.is_refit else folder.path
    fit = read_run_file(place) if (place / NAME).is_file() else {}
    settings = fit.get("settings", {})  # a test has no epochs of its own
    config = {**_compared_by(said, "test"), **settings, "tested": {**tested, "step": folder.step}}
    record_in_wandb(loggers, config, fit.get("summary", {}))


def _compared_by(said: Mapping[str, Any], job: str) -> dict[str, Any]:
    """Join what W&B compares runs by: equal runs have equal configurations, whatever their folders are."""
    whole = said["cli"]
    cli = {**whole, "run": _without(whole.get("run") or {}, "id", "root", "refit_of")}
    return {**_without(said, "id"), **short_config(whole), "cli": cli, "job": job}


def _without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def plain(value: Any) -> Any:
    """Keep what JSON knows; a class or function is told by its dotted path."""
    if isinstance(value, Namespace):
        return plain(value.clone().as_dict())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    name = getattr(value, "__qualname__", None)
    return str(value) if name is None else f"{value.__module__}.{name}"
