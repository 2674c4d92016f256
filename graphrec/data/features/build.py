"""User and item features, from the training part alone: encoding, selection, standardising, PCA.

A row of validation or test changes nothing here. For nothing but the training interactions and the tables of
attributes comes in, and of those tables only the rows that the training part knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from graphrec.arrays import Float32Array
from graphrec.data.features.attributes import AttributeEncoder, align, fit_attributes
from graphrec.data.features.encoding import Block
from graphrec.data.features.fitted import FittedFeatures, ItemLevels
from graphrec.data.features.item import ATTRIBUTES, item_block
from graphrec.data.features.log import LogFacts
from graphrec.data.features.options import FeatureOptions
from graphrec.data.features.selection import fit_side
from graphrec.data.features.user import DEMOGRAPHICS, user_block
from graphrec.data.interactions import Columns, Interactions
from graphrec.errors import InputError

__all__ = ["FeatureOptions", "Features", "build_features", "features_sha256"]


@dataclass(frozen=True)
class Features:
    """Standardised features in the order of the codes, always finite.

    Args:
        user: float32. Shape ``[U, F_u]``.
        item: float32. Shape ``[I, F_i]``.
        user_names: Such as 'behaviour:trips_per_week', 'interest:department=GROCERY' or 'pca_0'.
        item_names: Such as 'attributes:brand=Private'.
        dropped: Columns that selection left out: constant, of low variance, a copy of an earlier column,
            or a text column that names single rows.
        fitted: What encodes users and items that training does not know; None if made by hand.
    """

    user: Float32Array
    item: Float32Array
    user_names: list[str]
    item_names: list[str]
    dropped: list[str] = field(default_factory=list)
    fitted: FittedFeatures | None = field(default=None, repr=False)


MADE_OF = (
    *(Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK, Columns.TIMESTAMP, Columns.BASKET),
    *(Columns.QUANTITY, Columns.RATING, Columns.PRICE, Columns.SHELF_PRICE, Columns.REGULAR_PRICE),
    *(Columns.EVENT, Columns.TARGET),
)
"""Columns of the log that features are made of."""


def features_sha256(
    train: Interactions, users: pd.DataFrame | None = None, items: pd.DataFrame | None = None
) -> str:
    """Compute a fingerprint of what `build_features` is given, as far as training knows users and items."""
    digest = hashlib.sha256(train.rows_sha256(MADE_OF).encode())
    for table, key, ids in ((users, Columns.USER, train.users.ids), (items, Columns.ITEM, train.items.ids)):
        if table is not None:
            known = table[table[key].isin(ids)].sort_values(key)
            digest.update(",".join(map(str, known.columns)).encode())
            digest.update(pd.util.hash_pandas_object(known, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def build_features(
    train: Interactions,
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    options: FeatureOptions | None = None,
) -> Features:
    """Build the features of every user and item of the training part.

    Args:
        train: Training part; its optional columns (`Columns`) decide which features there are.
        users: Attributes of users, with a column ``user_id`` of external ids.
        items: Attributes of items, with a column ``item_id`` of external ids.
        options: Groups and reduction; the defaults if missing.

    Raises:
        InputError: If a table of attributes has no key, a duplicate key or no id of the log; or if the
            groups asked for one side need data that is not there.
    """
    options = options or FeatureOptions()
    log = LogFacts.of(train)
    # levels are kept by how much trade they make up, so that 'other' is what matters least
    sold, most = log.sold(), options.max_categories
    user_table, item_table = align(users, Columns.USER, train.users), align(items, Columns.ITEM, train.items)
    user_encoder = fit_attributes(user_table, Columns.USER, np.ones(log.users), most)
    item_encoder = fit_attributes(item_table, Columns.ITEM, sold, most)
    who, what = user_encoder.encode(user_table), item_encoder.encode(item_table)
    user_blocks = (user_block(group, log, who, what) for group in options.user_groups)
    item_blocks = (item_block(group, log, what) for group in options.item_groups)
    user = _joined("user_groups", options.user_groups, user_blocks, log.users)
    item = _joined("item_groups", options.item_groups, item_blocks, log.items)
    (user_side, user_dropped), (item_side, item_dropped) = fit_side(user, options), fit_side(item, options)
    dropped = [
        *_not_levels(DEMOGRAPHICS, options.user_groups, user_encoder),
        *_not_levels(ATTRIBUTES, options.item_groups, item_encoder),
        *user_dropped,
        *item_dropped,
    ]
    levels = ItemLevels(train.items, what.levels, what.member)
    fitted = FittedFeatures(user_side, item_side, user_encoder, item_encoder, levels)
    return Features(
        user_side.transform(user.values),
        item_side.transform(item.values),
        user_side.names,
        item_side.names,
        dropped,
        fitted,
    )


def _not_levels(group: str, groups: list[str], encoder: AttributeEncoder) -> list[str]:
    return [f"{group}:{name}" for name in encoder.names_not_levels if group in groups]


def _joined(key: str, groups: list[str], blocks: Iterable[Block], n: int) -> Block:
    block = Block.joined(blocks, n)
    if groups and not block.names:
        raise InputError(
            f"the data has no column that the groups {', '.join(groups)} are made of",
            column=key,
            hint="add 'behaviour' or 'base', which need only the log, or give attributes or ratings",
        )
    return block
