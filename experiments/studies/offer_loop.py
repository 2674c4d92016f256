"""Twelve weeks of ``graphrec offers --explore`` and ``graphrec feedback --promote`` in shops of known truth.

python experiments/studies/offer_loop.py --out runs/offer-loop --seed 0

The functions are those of the commands. The shop starts with the knapsack on assumed elasticities and leaves
a tenth of the pairs to chance. Each week it learns, and the gate decides what serves. Gains are units beyond
no discount, less spend at the oracle's price of the budget, as shares of the oracle's own. A promotion is
worse if the policy that goes live truly gains less than the one that it replaces. Twenty seeds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.progress import Progress
from study import COLOURS, PICTURE, arguments, interval, load_facts, market_size, show, with_interval, write

from graphrec.arrays import FloatArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.decision import Decision
from graphrec.offers.exploration import Exploration, explored
from graphrec.offers.levels import LEVELS
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offers.scenarios import scenario_named
from graphrec.offpolicy.loop.judging import judge, teach
from graphrec.offpolicy.loop.learned import LearnedResponse
from graphrec.offpolicy.loop.weeks import Terms, Week
from graphrec.offpolicy.market import Market, draw_market
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.shop.policies import WORST_CASE, articles_budget
from graphrec.response.curves import ElasticResponse, elasticity_from_affinity

PAIRS, WEEKS, SHARE, HIDDEN = 20_000, 12, 0.1, 0.0
AIM = scenario_named("promotion").aiming_at("units")
ECONOMICS = replace(WORST_CASE)


@dataclass(frozen=True)
class Shop:
    """A market with what a shop knows at first.

    Args:
        market: With the truth.
        seed: Of the draws.
    """

    market: Market
    seed: int

    @cached_property
    def truth(self) -> ElasticResponse:
        """Probability of a purchase in a week: that the user comes, and buys."""
        return self.market.truth

    @cached_property
    def first(self) -> ElasticResponse:
        """What the shop assumes: the history model's logit, elasticities by rank of affinity."""
        affinity = pd.Series(self.market.feature("affinity"))
        link = self.market.feature("link_score")
        return ElasticResponse(1.0 / (1.0 + np.exp(-link)), elasticity_from_affinity(affinity).to_numpy())

    @cached_property
    def known(self) -> pd.DataFrame:
        """The columns that the offers table has of each pair."""
        return pd.DataFrame(
            {
                "user_id": self.market.user,
                "item_id": self.market.item,
                "base_logit": self.market.feature("link_score"),
                "slope": self.first.elasticity,
                "affinity": self.market.feature("affinity"),
                "price": self.market.price,
                "highest_rate": max(LEVELS),
                "margin": ECONOMICS.margin,
                "funded_share": ECONOMICS.funded_share,
                "worth": 0.0,
            }
        )

    def pairs(self, response: ElasticResponse) -> Pairs:
        """What a policy sees with these curves."""
        return self.market.pairs(response, ECONOMICS, "units")

    @cached_property
    def budget(self) -> float:
        """What a week's offers may cost."""
        return articles_budget(self.market, ECONOMICS)

    @cached_property
    def best(self) -> Decision:
        """What the oracle does."""
        return decide(Knapsack(), self.pairs(self.truth), Budget(self.budget))

    def gain(self, rate: FloatArray) -> float:
        """Units beyond no discount in a week, less what is spent at the oracle's price of the budget."""
        brought = self.truth.probability(rate) - self.truth.base
        spend = ECONOMICS.spend(self.truth.probability(rate), self.market.price, rate)
        return float((brought - self.best.budget_price * spend).sum())

    def outcome(self, rate: FloatArray, week: int) -> pd.Series:
        """Draw who buys."""
        drawn = np.random.default_rng((self.seed, week)).random(len(rate))
        return pd.Series(drawn < self.truth.probability(rate))


@dataclass(frozen=True)
class Run:
    """A shop's weeks. Gains are shares of the oracle's.

    Args:
        served: Gain of the plan that served, without exploration. Shape ``[T]``.
        sent: Gain of what was sent, exploration included. Shape ``[T]``.
        static: Gain of the first policy, which never learns.
        promotions: Week, and what the gain of the plan rose by.
    """

    served: FloatArray
    sent: FloatArray
    static: float
    promotions: list[tuple[int, float]]

    @property
    def worse(self) -> int:
        """Promotions of a policy that truly gains less."""
        return sum(rise < 0 for _, rise in self.promotions)


