"""Whether a test reads only some of its batches, so that its numbers are not those of the run."""

from __future__ import annotations

from pytorch_lightning import Trainer


def is_trial(trainer: Trainer) -> bool:
    """Tell whether a trainer's test leaves users out, by ``limit_test_batches`` or ``fast_dev_run``."""
    if trainer.fast_dev_run:  # type: ignore[attr-defined]
        return True
    loader = trainer.test_dataloaders
    return loader is not None and sum(trainer.num_test_batches) < len(loader)
