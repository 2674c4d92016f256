"""What watches a fit: when it stops, and which checkpoints it keeps.

Their names are not Lightning's. Otherwise a YAML could no longer name those of Lightning in short, and a
checkpoint would take the states of both for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning import callbacks

from graphrec.cli.experiment.plateau import ROUNDS, RunStopping
from graphrec.cli.experiment.runs.folder import BEST, LAST, RunOptions


class RunCheckpoint(callbacks.ModelCheckpoint):
    """Keeps one file; a resumed fit knows its best score also where its folder has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best score, and the paths as they are now."""
        here = Path(self.dirpath or "")

        def moved(path: str) -> str:
            return str(here / Path(path).name) if path else path

        state = {key: moved(value) if key.endswith("_path") else value for key, value in state_dict.items()}
        best = {moved(path): score for path, score in state_dict.get("best_k_models", {}).items()}
        super().load_state_dict({**state, "dirpath": self.dirpath, "best_k_models": best})


def own_callbacks(
    folder: Path, options: RunOptions, mode: Literal["min", "max"], *, watched: bool
) -> list[callbacks.Callback]:
    """Make what stops a fit and keeps its best and its last checkpoint.

    Two files: Lightning's own ``save_last`` keeps quiet about an epoch that is not the best.

    Args:
        folder: Of the checkpoints.
        options: What is watched, and for how many epochs.
        mode: Whether the least or the greatest value of it is the best.
        watched: Whether there is a validation part to watch.
    """
    last = _keep(folder, LAST, None, "min")
    if not watched:
        return [last]
    of_training = options.monitor.startswith("train_") or None  # Lightning decides where it is of validation
    stop = RunStopping(
        options.monitor,
        mode=mode,
        patience=options.patience,
        rounds=ROUNDS if options.patience == RunOptions.patience else 0,
        strict=False,
        check_on_train_epoch_end=of_training,
    )
    return [stop, _keep(folder, BEST, options.monitor, mode, of_training), last]


def _keep(
    folder: Path, file: str, monitor: str | None, mode: str, of_training: bool | None = None
) -> RunCheckpoint:
    return RunCheckpoint(
        dirpath=folder,
        filename=Path(file).stem,
        monitor=monitor,
        mode=mode,
        enable_version_counter=False,
        save_on_train_epoch_end=of_training,
    )


def is_done(content: Mapping[str, Any], max_epochs: int | None, monitor: str, patience: int) -> bool:
    """Tell whether a fit that goes on with a checkpoint would have nothing left to train.

    Args:
        content: The checkpoint.
        max_epochs: Epochs of the whole fit; −1 or None for no bound.
        monitor: What the run watches.
        patience: Epochs without a better value after which it stops.
    """
    if max_epochs is not None and 0 <= max_epochs <= int(content["epoch"]) + 1:
        return True
    for name, state in content.get("callbacks", {}).items():
        if (
            name.startswith(("EarlyStopping", "RunStopping"))
            and state["stopped_epoch"] == content["epoch"] > 0
        ):
            own = f"'{monitor}'" in name
            if state["wait_count"] >= (patience if own else state["patience"]):
                return True
    return False
