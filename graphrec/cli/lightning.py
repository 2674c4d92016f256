"""The LightningCLI behind fit, validate, test and predict."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import jsonargparse
import torch
import wandb
import yaml
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

import graphrec.models  # noqa: F401  a class that is imported may be named without its path
from graphrec.cli.run import BEST, LAST, RunFolder, RunOptions, newest, read_checkpoint
from graphrec.data import splits  # noqa: F401
from graphrec.data.interactions import RawData
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.training import RankedTask

# a YAML names the function or class that makes these two
jsonargparse.set_parsing_settings(subclasses_enabled=[RawData, splits.Splitter])
for _message in (
    "LightningCLI's args parameter",
    ".*does not have many workers.*",
    ".*LeafSpec.*",
    ".*Sparse CSR tensor support is in beta.*",
    "Experiment logs directory .* exists and is not empty",  # the folder holds config.yaml already
    ".*configure_optimizers` returned `None`.*",
):
    warnings.filterwarnings("ignore", message=_message)
logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(
    lambda record: "Tip:" not in record.getMessage()
)


class RecordRun(SaveConfigCallback):
    """Writes the configuration into the run's folder, its checkpoints and its W&B run."""

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the file of a fit; a test leaves the fit's file alone. Called in one process only."""
        if stage == "fit":
            folder = Path(trainer.default_root_dir)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.yaml").write_text(self.text())

    def text(self) -> str:
        """The configuration as YAML."""
        text: str = self.parser.dump(self.config, skip_none=False)
        return text

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Make the checkpoint tell how to rebuild its model and data."""
        data: RecommenderData = trainer.datamodule  # type: ignore[attr-defined]
        checkpoint["graphrec"] = {"config": self.text(), "split_sha256": data.split.sha256()}

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Refuse a checkpoint that was trained on other data."""
        check_split(checkpoint, trainer.datamodule)  # type: ignore[attr-defined]


class GraphRecCLI(LightningCLI):
    """LightningCLI with a folder per run, W&B and the callbacks every fit needs."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the group ``run``."""
        parser.add_class_arguments(RunOptions, "run")

    def before_instantiate_classes(self) -> None:
        """Find the checkpoint that was meant, and tell the data whether it belongs to a refit."""
        settings, options = self._settings, self.run_options
        if self.subcommand in ("validate", "test", "predict") and not settings.get("ckpt_path"):
            settings.ckpt_path = str(newest(options))
            print(f"checkpoint: {settings.ckpt_path}")
        if settings.get("ckpt_path") == "last":
            settings.ckpt_path = str(newest(options, LAST))
        checkpoint = settings.get("ckpt_path")
        of_refit = bool(checkpoint) and RunFolder.of_checkpoint(Path(checkpoint)).is_refit
        if of_refit or options.refit_of:
            settings.data.init_args.refit = True

    @property
    def _settings(self) -> Any:
        return self.config[self.subcommand] if self.subcommand else self.config

    @property
    def run_options(self) -> RunOptions:
        """The group ``run`` of the configuration."""
        run = self._settings.run
        return RunOptions(**{key: run[key] for key in RunOptions.__dataclass_fields__})

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add folder, loggers and callbacks to what the configuration says."""
        if self.subcommand is None:
            return super().instantiate_trainer(logger=False, enable_checkpointing=False, **kwargs)
        settings = self._settings
        self.folder = self._folder(settings.get("ckpt_path"))
        kwargs |= {"default_root_dir": str(self.folder.path), "num_sanity_val_steps": 0}
        if settings.trainer.logger is None:
            kwargs["logger"] = self._loggers()
        if self.subcommand == "fit":
            kwargs["callbacks"] = [*(self._configured("callbacks") or []), *self._callbacks()]
        return super().instantiate_trainer(**kwargs)

    def _configured(self, key: str) -> Any:
        """What the configuration gives the trainer, instantiated."""
        return self._get(self.config_init, "trainer", default={}).get(key)

    def _folder(self, checkpoint: str | None) -> RunFolder:
        if checkpoint:
            return RunFolder.of_checkpoint(Path(checkpoint))
        return RunFolder.new(self.run_options)

    def _loggers(self) -> list[Logger]:
        os.environ.setdefault("WANDB_MODE", "offline")
        os.environ.setdefault("WANDB_SILENT", "true")
        options, folder = self.run_options, self.folder
        folder.path.mkdir(parents=True, exist_ok=True)
        loggers: list[Logger] = []
        if self.subcommand == "fit":
            _keep_metrics(folder.path / "metrics.csv")
            loggers.append(CSVLogger(folder.path.parent, name="", version=folder.path.name))
        loggers.append(
            WandbLogger(
                project=options.wandb_project,
                name=options.name,
                id=folder.wandb_id(options.name),
                save_dir=folder.path,
                resume="allow",
                tags=options.tags,
                settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
            )
        )
        return loggers

    def _callbacks(self) -> list[Callback]:
        options, watched = self.run_options, self._watched
        checkpoint = ModelCheckpoint(
            dirpath=self.folder.checkpoints,
            filename=Path(BEST).stem,
            monitor=options.monitor if watched else None,
            mode="max",
            save_last=True if watched else None,
            enable_version_counter=False,
        )
        if not watched:
            checkpoint.filename = Path(LAST).stem
            return [checkpoint]
        return [EarlyStopping(options.monitor, mode="max", patience=options.patience), checkpoint]

    @property
    def _watched(self) -> bool:
        """Whether there is a validation part to watch."""
        return not self._settings.data.init_args.get("refit", False)

    def before_fit(self) -> None:
        """Tell W&B what this run is."""
        self._record(best_epoch=None)

    def after_fit(self) -> None:
        """Note how long the fit took and which epoch was the best."""
        checkpoint = self.trainer.checkpoint_callback
        if isinstance(checkpoint, ModelCheckpoint) and Path(checkpoint.best_model_path).is_file():
            best = read_checkpoint(Path(checkpoint.best_model_path))
            self._record(best_epoch=int(best["epoch"]) + 1)

    def _record(self, best_epoch: int | None) -> None:
        """Write what the fit is, and what came out of it, into the W&B run."""
        for logger in self.trainer.loggers:
            if not isinstance(logger, WandbLogger):
                continue
            if best_epoch is None:
                logger.experiment.config.update(self._description(), allow_val_change=True)
            elif not self.folder.is_refit:
                logger.experiment.summary["best_epoch"] = best_epoch

    def _description(self) -> dict[str, Any]:
        settings, data = self._settings, self.datamodule
        cli = settings.clone().as_dict() if hasattr(settings, "clone") else dict(settings)
        model = self.run_options.name.removeprefix(f"{data.source.name}-")
        return {
            "run": self.run_options.name,
            "id": self.folder.id,
            "model": model,
            "dataset": data.source.name,
            "seed": settings.get("seed_everything"),
            "split_sha256": data.split.sha256(),
            "candidates": list(data.item_sets),
            "cli": _plain(cli),
        }


def _plain(value: Any) -> Any:
    """Only what JSON knows."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _keep_metrics(path: Path) -> None:
    """The CSV logger starts its file anew; on resume, keep what the first part of the fit wrote."""
    if path.exists():
        parts = len(list(path.parent.glob("metrics.part*.csv")))
        path.rename(path.with_name(f"metrics.part{parts + 1}.csv"))


