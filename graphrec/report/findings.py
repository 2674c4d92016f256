"""What a comparison says in words: who leads on which items, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphrec.report.leads import p_text
from graphrec.report.significance import CHANCE, CONFIRMED, LEVEL, Significance
from graphrec.report.table import PAIRS, main_cutoff

ITEM_WORDS = {
    "all": "all items",
    "repeat": "items bought before",
    "new": "items never bought before",
    PAIRS: "pairs",
}
"""What item sets are called; a probability is of pairs."""


@dataclass(frozen=True)
class Finding:
    """The leader on one item set of one dataset.

    Args:
        dataset: Name of the dataset.
        items: `all`, `repeat` or `new`.
        leader: The run with the highest NDCG.
        value: Its NDCG; `low` and `high` are the bounds of the 95 % interval.
        runner_up: The next best run, or None when there is only one.
        sure: Whether the lead over every other run is more than what users and seeds do by chance, by the
            test where there is one. Else because no interval reaches the leader's and the lead is larger than
            the spread of the seeds.
        sentence: All this in words.
    """

    dataset: str
    items: str
    leader: str
    value: float
    low: float
    high: float
    runner_up: str | None
    sure: bool
    sentence: str


def findings(table: pd.DataFrame, tests: Significance | None = None) -> list[Finding]:
    """Make one finding per dataset and item set, by NDCG at the main cut-off.

    Overlapping intervals do not prove a tie: the runs share their users, so a paired test may still tell them
    apart. Where one was made against every other run, the words are its; else they say no more than what
    intervals and seeds show.

    Args:
        table: What `comparison` returned.
        tests: What `significance` returned for the same runs.
    """
    k = main_cutoff(table)
    rows = table[(table["measure"] == "ndcg") & (table["k"] == k)].dropna(subset=["value"])
    return [
        _finding(str(dataset), str(items), part.sort_values("value", ascending=False), k, tests)
        for (dataset, items), part in rows.groupby(["dataset", "items"], sort=False)
    ]


def _finding(dataset: str, items: str, part: pd.DataFrame, k: int, tests: Significance | None) -> Finding:
    """Make the finding of one item set; rows come best first."""
    runs, values = part["run"].tolist(), part["value"].tolist()
    lows, highs = part["low"].tolist(), part["high"].tolist()
    # A comparison with an unknown bound (nan) is false: without intervals nothing is sure.
    sure = len(runs) > 1 and lows[0] > max(highs[1:], default=float("inf"))
    overlapping = [run for run, high in zip(runs[1:], highs[1:], strict=True) if not high < lows[0]]
    sentence = (
        f"On {ITEM_WORDS[items]}, {runs[0]} leads with NDCG@{k} {values[0]:.4f}{_bounds(lows[0], highs[0])}"
    )
    if len(runs) > 1:
        gain = f" ({values[0] / values[1] - 1:+.0%})" if values[1] > 0 else ""
        sentence += f", ahead of {runs[1]} with {values[1]:.4f}{gain}"
    pairs = {} if tests is None else tests.of(dataset, items, f"ndcg_{k}")
    tested = {run: pairs[runs[0], run] for run in runs[1:] if (runs[0], run) in pairs}
    if tests is not None and len(runs) > 1 and len(tested) == len(runs) - 1:
        sure = all(pair["verdict"] == CONFIRMED for pair in tested.values())
        sentence += _tested(tested, tests, dataset, runs)
    else:
        sentence += _certainty(len(runs), overlapping, lows[0])
        if within := _within_seeds(runs, values, part["spread"].tolist()):
            sure, sentence = False, f"{sentence} {within}"
    return Finding(
        dataset,
        items,
        runs[0],
        values[0],
        lows[0],
        highs[0],
        runs[1] if len(runs) > 1 else None,
        sure,
        sentence,
    )


def _within_seeds(runs: list[str], values: list[float], spreads: list[float]) -> str:
    """Say which leads are smaller than the spread of the seeds, of the leader or of the other run."""
    known = [max((s for s in (spreads[0], spread) if not math.isnan(s)), default=0.0) for spread in spreads]
    close = [
        f"{run} ({values[0] - value:.4f} against ± {spread:.4f})"
        for run, value, spread in zip(runs[1:], values[1:], known[1:], strict=True)
        if values[0] - value < spread
    ]
    if not close:
        return ""
    return f"The lead over {', '.join(close)} is smaller than the spread of the seeds and may be chance."


def _bounds(low: float, high: float) -> str:
    """Write ` [0.180, 0.188]`, or nothing when no interval was measured."""
    return "" if math.isnan(low) or math.isnan(high) else f" [{low:.4f}, {high:.4f}]"


def _tested(pairs: dict[str, dict[str, Any]], tests: Significance, dataset: str, runs: list[str]) -> str:
    """Say in half a sentence how sure the lead is, by the test against every other run, the closest first."""
    p = "p" if tests.correction == "none" else "corrected p"
    chances = [run for run, pair in pairs.items() if pair["verdict"] == CHANCE]
    if chances:
        close = ", ".join(f"{run} ({_p_of(pairs[run], p)})" for run in chances)
        return f"; users and seeds cannot tell it from {close}: this order may be chance."
    largest = p_text(max(pair["p_corrected"] for pair in pairs.values())).replace("p", p, 1)
    alone = [run for run in runs if (dataset, run) in tests.one_seed]
    if alone:
        return (
            f"; the users confirm every lead ({largest}), but what a seed does is unknown for"
            f" {', '.join(alone)}: one seed each."
        )
    return f"; users and seeds confirm every lead ({largest})."


def _p_of(pair: dict[str, Any], p: str) -> str:
    """Write p, and that of users alone where they would have confirmed the lead."""
    whole = p_text(pair["p_corrected"]).replace("p", p, 1)
    return f"{whole}; {p_text(pair['p_users'])} by users alone" if pair["p_users"] < LEVEL else whole


def _certainty(count: int, overlapping: list[str], low: float) -> str:
    """Say in half a sentence how sure the lead is."""
    if count == 1:
        return "; there is nothing to compare it with."
    if math.isnan(low):
        return "; no interval was measured, so the difference may be chance."
    if not overlapping:
        return "; the 95 % intervals do not overlap."
    names = ", ".join(overlapping)
    return f"; its 95 % interval overlaps with that of {names}, so this order may be chance."
