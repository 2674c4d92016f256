"""A market whose response is known: real pairs, prices and histories, with a hidden part drawn from a seed.

``p(u, i, d) = σ(a_ui + s_ui · -log(1 - d))``. The base logit ``a`` is the history model's plus hidden noise;
the elasticity ``s`` is what affinity and product say times hidden log-normal noise. Policies and estimators
see `Market.features` alone; `Market.truth` is for the oracle and for judging.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.arrays import FloatArray, IntArray
from graphrec.errors import InputError
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.pairs import Pairs
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.scenarios import Objective
from graphrec.offpolicy.market_facts import FEATURES, MarketFacts
from graphrec.response.curves import ElasticResponse, Response

NO_MARGIN = -10.0
"""The least margin that a guardrail takes: none needs to be left."""

TOTAL_SIGMA = 0.6
"""Spread of log elasticities: Complete Journey's products have the median 1.49, upper quartile 2.32 and 95th
percentile 3.84, which are a log-normal's of this width."""


@dataclass(frozen=True)
class Market:
    """``P`` pairs of user and item with a known response.

    Args:
        user: Codes. Shape ``[P]``.
        item: Codes. Shape ``[P]``.
        category: Codes. Shape ``[P]``.
        price: Regular prices. Shape ``[P]``.
        visit_rate: Probability that the user shops in a week. Shape ``[P]``.
        features: What may be known of a pair, in the order of `FEATURES`. Shape ``[P, F]``.
        truth: Response per visit. For the oracle and for judging only.
        hidden: The hidden part of the base logit, in standard deviations. Shape ``[P]``.
        hidden_sigma: Standard deviation of the hidden part of the log elasticity.
    """

    user: IntArray
    item: IntArray
    category: IntArray
    price: FloatArray
    visit_rate: FloatArray
    features: FloatArray
    truth: ElasticResponse
    hidden: FloatArray
    hidden_sigma: float

    def __len__(self) -> int:
        """Count the pairs ``P``."""
        return len(self.user)

    @property
    def groups(self) -> IntArray:
        """Item and category, for partial pooling. Shape ``[P, 2]``."""
        return np.column_stack([self.item, self.category])

    @property
    def group_sizes(self) -> tuple[int, int]:
        """Number of items and of categories."""
        return int(self.item.max()) + 1, int(self.category.max()) + 1

    @property
    def unit_score(self) -> FloatArray:
        """Link score brought to 0..1 by its rank: what the articles' rule multiplies. Shape ``[P]``."""
        ranks = self.feature("link_score").argsort(kind="stable").argsort(kind="stable")
        return np.asarray(ranks / max(len(self) - 1, 1), dtype=np.float64)

    def pairs(
        self,
        response: Response,
        economics: Economics,
        objective: Objective = "units",
        max_rate: float = max(LEVELS),
    ) -> Pairs:
        """Show what a policy sees of this market: the objects that ``graphrec offers`` gives it.

        Args:
            response: Curves that worth and cost are counted with: learned ones, or `truth` for the oracle.
            economics: Margin and funding.
            objective: What an offer is to bring.
            max_rate: The only limit.
        """
        count = len(self)
        return Pairs(
            unit_score=self.unit_score,
            price=self.price,
            seen=np.ones(count, dtype=np.bool_),
            response=response,
            user=self.user,
            item=self.item,
            affinity=self.feature("affinity_rank"),
            max_depth=np.full(count, np.inf),
            worth=np.zeros(count),
            cooling=np.zeros(count, dtype=np.bool_),
            stock=np.full(count, np.inf),
            scenario=scenario_named("promotion").aiming_at(objective),
            economics=economics,
            guardrails=Guardrails(max_rate=max_rate, min_margin=NO_MARGIN),
        )

    def feature(self, name: str) -> FloatArray:
        """Take one observable feature. Shape ``[P]``."""
        column: FloatArray = self.features[:, FEATURES.index(name)]
        return column


def draw_market(
    facts: MarketFacts, seed: int = 0, pairs: int | None = None, hidden_sigma: float | None = None
) -> Market:
    """Draw the hidden part.

    Args:
        facts: What was measured on a log.
        seed: The same seed gives the same market.
        pairs: Number of pairs, drawn at random; all if missing.
        hidden_sigma: Standard deviation of the hidden part of log elasticity; by default what `TOTAL_SIGMA`
            leaves beyond affinity and product.

    Raises:
        InputError: If there are not so many pairs, or the deviation is negative.
    """
    if hidden_sigma is None:
        hidden_sigma = hidden_spread(facts)
    if not hidden_sigma >= 0.0:
        raise InputError("a deviation is not negative", column="hidden_sigma", hint="give 0 or more")
    if pairs is not None and not 1 <= pairs <= len(facts):
        raise InputError(f"there are {len(facts)} pairs", column="pairs", hint="give 1 up to that")
    rng = np.random.default_rng(seed)
    # both draws come before the choice of pairs, so that a smaller market is a part of the whole
    hidden, slope_noise = rng.normal(size=(2, len(facts)))
    chosen = np.arange(len(facts)) if pairs is None else np.sort(rng.permutation(len(facts))[:pairs])
    logit = facts.link_score + facts.base_sigma * hidden
    elasticity = facts.elasticity * np.exp(hidden_sigma * slope_noise)
    return Market(
        user=facts.user[chosen],
        item=facts.item[chosen],
        category=facts.category[chosen],
        price=facts.price[chosen],
        visit_rate=facts.visit_rate[chosen],
        features=facts.features[chosen],
        truth=ElasticResponse(1.0 / (1.0 + np.exp(-logit[chosen])), elasticity[chosen]),
        hidden=hidden[chosen],
        hidden_sigma=hidden_sigma,
    )


def hidden_spread(facts: MarketFacts) -> float:
    """Compute the standard deviation of log elasticity that observables leave of `TOTAL_SIGMA`."""
    known = float(np.log(facts.elasticity).var())
    return float(np.sqrt(max(TOTAL_SIGMA**2 - known, 0.0)))


def explained_share(facts: MarketFacts, hidden_sigma: float) -> float:
    """Compute the share of the variance of log elasticity that observables explain, in 0..1."""
    known = float(np.log(facts.elasticity).var())
    return known / (known + hidden_sigma**2) if known > 0 else 0.0
