"""The LightningCLI behind fit, validate, test and predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import jsonargparse
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser

import graphrec.cli.experiment.warnings
import graphrec.models  # noqa: F401  a class that is imported may be named without its path
from graphrec.cli.config.errors import check_nulls
from graphrec.cli.config.locations import Entry, read_entries
from graphrec.cli.config.nulls import check_named, spelled_out
from graphrec.cli.config.vocabulary import set_policy
from graphrec.cli.experiment.checkpoints.agreement import check_agreement
from graphrec.cli.experiment.checkpoints.checks import (
    check_monitor,
    check_rows,
    check_split,
    check_weights,
    try_measures,
)
from graphrec.cli.experiment.checkpoints.config import Basis
from graphrec.cli.experiment.checkpoints.files import WholeCheckpoints
from graphrec.cli.experiment.folder_cli import FolderCLI
from graphrec.cli.experiment.processes import say
from graphrec.cli.experiment.runs.folder import RunOptions, read_checkpoint
from graphrec.cli.experiment.runs.resuming import warn_if_unfinished
from graphrec.cli.experiment.tracking.loggers import make_loggers, plain, record
from graphrec.cli.experiment.trainer.optimizers import choose, settle_shared
from graphrec.cli.experiment.trainer.options import (
    WITHOUT_GRADIENTS,
    callbacks_of,
    check_any_trainer,
    check_reads,
    check_trainer,
    is_bare,
    keep_counts,
    tell_at_once,
)
from graphrec.cli.frames import ranking_frame
from graphrec.cli.terminal import print_measures
from graphrec.cli.trust import HELP, TRUST
from graphrec.data import splits
from graphrec.data.interactions import RawData
from graphrec.errors import InputError
from graphrec.evaluation.gather import gather_rankings
from graphrec.files import source_of, write_parquet
from graphrec.graph import BipartiteGraph
from graphrec.kernels.shards import node_shard
from graphrec.training import ClosedFormTask

# a YAML names the function or class that makes these two
jsonargparse.set_parsing_settings(subclasses_enabled=[RawData, splits.Splitter])
set_policy()


_STRICT = "make the loss of any row of the log an error (short for data.init_args.strict)"


class GraphRecCLI(FolderCLI):
    """LightningCLI with a folder per run, W&B and the callbacks every fit needs."""

    def __init__(self, *classes: Any, args: Any, basis: Basis | None = None, **options: Any) -> None:
        self._args = args if isinstance(args, list) else []
        self._command = self._args[0] if self._args else None
        self._basis = basis
        super().__init__(*classes, args=args, **options)  # type: ignore[misc]

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Keep the one that is run; to make the parsers of the others takes as long as a small fit."""
        return {name: keys for name, keys in super().subcommands().items() if name == self._command}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the group ``run``."""
        parser.add_class_arguments(RunOptions, "run")

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        """Leave Lightning's table of all metrics off; ours is printed after a test."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.add_argument(TRUST, action="store_true", help=HELP)
        parser.add_argument("--strict", action="store_true", help=_STRICT)
        parser.set_defaults({"trainer.use_distributed_sampler": False})
        if subcommand in ("validate", "test"):
            parser.set_defaults({"verbose": False})
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and refuse what disagrees with the checkpoint that the command line stands on."""
        super().parse_arguments(parser, spelled_out(args) if isinstance(args, list) else args)
        if self._command is None:
            return
        settings, basis = self.config[self._command], self._basis
        settings.pop(TRUST.lstrip("-"), None)  # said on the command line, kept nowhere
        if settings.pop("strict", False):  # a YAML may say it as short as the command line
            settings.data.init_args.strict = True
        if basis is None or basis.file is None:
            return
        settings.weights_only = True
        if not basis.is_changed:
            return
        own = parser.parse_args([self._command, "--config", str(basis.file)])[self._command]
        check_agreement(basis, own.as_dict(), settings.as_dict())
        settings.run.name = own.run.name
        settings.data.init_args.refit = own.data.init_args.get("refit", False)

    def _parse_ckpt_path(self) -> None:
        """Take nothing from a checkpoint behind our back: Lightning would take its hyperparameters."""

    def before_instantiate_classes(self) -> None:
        """Tell the data whether it belongs to a refit."""
        for group in ("run", "trainer"):
            if not isinstance(self._settings[group], jsonargparse.Namespace):  # the parser lets a list pass
                raise jsonargparse.ArgumentError(None, f"{group} is no mapping of keys to values")
        check_named(self._settings)
        check_nulls(read_entries(self._args))
        checkpoint = self._settings.get("ckpt_path")
        if checkpoint and self.subcommand != "fit":
            warn_if_unfinished(Path(checkpoint))
        if self.run_options.refit_of:
            self._settings.data.init_args.refit = True
        plain = {name: entry.plain() for name, entry in self._given_trainer().items()}
        self._counts = keep_counts(self._settings.trainer, plain)
        if self.subcommand == "fit":
            settle_shared(self._settings, read_entries(self._args))

    def _given_trainer(self) -> dict[str, Entry]:
        """Read what files and command line say of the trainer."""
        given = read_entries(self._args).keys
        return given["trainer"].keys if "trainer" in given else {}

    def _add_configure_optimizers_method_to_model(self, subcommand: str | None) -> None:
        """Let the task make what ``--optimizer`` and ``--lr_scheduler`` name, once it has weights."""
        if subcommand == "fit":
            optimizer, schedule = (self._get(self.config_init, key) for key in ("optimizer", "lr_scheduler"))
            choose(self.model, optimizer, schedule, self.run_options.monitor)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add folder, loggers and callbacks to what the configuration says."""
        if self.subcommand is None:
            return super().instantiate_trainer(logger=False, enable_checkpointing=False, **kwargs)
        settings = self._settings
        self.folder = self._folder(settings.get("ckpt_path"), bool(settings.trainer.fast_dev_run))
        check_any_trainer(settings.trainer)
        check_reads(self.subcommand, settings.trainer)
        if self.subcommand == "fit":
            check_trainer(settings.trainer)
            if isinstance(self.model, ClosedFormTask):
                kwargs |= WITHOUT_GRADIENTS
                if not self.folder.is_refit:
                    tell_at_once(type(self.model.closed_form).__name__, self._given_trainer())
        if settings.get("return_predictions") is False:
            what, hint = "predict writes its lists and returns none", "leave it out"
            raise InputError(what, column="--return_predictions", hint=hint)
        kwargs |= self._counts | {"default_root_dir": str(self.folder.path)}
        kwargs["num_sanity_val_steps"] = settings.trainer.num_sanity_val_steps or 0
        kwargs["use_distributed_sampler"] = False  # the data module shares the users out, the task the edges
        if settings.trainer.logger in (None, True) and not is_bare(settings.trainer):
            kwargs["logger"] = make_loggers(self.run_options, self.folder, self.subcommand == "fit")
        if settings.trainer.fast_dev_run:  # a trial leaves nothing behind
            kwargs["enable_checkpointing"] = False
        elif self.subcommand == "fit":
            given = self._configured("callbacks")
            kwargs["callbacks"] = callbacks_of(given, self._callbacks(), settings.trainer, self._watched)
        trainer = super().instantiate_trainer(**kwargs)
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # else the user has one of their own
            trainer.strategy.checkpoint_io = WholeCheckpoints()
        return trainer

    def _configured(self, key: str) -> Any:
        """Take what the configuration gives the trainer, instantiated."""
        return self._get(self.config_init, "trainer", default={}).get(key)

    def before_fit(self) -> None:
        """Build the model, then tell W&B what this run is."""
        self._build()
        if not self._is_done:
            record(self.trainer.loggers, self._description(), {})

    def _build(self) -> None:
        """Read and check everything that can be wrong; only then the run's folder appears."""
        checkpoint = self._settings.get("ckpt_path")
        content = read_checkpoint(Path(checkpoint)) if checkpoint else None
        if content is not None:
            check_split(content, self.datamodule)
        if self.subcommand == "fit" and self._watched:
            check_monitor(self.run_options.monitor, self.datamodule)
            self._check_watched()
        if self.subcommand in ("validate", "test"):
            part: Literal["test", "validation"] = "test" if self.subcommand == "test" else "validation"
            self.datamodule.check_part(part)
            self.datamodule.check_to_find(part, self.datamodule.item_sets)
        with self.trainer.init_module():
            train, shard = self.datamodule.split.train, node_shard(self.trainer)
            graph = BipartiteGraph(train, self.datamodule.features, shard)
            self.model.bind(graph, None if content is None else content["state_dict"])
        if content is not None:
            check_weights(content, self.model, Path(checkpoint))
            check_rows(content, self.datamodule)
        if self.subcommand == "fit" and self._watched:
            try_measures(self.datamodule, graph)
        self.datamodule.report()
        processes = f", {self.trainer.world_size} processes" if self.trainer.world_size > 1 else ""
        say(f"device: {self.trainer.strategy.root_device}{processes}")
        if shard is not None and self.subcommand == "fit":
            say(f"row_sharded: {self.model.holding()}")
        self._begin(content)

    before_validate = before_test = before_predict = _build

    def after_validate(self) -> None:
        """Print the measures of each item set."""
        if self.trainer.is_global_zero:
            print_measures("val", self.trainer.callback_metrics, self.datamodule)

    def after_test(self) -> None:
        """Print the measures of each item set with their intervals."""
        self._record_tested()
        if self.trainer.is_global_zero:
            print_measures("test", self.trainer.callback_metrics, self.datamodule)

    def after_predict(self) -> None:
        """Write the best items of every user into the run's folder."""
        loop, split = self.trainer.predict_loop, self.datamodule.split
        if self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        rankings = gather_rankings(loop.predictions)
        if not self.trainer.is_global_zero:
            return
        frame = ranking_frame(rankings, split.users, split.items)
        frame.attrs = source_of(self.trainer.ckpt_path, split.sha256())
        path = write_parquet(frame, self.folder.path / "recommendations.parquet")
        print(f"{len(frame):,} recommendations for {frame['user_id'].nunique():,} users: {path}")

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
            "cli": plain(cli),
        }
