"""What an export holds of a fitted model: weights, ids, history, features, attributes; no row of prices."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor

from graphrec.arrays import AnyArray
from graphrec.data.features.build import Features
from graphrec.data.features.stored import dump_features
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.module import RecommenderData

CONFIG, WEIGHTS, FEATURES = "config.json", "weights.safetensors", "features.safetensors"
HISTORY, EDGE_WEIGHTS = "history.parquet", "edge_weights.parquet"
ENCODERS = "features.skops"
"""What encodes users and items to come, in scikit-learn's own safe format."""
USERS, ITEMS = "users.parquet", "items.parquet"
USER_TABLE, ITEM_TABLE = "user_attributes.parquet", "item_attributes.parquet"
ABOUT = "about"
"""Key of the features' metadata."""


def packed(
    config: Mapping[str, Any],
    state: Mapping[str, Tensor],
    data: RecommenderData,
    rows: Iterable[str] = (),
) -> dict[str, bytes]:
    """Write the parts of an export.

    Args:
        config: Of model and data, without the log.
        state: Weights of the model.
        data: What it was fitted to.
        rows: What the model knows of the rows of training.

    Returns:
        Name → content.
    """
    split = data.split
    parts = {
        CONFIG: _json(dict(config)),
        WEIGHTS: save({name: value.detach().cpu().contiguous().clone() for name, value in state.items()}),
        USERS: _parquet(_ids(Columns.USER, split.users.ids)),
        ITEMS: _parquet(_ids(Columns.ITEM, split.items.ids)),
        HISTORY: _parquet(history_of(split.train, rows)),
    }
    for name, table in ((USER_TABLE, data.source.users), (ITEM_TABLE, data.source.items)):
        if table is not None:
            parts[name] = _parquet(table)
    if split.train.edge_weight is not None:
        parts[EDGE_WEIGHTS] = _parquet(pd.DataFrame({"weight": split.train.edge_weight}))
    if (features := data.features) is not None:
        parts[FEATURES] = _of_features(features)
        if features.fitted is not None:
            parts[ENCODERS] = dump_features(features.fitted)
    return parts


def history_of(train: Interactions, rows: Iterable[str] = ()) -> pd.DataFrame:
    """Take what a graph knows of the training rows: pairs in codes, with weeks and the last time of each.

    Where there are weeks, a pair stands once in each, as in `BipartiteGraph`. Else each row stays, for their
    number counts, and so it does where the model knows a rating of each. Prices, quantities and baskets stay
    behind.

    Args:
        train: The training part.
        rows: What the model knows of its rows.
    """
    frame = train.frame
    keys = [Columns.USER_CODE, Columns.ITEM_CODE]
    keys += [name for name in (Columns.WEEK, Columns.TARGET) if name in frame]
    times = [name for name in (Columns.TIMESTAMP, Columns.ORDER) if name in frame]
    rated = [name for name in rows if name in frame and name in (Columns.RATING, Columns.RATING_MISSING)]
    if rated or Columns.WEEK not in frame:
        return frame[[*keys, *times, *rated]].reset_index(drop=True)
    if not times:
        return frame[keys].drop_duplicates().reset_index(drop=True)
    return frame.groupby(keys, sort=False, dropna=False, as_index=False)[times].max()


def _of_features(features: Features) -> bytes:
    """Write both tables, and whether columns lie together: a product rounds by it."""
    tables, names = {"user": features.user, "item": features.item}, vars(features)
    turned = [side for side, table in tables.items() if not table.flags.c_contiguous]
    kept = {
        side: np.ascontiguousarray(table.T if side in turned else table) for side, table in tables.items()
    }
    about = {key: names[key] for key in ("user_names", "item_names", "dropped")}
    tensors = {side: torch.from_numpy(table) for side, table in kept.items()}
    return save(tensors, {ABOUT: json.dumps({**about, "turned": turned})})


def _ids(column: str, ids: AnyArray) -> pd.DataFrame:
    return pd.DataFrame({column: ids})


def _parquet(frame: pd.DataFrame) -> bytes:
    """Write a table, without what pandas keeps beside it."""
    buffer, bare = io.BytesIO(), frame.copy(deep=False)
    bare.attrs = {}
    bare.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
