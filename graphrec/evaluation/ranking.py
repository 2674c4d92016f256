"""Ranking of the whole catalogue and its measures, per user, in batches of bounded memory.

Protocol: scores are raw, and items that may not be ranked are masked with −inf. Recall is divided by the
number of test items, the ideal of NDCG is truncated at K, and users without test items are left out. Ties are
broken by a fixed pseudo-random key and never by item id. The definitions are those of
``torch_geometric.metrics``, which the tests hold against; those classes return means, and intervals need the
value of each user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from graphrec.arrays import IntArray
from graphrec.errors import InputError
from graphrec.evaluation.catalogue import Catalogue
from graphrec.evaluation.finite import bad_scores
from graphrec.evaluation.intervals import catalogue_intervals, listed_times, mean_interval
from graphrec.evaluation.lists import Categories, Lists
from graphrec.evaluation.measures import Measure, Need, of_kind
from graphrec.graph import BipartiteGraph, ItemLists
from graphrec.kernels.topk import tie_order, top_candidates
from graphrec.models.base import ItemSet, Recommender


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
        catalogue: All items; None if nothing was trained on, so that nobody knows them.
    """

    users: Tensor
    values: dict[str, Tensor]
    items: Tensor
    cutoffs: tuple[int, ...]
    catalogue: Catalogue | None

    def means(self) -> dict[str, float]:
        """Average each measure of a user, and compute the measures of the catalogue."""
        means = {name: float(value.double().mean()) for name, value in self.values.items()}
        if self.catalogue is not None:
            for k in self.cutoffs:
                counts = listed_times(self.items[:, :k].numpy(), len(self.catalogue))
                for one in of_kind("catalogue"):
                    means[f"{one.name}_{k}"] = one.compute(counts, self.catalogue)
        return means

    def measured(self, replicates: int = 1000) -> dict[str, Measured]:
        """Average each measure, with its bootstrap interval over users."""
        means = self.means()
        values = torch.stack(list(self.values.values()), dim=1).double().numpy()
        low, high = mean_interval(values, replicates)
        result = {
            name: Measured(means[name], float(low[j]), float(high[j])) for j, name in enumerate(self.values)
        }
        if self.catalogue is not None:
            measures = of_kind("catalogue")
            for k in self.cutoffs:
                items, shares = self.items[:, :k].numpy(), [one.compute for one in measures]
                bounds = catalogue_intervals(shares, items, self.catalogue, replicates)
                names = [f"{one.name}_{k}" for one in measures]
                for name, ends in zip(names, bounds, strict=True):
                    result[name] = Measured(means[name], *ends)
        return result


@dataclass
class _Collected:
    """Users, their lists, which of these items they bought, and how many they bought; batch by batch."""

    users: list[Tensor] = field(default_factory=list)
    items: list[Tensor] = field(default_factory=list)
    hits: list[Tensor] = field(default_factory=list)
    counts: list[Tensor] = field(default_factory=list)


