"""Whether off-policy estimators tell what a new policy is worth, and refuse where they cannot.

python experiments/studies/offers_estimators.py --out runs/offers-estimators --seed 0

Fifty runs in the market of the simulator, each with a log of two weeks in two twins: one randomised with
known propensities, one in which deeper discounts go to pairs that buy more anyway, for reasons that the
analyst sees only in part. The new policy is a knapsack learnt from features; the truth is its expected units
per decision on the logged visits. In the confounded twin the analyst estimates propensities from features.
About 4 minutes on two cores.
"""

from __future__ import annotations

import argparse

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
from graphrec.offpolicy.estimators import ESTIMATORS, estimate, target_of
from graphrec.offpolicy.folds import Fold, FoldedValue, cross_validate, rolling_origin
from graphrec.offpolicy.market import Market, draw_market
from graphrec.offpolicy.market_facts import MarketFacts
from graphrec.offpolicy.shop.judging import (
    estimated_propensities,
    judge,
    learned_levels,
    levels_of,
    naive_value,
    shallow_propensities,
    true_value,
)
from graphrec.offpolicy.shop.logistic import Logistic
from graphrec.offpolicy.shop.policies import WORST_CASE, articles_budget
from graphrec.offpolicy.simulator import (
    LEVELS,
    SimulatedLog,
    confounded_propensities,
    even_propensities,
    simulate_log,
)
from graphrec.offpolicy.support import Decisions

PAIRS, WEEKS, FOLD_WEEKS = 10_000, 2, 10


def naive_lift(log: SimulatedLog) -> float:
    """Units with any discount less units without, as a raw table would show them."""
    return float(log.bought[log.level > 0].mean() - log.bought[log.level == 0].mean())


def true_lift(market: Market, log: SimulatedLog) -> float:
    """The same difference if the very same decisions were made with and without their discounts."""
    treated = log.level > 0
    table = market.truth.curve(LEVELS)
    pair = log.pair[treated]
    return float((table[pair, log.level[treated]] - table[pair, 0]).mean())


def one_run(facts: MarketFacts, seed: int, pairs: int) -> dict[str, float]:
    """Errors, coverage and support in both twins of one market."""
    market = draw_market(facts, seed, pairs)
    level = learned_levels(market, simulate_log(market, even_propensities(pairs), 1, seed + 1000))
    found = dict[str, float]()
    for twin, table_of in (
        ("randomised", even_propensities(pairs)),
        ("confounded", confounded_propensities(market)),
    ):
        log = simulate_log(market, table_of, WEEKS, seed + 2000, known=twin == "randomised")
        propensity = log.propensity if log.known else estimated_propensities(market, log)
        truth = true_value(market, log, level)
        values, support = judge(market, log, level, propensity, seed)
        for name, value in values.items():
            found[f"{twin}_{name}_error"] = value.value - truth
            found[f"{twin}_{name}_covered"] = float(value.low <= truth <= value.high)
            found[f"{twin}_{name}_refused"] = float(bool(value.reason))
        found[f"{twin}_naive_error"] = naive_value(log, level) - truth
        found[f"{twin}_naive_lift"] = naive_lift(log)
        found[f"{twin}_true_lift"] = true_lift(market, log)
        found[f"{twin}_effective_sample_size"] = support.effective_sample_size
        found[f"{twin}_max_weight"] = support.max_weight
        found[f"{twin}_truth"] = truth
    return found | thin_support(market, level, seed)


def thin_support(market: Market, level: IntArray, seed: int) -> dict[str, float]:
    """A shop that never went beyond 10 % is asked about the new policy, and one that wrote nothing down."""
    log = simulate_log(market, shallow_propensities(market, 0.1), WEEKS, seed + 3000)
    values, support = judge(market, log, level, log.propensity, seed)
    target = target_of(level[log.pair], len(LEVELS))
    unknown, _ = estimate(Decisions(log.level, log.bought.astype(float)), target, estimators=["ips", "snips"])
    return {
        "thin_refused": float(all(value.reason and np.isnan(value.value) for value in values.values())),
        "thin_unsupported_mass": support.unsupported_mass,
        "unknown_refused": float(all(value.reason for value in unknown.values())),
    }


def folded(facts: MarketFacts, seed: int, pairs: int) -> dict[str, FoldedValue]:
    """Cross-validation over weeks and households: value by DR, and regret, which only a simulator knows."""
    market = draw_market(facts, seed, pairs)
    log = simulate_log(market, even_propensities(pairs), FOLD_WEEKS, seed + 4000)
    table, budget = market.truth.curve(LEVELS), articles_budget(market)
    oracle = decide(Knapsack(), market.pairs(market.truth, WORST_CASE), Budget(budget)).rate
    best = levels_of(oracle)
    regrets: list[float] = []

    def value(fold: Fold) -> float:
        train, test = log.part(fold.train), log.part(fold.test)
        level, model = learned_levels(market, train), Logistic.fit(market, train).table()[test.pair]
        decisions = Decisions(test.level, test.bought.astype(float), test.propensity, market.user[test.pair])
        found, _ = estimate(decisions, target_of(level[test.pair], len(LEVELS)), model, ["dr"])
        gains = [
            float((table[test.pair, way[test.pair]] - table[test.pair, 0]).sum()) for way in (level, best)
        ]
        regrets.append(1.0 - gains[0] / gains[1])
        return found["dr"].value

    values = cross_validate(rolling_origin(log.week, market.user[log.pair], seed=seed), value)
    return {"folded_value": values, "folded_regret": FoldedValue(np.array(regrets))}


