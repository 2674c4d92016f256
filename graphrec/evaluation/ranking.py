"""Ranking of the whole catalogue and its measures, per user, in batches of bounded memory.

Protocol: raw scores, items that may not be ranked masked with −inf, recall divided by the number of test
items, the ideal of NDCG truncated at K, users without test items left out, ties broken by a fixed
pseudo-random key and never by item id. The definitions are those of ``torch_geometric.metrics``, which the
tests hold against; those classes return means, and intervals need the value of each user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from graphrec.evaluation.intervals import coverage, coverage_interval, mean_interval
from graphrec.graph import BipartiteGraph, ItemLists
from graphrec.models.base import ItemSet, mask_scores
from graphrec.models.order import tie_order, top_items

MEASURES = ("precision", "recall", "ndcg", "hit_ratio", "mrr", "map", "novelty", "coverage")


@dataclass(frozen=True)
class Measured:
    """A mean over users with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class UserMetrics:
    """Values of each user on one item set.

    Args:
        users: Codes of the users that were ranked and have test items. Shape ``[n]``.
        values: ``measure_K`` to the value of each user. Each ``[n]``.
        items: Their lists, −1 where a user has fewer items. Shape ``[n, K_max]``.
        cutoffs: The K of the measures.
        num_items: Size of the catalogue ``I``.
    """

    users: Tensor
    values: dict[str, Tensor]
    items: Tensor
    cutoffs: tuple[int, ...]
    num_items: int

    def means(self) -> dict[str, float]:
        """Mean of each measure, and the coverage of the catalogue."""
        means = {name: float(value.double().mean()) for name, value in self.values.items()}
        for k in self.cutoffs:
            means[f"coverage_{k}"] = coverage(self.items[:, :k].numpy(), self.num_items)
        return means

    def measured(self, replicates: int = 1000) -> dict[str, Measured]:
        """Mean of each measure with its bootstrap interval over users."""
        means = self.means()
        values = torch.stack(list(self.values.values()), dim=1).double().numpy()
        low, high = mean_interval(values, replicates)
        result = {
            name: Measured(means[name], float(low[j]), float(high[j])) for j, name in enumerate(self.values)
        }
        for k in self.cutoffs:
            bounds = coverage_interval(self.items[:, :k].numpy(), self.num_items, replicates)
            result[f"coverage_{k}"] = Measured(means[f"coverage_{k}"], *bounds)
        return result


@dataclass
class _Collected:
    users: list[Tensor] = field(default_factory=list)
    items: list[Tensor] = field(default_factory=list)
    values: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))


class RankingEvaluator:
    """Collects the measures of each user, batch by batch.

    Args:
        graph: Tells which items a user has seen.
        truth: What each user bought in the part that is evaluated.
        cutoffs: The K of the measures.
        item_sets: ``all`` ranks everything, ``repeat`` only what the user has bought before, ``new`` only
            what not; truth is cut down in the same way.
    """

    def __init__(
        self,
        graph: BipartiteGraph,
        truth: ItemLists,
        cutoffs: Sequence[int] = (10, 20),
        item_sets: Sequence[ItemSet] = ("new",),
    ) -> None:
        self.graph, self.truth = graph, truth
        self.cutoffs, self.item_sets = tuple(sorted(cutoffs)), tuple(item_sets)
        self.order = tie_order(graph.num_items, graph.edge_item.device)
        self.information = -torch.log2(graph.item_degree().clamp_min(1) / graph.num_users)
        self._collected: dict[ItemSet, _Collected] = {name: _Collected() for name in self.item_sets}

    def update(self, users: Tensor, scores: Tensor) -> None:
        """Rank a batch of users.

        Args:
            users: User codes. Shape ``[B]``.
            scores: Raw scores of the whole catalogue. Shape ``[B, I]``.

        Raises:
            ValueError: If a score is not a number.
        """
        if scores.isnan().any():
            raise ValueError("the model returned a score that is not a number")
        seen = self.graph.seen_mask(users)
        relevant = self.truth.mask(users)
        for name in self.item_sets:
            wanted = relevant if name == "all" else relevant & (~seen if name == "new" else seen)
            self._rank(name, users, mask_scores(scores, seen, name), wanted)

    def _rank(self, name: ItemSet, users: Tensor, scores: Tensor, relevant: Tensor) -> None:
        count = relevant.sum(dim=1)
        kept = count > 0
        values, items = top_items(scores[kept], self.cutoffs[-1], self.order)
        listed = ~values.isneginf()
        hits = relevant[kept].gather(1, items) & listed
        into = self._collected[name]
        into.users.append(users[kept].cpu())
        into.items.append(items.masked_fill(~listed, -1).cpu())
        information = self.information[items]
        for k in self.cutoffs:
            measures = _measures(hits[:, :k], count[kept], listed[:, :k], information[:, :k], k)
            for measure, value in measures.items():
                into.values[f"{measure}_{k}"].append(value.cpu())

    def compute(self) -> dict[ItemSet, UserMetrics]:
        """Everything collected so far, by item set."""
        return {
            name: UserMetrics(
                torch.cat(into.users),
                {key: torch.cat(parts) for key, parts in into.values.items()},
                torch.cat(into.items),
                self.cutoffs,
                self.graph.num_items,
            )
            for name, into in self._collected.items()
        }


def _measures(hits: Tensor, count: Tensor, listed: Tensor, information: Tensor, k: int) -> dict[str, Tensor]:
    """All measures at one cut-off; every tensor is ``[n, K]`` but `count`, ``[n]``."""
    width = hits.shape[1]
    hit = hits.float()
    found = hit.sum(dim=1)
    place = torch.arange(1, width + 1, device=hits.device)
    discount = 1.0 / torch.log2(place + 1.0)
    ideal = torch.cumsum(discount, 0)[count.clamp_max(width) - 1]
    return {
        "precision": found / k,
        "recall": found / count,
        "ndcg": (hit * discount).sum(dim=1) / ideal,
        "hit_ratio": (found > 0).float(),
        "mrr": (hit / place).amax(dim=1),
        "map": (hit * hit.cumsum(dim=1) / place).sum(dim=1) / count.clamp_max(k),
        "novelty": (information * listed).sum(dim=1) / listed.sum(dim=1).clamp_min(1),
    }


def metric_names(prefix: str, metrics: dict[ItemSet, UserMetrics]) -> dict[str, float]:
    """Flat names for logging: ``val_ndcg_20`` for the first item set, ``val_ndcg_20_new`` for each.

    A set in which nobody has an item to find has no measures, rather than measures that are not numbers.
    """
    flat: dict[str, float] = {}
    for place, (items, values) in enumerate(metrics.items()):
        if not len(values.users):
            continue
        for name, value in values.means().items():
            flat[f"{prefix}_{name}_{items}"] = value
            if place == 0:
                flat[f"{prefix}_{name}"] = value
    return flat


def truth_lists(pairs: npt.NDArray[np.int64], graph: BipartiteGraph) -> ItemLists:
    """Ground truth as lists per user, on the graph's device."""
    return ItemLists(pairs, graph.num_users, graph.num_items).to(graph.edge_item.device)
