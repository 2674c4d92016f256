"""What each discount on the best items of one shopper would bring, by the rules of `graphrec.offers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphrec.arrays import BoolArray, Float32Array, FloatArray, IntArray
from graphrec.evaluation.probability.standing import Standing
from graphrec.graph import BipartiteGraph
from graphrec.offers.choices import Choices
from graphrec.offers.decision import Decision
from graphrec.offers.economics import Money, PairEconomics
from graphrec.offers.horizon import Horizon
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.item_facts import of_items
from graphrec.offers.limits.rates import ROUNDING, limit_reasons, tightest
from graphrec.offers.pairs import Pairs
from graphrec.offers.reasons import Reason, chosen, everywhere
from graphrec.offers.words import reasons_of
from graphrec.response.curves import MEDIAN_ELASTICITY, ElasticResponse, Response, reference
from graphrec.serving.live.answers import Candidate, Level
from graphrec.serving.offers.facts import OfferFacts


@dataclass(frozen=True)
class Best:
    """The best items of somebody.

    Args:
        user: Code; −1 for somebody whom training does not know.
        name: Id of them, as text.
        purchases: How many items they bought.
        items: Codes, best first. Shape ``[P]``.
        score: Raw. Shape ``[P]``.
        seen: Whether they bought it. Shape ``[P]``.
        place: Among their items of the same kind, see `Standing`. Shape ``[P]``.
    """

    user: int
    name: str
    purchases: int
    items: IntArray
    score: FloatArray
    seen: BoolArray
    place: IntArray


class LiveOffers:
    """Knows what may be offered, and works out what it would bring.

    Args:
        facts: Of the export.
        graph: Of training.
        ids: Of the items, as text.
    """

    def __init__(self, facts: OfferFacts, graph: BipartiteGraph, ids: Sequence[str]) -> None:
        self.facts, self.ids = facts, ids
        self.price = facts.column("price", np.nan)
        priced = facts.items.assign(price=facts.items["price"].fillna(1.0))  # what has none is not offered
        self._money, self._limits = of_items(priced, facts.economics, facts.guardrails)
        self._max_depth = facts.column("max_depth", np.inf)
        self._gone = facts.column("gone", 0.0) > 0
        counts = np.log1p(graph.bought.start.diff().numpy().astype(np.float64))
        self._usual = float(counts.mean())
        buyers = np.log1p(graph.item_degree().numpy().astype(np.float64))
        self._buyers = buyers - buyers.mean()
        self._affinity, self._elasticity = (
            facts.users[name].to_numpy(dtype=np.float64) for name in ("affinity", "elasticity")
        )
        meant = facts.eligible
        self.meant = ~np.isnan(self.price) if meant is None else meant.items & ~np.isnan(self.price)

    def eligible(self, user: int) -> BoolArray | None:
        """Mark the items that the scenario chooses for somebody; None for all. Shape ``[I]``.

        Of who is not in training nothing is known, so no rule that chooses people or pairs chooses them.
        """
        chooses = self.facts.eligible
        if chooses is None:
            return None
        if user >= 0:
            mine: BoolArray = chooses.mask(np.array([user]))[0]
            return mine
        by_people = not chooses.users.all() or chooses.lift is not None or chooses.near is not None
        return np.zeros_like(chooses.items) if by_people else chooses.items

    def candidates(self, listed: Best) -> list[Candidate]:
        """Work out the levels that all limits allow on the items of somebody."""
        if not len(listed.items):
            return []
        pairs = self.pairs(listed)
        terms = self.facts.terms
        choices = pairs.choices(terms.levels)
        reached = np.stack(
            [
                pairs.horizon.reached(pairs.response.probability(choices.rates[:, level]))
                for level in range(choices.rates.shape[1])
            ],
            axis=1,
        )
        told = self._reasons(pairs, choices)
        tables = (choices.allowed, choices.rates, reached, choices.spend, choices.value)
        rows = zip(*(table.tolist() for table in tables), strict=True)
        return [
            Candidate(
                self.ids[item],
                price,
                tuple(Level(*level[1:]) for level in zip(*row, strict=True) if level[0]),
                reason,
            )
            for item, price, reason, row in zip(
                listed.items.tolist(), pairs.price.tolist(), told, rows, strict=True
            )
        ]

    def pairs(self, listed: Best) -> Pairs:
        """Gather what a policy may know of some items of one person."""
        facts, items = self.facts, listed.items
        affinity, elasticity = 0.0, MEDIAN_ELASTICITY
        if listed.user >= 0:
            affinity, elasticity = self._affinity[listed.user], self._elasticity[listed.user]
        standing = Standing(
            listed.place,
            np.full(len(items), np.log1p(listed.purchases) - self._usual),
            self._buyers[items],
        )
        base, horizon = self._base(listed, standing)
        price, many = self.price[items], np.full(len(items), affinity)
        worth = np.zeros(len(items))
        if facts.eligible is not None and listed.user >= 0:
            worth = facts.eligible.worth(np.full(len(items), listed.user), items, price)
        response: Response = ElasticResponse(base, np.full(len(items), elasticity))
        if facts.response is not None:
            known = {**reference(response), "affinity": many, "price": price}
            names = [self.ids[item] for item in items]
            response = facts.response.curves(known, {"item_id": names, "user_id": [listed.name] * len(items)})
        return Pairs(
            unit_score=facts.calibration.calibrator.unit_score(listed.score),
            price=price,
            seen=listed.seen,
            response=response,
            user=np.zeros(len(items), dtype=np.int64),
            item=np.arange(len(items)),
            affinity=many,
            max_depth=self._max_depth[items],
            worth=worth,
            cooling=np.zeros(len(items), dtype=np.bool_),
            stock=np.where(self._gone[items], 0.0, np.inf),  # of all shoppers, as the export found it
            scenario=facts.scenario,
            economics=self._money_of(items),
            guardrails=self._limits_of(items),
            levels=facts.terms.kind,
            horizon=horizon,
        )

    def _base(self, listed: Best, standing: Standing) -> tuple[FloatArray, Horizon]:
        """Find the probabilities without a discount, and the weeks that they lead to."""
        calibration, weeks = self.facts.calibration, self.facts.terms.weeks
        if weeks is None:
            return calibration.calibrator.probability(listed.score, listed.seen, standing), Horizon()
        weekly, growth = calibration.in_a_week(listed.score, listed.seen, standing)
        return weekly, Horizon(weeks, growth)

    def _money_of(self, items: IntArray) -> Money:
        margin, funded = (np.asarray(one) for one in (self._money.margin, self._money.funded_share))
        return PairEconomics(margin[items], funded[items]) if margin.ndim else self._money

    def _limits_of(self, items: IntArray) -> Guardrails:
        rate, margin = (np.asarray(one) for one in (self._limits.max_rate, self._limits.min_margin))
        return replace(
            self._limits,
            max_rate=rate[items] if rate.ndim else self._limits.max_rate,
            min_margin=margin[items] if margin.ndim else self._limits.min_margin,
        )

    def _reasons(self, pairs: Pairs, choices: Choices) -> list[str]:
        """Say why the deepest level of each pair is no deeper; nothing where it is the deepest of all."""
        deepest = np.where(choices.allowed, choices.rates, 0.0).max(axis=1)
        refused = choices.rates.max(axis=1) > tightest(pairs.limits) + ROUNDING
        reason = limit_reasons(pairs.limits, refused, everywhere(Reason.ASKED, len(pairs)))
        reason = chosen(~pairs.eligible, Reason.NOT_ELIGIBLE, reason)
        _, told = reasons_of(Decision(deepest, reason), pairs)
        limited = refused | ~pairs.eligible
        return [words if limits else "" for words, limits in zip(told, limited.tolist(), strict=True)]


def places_of(scores: Float32Array, seen: BoolArray, items: IntArray, rank: IntArray) -> IntArray:
    """Find the place of items among those of the same kind, seen or new, the best first. ``[P]``.

    Args:
        scores: −inf for what is not meant. Shape ``[I]``.
        seen: Shape ``[I]``.
        items: Codes, best first. Shape ``[P]``.
        rank: Place of each item in the order of equal scores. Shape ``[I]``.
    """
    least = scores[items].min(initial=np.inf)
    above = np.flatnonzero(scores >= least)
    above = above[np.lexsort((rank[above], -scores[above]))]
    old = np.cumsum(seen[above])
    place = np.where(seen[above], old, np.arange(1, len(above) + 1) - old) - 1
    order = np.argsort(above)
    found: IntArray = place[order][np.searchsorted(above[order], items)]
    return found