def one_shop(facts: MarketFacts, seed: int, pairs: int) -> Run:
    """Let the loop run in one shop."""
    shop = Shop(draw_market(facts, seed, pairs, hidden_sigma=HIDDEN), seed)
    budget = shop.budget

    def plan(response: ElasticResponse) -> float:
        return shop.gain(decide(Knapsack(), shop.pairs(response), Budget(budget)).rate)

    oracle, static = shop.gain(shop.best.rate), plan(shop.first)
    fed: list[Week] = []
    served, sent, promotions = np.zeros(WEEKS), np.zeros(WEEKS), []
    serving: LearnedResponse | None = None
    challenger: ElasticResponse | None = None
    for number in range(WEEKS):
        response = shop.first if serving is None else serving.response(shop.known)
        found = explored(
            Knapsack(), shop.pairs(response), Budget(budget), Exploration(SHARE, seed, number, challenger)
        )
        served[number], sent[number] = plan(response) / oracle, shop.gain(found.rate) / oracle
        bought = shop.outcome(found.rate, number)
        frame = shop.known.assign(
            week=number, rate=found.rate, propensity=found.propensity, planned_rate=found.planned,
            bought=bought, units=bought.astype(float), reward=bought.astype(float),
        )  # fmt: skip
        fed.append(Week(frame, Terms(SHARE, LEVELS, AIM, budget), number))
        learnt = teach(fed)
        challenger = learnt.response(shop.known)
        if judge(fed, serving).gate.live:
            promotions.append((number + 1, plan(challenger) / oracle - served[number]))
            serving = learnt
    return Run(served, sent, static / oracle, promotions)


def figures(runs: list[Run]) -> dict[str, float]:
    """Shares of the oracle's gain, promotions, and cumulative regret in weeks of the oracle's gain."""
    found = with_interval("last_week_share", [run.served[-1] for run in runs])
    found |= with_interval("last_week_share_sent", [run.sent[-1] for run in runs])
    found |= with_interval("static_share", [run.static for run in runs])
    found |= with_interval("regret", [(1 - run.sent).sum() for run in runs])
    found |= with_interval("static_regret", [len(run.sent) * (1 - run.static) for run in runs])
    found["promotions"] = sum(len(run.promotions) for run in runs)
    found["seeds_without_a_worse_promotion"] = sum(run.worse == 0 for run in runs)
    found["seeds_within_5_percent"] = sum(run.served[-1] >= 0.95 for run in runs)
    return found


def draw(runs: list[Run]) -> Figure:
    """Share of the oracle's gain by week, with its interval over seeds."""
    with rc_context(PICTURE):
        figure = Figure(figsize=(7.2, 3.9), layout="constrained")
        axes = figure.subplots()
        weeks = np.arange(1, len(runs[0].served) + 1)
        static = [np.full(len(weeks), run.static) for run in runs]
        lines = {
            "served": [run.served for run in runs],
            "sent, exploration included": [run.sent for run in runs],
            "without learning": static,
        }
        for number, (name, line) in enumerate(lines.items()):
            ends = np.array([interval(column) for column in np.array(line).T]).T
            axes.plot(weeks, ends[0], color=COLOURS[number], label=name, linewidth=1.8)
            axes.fill_between(weeks, ends[1], ends[2], color=COLOURS[number], alpha=0.2, linewidth=0)
        axes.set(xlabel="Week", ylabel="Share of the oracle's gain")
        axes.legend(frameon=False)
    return figure


def main(options: argparse.Namespace) -> None:
    """Run the study."""
    runs = []
    with Progress(transient=True) as progress:
        bar = progress.add_task("facts of the log", total=options.seeds + 1)
        facts = load_facts(options.synthetic)
        pairs = market_size(facts, options.pairs, PAIRS)
        for seed in range(options.seed, options.seed + options.seeds):
            progress.update(bar, advance=1, description=f"seed {seed}")
            runs.append(one_shop(facts, seed, pairs))
    metrics = figures(runs) | {"pairs": pairs, "weeks": WEEKS, "share": SHARE, "seeds": len(runs)}
    write(options.out, metrics, draw(runs), "offer_loop")
    names = {
        "last_week_share": "served in the last week",
        "last_week_share_sent": "sent in the last week",
        "static_share": "without learning",
        "regret": "cumulative regret, weeks of the oracle's gain",
        "static_regret": "the same without learning",
    }
    rows = [
        [title, *(f"{metrics[f'{n}{end}']:.3f}" for end in ("", "_low", "_high"))]
        for n, title in names.items()
    ]
    for name in ("promotions", "seeds_without_a_worse_promotion", "seeds_within_5_percent"):
        rows.append([name.replace("_", " "), f"{metrics[name]:.0f}", "", ""])
    show(f"{WEEKS} weeks, {len(runs)} shops: shares of the oracle's gain", ["", "mean", "low", "high"], rows)


if __name__ == "__main__":
    main(arguments(__doc__, seeds=20).parse_args())
