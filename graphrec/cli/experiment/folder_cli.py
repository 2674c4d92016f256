"""The run's folder as the command line sees it: who writes there, what is kept, when it is whole."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning.callbacks import Callback
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.utilities.exceptions import SIGTERMException

from graphrec.cli.config.files import values_of
from graphrec.cli.experiment.checkpoints.checks import known_metrics
from graphrec.cli.experiment.checkpoints.keeping import RunCheckpoint, RunStopping, is_done
from graphrec.cli.experiment.fit_folder import begin_fit, finish_fit
from graphrec.cli.experiment.processes import say
from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder, RunOptions, read_checkpoint
from graphrec.cli.experiment.runs.names import check_links
from graphrec.cli.experiment.runs.resuming import check_new, check_same
from graphrec.cli.experiment.tracking.loggers import make_folder, record
from graphrec.cli.experiment.trainer.watching import Watcher, check_watched
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.evaluation.measures import told
from graphrec.files import source_of
from graphrec.training.trial import is_trial

_LONGER = (
    "give it more epochs, steps or time, or validate sooner by --trainer.val_check_interval and"
    " --trainer.check_val_every_n_epoch"
)
STOPPED = 128 + 15
"""Exit code after SIGTERM, as a shell gives it to a command that SIGTERM ended."""


class FolderCLI(LightningCLI):
    """LightningCLI with a folder per run."""

    folder: RunFolder
    _args: list[str]
    _is_done = False

    def __deepcopy__(self, memo: dict[int, Any]) -> FolderCLI:
        """Return itself: a task holds what made it, so the copies that some callbacks make come by here."""
        return self

    @property
    def _settings(self) -> Any:
        return self.config[self.subcommand] if self.subcommand else self.config

    @property
    def run_options(self) -> RunOptions:
        """The group ``run`` of the configuration."""
        run = self._settings.run
        return RunOptions(**{key: run[key] for key in RunOptions.__dataclass_fields__})

    def _folder(self, checkpoint: str | None, trial: bool) -> RunFolder:
        """Find the run that the command belongs to; a fit refuses to write over another one."""
        if checkpoint:
            folder = RunFolder.of_checkpoint(Path(checkpoint))
            if folder.path != Path(checkpoint).absolute().parent.parent and not folder.is_one:
                say(f"this checkpoint stands alone; what is written goes to {folder.path}")
            if self.subcommand == "fit":
                check_same(folder, values_of(self._args, "--run.id"))
            return folder
        folder = RunFolder.new(self.run_options)
        if self.subcommand == "fit" and not folder.is_refit and not trial:
            check_new(folder)
        return folder

    def _callbacks(self) -> list[Callback]:
        """Keep two files: Lightning's own ``save_last`` keeps quiet about an epoch that is not the best."""
        options = self.run_options
        if not self._watched:
            return [self._keep(LAST, None)]
        stop = RunStopping(options.monitor, mode=self._mode, patience=options.patience, strict=False)
        return [stop, self._keep(BEST, options.monitor), self._keep(LAST, None)]

    def _keep(self, file: str, monitor: str | None) -> RunCheckpoint:
        return RunCheckpoint(
            dirpath=self.folder.checkpoints,
            filename=Path(file).stem,
            monitor=monitor,
            mode=self._mode if monitor else "min",
            enable_version_counter=False,
        )

    @property
    def _known(self) -> Mapping[str, bool | None]:
        """The names of all that a fit logs, with whether larger is better."""
        return known_metrics(self.datamodule)

    @property
    def _mode(self) -> Literal["max", "min"]:
        """Whether what the run watches is better the larger or the smaller."""
        return "min" if self._known.get(self.run_options.monitor) is False else "max"

    @property
    def _watched(self) -> bool:
        """Whether there is a validation part to watch."""
        return not self._settings.data.init_args.get("refit", False)

    def _check_watched(self) -> None:
        """Refuse callbacks and schedules that watch what nothing logs; a user's own task may log anything."""
        if type(self.model).__module__.startswith("graphrec."):
            schedule = self._settings.get("lr_scheduler")
            named = [] if schedule is None else [Watcher.of(schedule, self.run_options.monitor)]
            check_watched([*self.trainer.callbacks, *named], self._known)  # type: ignore[attr-defined]

    def _run_subcommand(self, subcommand: str) -> None:
        """Run it; what holds the run's folder lets go of it in the end.

        Raises:
            SystemExit: With code 143 after SIGTERM, so that ``fit && test`` does not go on.
            KeyboardInterrupt: After Ctrl-C, which Lightning ends with code 1 and ignores from then on.
        """
        interrupt = signal.getsignal(signal.SIGINT)
        with ExitStack() as self._holding:
            try:
                super()._run_subcommand(subcommand)
            except SIGTERMException:
                raise SystemExit(STOPPED) from None
            except SystemExit:
                if not self.trainer.interrupted:
                    raise
                signal.signal(signal.SIGINT, interrupt)
                raise KeyboardInterrupt from None
        if self.trainer.received_sigterm:
            raise SystemExit(STOPPED)

    def fit(self, **arguments: Any) -> None:
        """Train, unless the checkpoint to go on with has had all its epochs."""
        if not self._is_done:
            self.trainer.fit(**arguments)

    def _begin(self, content: dict[str, Any] | None) -> None:
        """Make the run's folder, unless this is a trial or nothing is left to train."""
        trainer, options = self.trainer, self.run_options
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        if self.subcommand != "fit":
            check_links(self.folder.path, fit=False)
            make_folder(self.folder, fit=False)
        elif content is not None and is_done(content, trainer.max_epochs, options.monitor, options.patience):
            self._is_done = True
            self.model.load_state_dict(content["state_dict"])
            say("nothing is left to train: the checkpoint had its last epoch")
        else:
            begin_fit(self.folder, self._holding, resumed=content is not None)

    def after_fit(self) -> None:
        """Note which epoch was the best and how long it took, mark the run as whole, and say where it is."""
        if not self.trainer.is_global_zero or self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        own = [one for one in self.trainer.checkpoint_callbacks if isinstance(one, RunCheckpoint)]
        path = Path(own[0].best_model_path) if own else Path()
        if own and not (path.is_file() or self._is_done or self.trainer.received_sigterm):
            raise InputError("the fit ended before its first validation", file=self.folder.path, hint=_LONGER)
        if path.is_file() and not self.folder.is_refit:
            epoch = int(read_checkpoint(path)["epoch"]) + 1
            record(self.trainer.loggers, {}, {"best_epoch": epoch, "fit_seconds": self.model.fit_seconds})
        finish_fit(self.folder, self.datamodule.split.sha256())
        print(f"run: {self.folder.path}")

    def _record_tested(self) -> None:
        """Note in the W&B run which checkpoint its test is of, unless it read some of the users only."""
        if not is_trial(self.trainer):
            data = self.datamodule
            tested = {**source_of(self.trainer.ckpt_path, data.split.sha256()), "step": self.folder.step}
            tested |= told(data.measures) if isinstance(data, RecommenderData) else {}
            record(self.trainer.loggers, {"tested": tested}, {})
        elif not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            say("limit_test_batches leaves some of the test part out, so its numbers are shown and not kept")
