"""An exported model as a service asks it."""

from __future__ import annotations

from pathlib import Path

import torch

from graphrec.cli.experiment.exports import load_export
from graphrec.cli.start_up import give_back_freed_memory
from graphrec.serving.live.model import LiveModel


def load_live(path: Path, trusted: bool = False) -> LiveModel:
    """Rebuild the model of an export on the CPU, where one row of scores is there sooner, and warm it up.

    Args:
        path: The zip file or folder.
        trusted: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If it is damaged, or names code that it may not.
    """
    task, data = load_export(path, trusted)
    live = LiveModel(task.to(torch.device("cpu")).recommender, data)
    live.warm()
    data.let_go()
    give_back_freed_memory()
    return live
