# ruff: noqa: E501  a table is easier to read in one line each
"""Every option of fit, validate, test and predict, and every argument of a task and of the data, with its checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
from option_checks import Check, names, printed
from option_shop import Ran

from graphrec.cli.experiment.meant_for import MEANT_FOR

FIT = "-c {config} --run.root {dir} --run.id x"
SMALL = f"{FIT} --data.init_args.batch_size 64 --data.init_args.eval_batch_size 8"
"""A fit of several batches."""


def fitted(ran: Ran) -> Any:
    """Loss and measures of every epoch, and the sum of each weight."""
    folder = ran.returned.folder.path
    metrics = pd.read_csv(folder / "metrics.csv") if (folder / "metrics.csv").is_file() else pd.DataFrame()
    kept = [name for name in metrics if not any(word in name for word in ("seconds", "time", "step"))]
    weights = {
        name: float(value.double().abs().sum()) for name, value in ran.returned.model.state_dict().items()
    }
    return metrics[kept].round(12).to_csv(index=False), weights


def measured(ran: Ran) -> Any:
    """What validate or test measured."""
    return {key: float(value) for key, value in ran.returned.trainer.callback_metrics.items()}


def listed(ran: Ran) -> Any:
    """The lists that predict wrote."""
    return pd.read_parquet(ran.returned.folder.path / "recommendations.parquet").to_csv(index=False)


def trainer(path: str) -> Callable[[Ran], Any]:
    """An attribute of Lightning's trainer, which does the rest."""

    def of(ran: Ran) -> Any:
        found = ran.returned.trainer
        for name in path.split("."):
            found = getattr(found, name)
        return found if isinstance(found, bool | int | float | str | None) else type(found).__name__

    return of


def callbacks(ran: Ran) -> Any:
    """The kinds of callbacks of the trainer."""
    return sorted(type(one).__name__ for one in ran.returned.trainer.callbacks)


def loggers(ran: Ran) -> Any:
    """The kinds of loggers of the trainer."""
    return [type(one).__name__ for one in ran.returned.trainer.loggers]


def flags(ran: Ran) -> Any:
    """What of torch the trainer switches for the whole process."""
    return ran.more["flags"]


def run_options(ran: Ran) -> Any:
    """The folder of the run and its W&B run."""
    logger = ran.returned.trainer.loggers[-1]
    options = ran.returned.run_options
    return str(ran.returned.folder.path), options.tags, logger.name, options.wandb_project


def t(given: str, result: Callable[[Ran], Any] = fitted, refused: str = "", words: str = FIT) -> list[Check]:
    """One check of an option of fit."""
    return [Check(given, words, refused=refused, result=result)]


