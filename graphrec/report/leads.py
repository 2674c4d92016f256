"""The best run against every other: the matrix that a reader of a comparison looks for."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from graphrec.report.significance import Significance
from graphrec.report.table import ITEM_SETS, escape, main_cutoff

EXPLANATION = (
    "By how much the best run of a column is ahead of each other run: mean difference over the users both"
    " have, its 95 % interval and two-sided p from a paired bootstrap, not corrected for the number of pairs."
)


@dataclass(frozen=True)
class Leads:
    """By how much the best run is ahead of every other, on each item set of one dataset.

    Args:
        dataset: Name of the dataset.
        metric: Such as `NDCG@20`.
        items: The item sets, one per column.
        rows: Each run, best first, with a cell per item set.
    """

    dataset: str
    metric: str
    items: list[str]
    rows: list[tuple[str, list[str]]]


def leads(comparison: pd.DataFrame, tests: Significance) -> list[Leads]:
    """The best run of each item set against every other by NDCG, one matrix per dataset that has pairs.

    Args:
        comparison: What `graphrec.report.table.comparison` returned.
        tests: What `significance` returned for the same runs.
    """
    k = main_cutoff(comparison)
    shown = comparison[(comparison["measure"] == "ndcg") & (comparison["k"] == k)].dropna(subset=["value"])
    found = []
    for name, part in shown.groupby("dataset", sort=False):
        values = part.pivot_table("value", "run", "items")
        items = [one for one in ITEM_SETS if one in values and tests.of(str(name), one, f"ndcg_{k}")]
        if not items:
            continue
        cells = {one: _cells(values[one].dropna(), tests.of(str(name), one, f"ndcg_{k}")) for one in items}
        order = values.sort_values(items[0], ascending=False).index
        rows = [(str(run), [cells[one].get(str(run), "–") for one in items]) for run in order]
        found.append(Leads(str(name), f"NDCG@{k}", items, rows))
    return found


def _cells(values: pd.Series, pairs: dict[tuple[str, str], dict[str, float]]) -> dict[str, str]:
    """What stands in one column of the matrix, by run."""
    best = str(values.idxmax())
    cells = {best: f"{values.max():.4f}, the best"}
    for run in map(str, values.index.drop(best)):
        if (pair := pairs.get((best, run))) is not None:
            bounds = f"[{pair['low']:+.4f}, {pair['high']:+.4f}]"
            cells[run] = f"{pair['difference']:+.4f} {bounds}, {p_text(pair['p'])}".replace("-", "−")
    return cells


def p_text(p: float) -> str:
    """`p = 0.034`; what the bootstrap cannot tell from less is `p ≤ 0.001`."""
    return "p ≤ 0.001" if p <= 0.001 else f"p = {p:.3f}"


def leads_markdown(comparison: pd.DataFrame, tests: Significance) -> str:
    """The matrices of `leads` as Markdown, and what was left out; empty where there is nothing to say."""
    parts = []
    for one in leads(comparison, tests):
        header = ["Run", *(f"{items} items" for items in one.items)]
        lines = ["| " + " | ".join(header) + " |", "| --- " + "| ---: " * len(one.items) + "|"]
        lines += ["| " + " | ".join([escape(run), *cells]) + " |" for run, cells in one.rows]
        parts += [
            f"## {escape(one.dataset)}, {one.metric}: lead of the best run",
            EXPLANATION,
            "\n".join(lines),
        ]
    parts += [f"Left out: {escape(reason)}." for reason in tests.left_out]
    return "\n\n".join(parts) + "\n" if parts else ""
