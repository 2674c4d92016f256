"""A learned ranker over the graph's link scores and the purchase history: what will be bought next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from graphrec.arrays import BoolArray, Float32Array
from graphrec.errors import MOST_ROUNDS, InputError, check_above, check_at_least, check_between, check_seed
from graphrec.graph import BipartiteGraph, ItemLists
from graphrec.models.base import ClosedForm
from graphrec.models.purchase_features import FILTERS, PAIR_FACTS, PairTable, Purchases, known_and_new

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

_FLOOR = -30.0
"""Log odds of what is neither known nor a candidate."""
_TRACE = 1e-4
"""Share of the link score in the log odds, which orders what the trees put together."""
_FEWEST = 50
"""Positives below which trees learn nothing that would hold."""


@dataclass(frozen=True)
class _Examples:
    """Pairs as they stood at some week, and whether they were bought in the weeks after it."""

    columns: Float32Array
    bought: BoolArray


class PurchaseRanker(ClosedForm):
    """Ranks by the probability of a purchase in the next weeks, from trees over history and link scores.

    At several past weeks it looks at the log up to there and learns what was bought in the `horizon` weeks
    after. It learns once for pairs that had been bought before, from weeks, recency and rhythm. It learns
    again for candidates that had not, from link scores of low-pass graph filters and what sells now. Both see
    the habits of the user and the sales of the item. Trees of several weeks forget the assortment of a single
    one. Everything comes from the training part; log odds of both kinds share one scale, so that they rank
    together.

    Args:
        horizon: Weeks over which purchases are foretold.
        windows: Past weeks to learn at, one horizon apart.
        depth: New items taken from each link score as candidates; the rest are never ranked before these.
        trees: Boosting rounds.
        leaves: Leaves of a tree.
        learning_rate: Shrinkage of a tree.
        seed: Of the decompositions and trees.
    """

    known_score: Tensor
    new_pair: Tensor
    new_score: Tensor

    def __init__(
        self,
        horizon: int = 4,
        windows: int = 4,
        depth: int = 60,
        trees: int = 200,
        leaves: int = 31,
        learning_rate: float = 0.06,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, horizon=horizon, windows=windows, depth=depth)
        check_between(1, MOST_ROUNDS, trees=trees)
        check_at_least(2, leaves=leaves)
        check_above(0, learning_rate=learning_rate)
        check_seed(seed=seed)
        self.horizon, self.windows, self.depth, self.seed = horizon, windows, depth, seed
        self.trees, self.leaves, self.learning_rate = trees, leaves, learning_rate

    def fit(self, graph: BipartiteGraph) -> None:
        """Learn at past weeks, then look ahead from the last one.

        Raises:
            InputError: If the log has no weeks.
        """
        log = _purchases(graph)
        examples = self._examples(log)
        tables = known_and_new(log, self.depth, self.seed)
        known, new = (
            _log_odds(self._trees(past), table, link)
            for past, table, link in zip(
                examples, tables, (PAIR_FACTS + len(FILTERS), len(FILTERS)), strict=True
            )
        )
        self._keep(graph, known, torch.from_numpy(tables[1].pairs), new)

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the scores as they were."""
        names = ("known_score", "new_pair", "new_score")
        if set(state) >= set(names):
            self._keep(graph, *(state[name].clone() for name in names))
        else:
            self.fit(graph)

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Compute log odds of a purchase within the horizon. Shape ``[B, I]``."""
        scores = torch.full((len(users), self.graph.num_items), _FLOOR, device=users.device)
        rows, places = self.graph.seen.places(users)
        scores[rows, self.graph.seen.items[places]] = self.known_score[places]
        rows, places = self.candidates.places(users)
        scores[rows, self.candidates.items[places]] = self.new_score[places]
        return scores

    def _examples(self, log: Purchases) -> tuple[list[_Examples], list[_Examples]]:
        """Build known and new pairs at each past week that leaves something to learn from."""
        first = int(log.week.min()) if len(log.week) else log.last
        weeks = list(range(log.last - self.horizon, first, -self.horizon))[: self.windows]
        known: list[_Examples] = []
        new: list[_Examples] = []
        for week in track(weeks, "Learning from past weeks", transient=True):
            after = log.between(week + 1, week + self.horizon)
            tables = known_and_new(log.until(week), self.depth, self.seed)
            for table, examples in zip(tables, (known, new), strict=True):
                examples.append(_Examples(table.columns, np.isin(table.pairs, after)))
        return known, new

    def _trees(self, examples: list[_Examples]) -> HistGradientBoostingClassifier | None:
        """Fit trees to the examples; none where too little was bought to learn from."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        if sum(int(part.bought.sum()) for part in examples) < _FEWEST:
            return None
        columns = np.concatenate([part.columns for part in examples])
        bought = np.concatenate([part.bought for part in examples])
        trees = HistGradientBoostingClassifier(
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            learning_rate=self.learning_rate,
            min_samples_leaf=200,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=self.seed,
        )
        return trees.fit(columns, bought)

    def _keep(self, graph: BipartiteGraph, known: Tensor, new: Tensor, score: Tensor) -> None:
        """Keep scores of the graph's edges, and those of new pairs, numbered ``u I + i`` and sorted."""
        self.graph = graph
        for name, value in (("known_score", known), ("new_pair", new), ("new_score", score)):
            self.keep(name, value.to(graph.edge_item.device))
        pairs = np.stack(np.divmod(new.cpu().numpy(), graph.num_items), axis=1)
        self.candidates = ItemLists(pairs, graph.num_users, graph.num_items).to(graph.edge_item.device)


def _purchases(graph: BipartiteGraph) -> Purchases:
    """Take the graph's history, sorted by pair."""
    if not graph.has_weeks:
        hint = "map a week or timestamp column"
        raise InputError("PurchaseRanker needs a log with times", column="week", hint=hint)
    user, item, week = (getattr(graph, f"history_{name}").cpu().numpy() for name in ("user", "item", "week"))
    order = np.lexsort((week, item, user))
    last = int(week.max()) if len(week) else 0
    return Purchases(user[order], item[order], week[order], graph.num_users, graph.num_items, last)


def _log_odds(trees: HistGradientBoostingClassifier | None, table: PairTable, link: int) -> Tensor:
    """Compute log odds of each pair, and a trace of the link score in a column. Shape ``[P]``."""
    score = (
        np.zeros(len(table.pairs))
        if trees is None or not len(table.pairs)
        else trees.decision_function(table.columns)
    )
    traced = score + _TRACE * table.columns[:, link] if len(table.pairs) else score
    return torch.from_numpy(traced.astype(np.float32))
