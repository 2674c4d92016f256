"""Checkpoints on disk: each is whole or not there, wherever temporary files of other programs live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import Trainer

from graphrec.files import write_atomically


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the checkpoint and renames.

    Lightning's own writes to TMPDIR and moves from there, which is a copy where that is another disk: a fit
    that is killed meanwhile leaves half a checkpoint, with nothing of the one before.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint.

        Args:
            checkpoint: What Lightning gathered.
            path: Where to.
            storage_options: Not used.

        Raises:
            InputError: If it cannot be written, for example as the disk is full.
        """
        save(checkpoint, path)


def with_whole_checkpoints(trainer: Trainer) -> Trainer:
    """Let a trainer write its checkpoints so, unless the user gave it a way of their own."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeCheckpoints()
    return trainer


def save(checkpoint: dict[str, Any], path: str | Path) -> Path:
    """Write a checkpoint, whole or not at all."""

    def write(temporary: Path) -> None:
        # by a handle of Python's, whose errors tell that the disk is full
        with temporary.open("wb") as file:
            torch.save(checkpoint, file)

    return write_atomically(path, write)
