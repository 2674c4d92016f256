"""What items are called, and why they are listed, in words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from graphrec.data.interactions import Columns, IdMap
from graphrec.serving.column_reasons import Said
from graphrec.serving.live.ids import TextIds
from graphrec.serving.live.scoring import Person, Scoring
from graphrec.serving.reason_columns import REASON
from graphrec.serving.reasons import Naming, with_reasons


class Wording:
    """Says what a desk shows beside a list.

    Args:
        scoring: Scores the items.
        items: Ids of them.
    """

    def __init__(self, scoring: Scoring, items: TextIds) -> None:
        self._scoring, self._items = scoring, items

    @cached_property
    def _naming(self) -> Naming:
        data = self._scoring.data
        return Naming.of(data.source, data.split.items)

    @cached_property
    def _said(self) -> Said:
        source = self._scoring.data.source
        return Said.of(source.users, source.items)

    def names(self, items: Sequence[str]) -> list[str]:
        """Give what items are called; the id where nothing is said, also of one that is not known."""
        codes = [self._items.find(item) for item in items]
        known = self._naming.names
        return [str(known[code]) if code >= 0 else item for item, code in zip(items, codes, strict=True)]

    @torch.no_grad()
    def reasons(self, person: Person, codes: Sequence[int]) -> list[str]:
        """Say why items have their scores for somebody; empty where there is no exact account."""
        if not codes:
            return []
        data = self._scoring.data
        model, code = self._scoring.recommender(self._scoring.basis(person), [person])
        place, items = int(code[0]), data.split.items
        users = IdMap(np.arange(place + 1))
        frame = pd.DataFrame(
            {
                Columns.USER: place,
                Columns.ITEM: items.ids[list(codes)],
                "score": model.score(code)[0, list(codes)].numpy(),
            }
        )
        training = self._scoring.model.graph
        told = with_reasons(frame, model, users, items, training, self._naming, data.features, self._said)
        return [str(one) if isinstance(one, str) else "" for one in told[REASON]]
