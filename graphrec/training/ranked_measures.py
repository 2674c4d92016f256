"""Measures of lists as a task of `RecommenderData` logs, tries and prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from graphrec.data.ledger import cold_line
from graphrec.data.module import RecommenderData
from graphrec.evaluation.item_categories import categories_of
from graphrec.evaluation.lists import Categories
from graphrec.evaluation.measures import BY_NAME, Need, of_kind, own_measures
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.training.experiment import Summary

SHOWN = ("ndcg", "recall", "hit_ratio")
"""Measures that are printed, before those of a user's own."""
_TRIED = 8
"""Users for whom a measure is tried; an epoch may take an hour."""


def known_metrics(data: RecommenderData) -> dict[str, bool | None]:
    """List the names of all that a fit logs, with whether larger is better.

    Raises:
        InputError: If the data names a measure that is none.
    """
    measures = [*of_kind("user", "catalogue", given=given_by(data)), *own_measures(data.measures)]
    first = {f"val_{one.name}_{k}": one.higher_is_better for one in measures for k in data.cutoffs}
    of_sets = {f"{name}_{items}": better for name, better in first.items() for items in data.item_sets}
    return {**first, **of_sets, "train_loss": False}


def given_by(data: RecommenderData) -> tuple[Need, ...]:
    """Tell what the data give that some measures need."""
    return ("train",) if data.category is None else ("train", "categories")


def categories_in(data: RecommenderData, graph: BipartiteGraph) -> Categories | None:
    """Find the categories of the items, if the data name an attribute for them.

    Raises:
        InputError: If there is no such attribute.
    """
    if data.category is None:
        return None
    return categories_of(data.source.items, data.category, data.split.items, graph.edge_item.device)


def try_measures(data: RecommenderData, graph: BipartiteGraph) -> None:
    """Raise `InputError` if there is no such category, or an own measure has no number.

    The latter for users to whom all items are alike.
    """
    own = own_measures(data.measures)
    categories_in(data, graph)
    if not own:
        return
    pairs, device = data.split.val.pairs(), graph.edge_item.device
    evaluator = RankingEvaluator(graph, truth_lists(pairs, graph), data.cutoffs, data.item_sets, own)
    users = torch.from_numpy(np.unique(pairs[:, 0])[:_TRIED]).to(device)
    evaluator.update(users, torch.zeros(len(users), graph.num_items, device=device))
    evaluator.compute()


def summary_of_sets(part: str, metrics: Mapping[str, Any], data: RecommenderData) -> Summary:
    """Lay out a row per item set and a column per measure at the largest K, with intervals where there are.

    Args:
        part: ``val`` or ``test``, what the names in `metrics` start with.
        metrics: Name to value, as Lightning collected them.
        data: Tells the item sets, the K and the user's own measures.
    """
    k, shown = max(data.cutoffs), [*(BY_NAME[name] for name in SHOWN), *own_measures(data.measures)]
    names = {items: [f"{part}_{one.name}_{k}_{items}" for one in shown] for items in data.item_sets}
    rows = [
        (items, *(_with_interval(name, metrics) for name in own if name in metrics))
        for items, own in names.items()
    ]
    notes = notes_of(data) if part == "test" else []
    return Summary(f"{part}, at {k}", ["items", *(one.title for one in shown)], rows, labels=1, notes=notes)


def notes_of(data: RecommenderData) -> list[str]:
    """Say what a reader of a test should know of its data, a sentence each."""
    return [line for line in (_validation_line(data), cold_line(data.split)) if line]


def _validation_line(data: RecommenderData) -> str:
    """Say how many validation pairs of tested users are among the candidates; nothing after a refit."""
    held, tested = data.split.val.pairs(), data.split.test.pairs()
    width, known = len(data.split.items), data.split.train.pairs()
    keys, seen = (pairs[:, 0] * width + pairs[:, 1] for pairs in (held, known))
    among = np.isin(held[:, 0], tested[:, 0]) & ~np.isin(keys, seen)
    if data.item_sets == ["repeat"] or not among.any():
        return ""
    return (
        f"{int(among.sum()):,} items of the validation part are among the candidates of the users tested:"
        " this model was fitted on the training part alone; `graphrec refit` trains on both"
    )


def _with_interval(name: str, metrics: Mapping[str, Any]) -> str:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    between = "" if low is None or high is None else f" [{float(low):.3f}, {float(high):.3f}]"
    return f"{float(metrics[name]):.4f}{between}"
