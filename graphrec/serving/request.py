"""Lists of the best items that somebody asks for, and how a model answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from graphrec.data.choice.history import Histories
from graphrec.data.choice.items import ItemChoice, ItemFiles
from graphrec.data.choice.known import as_text
from graphrec.data.choice.people import People, Segments, tell_unknown_users
from graphrec.data.interactions import Columns
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.models.base import ItemSet
from graphrec.serving.choosing import chosen
from graphrec.serving.column_reasons import Said
from graphrec.serving.groups import Group, Grouping
from graphrec.serving.lists import recommendations
from graphrec.serving.newcomers import Catalogue, Described, describes_users
from graphrec.serving.reasons import Naming, with_reasons

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.training.experiment import ListingTask

NEW_ITEM = " on new item"
"""What is added to the basis of an item that is ranked by its features and attributes alone."""


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Args:
        users: For whom; None for those of the history, or for all.
        history: What people bought who were not in training.
        segment: Column of the users by which the most bought items are chosen.
        user_table: Table with that column.
        user_file: Its file, for messages.
        items: What may be listed.
        new_items: Table of items that training never saw.
        new_file: Its file, for messages.
        explain: Whether each row says why.
        name_column: What items are called, in reasons; see `graphrec.serving.reasons`.
    """

    users: Table | None
    history: Histories | None
    segment: str | None
    user_table: Table | None
    user_file: str | Path | None
    items: ItemFiles
    new_items: Table | None = None
    new_file: str | Path = ""
    explain: bool = False
    name_column: str | None = None

    def lists(
        self, task: ListingTask, data: RecommenderData, k: int, item_set: ItemSet
    ) -> tuple[pd.DataFrame, int]:
        """Rank for everybody who was asked for, in that order.

        Args:
            task: Has the model.
            data: What it was fitted to.
            k: Items per user.
            item_set: Which items are ranked.

        Returns:
            ``user_id``, ``item_id``, ``rank``, ``score`` and ``basis``; and how many users were asked for.
        """
        catalogue = Catalogue.of(task.recommender, data, self.new_items, self.new_file)
        choice = self.items.choice(replace(data.source, items=catalogue.table), catalogue.items)
        users = data.split.users
        given = None if self.history is None else self.history.cleaned_by(data.source.rules, data.source.kept)
        history = None if given is None else given.joined(users, catalogue.items)
        if self.user_table is not None and self.segment is None and not describes_users(task.recommender):
            hint = "name a column of it with --segment, or leave the table out"
            raise InputError("the model reads no attributes of users", column="--user_table", hint=hint)
        people = People.asked(self.users, given, users, _active(task, data))
        if self.segment is None:
            segments = None
        else:
            segments = Segments.read(self.segment, self.user_table, self.user_file, data.source)
        if choice.pairs is not None:
            known = pd.concat([people.ids, pd.Series(as_text(users).ids, dtype="str")])
            tell_unknown_users(choice.pairs[Columns.USER], known, self.items.paths["exclude"])
        if history is not None and item_set == "new":
            bought = history.log if data.weights is None else data.weights.bought_in(history.log)
            choice = choice.without(bought[[Columns.USER, Columns.ITEM_CODE]])
        described = Described.of(self.user_table, data)
        groups = list(Grouping(catalogue.model, data, people, described, history, segments).groups())
        frames = [self._ranked(group, choice, catalogue, k, item_set) for group in groups]
        if self.explain:
            named, items = replace(data.source, items=catalogue.table), catalogue.items
            names, training = Naming.of(named, items, self.name_column), catalogue.model.graph
            said = Said.of(described.table, catalogue.table)
            frames = [
                with_reasons(
                    frame, group.recommender, group.users, items, training, names, data.features, said
                )
                for frame, group in zip(frames, groups, strict=True)
            ]
        return _in_order(frames, people.ids), len(people.ids)

    def _ranked(
        self, group: Group, choice: ItemChoice, catalogue: Catalogue, k: int, item_set: ItemSet
    ) -> pd.DataFrame:
        model = chosen(group.recommender, choice, group.users)
        frame = recommendations(model, group.users, catalogue.items, group.codes.numpy(), k, item_set)
        basis = pd.Series(group.basis, index=frame.index, dtype="str")
        return frame.assign(basis=basis.mask(catalogue.is_new(frame[Columns.ITEM]), basis + NEW_ITEM))


def _active(task: ListingTask, data: RecommenderData) -> np.ndarray:
    """Mark the users of whom the model knows something: purchases, or features. Shape ``[U]``."""
    graph = task.recommender.graph
    if data.features is not None:
        return np.ones(graph.num_users, dtype=bool)
    return (graph.seen.counts(torch.arange(graph.num_users)) > 0).cpu().numpy()


def _in_order(frames: list[pd.DataFrame], people: pd.Series[str]) -> pd.DataFrame:
    """Put the lists one below the other in the order of people; ids are text unless all are the model's."""
    if len(frames) > 1 or set(frames[0]["basis"]) - {"model"}:
        frames = [frame.assign(user_id=frame["user_id"].astype("str")) for frame in frames]
    joined = pd.concat(frames, ignore_index=True)
    place = pd.Series(np.arange(len(people)), index=people)
    order = joined["user_id"].astype("str").map(place).to_numpy()
    return joined.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
