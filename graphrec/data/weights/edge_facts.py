"""What a graph knows of each edge beside its two ends: its weight, and its place in the user's history."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphrec.data.interactions import Columns, Interactions


def relative_weights(train: Interactions) -> tuple[Tensor | None, Tensor | None]:
    """Take the weights of the edges, and relative to their mean, which is None if all are alike. ``[E]``."""
    if (weight := train.edge_weight) is None:
        return None, None
    if (weight == weight[:1]).all():
        return torch.from_numpy(weight), None
    relative = (weight / weight.mean(dtype=np.float64)).astype(np.float32)
    return torch.from_numpy(weight), torch.from_numpy(relative)


def edge_places(train: Interactions) -> Tensor:
    """Find the place of each edge among its user's by its last purchase, ties alike; empty without times."""
    times = [name for name in (Columns.TIMESTAMP, Columns.WEEK, Columns.ORDER) if name in train.frame]
    if not times or train.frame[times[0]].isna().all():
        return torch.zeros(0)
    last = train.frame.groupby([Columns.USER_CODE, Columns.ITEM_CODE])[times[0]].max()
    by_user = last.groupby(level=0)
    place = (by_user.rank() - 0.5) / by_user.transform("count")
    return torch.from_numpy(place.fillna(0.5).to_numpy(dtype=np.float32, copy=True))
