"""Whether a shop that learns from its own offers overtakes the articles' rule, and how soon.

python experiments/studies/offers_feedback.py --out runs/offers-feedback --seed 0

The shop starts with the articles' rule, 0.1 x score, plus 20 % uniform exploration. A network fitted to its
first two weeks gives the features; Thompson sampling and LinUCB then learn week by week on its last
layer. A new version goes live only if the lower end of its DR interval, on up to five weeks that it has not
seen, beats the version in use. Regret counts units less the price of the budget times spend, exploration
included. Ten seeds, about 4 minutes on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
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

from graphrec.arrays import IntArray
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decide import decide
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offpolicy.bandits import Choices, LinUCB, ThompsonSampling
from graphrec.offpolicy.feedback import Feedback, run_loop
from graphrec.offpolicy.market import Market, draw_market
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.shop.learned import FitSettings, fit_response, last_layer
from graphrec.offpolicy.shop.policies import WORST_CASE, articles_budget
from graphrec.offpolicy.simulator import LEVELS, simulate_log

PAIRS, ROUNDS, WARM_UP_WEEKS, EPSILON, WINDOW = 30_000, 20, 2, 0.2, 5
WAYS = ("thompson", "linucb")


@dataclass(frozen=True)
class Setting:
    """What both learners face in one market.

    Args:
        choices: Features and payoffs.
        truth: Probability of a purchase at each level. Shape ``[P, R]``.
        rule: Level of the articles' rule. Shape ``[P]``.
        gain: What the best levels gain over no discount in an average round, to measure regret in.
    """

    choices: Choices
    truth: np.ndarray
    rule: IntArray
    gain: float


def setting(market: Market, seed: int) -> Setting:
    """Freeze the price of the budget at what the articles' rule's spend is worth, and warm up on the rule."""
    pairs = market.pairs(market.truth, WORST_CASE)
    price = decide(Knapsack(), pairs, Budget(articles_budget(market))).budget_price
    rates = np.asarray(LEVELS)
    payoff = 1.0 - price * WORST_CASE.funded_share * rates * market.price[:, None]
    rule = np.rint(0.1 * market.unit_score / LEVELS[1]).astype(np.int64)
    explored = (1.0 - EPSILON) * np.eye(len(LEVELS))[rule] + EPSILON / len(LEVELS)
    log = simulate_log(market, explored, WARM_UP_WEEKS, seed)
    network = fit_response(
        market, log, seed, FitSettings(members=1, hidden=(16,), slope_hidden=(8,))
    ).networks[0]
    base, slope = last_layer(network, market)
    truth = market.truth.curve(LEVELS)
    extra = (truth * payoff).max(axis=1) - truth[:, 0]
    return Setting(
        Choices(base, slope, -np.log1p(-rates), payoff), truth, rule, float((market.visit_rate * extra).sum())
    )


def visitors(market: Market, seed: int) -> Callable[[int], IntArray]:
    """Pairs whose user comes in a round; the same for both learners."""
    users = int(market.user.max()) + 1

    def come(number: int) -> IntArray:
        chance = np.random.default_rng((seed, number)).random(users)
        return np.flatnonzero(chance[market.user] < market.visit_rate)

    return come


def one_seed(facts: MarketFacts, seed: int, pairs: int) -> dict[str, tuple[Feedback, float]]:
    """Both learners in one market, and the gain that their regret is a share of."""
    market = draw_market(facts, seed, pairs)
    where, found = setting(market, seed), {}
    base_rate = float(market.truth.base.mean())
    for name in WAYS:
        learner = (
            ThompsonSampling.start(where.choices, base_rate)
            if name == "thompson"
            else LinUCB.start(where.choices)
        )
        come = visitors(market, seed)
        loop = run_loop(
            learner, where.choices, where.truth, where.rule, come, ROUNDS, EPSILON, WINDOW, seed + 1
        )
        found[name] = (loop, where.gain)
    return found


def figures(runs: list[dict[str, tuple[Feedback, float]]]) -> dict[str, float]:
    """Cumulative regret in rounds of the oracle's gain: 1 is what the best levels gain in a round."""
    found: dict[str, float] = {}
    for name in WAYS:
        loops = [run[name] for run in runs]
        crossings = [ROUNDS + 1 if loop.crossing is None else loop.crossing for loop, _ in loops]
        found |= with_interval(f"{name}_regret_round_20", [loop.regret.sum() / gain for loop, gain in loops])
        found |= with_interval(f"{name}_last_round_regret", [loop.regret[-1] / gain for loop, gain in loops])
        found |= with_interval(f"{name}_crossing_round", crossings)
        found[f"{name}_crossing_round_worst"] = max(crossings)
        found[f"{name}_gate_live"] = sum(one.decision.live for loop, _ in loops for one in loop.rounds)
        found[f"{name}_gate_kept"] = ROUNDS * len(loops) - found[f"{name}_gate_live"]
    static = [run["thompson"][0].static_regret.sum() / run["thompson"][1] for run in runs]
    found |= with_interval("static_regret_round_20", static)
    for end in ("", "_low", "_high"):
        found[f"feedback_regret_round_20{end}"] = found[f"thompson_regret_round_20{end}"]
        found[f"crossing_round{end}"] = found[f"thompson_crossing_round{end}"]
    found["crossing_round_worst"] = found["thompson_crossing_round_worst"]
    found["gate_live"], found["gate_kept"] = found["thompson_gate_live"], found["thompson_gate_kept"]
    return found


