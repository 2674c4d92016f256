"""A warm start: what an earlier fit learnt, taken over by id into the model of a log that has grown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from graphrec.data.features.build import Features
from graphrec.data.interactions import IdMap
from graphrec.data.joins import known_codes
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Encoder, Recommender
from graphrec.models.encoders.baskets import Readout


@dataclass(frozen=True)
class Learnt:
    """What a fit has learnt, and of whom.

    Args:
        recommender: Fitted.
        users: Codes of its users.
        items: Codes of its items.
        features: What it was given beside ids.
    """

    recommender: Recommender
    users: IdMap
    items: IdMap
    features: Features | None = None


@dataclass(frozen=True)
class Taken:
    """What became of a warm start.

    Args:
        rows: Vectors of users and items that were taken over.
        told: Vectors that were told from their neighbours.
        drawn: Vectors that begin as in any fit: no neighbour has one.
        anew: Why nothing was taken over, in words; empty if it was.
    """

    rows: int = 0
    told: int = 0
    drawn: int = 0
    anew: str = ""

    def __str__(self) -> str:
        """Say it in a line."""
        if self.anew:
            return f"training starts anew: {self.anew}"
        if not self.rows:
            return "warm start: all weights taken over"
        line = f"warm start: {self.rows:,} vectors taken over, {self.told:,} told from their neighbours"
        return f"{line}, {self.drawn:,} drawn" if self.drawn else line


def places_of(new: IdMap, old: IdMap) -> Tensor:
    """Find where the ids of one map stand in another, whatever form they have; −1 for new ones. ``[n]``."""
    return torch.from_numpy(known_codes(pd.Series(new.ids).astype("str"), old.ids))


@torch.no_grad()
def warm_start(
    model: Recommender, users: IdMap, items: IdMap, features: Features | None, old: Learnt
) -> Taken:
    """Write what was learnt before into a model that is about to be trained.

    Rows of an encoder's table go by id, other weights as they are. A new user's row is told from the mean of
    the items they bought, by least squares over the users that were there; a new item's from its buyers.
    Nothing is taken over unless everything can be: half a model is worse than none.

    Args:
        model: Built on the graph of the grown log; written to.
        users: Codes of its users.
        items: Codes of its items.
        features: What it is given beside ids.
        old: What is taken over.
    """
    if reason := _other_inputs(model, features, old):
        return Taken(anew=reason)
    tables, theirs = _tables(model), dict(old.recommender.named_parameters())
    weights = dict(model.named_parameters())
    places = torch.cat([places_of(users, old.users), places_of(items, old.items)])
    places[len(users) :] += torch.where(places[len(users) :] < 0, 0, len(old.users))
    for name, weight in weights.items():
        shape = tuple(weight.shape)
        fits = (len(old.users) + len(old.items), *shape[1:]) if name in tables else shape
        if name not in theirs or tuple(theirs[name].shape) != fits:
            return Taken(anew=f"{name} of the earlier model does not fit")
    found = Taken()
    for name, weight in weights.items():
        before = theirs[name].to(weight)
        if name in tables:
            found = _fill(weight, before, places.to(weight.device), model.graph)
        else:
            weight.copy_(before)
    model.train(model.training)  # which forgets vectors of before
    return found


def _tables(model: Recommender) -> set[str]:
    """Name the weights that hold a vector for each node, users before items."""
    shared = [one.shared_table for one in model.modules() if isinstance(one, Encoder)]
    return {name for name, weight in model.named_parameters() if any(weight is one for one in shared)}


def _other_inputs(model: Recommender, features: Features | None, old: Learnt) -> str:
    """Say why weights of one shape would not mean the same; empty if they do."""
    if _names(features) != _names(old.features):
        return "the features have other columns now"
    if _attributes(model) != _attributes(old.recommender):
        return "the attributes have other values now"
    return ""


def _names(features: Features | None) -> tuple[list[str], list[str]]:
    if features is None:
        return [], []
    return list(features.user_names), list(features.item_names)


def _attributes(model: Recommender) -> list[str]:
    """Name the nodes that attributes are, in the order of their vectors."""
    nodes = [one for module in model.modules() for one in getattr(module, "attributes", ())]
    return [f"{one.name} {value}" for one in nodes for value in np.asarray(one.values).tolist()]


def _fill(table: Tensor, before: Tensor, places: Tensor, graph: BipartiteGraph) -> Taken:
    """Take rows over by id, and tell those of new users and items from their neighbours."""
    known = places >= 0
    taken = int(known.sum())
    table[known] = before[places[known]]
    there, told = known.clone(), 0
    split, pairs = graph.num_users, (graph.edge_user, graph.edge_item + graph.num_users)
    users = torch.arange(len(table), device=table.device) < split
    sides = ((~users, 1, 0), (users, 0, 1))
    for mine, to, come in (*sides, *sides):  # twice, for those whose neighbours are all new themselves
        told += _tell(table, known, there, mine, pairs[to], pairs[come])
    return Taken(taken, told, len(table) - taken - told)


def _tell(table: Tensor, known: Tensor, learnt: Tensor, mine: Tensor, to: Tensor, come: Tensor) -> int:
    """Tell the rows of one side that are not known from the mean of their known neighbours.

    Args:
        table: Rows of all nodes, written to. Shape ``[N, D]``.
        known: Which rows there are, learnt or told; written to. Shape ``[N]``.
        learnt: Which rows training gave, from which is learnt how to tell others. Shape ``[N]``.
        mine: Which nodes are of this side. Shape ``[N]``.
        to: Node of this side of each edge. Shape ``[E]``.
        come: Node of the other side of each edge. Shape ``[E]``.

    Returns:
        How many rows were told.
    """
    there = known[come]
    count = torch.bincount(to[there], minlength=len(table))
    shown, wanted = learnt & mine & (count > 0), ~known & mine & (count > 0)
    if not (wanted.any() and shown.any()):
        return 0
    means = torch.zeros_like(table).index_add_(0, to[there], table[come[there]])
    means /= count.clamp_min(1)[:, None]
    table[wanted] = Readout.fitted(means[shown], table[shown])(means[wanted])
    known |= wanted
    return int(wanted.sum())
