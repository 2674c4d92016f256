"""User and item features, from the training part alone: encoding, selection, standardising, PCA.

A row of validation or test changes nothing here. For nothing but the training interactions and the tables of
attributes comes in, and of those tables only the rows that the training part knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from graphrec.arrays import AnyFloatArray, Float32Array
from graphrec.data.features.attributes import AttributeEncoder, align, fit_attributes
from graphrec.data.features.encoding import Attributes, Block
from graphrec.data.features.fitted import FittedFeatures, ItemLevels
from graphrec.data.features.given import GivenMatrix
from graphrec.data.features.item import ATTRIBUTES, item_block
from graphrec.data.features.log import LogFacts
from graphrec.data.features.options import FeatureOptions
from graphrec.data.features.reduction.information import DrawnPairs
from graphrec.data.features.reduction.selection import fit_side
from graphrec.data.features.sizes.columns import with_sizes
from graphrec.data.features.text import FittedText
from graphrec.data.features.user import DEMOGRAPHICS, user_block
from graphrec.data.interactions import Columns, IdMap, Interactions
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
        information: Mutual information of raw columns with a purchase, in nats, if they were chosen by it.
    """

    user: Float32Array
    item: Float32Array
    user_names: list[str]
    item_names: list[str]
    dropped: list[str] = field(default_factory=list)
    fitted: FittedFeatures | None = field(default=None, repr=False)
    information: Mapping[str, float] = field(default_factory=dict)


MADE_OF = (
    *(Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK, Columns.TIMESTAMP, Columns.BASKET),
    *(Columns.QUANTITY, Columns.RATING, Columns.PRICE, Columns.SHELF_PRICE, Columns.REGULAR_PRICE),
    *(Columns.EVENT, Columns.TARGET, Columns.REVIEW),
)
"""Columns of the log that features are made of."""


def features_sha256(
    train: Interactions,
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    matrices: Iterable[GivenMatrix] = (),
) -> str:
    """Compute a fingerprint of what `build_features` is given, as far as training knows users and items."""
    digest = hashlib.sha256(train.rows_sha256(MADE_OF).encode())
    for table, key, ids in ((users, Columns.USER, train.users.ids), (items, Columns.ITEM, train.items.ids)):
        if table is not None:
            known = table[table[key].isin(ids)].sort_values(key)
            digest.update(",".join(map(str, known.columns)).encode())
            digest.update(pd.util.hash_pandas_object(known, index=False).to_numpy().tobytes())
    for matrix in matrices:
        digest.update(matrix.sha256().encode())
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
    return features_of(LogFacts.of(with_given_ratings(train)), train, users, items, options)


def features_of(
    log: LogFacts,
    train: Interactions,
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    options: FeatureOptions | None = None,
) -> Features:
    """Build features from the facts of a log; see `build_features`.

    Args:
        log: What the groups of the log are made of.
        train: Codes of its ids; its rows are read for texts of the log and for the information of columns.
        users: See `build_features`.
        items: See `build_features`.
        options: See `build_features`.
    """
    options = options or FeatureOptions()
    # levels are kept by how much trade they make up, so that 'other' is what matters least
    who = _Side.read("users", users, train, np.ones(log.users), options)
    what = _Side.read("items", items, train, log.sold(), options)
    user_blocks = [user_block(group, log, who.attributes, what.attributes) for group in options.user_groups]
    item_blocks = [item_block(group, log, what.attributes) for group in options.item_groups]
    user = _joined("user_groups", options.user_groups, [*user_blocks, *who.more(options)], log.users)
    item = _joined("item_groups", options.item_groups, [*item_blocks, *what.more(options)], log.items)
    drawn = None if options.informative is None else DrawnPairs.of(train.targets(), options.seed)
    of_users = fit_side(user, options, options.user_pipeline, drawn.of_users if drawn else None)
    of_items = fit_side(item, options, options.item_pipeline, drawn.of_items if drawn else None)
    fitted = FittedFeatures(
        of_users.side,
        of_items.side,
        who.encoder,
        what.encoder,
        ItemLevels(train.items, what.attributes.levels, what.attributes.member),
        [text for text, _ in (*who.texts, *what.texts)],
        options.matrices,
        options.sizes,
    )
    not_levels = (
        *_not_levels(DEMOGRAPHICS, options.user_groups, who.encoder),
        *_not_levels(ATTRIBUTES, options.item_groups, what.encoder),
    )
    return Features(
        fitted.user.transform(user.values),
        fitted.item.transform(item.values),
        fitted.user.names,
        fitted.item.names,
        [*not_levels, *of_users.dropped, *of_items.dropped],
        fitted,
        {**of_users.information, **of_items.information},
    )


def with_given_ratings(train: Interactions) -> Interactions:
    """Take out the ratings that cleaning filled: an item that nobody rated has no mean rating."""
    if Columns.RATING_MISSING not in train.frame:
        return train
    given = train.frame[Columns.RATING].where(train.frame[Columns.RATING_MISSING] == 0)
    return Interactions(train.frame.assign(**{Columns.RATING: given}), train.users, train.items)


@dataclass(frozen=True)
class _Side:
    """What is known of the users, or of the items, beside the log.

    Args:
        of: ``users`` or ``items``.
        ids: Their codes.
        encoder: Of their table.
        attributes: Their table, encoded.
        texts: Columns of text, with the text of each code.
    """

    of: Literal["users", "items"]
    ids: IdMap
    encoder: AttributeEncoder
    attributes: Attributes
    texts: list[tuple[FittedText, list[str]]]

    @classmethod
    def read(
        cls,
        of: Literal["users", "items"],
        table: pd.DataFrame | None,
        train: Interactions,
        weights: AnyFloatArray,
        options: FeatureOptions,
    ) -> _Side:
        """Bring a table into the order of the codes and learn to encode it and its texts."""
        key, ids = (Columns.USER, train.users) if of == "users" else (Columns.ITEM, train.items)
        aligned = align(table, key, ids)
        asked = [one for one in options.text if one.of == of]
        written = [one.texts(aligned, train) for one in asked]
        texts = [(one.fit(text), text) for one, text in zip(asked, written, strict=True)]
        rest = aligned.drop(columns=[one.column for one in asked if one.source == "table"])
        rest = with_sizes(rest, options.sizes) if of == "items" else rest
        encoder = fit_attributes(rest, key, weights, options.max_categories)
        return cls(of, ids, encoder, encoder.encode(rest), texts)

    def more(self, options: FeatureOptions) -> list[Block]:
        """Build the columns of texts and given matrices."""
        texts = [text.block(written) for text, written in self.texts]
        return [*texts, *(matrix.block(self.ids) for matrix in options.matrices if matrix.of == self.of)]


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
