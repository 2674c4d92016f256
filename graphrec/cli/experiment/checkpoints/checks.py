"""What can be known to be wrong before the first step of a fit or a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.training.experiment import Experiment

OWN_CONFIG = "leave -c and --model out, the checkpoint brings its own configuration"


def check_split(checkpoint: dict[str, Any], task: Experiment, data: Any) -> None:
    """Raise `InputError` if the data is not what the checkpoint was trained on."""
    record, place = checkpoint.get("graphrec", {}), task.data_place(data)
    if record.get("split_sha256") not in (None, task.data_sha256(data)):
        raise _other_data(place, "the split's sha256 differs")
    weights = record.get("weights_sha256")
    if weights is not None and weights != data.split.train.weights_sha256():
        raise _other_data(place, "the weights of its edges differ")
    tables = record.get("tables_sha256")
    if tables is not None and tables != data.tables.sha256():
        raise _other_data(place, "attributes of its users or items differ")
    features = record.get("features_sha256")
    if features is not None and features != data.features_sha256():
        raise _other_data(place, "attributes, prices, quantities, baskets or times of its features differ")


def check_rows(checkpoint: dict[str, Any], task: Experiment, data: Any) -> None:
    """Raise `InputError` if a model that is fitted again would be fitted to other rows."""
    rows = checkpoint.get("graphrec", {}).get("rows_sha256")
    if rows is not None and rows != data.split.train.rows_sha256(task.rows):
        what = "ratings" if Columns.RATING in task.rows else "weeks"
        raise _other_data(task.data_place(data), f"the number of its purchases or their {what} differ")


def _other_data(place: str | Path, how: str) -> InputError:
    return InputError(
        f"the data is not what this checkpoint was trained on ({how})",
        file=place,
        column="--ckpt_path",
        hint="bring the old data and split back, or fit again",
    )


def check_weights(checkpoint: dict[str, Any], task: Experiment, file: Path) -> None:
    """Raise `InputError` if the configuration builds another model than the checkpoint holds."""
    theirs = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    shapes, again = task.weight_shapes(), task.made_again(theirs)
    if shapes is None:
        return
    ours = {name: shape for name, shape in shapes.items() if not name.startswith(again)}
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if different:
        name = different[0]
        raise InputError(
            f"the checkpoint holds another model: {name} is {_shape(theirs.get(name))} there,"
            f" {_shape(ours.get(name))} in this configuration",
            file=file,
            column="--ckpt_path",
            hint=OWN_CONFIG,
        )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
