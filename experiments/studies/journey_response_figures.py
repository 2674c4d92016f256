"""The pictures of journey_response.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch

from graphrec.arrays import FloatArray
from graphrec.offers.budget.knapsack import allocate
from graphrec.response.curves import SplineResponse
from graphrec.response.data import ResponseData
from graphrec.response.lift import BIN_NAMES
from graphrec.response.task import ResponseTask

mpl.use("Agg")
from matplotlib import pyplot as plt

LEVELS = np.round(np.arange(0.0, 0.501, 0.05), 2)
COLORS = ("#4477aa", "#ccbb44", "#ee6677")
QUARTILE_NAMES = ("lowest", "second", "third", "highest")
FINE = np.linspace(0, 0.5, 101)
BUDGET_SHARE = 0.1


def draw_reliability(bins: pd.DataFrame, weeks: pd.DataFrame, path: Path) -> None:
    """Predicted against observed, and their ratio week by week."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    left.plot([0, 0.6], [0, 0.6], color="grey", linewidth=1)
    left.errorbar(
        bins["predicted"], bins["observed"], 1.96 * bins["error"], fmt="o", markersize=4, color=COLORS[0]
    )
    left.set(xlabel="predicted probability", ylabel="observed share", title="Test weeks 45-52")
    top = 1.1 * max(bins["predicted"].max(), bins["observed"].max())
    left.set(xlim=(0, top), ylim=(0, top))
    right.axhline(1, color="grey", linewidth=1)
    right.plot(weeks["week"], weeks["ratio"], "o-", color=COLORS[0])
    right.set(xlabel="week", ylabel="purchases / predicted", title="Drift", ylim=(0.8, 1.2))
    _save(figure, path)


def draw_lifts(lifts: pd.DataFrame, path: Path) -> None:
    """Observed lifts with intervals, and the predicted ones beside them."""
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.6), sharey=True)
    for quartile, axis in enumerate(axes):
        mine = lifts[(lifts["quartile"] == quartile) & (lifts["depth"] != BIN_NAMES[0])]
        place, seen = np.arange(len(mine)), mine["observed"]
        wide, narrow = (
            np.abs(np.stack([mine[f"{of}low"] - seen, mine[f"{of}high"] - seen])) for of in ("twoway_", "")
        )
        axis.errorbar(place - 0.1, seen, wide, fmt="none", ecolor="silver", label="95 %, products too")
        axis.errorbar(place - 0.1, seen, narrow, fmt="o", color="black", capsize=2, label="observed, 95 %")
        axis.plot(place + 0.1, mine["predicted"], "D", color=COLORS[2], markersize=5, label="predicted")
        axis.axhline(1, color="grey", linewidth=1)
        axis.set_xticks(place, mine["depth"].str.replace(" and more", "+"), rotation=45)
        axis.set_title(f"{QUARTILE_NAMES[quartile]} affinity")
    axes[0].set_ylabel("purchases relative to the regular price")
    axes[0].legend(frameon=False, loc="upper left")
    _save(figure, path)


def draw_curves(task: ResponseTask, data: ResponseData, rows: pd.DataFrame, path: Path) -> None:
    """Three households on one product: their curves and the rates that a common budget gives them."""
    chosen, response, price = _product(task, data, rows)
    curve = response.curve(LEVELS)
    budget = BUDGET_SHARE * price * curve[:, 0].sum()
    level = np.asarray(allocate(curve - curve[:, :1], LEVELS * price * curve, budget).level)
    smooth = response.curve(FINE)
    figure, axis = plt.subplots(figsize=(8, 4.5))
    for place, color in zip(_three(chosen["affinity"].to_numpy(), response.base), COLORS, strict=True):
        affinity, rate = chosen["affinity"].iloc[place], LEVELS[level[place]]
        label = f"saved {affinity:.0%} of its spending by deals: offered {rate:.0%}"
        axis.plot(FINE, smooth[place], color=color, linewidth=2, label=label)
        axis.plot(rate, curve[place, level[place]], "o", color=color, markersize=9)
    axis.set(xlabel="discount", ylabel="probability of buying on this week's visit", ylim=(0, None))
    axis.set_title(
        f"One product: most units for {BUDGET_SHARE:.0%} of its sales, spent on {len(level)} households"
    )
    axis.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    axis.legend(frameon=False, title="household")
    _save(figure, path)


def _three(affinity: FloatArray, base: FloatArray) -> list[int]:
    """Households of low, middle and high affinity, each the one whose base is nearest to the median."""
    order, third = np.argsort(affinity), len(affinity) // 5
    groups = (order[:third], order[2 * third : 3 * third], order[-third:])
    return [int(group[np.abs(base[group] - np.median(base)).argmin()]) for group in groups]


def _product(
    task: ResponseTask, data: ResponseData, rows: pd.DataFrame
) -> tuple[pd.DataFrame, SplineResponse, float]:
    """The product with most rows in the first test week, of those ever 40 % off, and its curves."""
    first = rows[rows["week"] == rows["week"].min()]
    deals = data.panel.rows.groupby("item_id")["rate"].max()
    count = first["item_id"].value_counts()
    item = count[deals.reindex(count.index) >= 0.4].index[0]
    at = data.split.test[first.index[first["item_id"] == item]]
    panel = data.panel
    curves = task.curves(torch.from_numpy(panel.features[at]), torch.from_numpy(panel.groups[at]))
    price = float(np.exp(panel.features[at, panel.names.index("shelf_price")]).mean())
    return panel.rows.iloc[at], SplineResponse(*curves, task.knots), price


def _save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
