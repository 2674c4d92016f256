"""How near each discount policy comes to the best possible one, at equal spend.

python experiments/studies/offers_simulator.py --out runs/offers-simulator --seed 0

A market with a known response is calibrated on the Complete Journey (real pairs, prices, histories and
affinities). A shop logs ten weeks of randomised discounts on 40,000 pairs; the response network learns from
that log what a shop may know. Every policy then spends what the articles' rule, 0.1 x score, spends. Ten
seeds, about 4 minutes on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.progress import Progress
from study import (
    COLOURS,
    PICTURE,
    arguments,
    interval,
    load_facts,
    market_size,
    show,
    with_interval,
    write,
)

from graphrec.arrays import FloatArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.budget.linear_bound import linear_bound
from graphrec.offers.decide import decide
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offpolicy.equal_spend import agreed_profit
from graphrec.offpolicy.estimators import estimate, target_of
from graphrec.offpolicy.gate import gate
from graphrec.offpolicy.market import Market, draw_market, explained_share, hidden_spread
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.shop.learned import Fitted, fit_response
from graphrec.offpolicy.shop.policies import (
    POLICIES,
    WORST_CASE,
    articles_budget,
    at_spend,
    averaged,
    rates,
)
from graphrec.offpolicy.simulator import LEVELS, Outcome, even_propensities, outcome, simulate_log
from graphrec.offpolicy.support import Decisions

PAIRS, WEEKS, GATE_WEEKS = 40_000, 10, 5
HIDDEN_SIGMAS = (0.2, 0.6)
"""Hidden spreads other than the calibrated one, to see what the result hangs on."""
BUDGET_SHARES = (0.25, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Run:
    """One seed.

    Args:
        outcomes: By policy, at equal spend.
        ceiling: Outcome of the best policy that observables allow.
        budget: Money.
        planned_spend: True spend of the knapsack before spend control.
        profit_gain: Of the profit objective after the gate, relative to no discount.
        ungated_gain: Before the gate.
        best_gain: Of the profit objective on the true response.
        live: Whether the gate let the profit policy go live.
        gap: Relative distance of the allocation from the LP bound.
    """

    outcomes: dict[str, Outcome]
    ceiling: Outcome
    budget: float
    planned_spend: float
    profit_gain: float
    ungated_gain: float
    best_gain: float
    live: bool
    gap: float

    def share(self, units: float) -> float:
        """Gain in units as a share of the oracle's."""
        none = self.outcomes["none"].units
        return (units - none) / (self.outcomes["oracle"].units - none)


def profit_policy(market: Market, fitted: Fitted, seed: int) -> tuple[FloatArray, bool]:
    """Rates of the profit objective, and whether fresh randomised weeks let them go live."""
    rate = agreed_profit([market.pairs(one, WORST_CASE, "profit") for one in fitted.members(market)])
    log = simulate_log(market, even_propensities(len(market)), GATE_WEEKS, seed + 5000)
    depth = np.asarray(LEVELS)[log.level]
    profit = WORST_CASE.profit(log.bought.astype(float), market.price[log.pair], depth)
    curve = fitted.response(market).curve(LEVELS)[log.pair]
    model = WORST_CASE.profit(curve, market.price[log.pair, None], np.asarray(LEVELS))
    level = np.searchsorted(np.asarray(LEVELS), rate[log.pair] - 1e-9)
    # both policies earn the same where neither discounts: the gate compares the difference with nothing
    offered = np.flatnonzero(level > 0)
    if len(offered) < 2:
        return rate, False
    here = Decisions(level=log.level[offered], reward=profit[offered], propensity=log.propensity[offered])
    ways = [target_of(one, len(LEVELS)) for one in (level[offered], np.zeros(len(offered), dtype=np.int64))]
    new, current = (estimate(here, way, model[offered], ["dr"])[0]["dr"] for way in ways)
    return rate, gate(new, current).live


