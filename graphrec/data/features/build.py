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
from graphrec.data.features.encoding import Block, encode_attributes
from graphrec.data.features.item import ATTRIBUTES, BASE, ITEM_GROUPS, REVIEWS, item_block
from graphrec.data.features.log import LogFacts, sum_by
from graphrec.data.features.user import BEHAVIOUR, DEMOGRAPHICS, INTEREST, USER_GROUPS, user_block
from graphrec.data.interactions import Columns, Interactions
from graphrec.errors import InputError


@dataclass(frozen=True)
class FeatureOptions:
    """Which features are built, and how far they are reduced.

    The group ``document``, alone on both sides, is the pair of inputs of the articles' second one: the
    user's purchase frequency and the item's average rating.

    Args:
        user_groups: Any of 'interest', 'behaviour', 'demographics', 'document'; empty for none.
        item_groups: Any of 'base', 'attributes', 'reviews', 'document'; empty for none.
        max_categories: Levels kept per categorical column; the rest become 'other'.
        min_variance: Columns with less variance are dropped. It is measured before standardising, in the
            column's own units: shares and one-hot columns 0..1, logarithms, weeks; numeric attributes come
            with variance 1.
        pca: Principal components kept on each side; a side with no more columns than that is left as it
            is, and so is every side if this is null.
        seed: Seed of the randomised solver that scikit-learn picks for very wide tables.
    """

    user_groups: list[str] = field(default_factory=lambda: [INTEREST, BEHAVIOUR, DEMOGRAPHICS])
    item_groups: list[str] = field(default_factory=lambda: [BASE, ATTRIBUTES, REVIEWS])
    max_categories: int = 30
    min_variance: float = 1e-4
    pca: int | None = 32
    seed: int = 0

    def __post_init__(self) -> None:
        """Check names and ranges.

        Raises:
            InputError: If a group is not known or named twice, or a number is out of its range.
        """
        for key, groups, known in (
            ("user_groups", self.user_groups, USER_GROUPS),
            ("item_groups", self.item_groups, ITEM_GROUPS),
        ):
            wrong = [group for group in groups if group not in known]
            if wrong:
                raise InputError(
                    f"there is no group {wrong[0]!r}", column=key, hint=f"use {', '.join(known)}"
                )
            if len(set(groups)) < len(groups):
                raise InputError("a group is named twice", column=key, hint="name each once")
        if self.max_categories < 1:
            raise InputError("must be at least 1", column="max_categories")
        if self.pca is not None and self.pca < 1:
            raise InputError("must be at least 1", column="pca", hint="or null for no PCA")
        if not self.min_variance >= 0:
            raise InputError("must not be negative", column="min_variance")


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
    """

    user: Float32Array
    item: Float32Array
    user_names: list[str]
    item_names: list[str]
    dropped: list[str] = field(default_factory=list)


MADE_OF = (
    *(Columns.USER_CODE, Columns.ITEM_CODE, Columns.WEEK, Columns.TIMESTAMP, Columns.BASKET),
    *(Columns.QUANTITY, Columns.RATING, Columns.PRICE, Columns.SHELF_PRICE, Columns.REGULAR_PRICE),
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
    sold, most = sum_by(log.item, log.items), options.max_categories
    who = encode_attributes(users, Columns.USER, train.users, np.ones(log.users), most)
    what = encode_attributes(items, Columns.ITEM, train.items, sold, most)
    user_blocks = (user_block(group, log, who, what) for group in options.user_groups)
    item_blocks = (item_block(group, log, what) for group in options.item_groups)
    user = _joined("user_groups", options.user_groups, user_blocks, log.users)
    item = _joined("item_groups", options.item_groups, item_blocks, log.items)
    (user, user_dropped), (item, item_dropped) = _selected(user, options), _selected(item, options)
    user, item = _reduced(_standardised(user), options), _reduced(_standardised(item), options)
    names = [f"{DEMOGRAPHICS}:{name}" for name in who.names_not_levels if DEMOGRAPHICS in options.user_groups]
    names += [f"{ATTRIBUTES}:{name}" for name in what.names_not_levels if ATTRIBUTES in options.item_groups]
    dropped = [*names, *user_dropped, *item_dropped]
    return Features(user.values, item.values, user.names, item.names, dropped)


def _joined(key: str, groups: list[str], blocks: Iterable[Block], n: int) -> Block:
    block = Block.joined(blocks, n)
    if groups and not block.names:
        raise InputError(
            f"the data has no column that the groups {', '.join(groups)} are made of",
            column=key,
            hint="add 'behaviour' or 'base', which need only the log, or give attributes or ratings",
        )
    return block


def _selected(block: Block, options: FeatureOptions) -> tuple[Block, list[str]]:
    """Drop constant columns, columns of low variance and exact copies of an earlier column.

    Where nothing varies at all the first column stays, so that a network always has its input.
    """
    spread = np.ptp(block.values, axis=0) if len(block.values) else np.zeros(len(block.names))
    enough = (spread > 0) & (block.values.var(axis=0, dtype=np.float64) >= options.min_variance)
    seen: set[bytes] = set()
    for position in np.flatnonzero(enough):
        content = hashlib.sha256(block.values[:, position].tobytes()).digest()
        enough[position] = content not in seen
        seen.add(content)
    if not enough.any():
        enough[:1] = True
    dropped = [name for name, kept in zip(block.names, enough, strict=True) if not kept]
    names = [name for name, kept in zip(block.names, enough, strict=True) if kept]
    return Block(names, block.values[:, enough]), dropped


def _standardised(block: Block) -> Block:
    """Bring each column to mean 0 and deviation 1; a constant column becomes zeros."""
    mean = block.values.mean(axis=0, dtype=np.float64)
    deviation = block.values.std(axis=0, dtype=np.float64)
    constant = np.ptp(block.values, axis=0) == 0
    values = np.where(constant, 0.0, (block.values - mean) / np.where(constant, 1.0, deviation))
    return Block(block.names, values.astype(np.float32))


def _reduced(block: Block, options: FeatureOptions) -> Block:
    """Project on the principal components; scikit-learn makes each one's largest loading positive."""
    if options.pca is None or len(block.names) <= options.pca:
        return block
    from sklearn.decomposition import PCA

    pca = PCA(min(options.pca, len(block.values)), random_state=options.seed)
    scores = pca.fit_transform(block.values.astype(np.float64))
    return Block([f"pca_{position}" for position in range(scores.shape[1])], scores.astype(np.float32))
