"""The categories of items, read of their attributes."""

from __future__ import annotations

import pandas as pd
import torch

from graphrec.data.interactions import Columns, IdMap
from graphrec.data.tables.files import closest
from graphrec.errors import InputError
from graphrec.evaluation.lists import Categories


def categories_of(
    attributes: pd.DataFrame | None, column: str, items: IdMap, device: torch.device | None = None
) -> Categories:
    """Find the category of each item.

    Args:
        attributes: A row per ``item_id``.
        column: The attribute that names it.
        items: Codes of the items.
        device: Where it is needed.

    Raises:
        InputError: If there is no such attribute.
    """
    names = [] if attributes is None else [str(name) for name in attributes if name != Columns.ITEM]
    if attributes is None or column not in names:
        what = "no attribute of the items has this name" if names else "the data have no attributes of items"
        raise InputError(f"{what}: {column!r}", column="category", hint=closest(column, names, "there are"))
    known = attributes.set_index(attributes[Columns.ITEM].astype("str"))[column].astype("str")
    told = known.reindex(pd.Index(items.ids).astype("str"))
    codes, found = pd.factorize(told.fillna("unknown"), sort=True)
    return Categories(column, tuple(found), torch.from_numpy(codes).to(device))
