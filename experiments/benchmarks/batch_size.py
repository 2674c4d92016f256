"""What larger batches cost in quality and save in time, by the rule that the learning rate follows.

python experiments/benchmarks/batch_size.py --data FOLDER --json runs/bench/batch_size.json

Trains LightGCN as its paper does (3 layers of 64, BPR, Adam 1e-3, batches of 2,048), and with batches 4 and
16 times as large under three rules: the learning rate as it is, times the square root of the factor, times
the factor. All see each edge as often. So that a higher rate is not taken for the merit of a batch, batches
of 2,048 are trained with the highest rate of each size too. FOLDER holds train.txt and valid.txt in
LightGCN's form; models learn from the first four fifths of each list and are judged by NDCG@20 on the rest,
so the test part is not read. Without FOLDER a log is drawn, which shows the script and no more. The clock
stands while a model is judged. Runs that stand in the JSON file already are not run again.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from measure import Clock, arguments, fit_quietly, quality, write

from graphrec.cli.terminal import print_frame
from graphrec.data import sources
from graphrec.data.module import RecommenderData
from graphrec.data.splits import Given, Random
from graphrec.models import LightGCN
from graphrec.training import RankingTask

BATCH, LEARNING_RATE = 2048, 1e-3
REFERENCE = f"{BATCH}_1x"
PALETTE, STYLES = ("#52606d", "#1f6feb", "#d9730d"), ("-", "--", "-.", ":")
Curve = list[tuple[float, float]]
"""Seconds of training, and NDCG@20 then."""


def data(folder: Path | None, batch_size: int) -> RecommenderData:
    """Lists whose last fifth is for validation, or a random log."""
    if folder is not None:
        raw = sources.lightgcn_txt(str(folder), validate_on_last=0.2)
        return RecommenderData(raw, Given(whole_catalogue=True), batch_size=batch_size)
    raw = sources.synthetic(num_users=2_000, num_items=2_000, num_blocks=20, density=0.02)
    return RecommenderData(raw, Random(val_fraction=0.2, test_fraction=0.0), batch_size=batch_size)


def runs(sizes: list[int]) -> dict[str, tuple[int, float]]:
    """Batch size and learning rate of each run; the name tells the size and how much the rate is raised."""
    raised = {BATCH: [1.0, *(size / BATCH for size in sizes)]}
    raised |= {size: [1.0, math.sqrt(size / BATCH), size / BATCH] for size in sizes}
    return {
        f"{size}_{factor:g}x": (size, LEARNING_RATE * factor)
        for size, factors in raised.items()
        for factor in factors
    }


def train(options: argparse.Namespace, size: int, rate: float) -> Curve:
    """Seconds and NDCG@20 on validation, every few epochs."""
    module = data(options.data, size)
    held_out = module.split.val.pairs()
    task = RankingTask(LightGCN, learning_rate=rate)
    clock = Clock(lambda model: quality(model, held_out)["ndcg_20"], "NDCG@20", every=options.every)
    fit_quietly(task, module, clock, options.epochs)
    return clock.curve


def seconds_to(curve: Curve, goal: float) -> float:
    """When a curve reaches a value, on the straight line between two looks; not a number if never."""
    seconds, values = np.array([(0.0, 0.0), *curve]).T
    above = np.flatnonzero(values >= goal)
    if not len(above):
        return math.nan
    end = max(int(above[0]), 1)
    return float(np.interp(goal, values[end - 1 : end + 1], seconds[end - 1 : end + 1]))


def table(curves: dict[str, Curve], given: dict[str, tuple[int, float]]) -> pd.DataFrame:
    """A row per run; what counts is the time to the quality at which the paper's setting ended."""
    goal = curves[REFERENCE][-1][1]
    base, rows = seconds_to(curves[REFERENCE], goal), []
    for name in (name for name in given if name in curves):
        (size, rate), curve = given[name], curves[name]
        reached = seconds_to(curve, goal)
        row = {"batch": size, "learning_rate": rate, "ndcg_20": curve[-1][1], "seconds": curve[-1][0]}
        rows.append({"name": name, **row, "seconds_to_reference": reached, "times_as_fast": base / reached})
    return pd.DataFrame(rows)


def draw(figure: Figure, curves: dict[str, Curve], given: dict[str, tuple[int, float]]) -> None:
    """Quality over time: a colour for each size of batches, a style for each learning rate."""
    axes = figure.subplots()
    rates = sorted({rate for _, rate in given.values()})
    colours = dict(zip(sorted({size for size, _ in given.values()}), PALETTE, strict=False))
    for name in (name for name in given if name in curves):
        size, rate = given[name]
        seconds, values = zip(*curves[name], strict=True)
        style = STYLES[rates.index(rate) % len(STYLES)]
        colour = colours.get(size, "#9aa5b1")
        axes.plot(seconds, values, style, color=colour, label=f"batches of {size:,}, rate {rate:g}")
    axes.set(xlabel="seconds of training", ylabel="NDCG@20, validation", xlim=(0, None))
    axes.legend(fontsize=7)


def known(options: argparse.Namespace, settings: dict[str, float | str]) -> dict[str, Curve]:
    """The runs of an earlier call with the same settings."""
    if options.json is None or not options.json.exists():
        return {}
    before = json.loads(options.json.read_text(encoding="utf-8"))
    if any(before.get(key) != value for key, value in settings.items()):
        return {}
    curves: dict[str, Curve] = before["curves"]
    return curves


def main(options: argparse.Namespace) -> None:
    """Train, print, write; each run is written when it is done."""
    settings: dict[str, float | str] = {
        "epochs": options.epochs,
        "every": options.every,
        "data": "drawn" if options.data is None else options.data.resolve().name,
        "threads": torch.get_num_threads(),
    }
    curves, given = known(options, settings), runs(options.sizes)
    for name, (size, rate) in given.items():
        if name in curves:
            continue
        print(f"batches of {size:,}, learning rate {rate:g}", flush=True)
        curves[name] = train(options, size, rate)
        flat = {
            f"{column}_{row['name']}": float(row[column])
            for _, row in table(curves, given).iterrows()
            for column in ("ndcg_20", "seconds", "seconds_to_reference", "times_as_fast")
            if not math.isnan(row[column])
        }
        written = {**settings, **flat, "curves": curves}
        write(options.json, written, lambda figure: draw(figure, curves, given))
    print_frame(table(curves, given).drop(columns="name").round(4), f"LightGCN, BPR, {options.epochs} epochs")


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4 * BATCH, 16 * BATCH], help="edges a batch")
    parser.add_argument("--epochs", type=int, default=40, help="times that each edge is seen (default 40)")
    parser.add_argument("--every", type=int, default=2, help="epochs from one look to the next (default 2)")
    main(parser.parse_args())