TRAINER: dict[str, list[Check]] = {
    "--trainer": t("--trainer.max_epochs 1") + t("--trainer 3", refused="trainer"),
    "--trainer.accelerator": t("--trainer.accelerator tpu", refused="torch_xla"),
    "--trainer.strategy": t("--trainer.strategy nonsense", refused="nonsense"),
    "--trainer.devices": t("--trainer.devices 0", refused="devices"),
    "--trainer.num_nodes": t("--trainer.num_nodes 0", refused="num_nodes"),
    "--trainer.precision": t("--trainer.precision 64-true", trainer("precision")),
    "--trainer.logger": t("--trainer.logger false", loggers),
    "--trainer.callbacks": t("--trainer.callbacks+=LearningRateMonitor", callbacks),
    "--trainer.fast_dev_run": t("--trainer.fast_dev_run true", names),
    "--trainer.max_epochs": t("--trainer.max_epochs 1"),
    "--trainer.min_epochs": t("--trainer.min_epochs 2", trainer("fit_loop.min_epochs")),
    "--trainer.max_steps": t("--trainer.max_steps 7", trainer("global_step"), words=SMALL) + t("--trainer.max_steps 1", refused="before its first validation", words=SMALL),
    "--trainer.min_steps": t("--trainer.min_steps 2", trainer("fit_loop.epoch_loop.min_steps")),
    "--trainer.max_time": t("--trainer.max_time 00:00:00:01", callbacks),
    "--trainer.limit_train_batches": t("--trainer.limit_train_batches 0.5", trainer("global_step"), words=SMALL) + t("--trainer.limit_train_batches 1", trainer("global_step"), words=SMALL),
    "--trainer.limit_val_batches": t("--trainer.limit_val_batches 0.5", words=SMALL),
    "--trainer.limit_test_batches": t("--trainer.limit_test_batches 1", refused="only in test"),
    "--trainer.limit_predict_batches": t("--trainer.limit_predict_batches 1", refused="only in predict"),
    "--trainer.overfit_batches": t("--trainer.overfit_batches 1", trainer("global_step")),
    "--trainer.val_check_interval": t("--trainer.val_check_interval 0.5", trainer("val_check_interval")),
    "--trainer.check_val_every_n_epoch": t("--trainer.check_val_every_n_epoch 2"),
    "--trainer.num_sanity_val_steps": t("--trainer.num_sanity_val_steps 1", trainer("num_sanity_val_steps")),
    "--trainer.log_every_n_steps": t("--trainer.log_every_n_steps 1", trainer("log_every_n_steps")),
    "--trainer.enable_checkpointing": t("--trainer.enable_checkpointing false", names),
    "--trainer.enable_progress_bar": t("--trainer.enable_progress_bar true", callbacks),
    "--trainer.enable_model_summary": t("--trainer.enable_model_summary true", callbacks),
    "--trainer.accumulate_grad_batches": t("--trainer.accumulate_grad_batches 2", trainer("global_step")),
    "--trainer.gradient_clip_val": t("--trainer.gradient_clip_val 1e-4", trainer("gradient_clip_val")),
    "--trainer.gradient_clip_algorithm": t("--trainer.gradient_clip_algorithm x", refused="gradient_clip_algorithm"),
    "--trainer.deterministic": t("--trainer.deterministic true", flags),
    "--trainer.benchmark": t("--trainer.benchmark true", flags),
    "--trainer.inference_mode": t("--trainer.inference_mode false", trainer("validate_loop.inference_mode")),
    "--trainer.use_distributed_sampler": t("--trainer.use_distributed_sampler true", refused="use_distributed_sampler"),
    "--trainer.profiler": t("--trainer.profiler simple", trainer("profiler")),
    "--trainer.detect_anomaly": t("--trainer.detect_anomaly true", trainer("_detect_anomaly")),
    "--trainer.barebones": t("--trainer.barebones true", loggers),
    "--trainer.plugins": t("--trainer.plugins nothing", refused="nothing"),
    "--trainer.sync_batchnorm": t("--trainer.sync_batchnorm true", refused="sync_batchnorm"),
    "--trainer.reload_dataloaders_every_n_epochs": t(
        "--trainer.reload_dataloaders_every_n_epochs 1", trainer("reload_dataloaders_every_n_epochs")
    ),
    "--trainer.default_root_dir": t("--trainer.default_root_dir {dir}/a", refused="default_root_dir"),
    "--trainer.enable_autolog_hparams": t("--trainer.enable_autolog_hparams false", trainer("enable_autolog_hparams")),
    "--trainer.model_registry": t("--trainer.model_registry x", trainer("_model_registry")),
}  # fmt: skip

HERE = "-c {config} --run.root {dir}"
RUN: dict[str, list[Check]] = {
    "--run": t("--run.patience 1", trainer("early_stopping_callback.patience")) + t("--run 3", refused="run"),
    "--run.name": [Check("--run.name n", FIT, result=names)],
    "--run.root": [Check("--run.root {dir}/a", "-c {config} --run.id x", "--run.root {dir}", result=names)],
    "--run.id": [Check("--run.id y", "-c {config} --run.root {dir}", "--run.id x", result=names)],
    "--run.monitor": t("--run.monitor val_ndcg_20_new", trainer("checkpoint_callback.monitor"))
    + t("--run.monitor val_x", refused="val_x"),
    "--run.mode": t("--run.mode min", trainer("checkpoint_callback.mode"))
    + t("--run.mode least", refused="'least' is not one of min, max or null"),
    "--run.patience": t("--run.patience 1", trainer("early_stopping_callback.patience")),
    "--run.refit_of": t("--run.refit_of nowhere", refused="refit_of"),
    "--run.wandb_project": t("--run.wandb_project p", run_options),
    "--run.wandb_artifacts": t("--run.wandb_artifacts true", names),
    "--run.tags": t("--run.tags [a]", run_options),
}

TOP: dict[str, list[Check]] = {
    "--config": [Check("--config {closed}", "--run.root {dir} --run.id x", "--config {config}", result=names)],
    "--print_config": t("--print_config", printed),
    "--seed_everything": t("--seed_everything 9"),
    "--model": t("--model.init_args.learning_rate 0.2") + t("--model Nothing", refused="Nothing"),
    "--data": t("--data.init_args.batch_size 64", trainer("global_step")) + t("--data Nothing", refused="Nothing"),
    "--optimizer": t("--optimizer torch.optim.SGD --optimizer.lr 0.5"),
    "--lr_scheduler": t("--lr_scheduler torch.optim.lr_scheduler.StepLR --lr_scheduler.step_size 1 --lr_scheduler.gamma 0.01"),
    "--ckpt_path": t("--ckpt_path nowhere.ckpt", refused="nowhere.ckpt"),
    "--weights_only": t("--weights_only false", refused="weights_only"),
    "--trust": [Check("--trust", "--ckpt_path {own_last} --trainer.max_epochs 3", allows="give --trust")],
    "--strict": t("--strict", refused="2 rows would be lost", words="-c {lossy_run}/config.yaml --run.root {dir} --run.id x"),
}  # fmt: skip


