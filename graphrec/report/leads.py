"""The best run against every other: the matrix that a reader of a comparison looks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphrec.evaluation.correction import Correction
from graphrec.report.runs import ITEM_SETS
from graphrec.report.significance import CONFIRMED, Significance
from graphrec.report.table import OURS, at_main, escape, headlines, is_higher_better

CORRECTIONS: dict[Correction, str] = {
    "holm": "corrected for the number of pairs of runs (Holm)",
    "fdr": "corrected for the number of pairs of runs (false discovery rate)",
    "none": "not corrected for the number of pairs of runs",
}


@dataclass(frozen=True)
class Leads:
    """By how much the best run is ahead of every other, on each item set of one dataset.

    Args:
        dataset: Name of the dataset.
        metric: Such as `NDCG@20`; says so where smaller is better.
        items: The item sets, one per column.
        rows: Each run, best first, with a cell per item set.
    """

    dataset: str
    metric: str
    items: list[str]
    rows: list[tuple[str, list[str]]]


def leads(comparison: pd.DataFrame, tests: Significance) -> list[Leads]:
    """Put the best run of each item set against every other: a matrix per dataset that has pairs.

    It is by NDCG; measures of a user's own have one each, too.

    Args:
        comparison: What `graphrec.report.table.comparison` returned.
        tests: What `significance` returned for the same runs.
    """
    shown = at_main(comparison).dropna(subset=["value"])
    measures = [measure for measure in headlines(shown) if measure == "ndcg" or measure not in OURS]
    parts = [
        part
        for _, of_dataset in shown.groupby("dataset", sort=False)
        for measure in measures
        if len(part := of_dataset[of_dataset["measure"] == measure])
    ]
    return [lead for part in parts if (lead := _lead(part, tests)) is not None]


def _lead(part: pd.DataFrame, tests: Significance) -> Leads | None:
    """Make the matrix of one measure on one dataset; None where no pair was tested."""
    first, falls = part.iloc[0], is_higher_better(part) is False
    values = part.pivot_table("value", "run", "items")
    pairs = {one: tests.of(first["dataset"], one, f"{first['measure']}_{first['k']}") for one in ITEM_SETS}
    items = [one for one in ITEM_SETS if one in values and pairs[one]]
    if not items:
        return None
    cells = {one: _cells(values[one].dropna(), pairs[one], falls) for one in items}
    order = values.sort_values(items[0], ascending=falls).index
    rows = [(str(run), [cells[one].get(str(run), "–") for one in items]) for run in order]
    title = f"{first['title']}@{first['k']}{', the smaller the better' if falls else ''}"
    return Leads(str(first["dataset"]), title, items, rows)


def _cells(
    values: pd.Series, pairs: dict[tuple[str, str], dict[str, Any]], smaller_is_better: bool
) -> dict[str, str]:
    """Write the cells of one column of the matrix, by run."""
    best = str(values.idxmin() if smaller_is_better else values.idxmax())
    cells = {best: f"{values[best]:.4f}, the best"}
    for run in map(str, values.index.drop(best)):
        if (pair := pairs.get((best, run))) is not None:
            bounds = f"[{pair['low']:+.4f}, {pair['high']:+.4f}]"
            words = "" if pair["verdict"] == CONFIRMED else f", {pair['verdict']}"
            lead = f"{pair['difference']:+.4f} {bounds}, {p_text(pair['p_corrected'])}{words}"
            cells[run] = lead.replace("-", "−")
    return cells


def explanation(tests: Significance) -> str:
    """Say what a cell of the matrix holds, and of which runs the seeds are not known."""
    alone = sorted({run for _, run in tests.one_seed})
    unknown = (
        f" What a seed does is unknown for {', '.join(alone)}: one seed each. Fit others to know."
        if alone
        else ""
    )
    return (
        "By how much the best run of a column is ahead of each other run: mean difference over the users both"
        " have, with its 95 % interval. Users and seeds both count in it. p is two-sided and"
        f" {CORRECTIONS[tests.correction]}.{unknown}"
    )


def p_text(p: float) -> str:
    """Write `p = 0.034`, and `p ≤ 0.001` for what is smaller still."""
    return "p ≤ 0.001" if p <= 0.001 else f"p = {p:.3f}"


def leads_markdown(comparison: pd.DataFrame, tests: Significance) -> str:
    """Write the matrices of `leads` as Markdown, and what was left out; empty if there is nothing to say."""
    parts = []
    for one in leads(comparison, tests):
        header = ["Run", *(f"{items} items" for items in one.items)]
        lines = ["| " + " | ".join(header) + " |", "| --- " + "| ---: " * len(one.items) + "|"]
        lines += ["| " + " | ".join([escape(run), *cells]) + " |" for run, cells in one.rows]
        parts += [
            f"## {escape(one.dataset)}, {one.metric}: lead of the best run",
            escape(explanation(tests)),
            "\n".join(lines),
        ]
    parts += [f"Left out: {escape(reason)}." for reason in tests.left_out]
    return "\n\n".join(parts) + "\n" if parts else ""
