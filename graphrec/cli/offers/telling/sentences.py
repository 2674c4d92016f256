"""``graphrec offers --sentences``: what items are called, and which purchases offers follow from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.models.reasons.explain import accounts_of
from graphrec.notices import note
from graphrec.offers.sentences import AGAIN, with_sentences
from graphrec.offers.table import BASKET
from graphrec.serving.reasons import Naming

if TYPE_CHECKING:
    from graphrec.cli.offers.shelf import Shelf
    from graphrec.data.module import RecommenderData


def told(
    offers: pd.DataFrame,
    shelf: Shelf,
    data: RecommenderData,
    units: FloatArray,
    name_column: str | None,
) -> pd.DataFrame:
    """Add gains and sentences to an offers table.

    Args:
        offers: The table, with its `attrs`.
        shelf: The model and the items.
        data: Log and split.
        units: What each row is expected to sell without an offer. Shape ``[rows]``.
        name_column: What items are called; see `graphrec.serving.reasons`.

    Raises:
        InputError: If there is no such column.
    """
    naming = Naming.of(replace(data.source, items=shelf.table), shelf.split.items, name_column)
    names = {str(item): str(name) for item, name in zip(naming.ids, naming.names, strict=True)}
    found = with_sentences(offers, units, names, _because(offers, shelf, names, naming))
    found.attrs = offers.attrs
    return found


def _because(
    offers: pd.DataFrame, shelf: Shelf, names: dict[str, str], naming: Naming
) -> dict[tuple[str, str], str]:
    """Find the purchase that adds most to the score of each item that is offered, where the model tells."""
    made = offers[(offers["rate"] > 0) & (offers[Columns.ITEM] != BASKET)]
    made = made.drop_duplicates([Columns.USER, Columns.ITEM])[[Columns.USER, Columns.ITEM]]
    bought = _pairs(shelf)
    key = pd.MultiIndex.from_frame(made[[Columns.USER, Columns.ITEM]].astype("str"))
    again = key.isin(bought)
    because = dict.fromkeys(key[again].tolist(), AGAIN)
    rest = made[~again]
    if rest.empty:
        return because
    for (user, item), purchase in _purchases(rest, shelf, naming).items():
        because[user, item] = names.get(purchase, purchase)
    return because


def _purchases(rows: pd.DataFrame, shelf: Shelf, naming: Naming) -> dict[tuple[str, str], str]:
    """Find the purchase that adds most to the score of each row, by user and item.

    What a model reads besides purchases, as attributes of people, is nobody's business but the shop's.
    """
    users, items = (shelf.split.users.codes(rows[Columns.USER]), shelf.split.items.codes(rows[Columns.ITEM]))
    model = shelf.recommender
    device = model.graph.edge_item.device
    accounts = accounts_of(model, torch.from_numpy(np.unique(users)).to(device))
    if accounts is None:
        note("the model has no exact account of its scores by purchases: shoppers are told of none")
        return {}
    found: dict[tuple[str, str], str] = {}
    for user in pd.unique(users):
        where = np.flatnonzero(users == user)
        account = accounts(int(user), torch.from_numpy(items[where]).to(device))
        bought, parts = account.bought.cpu().numpy(), account.parts.cpu().double().numpy()
        if not len(bought):
            continue
        best = parts.argmax(axis=0)
        for row, purchase, part in zip(where, bought[best], parts.max(axis=0), strict=True):
            if part > 0:
                key = rows.iloc[row]
                found[str(key[Columns.USER]), str(key[Columns.ITEM])] = str(naming.ids[purchase])
    return found


def _pairs(shelf: Shelf) -> pd.MultiIndex:
    """List who bought what in training, as text."""
    pairs, users, items = shelf.split.train.pairs(), shelf.split.users.ids, shelf.split.items.ids
    named = [users[pairs[:, 0]], items[pairs[:, 1]]]
    return pd.MultiIndex.from_arrays([pd.Series(one).astype("str") for one in named])
