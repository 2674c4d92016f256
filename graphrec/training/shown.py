"""What people look at after a test: examples, and curves with their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.module import RecommenderData
from graphrec.evaluation.probability.calibration import calibration_table
from graphrec.evaluation.ranking import UserMetrics
from graphrec.models.base import ItemSet, Recommender

EXAMPLES = 20
"""Users whose lists are shown."""


@dataclass(frozen=True)
class Shown:
    """A table, and perhaps the curves that are drawn of it.

    Args:
        frame: The rows. Whoever lets it leave the machine replaces ``user_id`` by pseudonyms.
        x: Column of the horizontal axis; nothing is drawn without one.
        y: Columns of the curves.
    """

    frame: pd.DataFrame
    x: str = ""
    y: tuple[str, ...] = ()


def calibration(probability: FloatArray, happened: BoolArray) -> Shown:
    """Put what was predicted beside what happened; the closer the two curves, the better. Shapes ``[P]``."""
    return Shown(calibration_table(probability, happened), "predicted", ("observed", "predicted"))


@torch.no_grad()
def example_lists(
    recommender: Recommender, results: Mapping[ItemSet, UserMetrics], data: RecommenderData
) -> Shown:
    """List what some users are recommended, evenly chosen among those who were ranked.

    Args:
        recommender: What ranked.
        results: What it came to by item set; the first is shown.
        data: Tells the ids and what was bought.

    Returns:
        ``user_id``, ``rank`` from 1, ``item_id``, ``score`` (raw) and ``bought``, which is of the test part.
        There is no score where several processes share the recommender.
    """
    result = results[data.item_sets[0]]
    place = np.unique(np.linspace(0, len(result.users) - 1, min(EXAMPLES, len(result.users)), dtype=np.int64))
    users, items = result.users[place], result.items[place]
    row, rank = (part.numpy() for part in torch.nonzero(items >= 0, as_tuple=True))
    user, item = users.numpy()[row], items.numpy()[row, rank]
    ids = {
        Columns.USER: data.split.users.ids[user],
        "rank": rank + 1,
        Columns.ITEM: data.split.items.ids[item],
    }
    table = pd.DataFrame(ids)
    if recommender.graph.sharded is None:
        codes = users.to(recommender.graph.edge_item.device)
        table["score"] = recommender.score(codes).cpu().double().numpy()[row, item]
    wanted, width = data.split.test.pairs(), len(data.split.items)
    table["bought"] = np.isin(user * width + item, wanted[:, 0] * width + wanted[:, 1])
    return Shown(table)
