"""Tables and page of a benchmark, from its finished cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphrec.benchmarking.cells import Finished, runs_of, table
from graphrec.benchmarking.page import picture_of, render
from graphrec.benchmarking.shown import Shown
from graphrec.benchmarking.standing import MAIN, Standing, standing
from graphrec.benchmarking.words import to_markdown
from graphrec.errors import InputError
from graphrec.evaluation.correction import Correction
from graphrec.files import write_text
from graphrec.report.charts.drawing import standalone
from graphrec.report.page.html import environment
from graphrec.report.significance import significance
from graphrec.report.table import comparison

PICTURE, PAGE = "average_ranks.svg", "report.html"


@dataclass(frozen=True)
class Protocol:
    """How the cells were made.

    Args:
        k: Cut-off that was watched and is ranked by.
        settings: How settings were chosen.
        seeds: Of trained models.
        command: The command line.
        correction: How the p of a lead is corrected.
    """

    k: int
    settings: str
    seeds: tuple[int, ...]
    command: str
    correction: Correction


def write_report(cells: Sequence[Finished], protocol: Protocol, out: Path) -> Path:
    """Write ``benchmark.csv``, ``cells.csv``, ``ranks.csv``, ``significance.csv``, ``benchmark.md``, a page.

    ``average_ranks.svg`` is the picture of the page in a file of its own, where there is one.

    Args:
        cells: All that came to an end.
        protocol: How they were made.
        out: Folder to write to.

    Returns:
        The page.

    Raises:
        InputError: If no cell has a result; ``cells.csv`` is written first.
    """
    listed = table(cells)
    write_text(out / "cells.csv", listed.to_csv(index=False))
    runs = runs_of(cells)
    if not runs:
        why = listed["why"].iloc[0] if len(listed) else "there is none"
        raise InputError(f"no cell has a result: {why}", file=out / "cells.csv", hint="it tells each reason")
    whole = comparison(runs)
    ranked = standing(whole, runs, protocol.k)
    tests = significance(runs, correction=protocol.correction)
    write_text(out / "benchmark.csv", _rows(whole, listed, ranked, protocol.k).to_csv(index=False))
    write_text(out / "ranks.csv", ranked.table.to_csv(index=False))
    write_text(out / "significance.csv", tests.table.to_csv(index=False))
    shown = Shown(whole, runs, tests, ranked, listed, protocol.k, protocol.settings, protocol.command)
    write_text(out / "benchmark.md", to_markdown(shown))
    _write_picture(shown, out / PICTURE)
    return render(shown, out / PAGE)


def _rows(whole: pd.DataFrame, listed: pd.DataFrame, ranked: Standing, k: int) -> pd.DataFrame:
    """Lay out a row per data set, model and measure, with rank and minutes."""
    minutes = listed.groupby(["data", "model"])[["fit_minutes", "total_minutes"]].mean()
    named = whole.drop(columns=["model", "title"]).rename(columns={"run": "model", "dataset": "data"})
    keys = pd.MultiIndex.from_frame(named[["data", "model"]])
    ranks = [ranked.rank_of(*one) for one in named[["data", "model", "measure", "k", "items"]].to_numpy()]
    return named.assign(
        rank=ranks,
        fit_minutes=minutes["fit_minutes"].reindex(keys).to_numpy(),
        total_minutes=minutes["total_minutes"].reindex(keys).to_numpy(),
    )


def _write_picture(shown: Shown, file: Path) -> None:
    """Write the picture of average ranks; remove an older one where none can be drawn."""
    picture = picture_of(shown.ranked.of[MAIN], shown.k)
    if picture is None:
        file.unlink(missing_ok=True)
        return
    style, _, _ = environment().loader.get_source(environment(), "style.css.j2")  # type: ignore[union-attr]
    write_text(file, standalone(picture, style))
