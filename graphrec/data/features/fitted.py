"""Features of users and items that training does not know, by what was learnt from those that it does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from graphrec.arrays import AnyFloatArray, Float32Array, IntArray
from graphrec.data.features.attributes import AttributeEncoder, align
from graphrec.data.features.encoding import Block
from graphrec.data.features.given import GivenMatrix
from graphrec.data.features.item import ATTRIBUTES
from graphrec.data.features.sizes.columns import SizeFeatures, with_sizes
from graphrec.data.features.text import FittedText, texts_of
from graphrec.data.features.user import DEMOGRAPHICS, INTEREST
from graphrec.data.interactions import Columns, IdMap
from graphrec.errors import InputError


@dataclass(frozen=True)
class FittedSide:
    """What turns the raw columns of users, or of items, into their features.

    Args:
        raw: Names of the raw columns, ``[F]``.
        mean: Of each raw column in training. Shape ``[F]``.
        kept: Places of the raw columns that selection kept. Shape ``[K]``.
        scale: Deviation of the kept columns; infinite for a constant one, which becomes 0. Shape ``[K]``.
        names: Of the features.
        steps: Fitted transformers of scikit-learn, in their order.
    """

    raw: list[str]
    mean: AnyFloatArray = field(repr=False)
    kept: IntArray = field(repr=False)
    scale: AnyFloatArray = field(repr=False)
    names: list[str]
    steps: list[Any] = field(default_factory=list)

    def then(self, step: Any, names: list[str]) -> FittedSide:
        """Add a fitted transformer and say what its columns are called."""
        return replace(self, steps=[*self.steps, step], names=names)

    def transform(self, values: Float32Array) -> Float32Array:
        """Turn raw columns ``[n, F]`` into features ``[n, len(names)]``."""
        return self.through((values[:, self.kept] - self.mean[self.kept]) / self.scale)

    def through(self, columns: AnyFloatArray) -> Float32Array:
        """Send standardised columns ``[n, K]`` through the steps: ``[n, len(names)]``."""
        for step in self.steps:
            columns = step.transform(columns) if len(columns) else np.zeros((0, len(self.names)))
        return np.ascontiguousarray(columns, dtype=np.float32)

    def columns_of(self, features: Float32Array) -> AnyFloatArray | None:
        """Find standardised columns ``[n, K]`` that the steps turn into these features ``[n, len(names)]``.

        Of principal components it is the part of the columns that they keep. None if a step cannot be undone.
        """
        found: AnyFloatArray = features.astype(np.float64)
        for step in reversed(self.steps):
            if not hasattr(step, "inverse_transform") or not len(found):
                return None
            found = step.inverse_transform(found)
        return found if np.allclose(self.through(found), features, rtol=1e-5, atol=1e-5) else None

    def encode(self, block: Block) -> Float32Array:
        """Turn those raw columns that are known into features; all others are at their mean of training."""
        values = np.tile(self.mean.astype(np.float32), (len(block.values), 1))
        place = pd.Index(self.raw).get_indexer(pd.Index(block.names, dtype=object))
        values[:, place[place >= 0]] = block.values[:, place >= 0]
        return self.transform(values)


@dataclass(frozen=True)
class ItemLevels:
    """Which item of training has which level, for the interests of a user with a history.

    Args:
        items: Codes of the items.
        names: Of the levels, ``[L]``.
        member: Sparse, shape ``[I, L]``.
    """

    items: IdMap
    names: list[str]
    member: sparse.csr_matrix

    def interest(self, history: pd.DataFrame, users: IdMap) -> Block:
        """Compute shares of the interactions on each level, of users with rows for items of training."""
        user, item = users.codes(history[Columns.USER]), self.items.codes(history[Columns.ITEM])
        known = (user >= 0) & (item >= 0)
        shape = (len(users), len(self.items))
        counts = sparse.csr_matrix((np.ones(known.sum()), (user[known], item[known])), shape=shape)
        rows = np.asarray(counts.sum(axis=1)).ravel()
        shares = (sparse.diags(1.0 / np.maximum(rows, 1.0)) @ counts @ self.member).toarray()
        return Block([f"{INTEREST}:{name}" for name in self.names], shares.astype(np.float32))


@dataclass(frozen=True)
class FittedFeatures:
    """Encoders learnt from the training part, for users and items that came later.

    What only a log can tell of them, such as sales or recency, stands at the mean of training. So it says
    nothing for or against them.

    Args:
        user: Of the users' columns.
        item: Of the items' columns.
        user_attributes: Of the table of users.
        item_attributes: Of the table of items.
        levels: Of the items of training.
        texts: Of columns of text.
        matrices: Where vectors of newcomers are looked for, if the file is still there.
        sizes: Columns of items that hold sizes of packages.
    """

    user: FittedSide
    item: FittedSide
    user_attributes: AttributeEncoder
    item_attributes: AttributeEncoder
    levels: ItemLevels = field(repr=False)
    texts: list[FittedText] = field(default_factory=list)
    matrices: list[GivenMatrix] = field(default_factory=list)
    sizes: list[SizeFeatures] = field(default_factory=list)

    def encode_items(self, table: pd.DataFrame) -> Float32Array:
        """Encode items by their attributes, in the order of the rows.

        Args:
            table: ``item_id`` and the columns of the table that training read; one that is not there is
                unknown for all.

        Returns:
            Features as the model was trained on. Shape ``[n, F_i]``.

        Raises:
            InputError: If there is no ``item_id``, one is missing or there twice, or a value is no number
                where training had numbers.
        """
        ids, rows = _ids(table, Columns.ITEM)
        aligned = align(table, Columns.ITEM, ids)
        sizes = getattr(self, "sizes", [])  # older checkpoints know none
        block = self.item_attributes.encode(with_sizes(aligned, sizes, said=False)).block(ATTRIBUTES)
        return self.item.encode(Block.joined([block, *self._more("items", aligned, ids)], len(ids)))[rows]

    def encode_users(self, table: pd.DataFrame, history: pd.DataFrame | None = None) -> Float32Array:
        """Encode users by their attributes, in the order of the rows.

        Args:
            table: ``user_id`` and the columns of the table that training read; ``user_id`` alone will do.
            history: Their purchases, ``user_id`` and ``item_id``, which tell their interests. Users without
                a row for an item of training have average ones.

        Returns:
            Features as the model was trained on. Shape ``[n, F_u]``.

        Raises:
            InputError: As in `encode_items`.
        """
        ids, rows = _ids(table, Columns.USER)
        aligned = align(table, Columns.USER, ids)
        block = self.user_attributes.encode(aligned).block(DEMOGRAPHICS)
        block = Block.joined([block, *self._more("users", aligned, ids)], len(ids))
        features = self.user.encode(block)
        if history is not None:
            interest = self.levels.interest(history, ids)
            known = np.isin(np.arange(len(ids)), self._known(history, ids))
            both = self.user.encode(Block.joined([block, interest], len(ids)))
            features = np.where(known[:, None], both, features)
        return features[rows]

    def _more(self, of: str, aligned: pd.DataFrame, ids: IdMap) -> list[Block]:
        """Encode texts of the table and vectors of the files; what newcomers wrote in no log is empty."""
        empty = pd.Series([""] * len(ids))
        blocks = []
        for one in self.texts:
            if one.options.of == of:
                in_table = one.options.source == "table" and one.options.column in aligned
                blocks.append(one.block(texts_of(aligned[one.options.column] if in_table else empty)))
        given = [one for one in self.matrices if one.of == of and Path(one.path).is_file()]
        return [*blocks, *(one.block(ids, said=False) for one in given)]

    def _known(self, history: pd.DataFrame, users: IdMap) -> IntArray:
        known = self.levels.items.codes(history[Columns.ITEM]) >= 0
        return users.codes(history[Columns.USER])[known]


def _ids(table: pd.DataFrame, key: str) -> tuple[IdMap, IntArray]:
    """Collect the ids of a table, and where its rows are among them."""
    if key not in table:
        raise InputError("the table of attributes needs this column", column=key)
    missing = table[key].isna().to_numpy()
    if missing.any():
        row = int(np.flatnonzero(missing)[0]) + 1
        raise InputError(f"the id of row {row} is missing", column=key, hint="give every row its id")
    ids = IdMap.from_values(table[key])
    return ids, ids.codes(table[key])
