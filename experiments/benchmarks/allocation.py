"""Time to allocate a budget over ten million cells, and how far the value is from the linear bound.

python experiments/benchmarks/allocation.py --json runs/bench/allocation.json

A cell is a level of a pair of user and item. Curves, prices and elasticities are drawn as discounts in a
supermarket are (elasticity log-normal around 1.5, margin 30 %, half funded); the objective is units at a
share of their price, so that the budget binds. The bound is that of the linear programme, by SciPy's HiGHS,
on a size that it can do; the time includes hulls, choice and leftover, and not the drawing.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.figure import Figure
from measure import arguments, wait, write
from rich.progress import track

from graphrec.cli.terminal import print_frame
from graphrec.offers.budget.budgets import GroupBudget, UserCap
from graphrec.offers.budget.knapsack import allocate
from graphrec.offers.budget.linear_bound import linear_bound
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.response.curves import ElasticResponse

FloatArray = npt.NDArray[np.float64]
BUDGET_SHARE = 0.2


def draw(pairs: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Values over no discount and spends of each level. Shapes ``[P, R]``."""
    rng = np.random.default_rng(seed)
    response = ElasticResponse(rng.beta(0.6, 10, pairs), rng.lognormal(np.log(1.5), 0.6, pairs))
    price, rates = rng.lognormal(1, 0.6, pairs)[:, None], np.array(LEVELS)
    probability = response.curve(rates)
    value = Economics().profit(probability, price, rates) + 0.3 * probability * price
    return value - value[:, :1], Economics().spend(probability, price, rates)


def timed(cells: int, repeats: int) -> dict[str, float]:
    """Median seconds of an allocation, without and with groups and a cap per user; CPU time as well."""
    pairs = cells // len(LEVELS)
    value, spend = (torch.from_numpy(table).float() for table in draw(pairs, seed=0))
    if torch.cuda.is_available():
        value, spend = value.cuda(), spend.cuda()
    budget = BUDGET_SHARE * allocate(value, spend).spend
    group = np.arange(pairs) % 4
    family = GroupBudget(group, np.full(4, budget / 3))
    cap = UserCap(np.arange(pairs) // 20, 3)
    ways = {
        "budget": lambda: allocate(value, spend, budget),
        "groups": lambda: allocate(value, spend, budget, group_budgets=[family]),
        "cap": lambda: allocate(value, spend, budget, cap=cap),
    }
    seconds: dict[str, list[float]] = {name: [] for name in (*ways, "budget_cpu")}
    for _ in track(range(repeats), "Allocating", transient=True):
        for name, way in ways.items():
            started, busy = time.perf_counter(), time.process_time()
            found = way()
            wait()
            seconds[name].append(time.perf_counter() - started)
            if name == "budget":
                seconds["budget_cpu"].append(time.process_time() - busy)
            assert found.spend <= budget
    return {name: statistics.median(values) for name, values in seconds.items()}


def gaps(pairs: int, seeds: int) -> list[dict[str, float]]:
    """Shortfall of the linear bound's value, and the seconds of both, per seed."""
    rows = []
    for seed in track(range(seeds), "Linear bounds", transient=True):
        value, spend = draw(pairs, seed)
        budget = BUDGET_SHARE * allocate(value, spend).spend
        started = time.perf_counter()
        found = allocate(value, spend, budget)
        ours = time.perf_counter() - started
        started = time.perf_counter()
        bound = linear_bound(value, spend, budget)
        rows.append(
            {"gap": 1 - found.value / bound, "seconds": ours, "highs_seconds": time.perf_counter() - started}
        )
    return rows


def main(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    measured = gaps(options.pairs, options.seeds)
    seconds = timed(options.cells, options.repeats)
    scale = 1e7 / options.cells
    flat = {
        "cells": float(options.cells),
        "cells_per_second": options.cells / seconds["budget"],
        "seconds_10m_cells": seconds["budget"] * scale,
        "cpu_seconds_10m_cells": seconds["budget_cpu"] * scale,
        "seconds_10m_cells_groups": seconds["groups"] * scale,
        "seconds_10m_cells_user_cap": seconds["cap"] * scale,
        "allocation_gap": max(row["gap"] for row in measured),
        "allocation_gap_pairs": float(options.pairs),
        "speedup_over_highs": statistics.median(row["highs_seconds"] / row["seconds"] for row in measured),
        "threads": float(torch.get_num_threads()),
    }
    print_frame(pd.DataFrame(flat.items(), columns=["figure", "value"]))

    def picture(figure: Figure) -> None:
        axes = figure.subplots()
        names = {"budget": "a budget", "groups": "4 campaigns besides", "cap": "3 offers per user besides"}
        axes.barh(list(names.values()), [seconds[name] * scale for name in names], color="#4477aa")
        axes.axvline(5, color="#bbbbbb", linestyle="--")
        axes.invert_yaxis()
        axes.set_xlabel(f"seconds for 10 million cells, {torch.get_num_threads()} threads")
        axes.spines[["top", "right"]].set_visible(False)

    write(options.json, flat, picture)


if __name__ == "__main__":
    parser = arguments(__doc__, repeats=3)
    parser.add_argument("--cells", type=int, default=10_000_000, help="levels of all pairs together")
    parser.add_argument("--pairs", type=int, default=3_000, help="pairs of the comparison with HiGHS")
    parser.add_argument("--seeds", type=int, default=3, help="draws of that comparison")
    main(parser.parse_args())
