"""The gate: a renewed model against the one that serves, on weeks that neither was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphrec.arrays import FloatArray
from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.evaluation.significance import crossed_differences
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender
from graphrec.models.encoders.warm import Learnt, places_of

K = 20
MEASURE = f"ndcg_{K}"


class AsServed(Recommender):
    """A model of before with its own vectors, on the users and items of a log that has grown.

    What it does not know it does not list. What its users have bought since is as known to it as to a
    service that is told of each purchase.

    Args:
        served: The model with its ids.
        graph: Of the grown log.
        users: Codes of its users.
        items: Codes of its items.
    """

    def __init__(self, served: Learnt, graph: BipartiteGraph, users: IdMap, items: IdMap) -> None:
        super().__init__()
        self.graph, self.served = graph, served.recommender
        device = graph.edge_user.device
        self.user_places = places_of(users, served.users).to(device)
        there = places_of(items, served.items).to(device)
        self.item_codes = (there >= 0).nonzero().flatten()
        self.item_places = there[self.item_codes]

    def knows(self, users: Tensor) -> Tensor:
        """Mark the users that it was trained on. ``[B]``."""
        return self.user_places[users] >= 0

    def score(self, users: Tensor) -> Tensor:
        """Score what it knows; −inf everywhere else. ``[B]`` to ``[B, I]``."""
        places = self.user_places[users]
        scores = torch.full((len(users), self.graph.num_items), -torch.inf, device=places.device)
        known = (places >= 0).nonzero().flatten()
        if len(known):
            found = self.served.score(places[known])[:, self.item_places].to(scores)
            scores[known[:, None], self.item_codes] = found
        return scores


@dataclass(frozen=True)
class Verdict:
    """What the gate found.

    Args:
        weeks: The weeks that it looked at, in words.
        users: Users of both models who had something new to find.
        new: Mean NDCG@20 of new items of the renewed model over them.
        old: The same of the one that serves.
        low: Lower bound of the 95 % interval of new − old, paired by user.
        high: Upper bound of it.
        newcomers: Users that only the renewed model knows.
        newcomers_ndcg: Its mean over them; 0 if there are none.
    """

    weeks: str
    users: int
    new: float
    old: float
    low: float
    high: float
    newcomers: int
    newcomers_ndcg: float

    @property
    def opens(self) -> bool:
        """Whether the renewed model may serve: unless it is worse beyond chance."""
        return not self.high < 0

    def __str__(self) -> str:
        """Say it in a sentence."""
        what = f"NDCG@{K} of new items in {self.weeks}: {self.new:.4f}, and {self.old:.4f} by what serves"
        bounds = f"{self.new - self.old:+.4f}, 95 % from {self.low:+.4f} to {self.high:+.4f}"
        return f"{what} ({bounds}, {self.users:,} users)"


def judge(renewed: Recommender, old: AsServed, held_out: Interactions, size: int, weeks: str) -> Verdict:
    """Compare two models on purchases that neither was trained on.

    Args:
        renewed: Trained on the graph of the grown log, without the weeks of the gate.
        old: What serves, over the same users and items.
        held_out: Purchases of those weeks.
        size: Users ranked at a time.
        weeks: The weeks, in words.

    Raises:
        InputError: If no user that both know bought something new in them.
    """
    users = torch.from_numpy(np.unique(held_out.pairs()[:, 0]))
    new, old_values = (_values(model, held_out, torch.split(users, size)) for model in (renewed, old))
    known = old.knows(users_of(new).to(old.user_places.device)).cpu().numpy()
    mine, theirs, others = new[known, 1], old_values[known, 1], new[~known, 1]
    if not len(mine):
        what = f"nobody that the run knows bought something new in {weeks}, so nothing can be compared"
        raise InputError(what, column="--gate_weeks", hint="give more weeks, or fit anew")
    found = crossed_differences([mine[None, :, None], theirs[None, :, None]], [(0, 1)])
    low, high = float(found.low[0, 0]), float(found.high[0, 0])
    mean = float(others.mean()) if len(others) else 0.0
    return Verdict(weeks, len(mine), float(mine.mean()), float(theirs.mean()), low, high, len(others), mean)


def users_of(values: FloatArray) -> Tensor:
    """Take the codes of the users out of `_values`. ``[n]``."""
    return torch.from_numpy(values[:, 0].astype(np.int64))


def _values(model: Recommender, held_out: Interactions, batches: Iterable[Tensor]) -> FloatArray:
    """Measure each user who has something to find: code and NDCG@20. ``[n, 2]``."""
    evaluator = RankingEvaluator(model.graph, truth_lists(held_out.pairs(), model.graph), [K], ["new"])
    for users in batches:
        evaluator.rank(users, model)
    found = evaluator.compute()["new"]
    return np.column_stack([found.users.numpy(), found.values[MEASURE].double().numpy()])
