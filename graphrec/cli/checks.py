"""What can be known to be wrong before the first step of a fit or a test."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.evaluation.ranking import MEASURES
from graphrec.models.base import ClosedForm
from graphrec.training import RankedTask

OWN_CONFIG = "leave -c and --model out, the checkpoint brings its own configuration"


def check_split(checkpoint: dict[str, Any], data: RecommenderData) -> None:
    """Raise `InputError` if the data is not what the checkpoint was trained on."""
    record = checkpoint.get("graphrec", {})
    if record.get("split_sha256") not in (None, data.split.sha256()):
        raise InputError(
            "the data is not what this checkpoint was trained on (the split's sha256 differs)",
            file=data.source.file or data.source.name,
            column="--ckpt_path",
            mend="bring the old data and split back, or fit again",
        )


def check_weights(checkpoint: dict[str, Any], task: RankedTask, file: Path) -> None:
    """Raise `InputError` if the configuration builds another model than the checkpoint holds."""
    theirs = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    again = _fitted_again(task, theirs)
    ours = {name: shape for name, shape in task.weight_shapes().items() if not name.startswith(again)}
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if different:
        name = different[0]
        raise InputError(
            f"the checkpoint holds another model: {name} is {_shape(theirs.get(name))} there,"
            f" {_shape(ours.get(name))} in this configuration",
            file=file,
            column="--ckpt_path",
            mend=OWN_CONFIG,
        )


def _fitted_again(task: RankedTask, held: Iterable[str]) -> tuple[str, ...]:
    """Where the closed-form models stand of which a checkpoint holds nothing: too large, or an older one."""
    names = list(held)
    places = (
        f"{place}."
        for place, module in task.named_modules(remove_duplicate=False)
        if isinstance(module, ClosedForm)
    )
    return tuple(place for place in places if not any(name.startswith(place) for name in names))


def check_monitor(monitor: str, data: RecommenderData) -> None:
    """Raise `InputError` if there is nothing to validate on, or the watched metric will not exist."""
    data.check_part("validation")
    names = [name for name in known_metrics(data) if name.startswith("val_")]
    if monitor not in names:
        close = difflib.get_close_matches(monitor, names, n=1)
        mend = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names[:4])} and so on"
        raise InputError(f"no metric is called '{monitor}'", column="run.monitor", mend=mend)


def known_metrics(data: RecommenderData) -> list[str]:
    """The names of all that a fit logs."""
    names = [f"val_{measure}_{k}" for measure in MEASURES for k in data.cutoffs]
    return [*names, *(f"{name}_{items}" for name in names for items in data.item_sets), "train_loss"]


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
