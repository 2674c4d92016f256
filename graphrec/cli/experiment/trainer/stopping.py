"""How a command ends that was told to stop: with the exit codes that a shell knows."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from pytorch_lightning import Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

STOPPED = 128 + 15
"""Exit code after SIGTERM, as a shell gives it to a command that SIGTERM ended."""


@contextmanager
def stopped_as_told(trainer: Trainer) -> Iterator[None]:
    """Run a command of Lightning.

    Args:
        trainer: What runs it.

    Raises:
        SystemExit: With code 143 after SIGTERM, so that ``fit && test`` does not go on.
        KeyboardInterrupt: After Ctrl-C, which Lightning ends with code 1 and ignores from then on.
    """
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SIGTERMException:
        raise SystemExit(STOPPED) from None
    except SystemExit:
        if not trainer.interrupted:
            raise
        signal.signal(signal.SIGINT, interrupt)
        raise KeyboardInterrupt from None
    if trainer.received_sigterm:
        raise SystemExit(STOPPED)