def one_seed(
    facts: MarketFacts, seed: int, pairs: int, sigma: float | None = None
) -> tuple[Run, Market, Fitted]:
    """Draw a market, log it, learn, spend."""
    market = draw_market(facts, seed, pairs, sigma)
    fitted = fit_response(market, simulate_log(market, even_propensities(pairs), WEEKS, seed), seed)
    response, budget = fitted.response(market), articles_budget(market)
    outcomes = {
        name: outcome(market, rate, WORST_CASE) for name, rate in rates(market, response, budget).items()
    }
    known = averaged(facts, market, seed, pairs)
    ceiling = at_spend(Knapsack(), market, known, budget)
    planned = decide(Knapsack(), market.pairs(response, WORST_CASE), Budget(budget)).rate
    profit_rate, live = profit_policy(market, fitted, seed)
    best = decide(Knapsack(), market.pairs(market.truth, WORST_CASE, "profit"), Budget()).rate
    none = outcomes["none"].profit
    ungated = outcome(market, profit_rate, WORST_CASE).profit / none - 1.0
    run = Run(
        outcomes=outcomes,
        ceiling=outcome(market, ceiling, WORST_CASE),
        budget=budget,
        planned_spend=outcome(market, planned, WORST_CASE).spend,
        profit_gain=ungated if live else 0.0,
        ungated_gain=ungated,
        best_gain=outcome(market, best, WORST_CASE).profit / none - 1.0,
        live=live,
        gap=lp_gap(market, budget),
    )
    return run, market, fitted


def lp_gap(market: Market, budget: float, count: int = 4000) -> float:
    """Relative distance of `allocate` from HiGHS' bound on the first pairs, with their part of the budget."""
    choices = market.pairs(market.truth, WORST_CASE).choices(LEVELS)
    value, spend = choices.value[:count], choices.spend[:count]
    money = budget * len(value) / len(market)
    bound = linear_bound(value, spend, money)
    return (bound - allocate(value, spend, money).value) / bound


def figures(runs: list[Run]) -> dict[str, float]:
    """The flat metrics."""
    found: dict[str, float] = {}
    for name in POLICIES[1:]:
        units = np.array([run.outcomes[name].units / run.outcomes["none"].units - 1.0 for run in runs])
        profit = np.array([run.outcomes[name].profit / run.outcomes["none"].profit - 1.0 for run in runs])
        found |= with_interval(f"{name}_units_gain", units) | with_interval(f"{name}_profit_gain", profit)
        found |= with_interval(
            f"{name}_share_of_oracle", [run.share(run.outcomes[name].units) for run in runs]
        )
    for end in ("", "_low", "_high"):
        found[f"gain_share_of_oracle_units{end}"] = found[f"knapsack_share_of_oracle{end}"]
        found[f"gain_share_linear_rate_units{end}"] = found[f"linear_rate_share_of_oracle{end}"]
    shares = np.array([run.share(run.outcomes["knapsack"].units) for run in runs])
    found |= {"gain_share_of_oracle_units_worst": float(shares.min())} | with_interval("regret", 1.0 - shares)
    found |= with_interval("gain_share_ceiling", [run.share(run.ceiling.units) for run in runs])
    found |= with_interval("spend_error", [run.planned_spend / run.budget - 1.0 for run in runs])
    found["profit_objective_gain_worst"] = min(run.profit_gain for run in runs)
    found |= with_interval("profit_objective_gain_ungated", [run.ungated_gain for run in runs])
    found["profit_objective_gain_ungated_worst"] = min(run.ungated_gain for run in runs)
    found |= with_interval("profit_objective_gain_best", [run.best_gain for run in runs])
    found["profit_objective_live"] = sum(run.live for run in runs)
    found["allocation_gap"] = max(run.gap for run in runs)
    found["budget_exceeded"] = sum(
        one.spend > run.budget * (1 + 1e-9) for run in runs for one in run.outcomes.values()
    )
    return found


def sensitivity(facts: MarketFacts, seed: int, pairs: int) -> Iterator[dict[str, float]]:
    """The result in markets with less and with more hidden than the calibrated one."""
    for sigma in HIDDEN_SIGMAS:
        run, _, _ = one_seed(facts, seed, pairs, sigma)
        name = f"hidden_{round(100 * sigma)}"
        yield {
            f"{name}_gain_share_of_oracle_units": run.share(run.outcomes["knapsack"].units),
            f"{name}_gain_share_linear_rate_units": run.share(run.outcomes["linear_rate"].units),
            f"{name}_gain_share_ceiling": run.share(run.ceiling.units),
        }


