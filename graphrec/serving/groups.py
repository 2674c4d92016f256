"""People of one request by what their items are chosen from: the model, their history, what most buy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray
from graphrec.data.choice.history import History
from graphrec.data.choice.known import counted
from graphrec.data.choice.people import People, Segments, most_bought
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.baskets import weigh_as_training
from graphrec.models.answers.folded import FoldedIn, MostBought
from graphrec.models.base import Recommender
from graphrec.notices import note, warn
from graphrec.serving.newcomers import Described, describes_users, knows_something, tell_of_users

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData

MODEL, HISTORY, FEATURES, POPULARITY = "model", "history", "features", "popularity"
"""What the lists of a user rest on."""


@dataclass(frozen=True)
class Group:
    """People whose lists rest on the same.

    Args:
        basis: On what.
        recommender: Ranks for them.
        users: Its users.
        codes: Which of them are asked for.
    """

    basis: str
    recommender: Recommender
    users: IdMap
    codes: torch.Tensor


@dataclass(frozen=True)
class Grouping:
    """What tells the groups of people apart.

    Args:
        model: Fitted; new items may stand behind its own.
        data: What it was fitted to.
        people: Who is asked for.
        described: What tables say of them.
        history: What people bought that it does not know.
        segments: Groups in which other items are popular.
    """

    model: Recommender
    data: RecommenderData
    people: People
    described: Described
    history: History | None = None
    segments: Segments | None = None

    def groups(self) -> Iterator[Group]:
        """Make the groups that have anybody in them, and say whom each is of and why."""
        model, trained = self.model, self.people.trained
        if trained.any():
            yield Group(MODEL, model, self.data.split.users, torch.from_numpy(self.people.codes[trained]))
        baskets = self._baskets()
        active = np.zeros(len(trained), dtype=bool)
        if baskets is not None:
            active = self._has(baskets)
            self._tell(active)
            if active.any() and model.folds_in:
                graph, users = self._told(baskets, active)
                yield Group(HISTORY, FoldedIn(model, graph), users, torch.arange(len(users)))
        left = ~trained & ~(active & model.folds_in)
        told = self._described(left & ~active)
        if told.any():
            graph, users = self._told(None, told)
            note(f"{counted(len(users), 'user')} without a purchase ranked by what the table of users says")
            yield Group(FEATURES, FoldedIn(model, graph), users, torch.arange(len(users)))
        left &= ~told
        self.people.tell_unknown(left & ~active, self.data.split.users)
        if left.any():
            yield self._popular(baskets, left)
        elif self.segments is not None:
            note("--segment is for users who get the most bought items, and there are none")

    def _baskets(self) -> Interactions | None:
        """Take the history of those whom the model does not know."""
        if self.history is None:
            return None
        if self.data.weights is not None and (unread := self.data.weights.unread_in(self.history.log)):
            what = f"{self.history.file} has no column for {', '.join(unread)} in the weights of the model"
            note(f"{what}: its rows count alike in that")
        items = (
            self.data.split.items
        )  # of a new item a model knows no purchase; it is left out of lists alone
        known = self.history.log[Columns.ITEM_CODE] < len(items)
        history = replace(self.history, log=self.history.log[known].reset_index(drop=True))
        return history.of(self.people.ids[~self.people.trained], items)

    def _has(self, baskets: Interactions) -> BoolArray:
        """Mark who has a history; rows that weigh 0 are none. Shape ``[n]``."""
        if self.data.weights is not None:
            baskets = self.data.weights.of_history(baskets)
        codes = baskets.users.codes(self.people.ids)
        marks: BoolArray = (codes >= 0) & np.isin(codes, baskets.frame[Columns.USER_CODE])
        return marks

    def _tell(self, active: BoolArray) -> None:
        """Say who is ranked by a history, and whose rows are not used."""
        assert self.history is not None
        model, file = self.model, self.history.file
        there = self.people.ids.isin(self.history.log[Columns.USER]).to_numpy()
        if known := int((there & self.people.trained).sum()):
            what = f"{counted(known, 'user')} of {file} had purchases in training: the model ranks by those"
            note(f"{what}, and the items of the file are not new to them")
        who = counted(int(active.sum()), "user")
        if not active.any():
            warn(
                "nobody is ranked by this file: who is asked for is in training, or not in it",
                file=file,
                column="--history",
            )
        elif not model.folds_in:
            warn(f"the model cannot rank by a history: {who} of {file} get the most bought items")
        else:
            limits = f"; {model.fold_in_note}" if model.fold_in_note else ""
            note(f"{who} ranked by their history in {file}{limits}")

    def _described(self, people: BoolArray) -> BoolArray:
        """Mark those of some people of whom a table says something that the model knows. Shape ``[n]``."""
        told = people & self.described.has(self.people.ids) & describes_users(self.model)
        if told.any():
            graph, users = self._told(None, told)
            known = pd.Series(knows_something(self.model, graph), index=users.ids)
            told[told] = known.loc[self.people.ids[told]].to_numpy()
        return told

    def _told(self, baskets: Interactions | None, chosen: BoolArray) -> tuple[BipartiteGraph, IdMap]:
        """Make a graph of some people, what they bought, and what tables say of them."""
        rows = self._rows(baskets, chosen)
        graph = BipartiteGraph(rows)
        weigh_as_training(graph, self.model.graph)
        tell_of_users(graph, rows, self.described, self.data)
        return graph.to(self.model.graph.edge_item.device), rows.users

    def _rows(self, baskets: Interactions | None, chosen: BoolArray) -> Interactions:
        """Take what some people bought; without any history it is nothing."""
        users = IdMap.from_values(self.people.ids[chosen])
        if baskets is None:
            empty = self.data.split.train.frame.iloc[:0]
            return Interactions(empty, users, self.data.split.items)
        codes = users.codes(baskets.frame[Columns.USER])
        frame = baskets.frame.assign(**{Columns.USER_CODE: codes})[codes >= 0]
        rows = Interactions(frame.reset_index(drop=True), users, baskets.items)
        return rows if self.data.weights is None else self.data.weights.of_history(rows)

    def _popular(self, baskets: Interactions | None, left: BoolArray) -> Group:
        """Make the group of those who get what most people buy, in their segment if it is known."""
        rows = self._rows(baskets, left)
        users = rows.users
        training, trained = self.model.graph, self.data.split.users
        theirs, ours = np.full(len(users), -1), np.full(len(trained), -1)
        count = 0
        if self.segments is not None:
            theirs, ours, count = self.segments.codes(users, trained)
            known, of_what = int((theirs >= 0).sum()), f"of their {self.segments.column}"
            what = f"{known:,} of {counted(len(users), 'user')} get the most bought items {of_what}"
            note(what if known == len(users) else f"{what}; nobody in training has that of the others")
        everybody = torch.arange(training.num_users, device=training.edge_user.device)
        buyer, item = training.bought.pairs(everybody)  # a view is no purchase
        pairs = (buyer.cpu().numpy(), item.cpu().numpy())
        buyers = torch.from_numpy(most_bought(*pairs, ours, count, training.num_items)).float()
        buyers[:, len(self.data.split.items) :] = -torch.inf  # to be new is no reason to be bought
        device = training.edge_item.device
        graph = BipartiteGraph(rows).to(device)
        model = MostBought(graph, buyers.to(device), torch.from_numpy(theirs).to(device))
        return Group(POPULARITY, model, users, torch.arange(len(users)))
