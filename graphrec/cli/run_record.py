"""What a fit writes about itself into its folder and its checkpoints."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback

from graphrec.cli.checks import fingerprints
from graphrec.evaluation.finite import check_weights_finite
from graphrec.files import write_text


class RecordRun(SaveConfigCallback):
    """Writes the configuration into the run's folder, its checkpoints and its W&B run."""

    _data: dict[str, str] | None = None

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the file of a fit; a test leaves the fit's file alone. Called in one process only."""
        if stage == "fit" and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            write_text(Path(trainer.default_root_dir) / "config.yaml", self.text)

    @cached_property
    def text(self) -> str:
        """The configuration as YAML; it takes jsonargparse a fifth of a second to write it."""
        text: str = self.parser.dump(self.config, skip_none=False)
        return text

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
            self._data = fingerprints(pl_module, trainer.datamodule, state)  # type: ignore[attr-defined]
        checkpoint["graphrec"] = {"config": self.text, **self._data}
