"""What can be known to be wrong before the first step of a fit or a test."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.evaluation.ranking import MEASURES
from graphrec.training import RankedTask


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
    ours = task.weight_shapes()
    theirs = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if different:
        name = different[0]
        raise InputError(
            f"the checkpoint holds another model: {name} is {_shape(theirs.get(name))} there,"
            f" {_shape(ours.get(name))} in this configuration",
            file=file,
            column="--ckpt_path",
            mend="leave -c and --model out, the checkpoint brings its own configuration",
        )


def check_monitor(monitor: str, data: RecommenderData) -> None:
    """Raise `InputError` if there is nothing to validate on, or the watched metric will not exist."""
    if not len(data.split.val):
        raise InputError(
            "the validation part of the split is empty, so no epoch can be chosen",
            file=data.source.file or data.source.name,
            column="split",
            mend="check the split's bounds against `graphrec data describe`",
        )
    names = [f"val_{measure}_{k}" for measure in MEASURES for k in data.cutoffs]
    names += [f"{name}_{items}" for name in names for items in data.item_sets]
    if monitor not in names:
        close = difflib.get_close_matches(monitor, names, n=1)
        mend = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names[:4])} and so on"
        raise InputError(f"no metric is called '{monitor}'", column="run.monitor", mend=mend)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