def draw(runs: list[dict[str, tuple[Feedback, float]]]) -> Figure:
    """Cumulative regret with its interval over seeds, and when versions went live."""
    with rc_context(PICTURE):
        figure = Figure(figsize=(7.2, 3.9), layout="constrained")
        axes = figure.subplots()
        rounds = np.arange(1, ROUNDS + 1)
        lines = {name: [run[name][0].regret.cumsum() / run[name][1] for run in runs] for name in WAYS}
        lines["articles' rule"] = [
            run["thompson"][0].static_regret.cumsum() / run["thompson"][1] for run in runs
        ]
        for number, (name, line) in enumerate(lines.items()):
            ends = np.array([interval(column) for column in np.array(line).T]).T
            axes.plot(rounds, ends[0], color=COLOURS[number], label=name, linewidth=1.8)
            axes.fill_between(rounds, ends[1], ends[2], color=COLOURS[number], alpha=0.2, linewidth=0)
        for number, name in enumerate(WAYS):
            live = [at + 1 for run in runs for at, one in enumerate(run[name][0].rounds) if one.decision.live]
            height = np.full(len(live), -0.35 - 0.3 * number)
            axes.scatter(live, height, color=COLOURS[number], s=12, alpha=0.35, linewidths=0)
        axes.annotate("versions gone live", (ROUNDS, 0.3), fontsize=8, ha="right", va="bottom")
        axes.set(
            xlabel="Week", ylabel="Cumulative regret (weeks of the oracle's gain)", xlim=(0.5, ROUNDS + 0.5)
        )
        axes.set_xticks([1, *range(5, ROUNDS + 1, 5)])
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
            runs.append(one_seed(facts, seed, pairs))
    metrics = figures(runs) | {"pairs": pairs, "rounds": ROUNDS, "epsilon": EPSILON, "seeds": len(runs)}
    write(options.out, metrics, draw(runs), "offers_feedback")
    rows = [
        [
            name,
            *(f"{metrics[f'{name}_regret_round_20{end}']:.2f}" for end in ("", "_low", "_high")),
            f"{metrics[f'{name}_crossing_round']:.1f}",
            f"{metrics[f'{name}_crossing_round_worst']:.0f}",
            f"{metrics[f'{name}_gate_live']:.0f} / {metrics[f'{name}_gate_kept']:.0f}",
        ]
        for name in WAYS
    ]
    ends = (f"{metrics[f'static_regret_round_20{end}']:.2f}" for end in ("", "_low", "_high"))
    rows.append(["articles' rule", *ends, "", "", ""])
    show(
        f"Cumulative regret after {ROUNDS} weeks, in weeks of the oracle's gain; {len(runs)} seeds",
        ["policy", "regret", "low", "high", "crosses in week", "worst seed", "gate live / kept"],
        rows,
    )


if __name__ == "__main__":
    main(arguments(__doc__, seeds=10).parse_args())
