"""Lists in, measures out: by the evaluator of `graphrec test`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from graphrec.cli.evaluate.account import told_of_lists, told_of_measures
from graphrec.cli.evaluate.request import Request
from graphrec.data.given_files import read_parts, split_of
from graphrec.data.interactions import Columns, RawData
from graphrec.data.joins import as_known
from graphrec.data.recommended import CodedLists, Recommended, coded, read_recommended
from graphrec.data.splitting import Split
from graphrec.errors import InputError
from graphrec.evaluation.frames import users_frame, with_intervals
from graphrec.evaluation.groups.user_facts import user_facts
from graphrec.evaluation.item_categories import categories_of
from graphrec.evaluation.lists import Categories
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.models.base import ItemSet


@dataclass(frozen=True)
class ScoredList:
    """What one file came to.

    Args:
        name: What it is called.
        numbers: ``test_ndcg_20_all``, its bounds, and so on, as `graphrec test` writes them.
        users: A row per user with test items; see `users_frame`.
        notes: What is to be known of the lists, a sentence each.
    """

    name: str
    numbers: dict[str, float]
    users: pd.DataFrame
    notes: list[str]


@dataclass(frozen=True)
class Scored:
    """What all files came to on one test part.

    Args:
        lists: A result for each file.
        items: The item set that was judged.
        raw: The log.
        split: Its parts.
        notes: What holds for all lists.
    """

    lists: list[ScoredList]
    items: ItemSet
    raw: RawData
    split: Split
    notes: list[str]


@dataclass(frozen=True)
class _Judge:
    """What every file is judged by."""

    split: Split
    graph: BipartiteGraph
    items: ItemSet
    cutoffs: tuple[int, ...]
    categories: Categories | None
    facts: pd.DataFrame

    def score(self, name: str, lists: Recommended) -> ScoredList:
        """Judge the lists of a file."""
        truth = truth_lists(self.split.test.pairs(), self.graph)
        evaluator = RankingEvaluator(self.graph, truth, self.cutoffs, [self.items], (), self.categories)
        found = coded(lists, self.split.users, self.split.items, evaluator.order.numpy())
        users = np.unique(self.split.test.pairs()[:, 0])
        evaluator.take(torch.from_numpy(users), _of_users(users, found))
        result = evaluator.compute()
        notes = told_of_lists(lists, found, result[self.items], self.split, self.items)
        frame = users_frame(result, self.split.users, self.facts)
        return ScoredList(name, with_intervals("test", result), frame, notes)


def score(request: Request) -> Scored:
    """Read everything, and judge each file on the same test part.

    Raises:
        InputError: If a file cannot be used, or nobody has anything to find.
    """
    columns: dict[str, str | None] = {}
    for file in request.parts.values():
        columns |= request.fitting(file, "log")
    minimum = request.options["min_rating"]
    raw = read_parts(request.parts, columns, request.text, request.attributes, minimum)
    lists = {
        name: read_recommended(file, request.fitting(file, "recommendations"), request.text)
        for name, file in request.lists.items()
    }
    known = pd.Series(raw.log[Columns.ITEM].unique())
    more = _unknown(lists.values(), known)
    split = split_of(raw, more, request.options["refit"])
    items: ItemSet = "new" if request.options["exclude_seen"] else "all"
    _check_to_find(split, items, raw)
    graph = BipartiteGraph(split.train)
    column = request.options["category"]
    categories = None if column is None else categories_of(raw.items, column, split.items)
    facts = user_facts(split.train, raw.users)
    judge = _Judge(split, graph, items, request.cutoffs, categories, facts)
    scored = [judge.score(name, one) for name, one in lists.items()]
    notes = told_of_measures(bool(len(split.train)), column is not None)
    return Scored(scored, items, raw, split, notes)


def _check_to_find(split: Split, items: ItemSet, raw: RawData) -> None:
    """Raise `InputError` if every test item was bought before, and new ones alone are judged."""
    if items == "new":
        bought = set(map(tuple, split.train.pairs().tolist()))
        if not set(map(tuple, split.test.pairs().tolist())) - bought:
            hint = "leave --exclude_seen out"
            raise InputError("every test item was bought by its user in training", file=raw.file, hint=hint)


def _unknown(lists: Iterable[Recommended], known: pd.Series[str]) -> pd.Series[str]:
    """List the items that stand in no part of the log."""
    named = pd.concat([as_known(one.frame[Columns.ITEM], known) for one in lists])
    return named[~named.isin(known)].drop_duplicates()


def _of_users(users: np.ndarray, found: CodedLists) -> Tensor:
    """Take the list of each user, an empty one where there is none. Shape ``[n, L]``."""
    place = np.searchsorted(found.users, users).clip(max=max(len(found.users) - 1, 0))
    rows = np.full((len(users), max(found.items.shape[1], 1)), -1, dtype=np.int64)
    there = found.users[place] == users if len(found.users) else np.zeros(len(users), dtype=bool)
    rows[there, : found.items.shape[1]] = found.items[place[there]]
    return torch.from_numpy(rows)
