"""What tables and histories tell of people and products that training never saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray
from graphrec.data.choice.known import as_text, counted, examples
from graphrec.data.features.nodes import AttributeTables
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.data.joins import as_known
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.new_items import EmbedsItems, embeds_items, with_new_items
from graphrec.models.base import Recommender
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.notices import note

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData


def describes_users(model: Recommender) -> bool:
    """Tell whether a model knows people by features or attributes, without any purchase."""
    part = model.encoder if isinstance(model, EmbeddingRecommender) else model
    return model.folds_in and bool(getattr(part, "describes_users", False))


@torch.no_grad()
def knows_something(model: Recommender, people: BipartiteGraph) -> BoolArray:
    """Mark the people of whom something is said that training knows: whose vector is not 0. ``[n]``."""
    if not isinstance(model, EmbeddingRecommender):
        return np.ones(people.num_users, dtype=bool)
    marks: BoolArray = model.encoder.fold_in(model.graph, people).any(dim=1).cpu().numpy()
    return marks


@dataclass(frozen=True)
class Described:
    """People of whom tables say something.

    Args:
        table: One row for each, with ``user_id`` as text; None if nobody knows a table.
    """

    table: pd.DataFrame | None

    @classmethod
    def of(cls, given: Table | None, data: RecommenderData) -> Described:
        """Take the table that is given, and the data's for others."""
        tables = [None if given is None else given.frame, data.source.users]
        found = [
            frame.assign(**{Columns.USER: frame[Columns.USER].astype("str")})
            for frame in tables
            if frame is not None
        ]
        if not found:
            return cls(None)
        return cls(pd.concat(found, ignore_index=True).drop_duplicates(Columns.USER, ignore_index=True))

    def has(self, users: pd.Series[str]) -> BoolArray:
        """Mark of whom a table says something."""
        if self.table is None:
            return np.zeros(len(users), dtype=bool)
        marks: BoolArray = as_known(users, self.table[Columns.USER]).isin(self.table[Columns.USER]).to_numpy()
        return marks

    def rows(self, users: IdMap) -> pd.DataFrame:
        """Take a row for each of some people, empty for those of whom nothing is said."""
        ids = pd.Series(users.ids, dtype="str")
        table = pd.DataFrame({Columns.USER: ids}) if self.table is None else self.table
        rows = table.set_index(Columns.USER).reindex(as_known(ids, table[Columns.USER]))
        return rows.set_axis(ids).rename_axis(Columns.USER).reset_index()


def tell_of_users(
    graph: BipartiteGraph, rows: Interactions, people: Described, data: RecommenderData
) -> None:
    """Put what is known of the users of a graph into it: attributes, and features as training has them.

    Args:
        graph: Of these rows.
        rows: What the users bought, perhaps nothing.
        people: What tables say of them.
        data: What the model was fitted to.
    """
    table = people.rows(rows.users)
    graph.tables = AttributeTables(table, None, rows.users, rows.items)
    fitted = None if data.features is None else data.features.fitted
    if fitted is None:
        return
    frame = rows.frame
    bought = pd.DataFrame(
        {
            Columns.USER: rows.users.ids[frame[Columns.USER_CODE]],
            Columns.ITEM: data.split.items.ids[frame[Columns.ITEM_CODE]],
        }
    )
    graph.user_features = torch.from_numpy(fitted.encode_users(table, bought if len(bought) else None))


@dataclass(frozen=True)
class Catalogue:
    """What may be listed: the items of training, and new ones behind them.

    Args:
        model: Ranks all of them.
        items: Their ids.
        known: How many of them are of training.
        table: Attributes of all, where there are any.
    """

    model: Recommender
    items: IdMap
    known: int
    table: pd.DataFrame | None

    @classmethod
    def of(
        cls,
        model: Recommender,
        data: RecommenderData,
        new: Table | None,
        file: str | Path,
        option: str = "--new_items",
    ) -> Catalogue:
        """Add the items of a table that training never saw.

        Args:
            model: Fitted.
            data: What it was fitted to.
            new: The table; None for no more than the items of training.
            file: Of the table, for messages.
            option: What names it, for messages.

        Raises:
            InputError: If all are known already, or the model cannot rank new ones.
        """
        items = data.split.items
        if new is None:
            return cls(model, items, len(items), data.source.items)
        rows = _unknown(new.frame, items, file, option)
        if not embeds_items(model):
            name = type(model.encoder if isinstance(model, EmbeddingRecommender) else model).__name__
            hint = "fit a model that reads attributes or features, as -m heterogcn"
            raise InputError(f"{name} ranks only the items it was fitted to", column=option, hint=hint)
        graph = _graph_of(rows, data, model)
        told = _told_of(model, graph)
        if not told.all():
            rest = rows[~told][Columns.ITEM]
            what = f"of {len(rest):,} of {counted(len(rows), 'new item')} it says nothing that training knows"
            if not told.any():
                raise InputError(what, file=file, column=option, hint="give their attributes")
            note(f"{file}: {what}, such as {examples(rest)}: left out")
            rows = rows[told].reset_index(drop=True)
            graph = _graph_of(rows, data, model)
        ids = IdMap(rows[Columns.ITEM].to_numpy(dtype=object))
        longer = with_new_items(model, data.split.train, graph, ids)
        old = data.source.items
        both = rows if old is None else pd.concat([old, rows], ignore_index=True)
        note(
            f"{counted(len(ids), 'new item')} ranked by what {file} says of them; nobody has bought them yet"
        )
        return cls(
            longer, IdMap(np.concatenate([np.asarray(items.ids, dtype=object), ids.ids])), len(items), both
        )

    def is_new(self, items: pd.Series) -> BoolArray:
        """Mark the items that training never saw."""
        marks: BoolArray = self.items.codes(items) >= self.known
        return marks


def _graph_of(rows: pd.DataFrame, data: RecommenderData, model: Recommender) -> BipartiteGraph:
    """Make a graph of new items without edges, with their attributes and features."""
    ids, nobody = IdMap(rows[Columns.ITEM].to_numpy(dtype=object)), IdMap(np.array([], dtype=object))
    table = AttributeTables(None, rows, nobody, ids)
    graph = BipartiteGraph(Interactions(data.split.train.frame.iloc[:0], nobody, ids), tables=table)
    if data.features is not None and data.features.fitted is not None:
        graph.item_features = torch.from_numpy(data.features.fitted.encode_items(rows))
    return graph.to(model.graph.edge_item.device)


def _told_of(model: Recommender, items: BipartiteGraph) -> BoolArray:
    """Mark the new items of which something is said that the model knows. Shape ``[n]``."""
    assert isinstance(model, EmbeddingRecommender)
    assert isinstance(model.encoder, EmbedsItems)
    with torch.no_grad():
        marks: BoolArray = model.encoder.embed_items(model.graph, items).any(dim=1).cpu().numpy()
    return marks


def _unknown(table: pd.DataFrame, items: IdMap, file: str | Path, option: str) -> pd.DataFrame:
    """Take the rows of items that are not in the catalogue.

    Raises:
        InputError: If there is none.
    """
    ids = as_known(table[Columns.ITEM].astype("str"), items.ids)
    new = as_text(items).codes(ids) < 0
    if not new.any():
        what = f"all {counted(len(ids), 'item')} are in the catalogue"
        raise InputError(what, file=file, column=option, hint="leave it out, or name new items")
    if not new.all():
        known = ids[~new]
        note(f"{file}: {len(known):,} of {counted(len(ids), 'item')} are known already, as {examples(known)}")
    return table.assign(**{Columns.ITEM: ids})[new].reset_index(drop=True)