def run_lightning(args: list[str], **kwargs: Any) -> GraphRecCLI:
    """Run a subcommand of Lightning, or with ``run=False`` only build model and data."""
    strict = {"exit_on_error": False}
    try:
        return GraphRecCLI(
            RankedTask,
            RecommenderData,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=RecordRun,
            save_config_kwargs={"save_to_log_dir": False},
            seed_everything_default=0,
            parser_kwargs={"prog": "graphrec", **strict, **_per_subcommand(strict)},
            args=args,
            **kwargs,
        )
    finally:
        wandb.finish()


def _per_subcommand(strict: dict[str, Any]) -> dict[str, Any]:
    return {name: dict(strict) for name in ("fit", "validate", "test", "predict")}


def check_split(checkpoint: dict[str, Any], data: RecommenderData) -> None:
    """Raise `InputError` if the data is not what the checkpoint was trained on."""
    record = checkpoint.get("graphrec", {})
    if record.get("split_sha256") not in (None, data.split.sha256()):
        raise InputError(
            "the data is not what this checkpoint was trained on (the split's sha256 differs)",
            file=data.source.file or data.source.name,
            column="--ckpt_path",
            mend="bring the old data and split back, or fit again",
        )


def load_run(checkpoint: Path) -> tuple[RankedTask, RecommenderData]:
    """Rebuild the model and the data of a checkpoint.

    Raises:
        InputError: If the checkpoint cannot be read, or the data is not what it was trained on.
    """
    content = read_checkpoint(checkpoint)
    config = yaml.safe_load(content["graphrec"]["config"])
    for key in ("ckpt_path", "weights_only"):
        config.pop(key, None)
    cli = run_lightning(config, run=False)  # type: ignore[arg-type]
    task, data = cli.model, cli.datamodule
    check_split(content, data)
    task.bind(BipartiteGraph(data.split.train, data.features))
    task.load_state_dict(content["state_dict"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task.eval().to(device)
    return task, data
