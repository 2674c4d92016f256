"""The tables of a benchmark as Markdown, and sentences that page and Markdown share."""

from __future__ import annotations

import pandas as pd

from graphrec.benchmarking.shown import Shown
from graphrec.benchmarking.standing import Standing
from graphrec.report.leads import leads_markdown
from graphrec.report.table import escape
from graphrec.report.table import to_markdown as measures


def to_markdown(shown: Shown) -> str:
    """Write average ranks, measures by data set, leads, minutes and failures.

    Args:
        shown: What the page shows.
    """
    parts = [f"Settings: {escape(shown.settings)}.", _ranks(shown.ranked, shown.k)]
    parts += [measures(shown.comparison, shown.k), leads_markdown(shown.comparison, shown.tests)]
    parts += [_minutes(shown.cells), _failures(shown.cells)]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def failures(cells: pd.DataFrame) -> pd.DataFrame:
    """Take the cells without a result."""
    return cells[cells["state"] == "failed"]


def minutes_of(cells: pd.DataFrame) -> pd.DataFrame:
    """Average the minutes of a fit over the seeds: models down, data sets across."""
    order = list(dict.fromkeys(cells["data"]))
    done = cells[cells["state"] == "done"]
    wide = done.pivot_table("fit_minutes", "model", "data", sort=False)
    return wide.reindex(columns=order).reindex(list(dict.fromkeys(cells["model"])))


def _ranks(ranked: Standing, k: int) -> str:
    main = ranked.of[next(iter(ranked.of))]
    names = list(ranked.of)
    head = ["Model", *(f"{escape(ranked.titles.get(name, name))}@{k}" for name in names)]
    lines = [_line(head), "| --- " + "| ---: " * len(names) + "|"]
    for model in main.models:
        cells = [f"{ranked.of[name].average.get(model, float('nan')):.2f}" for name in names]
        lines.append(_line([escape(model), *cells]))
    said = [main.sentence, *(f"{escape(reason)}." for reason in ranked.left_out)]
    return "\n\n".join(["## Average ranks", " ".join(said), "\n".join(lines) if main.models else ""])


def _minutes(cells: pd.DataFrame) -> str:
    wide = minutes_of(cells)
    lines = [_line(["Model", *map(escape, wide.columns)]), "| --- " + "| ---: " * wide.shape[1] + "|"]
    for model, row in wide.iterrows():
        own = ["–" if pd.isna(value) else f"{value:.2f}" for value in row]
        lines.append(_line([escape(str(model)), *own]))
    return "## Minutes of a fit\n\n" + "\n".join(lines)


def _failures(cells: pd.DataFrame) -> str:
    rows = [
        _line([escape(row["data"]), escape(row["model"]), str(row["seed"]), escape(row["why"])])
        for row in failures(cells).to_dict("records")
    ]
    if not rows:
        return ""
    head = [_line(["Data", "Model", "Seed", "Why"]), "| --- | --- | ---: | --- |"]
    return "## Without a result\n\n" + "\n".join([*head, *rows])


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
