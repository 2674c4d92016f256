"""A recommender that keeps to the items of a request."""

from __future__ import annotations

import torch

from graphrec.data.choice.items import ItemChoice
from graphrec.data.interactions import IdMap
from graphrec.graph import ItemLists
from graphrec.models.answers.chosen import Chosen
from graphrec.models.base import Recommender


def chosen(base: Recommender, choice: ItemChoice, users: IdMap) -> Recommender:
    """Make a recommender that keeps to a choice of items; the same one where nothing is chosen.

    Args:
        base: Ranks.
        choice: What may be ranked for whom.
        users: Codes of its users.
    """
    if not choice.chooses:
        return base
    allowed, boost = (
        None if part is None else torch.from_numpy(part) for part in (choice.allowed, choice.boost)
    )
    pairs = choice.pairs_of(users)
    excluded = ItemLists(pairs, len(users), base.graph.num_items) if len(pairs) else None
    return Chosen(base, allowed, excluded, boost)
