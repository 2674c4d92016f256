"""What the two studies of real randomised promotions share: facts, candidates, resampling, pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.progress import track
from study import COLOURS, PICTURE

from graphrec.arrays import BoolArray, FloatArray
from graphrec.errors import InputError
from graphrec.offpolicy.uplift.cross_fit import uplift
from graphrec.offpolicy.uplift.curves import Curve
from graphrec.offpolicy.uplift.encoded import Base, encoder, facts_of
from graphrec.offpolicy.uplift.learners import LEARNERS, Learner, fit_uplift

BASES: tuple[Base, ...] = ("linear", "boosting")
CANDIDATES: tuple[tuple[Learner, Base], ...] = tuple((one, base) for base in BASES for one in LEARNERS)
TOGETHER = "mean of all"
"""The candidate that takes the mean of what the others foretell."""
RESAMPLES = 2000


def arguments(doc: str | None, seeds: int) -> argparse.ArgumentParser:
    """The command line of both."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data")
    parser.add_argument("--out", type=Path, required=True, help="folder for metrics.json and the picture")
    parser.add_argument("--seed", type=int, default=0, help="first seed of the splits")
    parser.add_argument("--seeds", type=int, default=seeds, help="number of splits for the choice")
    return parser


def read(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table that must have these columns."""
    if not file.is_file():
        raise InputError("there is no such file", file=file, hint="give its folder with --data")
    frame = pd.read_csv(file)
    if lacking := [name for name in columns if name not in frame]:
        raise InputError("this column is missing", file=file, column=lacking[0])
    return frame


def named(learner: str, base: str) -> str:
    """What a candidate is called."""
    return f"{learner}, {base}"


def foretold(
    facts: pd.DataFrame, treated: BoolArray, outcome: FloatArray, seeds: Sequence[int]
) -> dict[str, list[FloatArray]]:
    """Uplift of each person from others, by candidate and split."""
    chance = np.full(len(treated), treated.mean())
    people = np.arange(len(treated))
    found: dict[str, list[FloatArray]] = {}
    for learner, base in track(CANDIDATES, "choosing by cross-fitting", transient=True):
        found[named(learner, base)] = [
            uplift(learner, facts, people, treated, outcome, chance, base, seed=seed) for seed in seeds
        ]
    found[TOGETHER] = [np.mean(list(each), axis=0) for each in zip(*found.values(), strict=True)]
    return found


def foretell_others(
    name: str, facts: pd.DataFrame, treated: BoolArray, outcome: FloatArray, others: pd.DataFrame
) -> FloatArray:
    """Fit the chosen candidate to everybody and foretell the uplift of other people."""
    encode = encoder().fit(facts_of(facts))
    x, new = (np.asarray(encode.transform(facts_of(table))) for table in (facts, others))
    chance = np.full(len(treated), treated.mean())
    chosen = [one for one in CANDIDATES if name in (TOGETHER, named(*one))]
    each = [fit_uplift(learner, x, treated, outcome, chance, base)(new) for learner, base in chosen]
    return np.asarray(np.mean(each, axis=0))


def interval(
    figure: Callable[[FloatArray], float], people: int, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % percentile interval of a figure of how often each person counts, over drawn people."""
    rng = np.random.default_rng(seed)
    drawn = [
        figure(np.bincount(rng.integers(0, people, people), minlength=people).astype(np.float64))
        for _ in range(resamples)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def with_bounds(name: str, value: float, bounds: tuple[float, float]) -> dict[str, float]:
    """A figure as `name`, `name_low`, `name_high`."""
    return {name: value, f"{name}_low": bounds[0], f"{name}_high": bounds[1]}


def lines_of(metrics: Mapping[str, float], form: str) -> list[tuple[str, str, str]]:
    """A row per figure with its interval, of those that have one."""
    return [
        (name, f"{value:{form}}", f"[{metrics[f'{name}_low']:{form}}, {metrics[f'{name}_high']:{form}}]")
        for name, value in metrics.items()
        if f"{name}_low" in metrics
    ]


def begin(script: str, doc: str | None, seeds: int, main: Callable[[argparse.Namespace], None]) -> None:
    """Read the command line, make the folder, run; a mistake of the user's is one line and code 2."""
    try:
        options = arguments(doc, seeds).parse_args()
        options.out.mkdir(parents=True, exist_ok=True)
        main(options)
    except InputError as error:
        print(f"{script}: {error}", file=sys.stderr)
        sys.exit(2)


def draw(curves: Mapping[str, Curve], parts: pd.DataFrame, unit: str) -> Figure:
    """The gain by share of people treated, and deciles of what was foretold with what happened."""
    with rc_context(PICTURE):
        figure = Figure(figsize=(10, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for colour, (name, one) in zip(COLOURS, curves.items(), strict=False):
            table = one.table
            left.plot(table["share"], table["gain"], color=colour, label=name)
            left.fill_between(table["share"], table["low"], table["high"], color=colour, alpha=0.12)
        left.axhline(0, color="#8a949e", linewidth=0.8)
        left.set_xlabel("share of people treated, by predicted uplift")
        left.set_ylabel(f"gain per person of all, {unit}")
        left.legend()
        error = [parts["observed"] - parts["low"], parts["high"] - parts["observed"]]
        right.errorbar(parts["part"], parts["observed"], error, fmt="o", color=COLOURS[0], label="observed")
        right.plot(parts["part"], parts["predicted"], color=COLOURS[1], label="predicted")
        right.set_xlabel("tenth of the people, highest predicted uplift first")
        right.set_ylabel("uplift")
        right.legend()
    return figure
