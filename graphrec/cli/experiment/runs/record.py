"""What a fit writes about itself into its folder and its checkpoints."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback

from graphrec.cli.experiment.runs.folder import RunFolder
from graphrec.cli.experiment.runs.made_by import as_comment, made_by
from graphrec.cli.experiment.tracking.artifacts import record_artifacts
from graphrec.cli.experiment.tracking.shown_files import keep_shown
from graphrec.cli.experiment.tracking.tables import record_shown
from graphrec.data.ledger import without_rows
from graphrec.evaluation.finite import check_weights_finite
from graphrec.files import write_text
from graphrec.training.experiment import experiment_of
from graphrec.training.shown import Shown

_NO_TEXT = "Unable to serialize instance"
"""How jsonargparse writes a default that is an object, such as the device of Lightning's SWA."""


class RecordRun(SaveConfigCallback):
    """Writes the configuration into the run's folder, its checkpoints and its W&B run."""

    _data: dict[str, str] | None = None

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the file of a fit; a test leaves the fit's file alone. Called in one process only."""
        if stage == "fit" and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            write_text(Path(trainer.default_root_dir) / "config.yaml", self.text)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep in the run's folder what became of the rows, and tell W&B without their values."""
        lost = experiment_of(pl_module).cleaning(trainer.datamodule)  # type: ignore[attr-defined]
        if lost is None:
            return
        if trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            write_text(RunFolder(Path(trainer.default_root_dir)).cleaning, lost.to_csv(index=False))
        record_shown(trainer.loggers, {"cleaning": Shown(without_rows(lost))})

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what people look at after a test, and show it to W&B."""
        shown = experiment_of(pl_module).shown
        keep_shown(Path(trainer.default_root_dir), shown)
        record_shown(trainer.loggers, shown)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give W&B checkpoint and data card, if that was asked for."""
        if self.config.run.wandb_artifacts:
            folder, name = RunFolder(Path(trainer.default_root_dir)), self.config.run.name
            data = trainer.datamodule  # type: ignore[attr-defined]
            record_artifacts(trainer.loggers, folder, name, experiment_of(pl_module), data)

    @cached_property
    def text(self) -> str:
        """The configuration as YAML; it takes jsonargparse a fifth of a second to write it."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=rf"\s*{_NO_TEXT}")
            text: str = self.parser.dump(self.config, skip_none=False)
        if _NO_TEXT in text:
            text = yaml.safe_dump(_without_defaults(yaml.safe_load(text)), sort_keys=False)
        return f"{as_comment()}\n{text}"

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Make the checkpoint tell how to rebuild its model and data.

        Raises:
            InputError: If a weight is no number; the file is then left as it was.
        """
        state, when = checkpoint["state_dict"], f"in epoch {trainer.current_epoch + 1}"
        learned = {name for name, _ in pl_module.named_parameters()} & state.keys()
        check_weights_finite(((name, state[name]) for name in sorted(learned)), when)
        if self._data is None:
            data = trainer.datamodule  # type: ignore[attr-defined]
            self._data = experiment_of(pl_module).fingerprints(data, state)
        checkpoint["graphrec"] = {"config": self.text, "made_by": made_by(), **self._data}


def _without_defaults(value: Any) -> Any:
    """Drop the defaults of a configuration that have no text: left out, they are taken again."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not str(item).startswith(_NO_TEXT)}
        return {key: _without_defaults(item) for key, item in kept.items()}
    return [_without_defaults(item) for item in value] if isinstance(value, list) else value
