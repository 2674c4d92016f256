"""Items that are alike, and how a model answers who asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.choice.items import ItemFiles
from graphrec.data.choice.known import item_codes
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.models.answers.alike import Alike, finds_alike
from graphrec.serving.choosing import chosen
from graphrec.serving.lists import recommendations

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.training.experiment import ListingTask


@dataclass(frozen=True)
class SimilarRequest:
    """What was asked for.

    Args:
        asked: Items to which others are looked for; None for all.
        name: What messages call them.
        items: What may be listed.
    """

    asked: Table | None
    name: str | Path
    items: ItemFiles

    def lists(self, task: ListingTask, data: RecommenderData, k: int) -> tuple[pd.DataFrame, int]:
        """Rank the other items for each item that was asked for, in that order.

        Args:
            task: Has the model.
            data: What it was fitted to.
            k: Similar items for each.

        Returns:
            ``item_id``, ``similar_id``, ``rank`` and ``score``; and to how many items others were looked for.

        Raises:
            InputError: If the model knows nothing of the kind, or none of the items.
        """
        if not finds_alike(task.recommender):
            what = f"{type(task.recommender).__name__} does not know which items are alike"
            hint = "give a run of item_cf, ease, spectral, ials, lightgcn or another model of items"
            raise InputError(what, column="--ckpt_path", hint=hint)
        items = data.split.items
        choice = self.items.choice(data.source, items)
        codes = self._codes(items)
        model = chosen(Alike(task.recommender), choice, items)
        frame = recommendations(model, items, items, codes, k, "new")
        return frame.rename(columns={Columns.USER: Columns.ITEM, Columns.ITEM: "similar_id"}), len(codes)

    def _codes(self, items: IdMap) -> IntArray:
        """Find the codes of the items that are asked for, each once."""
        if self.asked is None:
            return np.arange(len(items))
        codes = item_codes(self.asked.frame[Columns.ITEM], items, self.name, Columns.ITEM)
        known: IntArray = pd.unique(codes[codes >= 0])
        return known
