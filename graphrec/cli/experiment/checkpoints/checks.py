"""What can be known to be wrong before the first step of a fit or a test."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphrec.data.interactions import Columns
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.evaluation.measures import of_kind, own_measures
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.models.base import ClosedForm
from graphrec.training import RankedTask

ROWS = (Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK)
"""What a graph knows of the rows of the training part."""
_TRIED = 8
"""Users for whom a measure is tried; an epoch may take an hour."""
OWN_CONFIG = "leave -c and --model out, the checkpoint brings its own configuration"


def fingerprints(task: Any, data: Any, held: Iterable[str]) -> dict[str, str]:
    """Collect what a checkpoint keeps of the data that its model depends on.

    Args:
        task: The fitted model.
        data: Its data module; the features' fingerprint is that of `RecommenderData`.
        held: Names of the weights in the checkpoint. A closed form without any is fitted again where it is
            loaded, to all rows of the training part.
    """
    found = {"split_sha256": data.split.sha256()}
    if isinstance(data, RecommenderData):
        if (features := data.features_sha256()) is not None:
            found["features_sha256"] = features
        if _fitted_again(task, held):
            found["rows_sha256"] = data.split.train.rows_sha256(ROWS)
    return found


def check_split(checkpoint: dict[str, Any], data: Any) -> None:
    """Raise `InputError` if the data is not what the checkpoint was trained on."""
    record = checkpoint.get("graphrec", {})
    if record.get("split_sha256") not in (None, data.split.sha256()):
        raise _other_data(data, "the split's sha256 differs")
    features = record.get("features_sha256")
    if features is not None and features != data.features_sha256():
        raise _other_data(data, "attributes, prices, quantities, baskets or times of its features differ")


def check_rows(checkpoint: dict[str, Any], data: RecommenderData) -> None:
    """Raise `InputError` if a model that is fitted again would be fitted to other rows."""
    rows = checkpoint.get("graphrec", {}).get("rows_sha256")
    if rows is not None and rows != data.split.train.rows_sha256(ROWS):
        raise _other_data(data, "the number of its purchases or their weeks differ")


def _other_data(data: Any, how: str) -> InputError:
    return InputError(
        f"the data is not what this checkpoint was trained on ({how})",
        file=data.source.file or data.source.name,
        column="--ckpt_path",
        hint="bring the old data and split back, or fit again",
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
            hint=OWN_CONFIG,
        )


def _fitted_again(task: Any, held: Iterable[str]) -> tuple[str, ...]:
    """Find where closed-form models stand of which a checkpoint holds nothing: too large, or an older one."""
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
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names[:4])} and so on"
        raise InputError(f"no metric is called '{monitor}'", column="run.monitor", hint=hint)
    watched = next((items for items in data.item_sets if monitor.endswith(f"_{items}")), data.item_sets[0])
    data.check_to_find("validation", [watched])


def try_measures(data: RecommenderData, graph: BipartiteGraph) -> None:
    """Raise `InputError` if a user's own measure has no number for users to whom all items are alike."""
    own = own_measures(data.measures)
    if not own:
        return
    pairs, device = data.split.val.pairs(), graph.edge_item.device
    evaluator = RankingEvaluator(graph, truth_lists(pairs, graph), data.cutoffs, data.item_sets, own)
    users = torch.from_numpy(np.unique(pairs[:, 0])[:_TRIED]).to(device)
    evaluator.update(users, torch.zeros(len(users), graph.num_items, device=device))
    evaluator.compute()


def known_metrics(data: RecommenderData) -> Mapping[str, bool | None]:
    """List the names of all that a fit logs, with whether larger is better.

    Raises:
        InputError: If the data names a measure that is none.
    """
    measures = [*of_kind("user", "catalogue"), *own_measures(data.measures)]
    first = {f"val_{one.name}_{k}": one.higher_is_better for one in measures for k in data.cutoffs}
    of_sets = {f"{name}_{items}": better for name, better in first.items() for items in data.item_sets}
    return {**first, **of_sets, "train_loss": False}


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