def draw(runs: list[Run], market: Market, fitted: Fitted, budget: float) -> Figure:
    """Left: gain against spend in one market. Right: share of the oracle's gain over all seeds."""
    with rc_context(PICTURE):
        figure = Figure(figsize=(9.2, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        none, response = outcome(market, 0.0, WORST_CASE).units, fitted.response(market)
        points: dict[str, list[tuple[float, float]]] = {name: [(0.0, 0.0)] for name in POLICIES[1:]}
        for share in BUDGET_SHARES:
            for name, rate in rates(market, response, share * budget).items():
                done = outcome(market, rate, WORST_CASE)
                if name in points:
                    points[name].append((done.spend, 100 * (done.units / none - 1)))
        for number, (name, line) in enumerate(reversed(points.items())):
            dashed = "--" if name == "oracle" else "-"
            left.plot(*zip(*line, strict=True), dashed, color=COLOURS[number], label=name, linewidth=1.7)
        left.axvline(budget, color="#999999", linewidth=1, linestyle=":")
        left.set(
            xlabel="Spend on discounts in a week ($)",
            ylabel="Gain in units (%)",
            xlim=(0, None),
            ylim=(0, None),
        )
        left.legend(fontsize=8, frameon=False)
        names = list(points)
        ends = [interval([run.share(run.outcomes[name].units) for run in runs]) for name in names]
        for place, (mean, low, high) in enumerate(ends):
            colour = COLOURS[len(names) - 1 - place]
            right.barh(place, 100 * mean, color=colour, height=0.65)
            right.errorbar(
                100 * mean,
                place,
                xerr=[[100 * (mean - low)], [100 * (high - mean)]],
                color="#111111",
                capsize=3,
            )
            right.annotate(
                f"{100 * mean:.1f}",
                (100 * high, place),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        right.set_yticks(range(len(names)), names)
        right.set(xlabel=f"Share of the oracle's gain, {len(runs)} seeds (%)", xlim=(0, 112))
        right.grid(axis="y", visible=False)
    return figure


def main(options: argparse.Namespace) -> None:
    """Run the study."""
    runs, kept = [], None
    with Progress(transient=True) as progress:
        total = options.seeds + len(HIDDEN_SIGMAS) + 1
        bar = progress.add_task("facts of the log", total=total)
        facts = load_facts(options.synthetic)
        pairs = market_size(facts, options.pairs, PAIRS)
        for seed in range(options.seed, options.seed + options.seeds):
            progress.update(bar, advance=1, description=f"seed {seed}")
            run, market, fitted = one_seed(facts, seed, pairs)
            runs.append(run)
            kept = kept or (market, fitted, run.budget)
        metrics = figures(runs)
        for extra in sensitivity(facts, options.seed, pairs):
            progress.update(bar, advance=1, description="more and less hidden")
            metrics |= extra
        assert kept is not None
        figure = draw(runs, *kept)
    sigma = hidden_spread(facts)
    metrics |= {
        "pairs": pairs,
        "seeds": len(runs),
        "hidden_sigma": sigma,
        "elasticity_explained_share": explained_share(facts, sigma),
        "household_sigma_measured": facts.household_sigma,
        "base_sigma": facts.base_sigma,
        "median_elasticity": float(np.median(facts.elasticity)),
    }
    write(options.out, metrics, figure, "offers_simulator")
    table = [
        [
            name,
            f"{100 * metrics[f'{name}_units_gain']:+.2f} %",
            f"{100 * metrics[f'{name}_profit_gain']:+.2f} %",
            *(f"{metrics[f'{name}_share_of_oracle{end}']:.3f}" for end in ("", "_low", "_high")),
        ]
        for name in POLICIES[1:]
    ]
    show(
        f"Equal spend, {len(runs)} seeds; against no discount",
        ["policy", "units", "profit", "share of oracle", "low", "high"],
        table,
    )
    print(
        f"Observables explain {metrics['elasticity_explained_share']:.0%} of the spread of elasticities "
        f"(hidden sigma {sigma:.2f}), which allows a share of {metrics['gain_share_ceiling']:.3f}. "
        f"Profit objective: {metrics['profit_objective_live']:.0f} of {len(runs)} policies went live, "
        f"worst gain {metrics['profit_objective_gain_worst']:+.3%} "
        f"(best possible {metrics['profit_objective_gain_best']:+.3%})."
    )


if __name__ == "__main__":
    main(arguments(__doc__, seeds=10).parse_args())
