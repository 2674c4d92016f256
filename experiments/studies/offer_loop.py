"""Twelve weeks of ``graphrec offers --explore`` and ``graphrec feedback --promote`` in shops of known truth.

python experiments/studies/offer_loop.py --out runs/offer-loop --seed 0

The functions are those of the commands. Users, items and pairs differ in how likely a purchase is and in how
it rises with a discount. The shop sees a noisy logit and assumes elasticities, and starts the knapsack with
them. A share of the pairs is left to chance. Each week the shop learns, and the gate decides. Gains are
units beyond no discount, less spend at the oracle's price of the budget, as shares of the oracle's own. A
promotion is worse if the policy that goes live truly gains less than the one that it replaces. Twenty seeds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.progress import Progress
from study import COLOURS, PICTURE, interval, show, with_interval, write

from graphrec.arrays import FloatArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.decision import Decision
from graphrec.offers.economics import Economics
from graphrec.offers.exploration import Exploration, explored
from graphrec.offers.levels import LEVELS
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offpolicy.estimators import PolicyValue
from graphrec.offpolicy.loop.judging import judge
from graphrec.offpolicy.loop.learned import LearnedResponse
from graphrec.offpolicy.loop.weeks import Terms, Week, alike
from graphrec.offpolicy.market import NO_MARGIN
from graphrec.response.curves import MEDIAN_ELASTICITY, ElasticResponse, elasticity_from_affinity

USERS, ITEMS, WEEKS = 200, 24, 12
SHARE = 0.2
"""Left to chance."""
BUDGET = 0.15
"""Money per pair and week."""
BASE, ITEM, USER, PAIR = -2.2, 0.5, 0.5, 0.3
"""Mean logit of a purchase within a week, and what items, users and pairs differ by."""
LINK = 0.3
"""Noise of the logit that the shop sees."""
STEEP, BY_ITEM, BY_USER = MEDIAN_ELASTICITY, 0.9, 0.2
"""Typical elasticity, and the spreads of its logarithm."""
AIM = scenario_named("promotion").aiming_at("units")
ECONOMICS = Economics(margin=0.5, funded_share=1.0)


@dataclass(frozen=True)
class Shop:
    """Every user and every item.

    Args:
        users: Number of users.
        seed: Draws them, and what they buy.
    """

    users: int
    seed: int

    @cached_property
    def known(self) -> pd.DataFrame:
        """What the offers table tells of each pair."""
        rng = np.random.default_rng((self.seed, 1))
        user, item = np.divmod(np.arange(self.users * ITEMS), ITEMS)
        affinity = rng.beta(2, 10, self.users)[user]
        return pd.DataFrame(
            {
                "user_id": user,
                "item_id": item,
                "base_logit": self._logit + rng.normal(0.0, LINK, len(user)),
                "slope": elasticity_from_affinity(pd.Series(affinity)).to_numpy(),
                "affinity": affinity,
                "price": rng.uniform(2.0, 9.0, ITEMS)[item],
                "highest_rate": max(LEVELS),
                "margin": ECONOMICS.margin,
                "funded_share": ECONOMICS.funded_share,
                "worth": 0.0,
            }
        )

    @cached_property
    def _logit(self) -> FloatArray:
        rng = np.random.default_rng((self.seed, 2))
        item, user = rng.normal(0.0, ITEM, ITEMS), rng.normal(0.0, USER, (self.users, 1))
        pair = rng.normal(0.0, PAIR, (self.users, ITEMS))
        return np.asarray(BASE + item + user + pair).ravel()

    @cached_property
    def truth(self) -> ElasticResponse:
        """Probability of a purchase within a week."""
        rng = np.random.default_rng((self.seed, 3))
        item, user = rng.normal(0.0, BY_ITEM, ITEMS), rng.normal(0.0, BY_USER, (self.users, 1))
        return ElasticResponse(1.0 / (1.0 + np.exp(-self._logit)), (STEEP * np.exp(item + user)).ravel())

    @cached_property
    def first(self) -> ElasticResponse:
        """What the shop assumes."""
        base = 1.0 / (1.0 + np.exp(-self.known["base_logit"].to_numpy()))
        return ElasticResponse(base, self.known["slope"].to_numpy())

    @cached_property
    def budget(self) -> float:
        """What a week's offers may cost."""
        return BUDGET * len(self.known)

    @cached_property
    def best(self) -> Decision:
        """What the oracle does."""
        return decide(Knapsack(), self.pairs(self.truth), Budget(self.budget))

    def pairs(self, response: ElasticResponse) -> Pairs:
        """What a policy sees with these curves."""
        count, known = len(self.known), self.known
        return Pairs(
            unit_score=np.full(count, 0.5),
            price=known["price"].to_numpy(),
            seen=np.ones(count, dtype=np.bool_),
            response=response,
            user=known["user_id"].to_numpy(),
            item=known["item_id"].to_numpy(),
            affinity=known["affinity"].to_numpy(),
            max_depth=np.full(count, np.inf),
            worth=np.zeros(count),
            cooling=np.zeros(count, dtype=np.bool_),
            stock=np.full(count, np.inf),
            scenario=AIM,
            economics=ECONOMICS,
            guardrails=Guardrails(max_rate=max(LEVELS), min_margin=NO_MARGIN),
        )

    def gain(self, rate: FloatArray) -> float:
        """Units beyond no discount in a week, less what is spent at the oracle's price of the budget."""
        chance = self.truth.probability(rate)
        spend = ECONOMICS.spend(chance, self.known["price"].to_numpy(), rate)
        return float((chance - self.truth.base - self.best.budget_price * spend).sum())

    def outcome(self, rate: FloatArray, week: int) -> pd.Series:
        """Draw who buys."""
        drawn = np.random.default_rng((self.seed, 4, week)).random(len(rate))
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


