"""The LightningCLI behind fit, validate, test and predict, for every task: it asks the task."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import jsonargparse
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

import graphrec.cli.experiment.warnings
import graphrec.coupons.task
import graphrec.models
import graphrec.response.task  # noqa: F401  a class that is imported may be named without its path
from graphrec.cli.config.errors import check_nulls
from graphrec.cli.config.files import values_of
from graphrec.cli.config.locations import Entry, read_entries
from graphrec.cli.config.nulls import check_named, spelled_out
from graphrec.cli.config.tasks import base_class, check_refits, data_class, said, task_class
from graphrec.cli.config.vocabulary import set_policy
from graphrec.cli.experiment.checkpoints.agreement import check_agreement
from graphrec.cli.experiment.checkpoints.checks import check_rows, check_split, check_weights
from graphrec.cli.experiment.checkpoints.config import Basis
from graphrec.cli.experiment.checkpoints.files import with_whole_checkpoints
from graphrec.cli.experiment.checkpoints.keeping import is_done, own_callbacks
from graphrec.cli.experiment.fit_folder import begin_fit, end_fit, folder_of
from graphrec.cli.experiment.option_help import what_may_be_named
from graphrec.cli.experiment.processes import say
from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions, read_checkpoint
from graphrec.cli.experiment.runs.names import check_links
from graphrec.cli.experiment.runs.resuming import warn_if_unfinished
from graphrec.cli.experiment.tracking import loggers
from graphrec.cli.experiment.tracking.description import description
from graphrec.cli.experiment.trainer.display import display
from graphrec.cli.experiment.trainer.optimizers import choose, settle_shared
from graphrec.cli.experiment.trainer.options import (
    WITHOUT_GRADIENTS,
    bound_epochs,
    callbacks_of,
    check_options,
    is_bare,
    keep_counts,
    tell_at_once,
)
from graphrec.cli.experiment.trainer.stopping import stopped_as_told
from graphrec.cli.experiment.trainer.watching import check_fit_watched
from graphrec.cli.terminal import print_summary
from graphrec.cli.trust import HELP, TRUST
from graphrec.coupons.campaigns import CouponData
from graphrec.data import splits
from graphrec.data.interactions import RawData
from graphrec.results import source_of
from graphrec.training.experiment import Experiment, experiment_of
from graphrec.training.trial import is_trial

# a YAML names the function or class that makes these
jsonargparse.set_parsing_settings(subclasses_enabled=[RawData, splits.Splitter, CouponData])
set_policy()
_STRICT = "make the loss of any row of the log an error (short for data.init_args.strict)"


class GraphRecCLI(LightningCLI):
    """LightningCLI with a folder per run, W&B and the callbacks every fit needs.

    The task that the configuration names says what differs between experiments (`training.experiment`).
    """

    folder: RunFolder
    _is_done = False

    def __init__(self, *, args: Any, basis: Basis | None = None, **options: Any) -> None:
        self._args = args if isinstance(args, list) else []
        self._command = self._args[0] if self._args else None
        self._basis = basis
        self._entries = read_entries(self._args)
        self.task_class = task_class(self._entries if isinstance(args, list) else args)
        super().__init__(base_class(self.task_class), data_class(self.task_class), args=args, **options)

    def __deepcopy__(self, memo: dict[int, Any]) -> GraphRecCLI:
        """Give itself: a task holds what made it, and some callbacks copy tasks."""
        return self

    @property
    def _settings(self) -> Any:
        return self.config[self.subcommand] if self.subcommand else self.config

    @property
    def run_options(self) -> RunOptions:
        """The group ``run`` of the configuration."""
        run = self._settings.run
        return RunOptions(**{key: run[key] for key in RunOptions.__dataclass_fields__})

    @property
    def _watched(self) -> bool:
        """Whether there is a validation part to watch."""
        return not self._settings.data.init_args.get("refit", False)

    @property
    def _mode(self) -> Literal["min", "max"]:
        """Whether the least or the greatest value of what is watched is the best."""
        run = self.run_options
        return run.mode or self.experiment.mode_of(run.monitor, self.datamodule)

    @property
    def experiment(self) -> Experiment:
        """Who answers for the task."""
        return experiment_of(self.model)

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Keep the one that is run; to make the parsers of the others takes as long as a small fit."""
        return {name: keys for name, keys in super().subcommands().items() if name == self._command}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the group ``run``, which watches what the task says."""
        parser.add_class_arguments(RunOptions, "run")
        parser.set_defaults({"run.monitor": said(self.task_class, "monitor")})

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        """Leave Lightning's table of all metrics off; ours is printed after a test."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.description = f"{parser.description} {what_may_be_named()}"
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
        if "refit" in own.data.init_args:
            settings.data.init_args.refit = own.data.init_args.refit

    def _parse_ckpt_path(self) -> None:
        """Take nothing from a checkpoint behind our back: Lightning would take its hyperparameters."""

    def before_instantiate_classes(self) -> None:
        """Check what the parser lets pass, and tell the data whether it belongs to a refit."""
        groups = ((group, self._settings[group]) for group in ("run", "trainer"))
        if lists := [group for group, given in groups if not isinstance(given, jsonargparse.Namespace)]:
            raise jsonargparse.ArgumentError(None, f"{lists[0]} is no mapping of keys to values")
        check_named(self._settings)
        check_nulls(self._entries)
        if self.subcommand != "fit" and (checkpoint := self._settings.get("ckpt_path")):
            warn_if_unfinished(Path(checkpoint))
        if self.run_options.refit_of:
            check_refits(self.task_class)
            self._settings.data.init_args.refit = True
        given = {name: entry.plain() for name, entry in self._given_trainer().items()}
        self._counts = keep_counts(self._settings.trainer, given)
        if self.subcommand == "fit":
            bound_epochs(self._settings.trainer, by_gradient=said(self.task_class, "by_gradient"))
            settle_shared(self._settings, self._entries)

    def _given_trainer(self) -> dict[str, Entry]:
        """Read what files and command line say of the trainer."""
        return self._entries.keys["trainer"].keys if "trainer" in self._entries.keys else {}

    def _add_configure_optimizers_method_to_model(self, subcommand: str | None) -> None:
        """Let the task make what ``--optimizer`` and ``--lr_scheduler`` name, once it has weights."""
        if subcommand == "fit":
            optimizer, schedule = (self._get(self.config_init, key) for key in ("optimizer", "lr_scheduler"))
            choose(self.model, optimizer, schedule, self.run_options.monitor)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add folder, loggers and callbacks to what the configuration says."""
        if self.subcommand is None:
            return super().instantiate_trainer(logger=False, enable_checkpointing=False, **kwargs)
        settings, fit = self._settings, self.subcommand == "fit"
        given, trial = settings.get("ckpt_path") or None, bool(settings.trainer.fast_dev_run)
        named, run = self._get(self.config_init, "trainer", default={}), self.run_options
        self.folder = folder_of(run, given, values_of(self._args, "--run.id"), fit=fit, trial=trial)
        check_options(self.subcommand, settings)
        if fit and not self.experiment.by_gradient:
            kwargs |= WITHOUT_GRADIENTS
            if not self.folder.is_refit:
                tell_at_once(self.experiment.model_name, self._given_trainer())
        kwargs |= self._counts | {"default_root_dir": str(self.folder.path)}
        kwargs["num_sanity_val_steps"] = settings.trainer.num_sanity_val_steps or 0
        kwargs["use_distributed_sampler"] = False  # the data module shares the users out, the task the edges
        if settings.trainer.logger is not False and not is_bare(settings.trainer):
            kwargs["logger"] = loggers.make_loggers(run, self.folder, self.subcommand, settings, named)
        if trial:  # it leaves nothing behind
            kwargs["enable_checkpointing"] = False
        elif fit:
            watched = self._watched
            ours = [*display(), *own_callbacks(self.folder.checkpoints, run, self._mode, watched=watched)]
            kwargs["callbacks"] = callbacks_of(named.get("callbacks"), ours, settings.trainer, watched)
        return with_whole_checkpoints(super().instantiate_trainer(**kwargs))

    def _run_subcommand(self, subcommand: str) -> None:
        """Run it; what holds the run's folder lets go of it in the end."""
        with stopped_as_told(self.trainer), ExitStack() as self._holding:
            super()._run_subcommand(subcommand)

    def fit(self, **arguments: Any) -> None:
        """Train, unless the checkpoint to go on with has had all its epochs."""
        if not self._is_done:
            self.trainer.fit(**arguments)

    def before_fit(self) -> None:
        """Build the model, then tell W&B what this run is."""
        self._build()
        if not (self._is_done or self.trainer.fast_dev_run):  # type: ignore[attr-defined]
            watched = (self.run_options.monitor, self._mode if self._watched else None)
            loggers.record_fit(self.folder, self.trainer.loggers, self._description(), *watched)

    def _build(self) -> None:
        """Read and check everything that can be wrong; only then the run's folder appears."""
        checkpoint, task, data = self._settings.get("ckpt_path"), self.experiment, self.datamodule
        content = read_checkpoint(Path(checkpoint)) if checkpoint else None
        task.check_command(str(self.subcommand))
        if content is not None:
            check_split(content, task, data)
        if self.subcommand == "fit" and self._watched:
            task.check_monitor(self.run_options.monitor, data)
            schedule = self._settings.get("lr_scheduler")
            check_fit_watched(self.trainer, self.model, data, schedule, self.run_options.monitor)
        task.check_data(str(self.subcommand), data)
        task.prepare(self.trainer, data, None if content is None else content["state_dict"])
        if content is not None:
            check_weights(content, task, Path(checkpoint))
            check_rows(content, task, data)
        if self.subcommand == "fit" and self._watched:
            task.check_fit(data)
        task.report(data)
        processes = f", {self.trainer.world_size} processes" if self.trainer.world_size > 1 else ""
        say(f"device: {self.trainer.strategy.root_device}{processes}")
        if self.subcommand == "fit" and (holding := task.holding()) is not None:
            say(f"row_sharded: {holding}")
        self._begin(content)

    before_validate = before_test = before_predict = _build

    def _begin(self, content: dict[str, Any] | None) -> None:
        """Make the run's folder, unless this is a trial or nothing is left to train."""
        trainer, options = self.trainer, self.run_options
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        if self.subcommand != "fit":
            check_links(self.folder.path, fit=False)
            loggers.make_folder(self.folder, fit=False)
        elif content is not None and is_done(content, trainer.max_epochs, options.monitor, options.patience):
            self._is_done = True
            self.model.load_state_dict(content["state_dict"])
            say("nothing is left to train: the checkpoint had its last epoch")
        else:
            begin_fit(self.folder, self._holding, resumed=content is not None)

    def after_fit(self) -> None:
        """Finish the run's folder and say what is in it."""
        told = (self.experiment, self.datamodule, self.run_options.monitor)
        end_fit(self.trainer, self.folder, *told, done=self._is_done)

    def _description(self) -> dict[str, Any]:
        return description(self.experiment, self.datamodule, self.run_options, self.folder, self._settings)

    def after_validate(self) -> None:
        """Print the measures."""
        self._print("val")

    def after_test(self) -> None:
        """Print the measures; those of the whole test part are kept, with the checkpoint that they are of."""
        if not is_trial(self.trainer):
            task, data = self.experiment, self.datamodule
            tested = {**source_of(self.trainer.ckpt_path, task.data_sha256(data)), **task.tested(data)}
            loggers.record_test(self.folder, self.trainer.loggers, self._description(), tested)
        elif not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            say("limit_test_batches leaves some of the test part out, so its numbers are shown and not kept")
        self._print("test")

    def _print(self, part: str) -> None:
        if self.trainer.is_global_zero:
            print_summary(self.experiment.summary(part, self.trainer.callback_metrics, self.datamodule))

    def after_predict(self) -> None:
        """Let the task write what was predicted."""
        if self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        if (line := self.experiment.write_predictions(self.trainer.predict_loop.predictions)) is not None:
            print(line)