ON = "--ckpt_path {other}"
SHARED = (
    "--trainer", "--trainer.accelerator", "--trainer.strategy", "--trainer.devices", "--trainer.num_nodes", "--trainer.precision",
    "--trainer.logger", "--trainer.callbacks", "--trainer.enable_progress_bar", "--trainer.enable_model_summary",
    "--trainer.deterministic", "--trainer.benchmark", "--trainer.use_distributed_sampler", "--trainer.profiler",
    "--trainer.barebones", "--trainer.plugins", "--trainer.sync_batchnorm", "--trainer.default_root_dir",
    "--trainer.enable_autolog_hparams", "--trainer.model_registry", "--weights_only",
)  # fmt: skip
"""Options that do the same in every command."""
OWN_CHECKS: dict[str, list[Check]] = {
    "--trainer": t("--trainer.precision 64-true", trainer("precision"), words=ON) + t("--trainer 3", refused="trainer", words=ON),
    "--trainer.fast_dev_run": t("--trainer.fast_dev_run true", trainer("fast_dev_run"), words=ON),
    "--config": t("--config nowhere.yaml", refused="nowhere.yaml", words=ON),
    "--print_config": t("--print_config", printed, words=ON),
    "--ckpt_path": [
        Check("--ckpt_path {again}", "", instead="--ckpt_path {other}", result=printed),
        Check("--ckpt_path nowhere.ckpt", refused="nowhere.ckpt"),
    ],
    "--seed_everything": t("--seed_everything 9", refused="seed_everything", words=ON),
    "--model": t("--model.init_args.learning_rate 0.2", refused="learning_rate", words=ON),
    "--data": t("--data.init_args.split.init_args.train_end 12", refused="train_end", words=ON),
    "--trust": [Check("--trust", "--ckpt_path {own}", allows="give --trust")],
    "--strict": [Check("--strict", "--ckpt_path {lossy}", refused="2 rows would be lost")],
    "--run": t("--run 3", refused="run", words=ON),
    "--run.name": t("--run.name nothing", refused="nothing", words="-c {config}"),
    "--run.root": t("--run.root nothing", refused="nothing", words="-c {config}"),
    "--run.id": t("--run.id c", refused="c", words="-c {config}"),
    "--run.wandb_project": t("--run.wandb_project p", run_options, words=ON),
    "--run.tags": t("--run.tags [a]", run_options, words=ON),
}  # fmt: skip


def options_of(command: str) -> dict[str, list[Check]]:
    """The options of validate, test or predict: what only a fit needs is refused."""
    elsewhere = [f"--{key}" for key, commands in MEANT_FOR.items() if command not in commands]
    rows = {key: t(f"{key} 1", refused=f"does nothing in {command}", words=ON) for key in elsewhere}
    for key in SHARED:
        checks = {**TRAINER, **TOP}[key]
        rows[key] = [replace(check, words=ON, instead="") for check in checks]
    rows |= OWN_CHECKS
    loop = {"validate": "validate", "test": "test", "predict": "predict"}[command]
    part = {"validate": "val", "test": "test", "predict": "predict"}[command]
    rows["--trainer.inference_mode"] = t(
        "--trainer.inference_mode false", trainer(f"{loop}_loop.inference_mode"), words=ON
    )
    limit = f"--trainer.limit_{part}_batches"
    for name in ("progress_bar", "model_summary"):  # on in a fit only by choice, else by default
        rows[f"--trainer.enable_{name}"] = t(f"--trainer.enable_{name} false", callbacks, words=ON)
    several = f"{ON} --data.init_args.eval_batch_size 8"
    rows[limit] = t(f"{limit} 0.5", trainer(limit.removeprefix("--trainer.")), words=several)
    if command == "predict":
        first, second = rows["--ckpt_path"]
        rows["--ckpt_path"] = [replace(first, result=listed), second]
        rows["--return_predictions"] = t("--return_predictions false", refused="return_predictions", words=ON)
    else:
        rows["--verbose"] = t("--verbose true", printed, words=ON)
    return rows


LIGHTNING: dict[str, dict[str, list[Check]]] = {
    "fit": {**TOP, **TRAINER, **RUN},
    **{command: options_of(command) for command in ("validate", "test", "predict")},
}

LISTED = ("fit", "validate", "test", "predict")