def one_shop(seed: int, users: int) -> Run:
    """Let the loop run in one shop."""
    shop = Shop(users, seed)
    budget = shop.budget

    def plan(response: ElasticResponse) -> float:
        return shop.gain(decide(Knapsack(), shop.pairs(response), Budget(budget)).rate)

    oracle, static = shop.gain(shop.best.rate), plan(shop.first)
    fed: list[Week] = []
    served, sent, promotions = np.zeros(WEEKS), np.zeros(WEEKS), []
    serving: LearnedResponse | None = None
    challenger: ElasticResponse | None = None
    tried: LearnedResponse | None = None
    foretold: tuple[PolicyValue, ...] = ()
    for number in range(WEEKS):
        response = shop.first if serving is None else serving.response(shop.known)
        found = explored(
            Knapsack(), shop.pairs(response), Budget(budget), Exploration(SHARE, seed, number, challenger)
        )
        served[number], sent[number] = plan(response) / oracle, shop.gain(found.rate) / oracle
        bought = shop.outcome(found.rate, number)
        frame = shop.known.assign(
            week=number, policy="knapsack",
            rate=found.rate, propensity=found.propensity, planned_rate=found.planned,
            probability=response.base, probability_at_rate=response.probability(found.rate),
            bought=bought, units=bought.astype(float), reward=bought.astype(float),
        )  # fmt: skip
        fed.append(Week(frame, Terms(SHARE, LEVELS, AIM, budget), number))
        judged = judge(alike(fed), serving, tried, foretold)
        tried, foretold = judged.learnt, judged.foretold
        challenger = tried.response(shop.known)
        if judged.gate.live:
            promotions.append((number + 1, plan(challenger) / oracle - served[number]))
            serving, foretold = judged.learnt, ()
    return Run(served, sent, static / oracle, promotions)


def figures(runs: list[Run]) -> dict[str, float]:
    """Shares of the oracle's gain, promotions, and cumulative regret in weeks of the oracle's gain."""
    found = with_interval("last_week_share", [run.served[-1] for run in runs])
    found |= with_interval("last_week_share_sent", [run.sent[-1] for run in runs])
    found |= with_interval("static_share", [run.static for run in runs])
    found |= with_interval("regret", [(1 - run.sent).sum() for run in runs])
    found |= with_interval("static_regret", [len(run.sent) * (1 - run.static) for run in runs])
    found["promotions"] = sum(len(run.promotions) for run in runs)
    found["worse_promotions"] = sum(run.worse for run in runs)
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
    torch.set_num_threads(1)
    runs = []
    with Progress(transient=True) as progress:
        bar = progress.add_task("shops", total=options.seeds)
        for seed in range(options.seed, options.seed + options.seeds):
            progress.update(bar, advance=1, description=f"seed {seed}")
            runs.append(one_shop(seed, options.users))
    counts = {"pairs": options.users * ITEMS, "weeks": WEEKS, "share": SHARE, "seeds": len(runs)}
    metrics = figures(runs) | counts
    write(options.out, metrics, draw(runs), "offer_loop")
    names = {
        "last_week_share": "served in the last week",
        "last_week_share_sent": "sent in the last week",
        "static_share": "without learning",
        "regret": "cumulative regret, weeks of the oracle's gain",
        "static_regret": "the same without learning",
    }
    ends = ("", "_low", "_high")
    rows = [[title, *(f"{metrics[f'{n}{end}']:.3f}" for end in ends)] for n, title in names.items()]
    for name in (
        "promotions",
        "worse_promotions",
        "seeds_without_a_worse_promotion",
        "seeds_within_5_percent",
    ):
        rows.append([name.replace("_", " "), f"{metrics[name]:.0f}", "", ""])
    show(f"{WEEKS} weeks, {len(runs)} shops: shares of the oracle's gain", ["", "mean", "low", "high"], rows)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--out", type=Path, required=True, help="folder for metrics.json and the picture")
    found.add_argument("--seed", type=int, default=0, help="first seed")
    found.add_argument("--seeds", type=int, default=20, help="number of seeds")
    found.add_argument("--users", type=int, default=USERS, help="users of a shop; fewer are faster")
    return found


if __name__ == "__main__":
    main(parser().parse_args())