class RankingEvaluator:
    """Collects the measures of each user, batch by batch.

    Args:
        graph: Tells which items a user has seen.
        truth: What each user bought in the part that is evaluated.
        cutoffs: The K of the measures.
        item_sets: ``all`` ranks everything, ``repeat`` only what the user has bought before, ``new`` only
            what not; truth is cut down in the same way.
        measures: A user's own, beside those of the table.
        categories: Of the items, for the measures that need them.
    """

    def __init__(
        self,
        graph: BipartiteGraph,
        truth: ItemLists,
        cutoffs: Sequence[int] = (10, 20),
        item_sets: Sequence[ItemSet] = ("new",),
        measures: Sequence[Measure] = (),
        categories: Categories | None = None,
    ) -> None:
        self.graph, self._keys = graph, _keys(graph, truth)
        self.cutoffs, self.item_sets = tuple(sorted(cutoffs)), tuple(item_sets)
        self.categories = categories
        needs: dict[Need, bool] = {"train": graph.num_edges > 0, "categories": categories is not None}
        given = [need for need, there in needs.items() if there]
        self.measures = (*of_kind("user", given=given), *measures)
        self.order = tie_order(graph.num_items, graph.edge_item.device)
        buyers = graph.item_degree()
        self.information = -torch.log2(buyers.clamp_min(1).double() / graph.num_users)
        catalogue = Catalogue(buyers.cpu().numpy(), self.order.cpu().numpy())
        self.popularity = torch.from_numpy(catalogue.popularity).to(self.order.device)
        self.catalogue = catalogue if graph.num_edges else None
        self._counts = _counts(graph, self._keys)
        self._collected: dict[ItemSet, _Collected] = {name: _Collected() for name in self.item_sets}

    def rank(self, users: Tensor, recommender: Recommender) -> None:
        """Measure what a model ranks for a batch of users, without asking for the scores of the rest.

        Args:
            users: User codes. Shape ``[B]``.
            recommender: The model; `graph` is its graph.

        Raises:
            InputError: If the score of a ranked item is no number or infinite; such scores rank first.
        """
        users = users.to(self.order.device)
        self._collect_lists(users, recommender.lists(users, self.cutoffs[-1], self.item_sets))

    def update(self, users: Tensor, scores: Tensor) -> None:
        """Rank a batch of users by given scores.

        Args:
            users: User codes. Shape ``[B]``.
            scores: Raw scores of the whole catalogue; −inf is written over what the user has seen, and the
                scores are put back. Shape ``[B, I]``.

        Raises:
            InputError: If a score is not a number.
        """
        users = users.to(self.order.device)
        seen, k = self.graph.bought.pairs(users), self.cutoffs[-1]
        if scores[seen].isnan().any():
            raise bad_scores()
        lists = {name: top_candidates(scores, seen, name, k, self.order) for name in self.item_sets}
        if "repeat" in lists and len(lists) == 1 and scores.amax(dim=1).isnan().any():
            raise bad_scores()
        self._collect_lists(users, lists)

    def take(self, users: Tensor, items: Tensor) -> None:
        """Measure lists that were made elsewhere.

        Args:
            users: User codes. Shape ``[B]``.
            items: Their lists, best first, none twice, −1 where a list has ended. Shape ``[B, L]``.
        """
        users, items = users.to(self.order.device), items.to(self.order.device)
        width = max(0, min(self.cutoffs[-1], self.graph.num_items) - items.shape[1])
        items = torch.nn.functional.pad(items, (0, width), value=-1)
        listed = items >= 0
        seen = self.graph.bought.contains(users, items.clamp_min(0))
        belong = {"all": listed, "repeat": listed & seen, "new": listed & ~seen}
        for name in self.item_sets:
            first = (~belong[name]).to(torch.int8).argsort(dim=1, stable=True)[:, : self.cutoffs[-1]]
            own, there = items.gather(1, first), belong[name].gather(1, first)
            values = torch.zeros(own.shape, device=own.device).masked_fill(~there, -torch.inf)
            self._collect(name, users, values, own.clamp_min(0))

    def _collect_lists(self, users: Tensor, lists: dict[ItemSet, tuple[Tensor, Tensor]]) -> None:
        for name, (values, items) in lists.items():
            if not (values[:, :1] < torch.inf).all():  # false of what is no number, too
                raise bad_scores()
            self._collect(name, users, values, items)

    def _collect(self, name: ItemSet, users: Tensor, values: Tensor, items: Tensor) -> None:
        """Keep the lists of a batch, and what was found, where they are: a GPU is not waited for."""
        listed, into = ~values.isneginf(), self._collected[name]
        into.users.append(users)
        into.items.append(items.masked_fill(~listed, -1))
        # what is listed belongs to the item set, so what was bought and is listed was to be found on it
        into.hits.append(self._bought(users, items) & listed)
        into.counts.append(self._counts[name][users])

    def _bought(self, users: Tensor, items: Tensor) -> Tensor:
        """Mark where a user bought an item in the part that is evaluated. Shape of `items`, ``[n, K]``."""
        if not len(self._keys):
            return torch.zeros_like(items, dtype=torch.bool)
        keys = users[:, None] * self.graph.num_items + items
        place = torch.searchsorted(self._keys, keys).clamp_max(len(self._keys) - 1)
        return self._keys[place] == keys

    def compute(self) -> dict[ItemSet, UserMetrics]:
        """Compute the measures of everything collected so far, by item set.

        Raises:
            InputError: If a measure returns something else than a number per user.
        """
        return {name: self._measured(into) for name, into in self._collected.items()}

    def _measured(self, into: _Collected) -> UserMetrics:
        """Measure the users who have something to find."""
        count = torch.cat(into.counts)
        kept = count.nonzero().flatten()
        users, items, hits = (torch.cat(part)[kept] for part in (into.users, into.items, into.hits))
        count, known = count[kept], items.clamp_min(0)
        information, popularity = self.information[known], self.popularity[known]
        values = {}
        for k in self.cutoffs:
            found = hits[:, :k].double()  # float32 would be off by more than 1e-9
            bits, places = information[:, :k], popularity[:, :k]
            of_k = (users, items[:, :k], found, count, bits, places, k, self.graph, self.categories)
            lists = Lists(*of_k)
            for measure in self.measures:
                values[f"{measure.name}_{k}"] = _of_users(measure, lists)
        return UserMetrics(users.cpu(), values, items.cpu(), self.cutoffs, self.catalogue)


def _keys(graph: BipartiteGraph, truth: ItemLists) -> Tensor:
    """List each pair once, as a number, in order. Shape ``[pairs]``."""
    rows, items = truth.pairs(torch.arange(graph.num_users, device=truth.items.device))
    keys: Tensor = torch.unique(rows * graph.num_items + items)
    return keys


def _counts(graph: BipartiteGraph, keys: Tensor) -> dict[ItemSet, Tensor]:
    """Count the items that each user has to find on each item set. Each ``[U]``."""
    rows, items = keys // graph.num_items, keys % graph.num_items
    before = graph.bought.contains(rows, items[:, None])[:, 0]
    counts = torch.bincount(rows, minlength=graph.num_users)
    repeat = torch.bincount(rows[before], minlength=graph.num_users)
    return {"all": counts, "repeat": repeat, "new": counts - repeat}


def _of_users(measure: Measure, lists: Lists) -> Tensor:
    """Compute the value of each user, on the CPU. Shape ``[n]``."""
    given, count = measure.compute(lists), len(lists.users)
    if not isinstance(given, Tensor):
        wrong = f"a {type(given).__name__}"
    elif given.shape != lists.users.shape:
        wrong = f"the shape {list(given.shape)} for {count} users"
    else:
        values: Tensor = (given if given.is_floating_point() else given.double()).detach().cpu()
        if bool(values.isfinite().all()):
            return values
        wrong = "what is no finite number"
    what, hint = f"measure {measure.name} returned {wrong}", "return a tensor with a number per user"
    raise InputError(what, column="measures", hint=hint)


def metric_names(prefix: str, metrics: dict[ItemSet, UserMetrics]) -> dict[str, float]:
    """Make flat names for logging: ``val_ndcg_20`` for the first item set, ``val_ndcg_20_new`` for each.

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


def truth_lists(pairs: IntArray, graph: BipartiteGraph) -> ItemLists:
    """Lay out the ground truth as lists per user, on the graph's device."""
    return ItemLists(pairs, graph.num_users, graph.num_items).to(graph.edge_item.device)