def figures(runs: list[dict[str, float]]) -> dict[str, float]:
    """Bias with its interval, spread of the errors and coverage, by twin and estimator."""
    columns = {name: np.array([run[name] for run in runs]) for name in runs[0]}
    found: dict[str, float] = {}
    for twin in ("randomised", "confounded"):
        for name in (*ESTIMATORS, "naive"):
            errors = columns[f"{twin}_{name}_error"]
            errors = errors[np.isfinite(errors)]
            if len(errors):
                found |= with_interval(f"bias_{twin}_{name}", errors)
                found[f"rmse_{twin}_{name}"] = float(np.sqrt((errors**2).mean()))
            if name != "naive":
                found[f"coverage_{twin}_{name}"] = float(columns[f"{twin}_{name}_covered"].mean())
                found[f"refused_{twin}_{name}"] = float(columns[f"{twin}_{name}_refused"].mean())
        for name in ("naive_lift", "true_lift", "truth", "effective_sample_size", "max_weight"):
            found |= with_interval(f"{twin}_{name}", columns[f"{twin}_{name}"])
    found["coverage_randomised"] = found["coverage_randomised_dr"]
    found["thin_support_refused"] = float(columns["thin_refused"].mean())
    found["thin_support_unsupported_mass"] = float(columns["thin_unsupported_mass"].mean())
    found["unknown_propensity_refused"] = float(columns["unknown_refused"].mean())
    closer = np.abs(columns["confounded_dr_error"]) < np.abs(columns["confounded_naive_error"])
    found["confounded_dr_closer_than_naive"] = float(closer.mean())
    return found


def draw(runs: list[dict[str, float]], metrics: dict[str, float]) -> Figure:
    """Errors of every run, with the mean and its interval; the raw lift beside the true one."""
    with rc_context(PICTURE):
        figure = Figure(figsize=(9.4, 3.9), layout="constrained")
        axes = figure.subplots(1, 3, width_ratios=(1.2, 1.2, 0.8))
        names, rng = ("naive", *ESTIMATORS), np.random.default_rng(0)
        for number, twin in enumerate(("randomised", "confounded")):
            for place, name in enumerate(names):
                errors = 100 * np.array([run[f"{twin}_{name}_error"] for run in runs])
                spread = place + rng.uniform(-0.22, 0.22, len(errors))
                axes[number].scatter(errors, spread, s=7, color=COLOURS[0], alpha=0.35, linewidths=0)
                mean, low, high = interval(errors[np.isfinite(errors)])
                axes[number].errorbar(
                    mean,
                    place,
                    xerr=[[mean - low], [high - mean]],
                    fmt="o",
                    color=COLOURS[1],
                    capsize=3,
                    ms=4,
                )
            axes[number].axvline(0, color="#111111", linewidth=1)
            axes[number].set_yticks(range(len(names)), names if number == 0 else [""] * len(names))
            axes[number].set(title=f"{twin} log", xlabel="Estimate less truth (units per 100 decisions)")
        for place, (twin, name) in enumerate(
            (twin, name) for twin in ("randomised", "confounded") for name in ("true_lift", "naive_lift")
        ):
            mean, low, high = (100 * metrics[f"{twin}_{name}{end}"] for end in ("", "_low", "_high"))
            axes[2].bar(place + (place > 1) * 0.5, mean, color=COLOURS[place % 2], width=0.8)
            axes[2].errorbar(
                place + (place > 1) * 0.5,
                mean,
                yerr=[[mean - low], [high - mean]],
                color="#111111",
                capsize=3,
            )
        axes[2].set_xticks([0.5, 3.0], ["randomised", "confounded"])
        axes[2].set(title="Lift: true, raw", ylabel="Units per 100 decisions")
        axes[2].grid(axis="x", visible=False)
    return figure


def main(options: argparse.Namespace) -> None:
    """Run the study."""
    runs = []
    with Progress(transient=True) as progress:
        bar = progress.add_task("facts of the log", total=options.seeds + 2)
        facts = load_facts(options.synthetic)
        pairs = market_size(facts, options.pairs, PAIRS)
        for seed in range(options.seed, options.seed + options.seeds):
            progress.update(bar, advance=1, description=f"run {len(runs) + 1}")
            runs.append(one_run(facts, seed, pairs))
        progress.update(bar, advance=1, description="cross-validation")
        folds = folded(facts, options.seed, pairs)
    metrics = figures(runs) | {"pairs": pairs, "runs": len(runs)}
    for name, found in folds.items():
        metrics |= {f"{name}_mean": found.mean, f"{name}_sd": found.sd, f"{name}_refused": found.refused}
    write(options.out, metrics, draw(runs, metrics), "offers_estimators")
    rows = []
    for twin in ("randomised", "confounded"):
        for name in (*ESTIMATORS, "naive"):
            if f"bias_{twin}_{name}" not in metrics:
                continue
            ends = (f"{100 * metrics[f'bias_{twin}_{name}{end}']:+.3f}" for end in ("", "_low", "_high"))
            coverage = metrics.get(f"coverage_{twin}_{name}")
            spread = f"{100 * metrics[f'rmse_{twin}_{name}']:.3f}"
            covers = "" if coverage is None else f"{coverage:.2f}"
            rows.append([f"{twin} {name}", *ends, spread, covers])
    show(
        f"Error in units per 100 decisions, {len(runs)} runs",
        ["estimator", "bias", "low", "high", "rmse", "95 % interval covers"],
        rows,
    )
    print(
        f"Thin support refused in {metrics['thin_support_refused']:.0%} of the runs. Cross-validation over "
        f"weeks and households: value {metrics['folded_value_mean']:.4f} ± {metrics['folded_value_sd']:.4f} "
        f"units per decision, regret {metrics['folded_regret_mean']:.3f} ± {metrics['folded_regret_sd']:.3f}."
    )


if __name__ == "__main__":
    main(arguments(__doc__, seeds=50).parse_args())
