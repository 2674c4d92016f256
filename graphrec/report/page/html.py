"""The report as one HTML file that loads nothing: it can be mailed, archived and opened years later."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader

from graphrec import __version__
from graphrec.evaluation.correction import Correction
from graphrec.files import write_text
from graphrec.report.findings import findings
from graphrec.report.leaderboard import Leaderboard, leaderboards
from graphrec.report.leads import explanation, leads
from graphrec.report.page import panels
from graphrec.report.page.names import short_labels, short_names, without
from graphrec.report.page.offers import offers_section
from graphrec.report.runs import RunRecord
from graphrec.report.segments import COLUMNS as SEGMENT_COLUMNS
from graphrec.report.segments import Segments
from graphrec.report.settings import differences
from graphrec.report.significance import COLUMNS, Significance
from graphrec.report.table import part_words


def _no_tests() -> Significance:
    return Significance(pd.DataFrame(columns=COLUMNS), [])


def _no_segments() -> Segments:
    return Segments(pd.DataFrame(columns=SEGMENT_COLUMNS), [])


@dataclass(frozen=True)
class Content:
    """What a page shows.

    Args:
        comparison: What `graphrec.report.table.comparison` returned.
        runs: The runs it was made from.
        title: Heading of the page.
        offers: An offers table; None leaves the section out. What its `attrs` say joins the notes.
        notes: Assumptions to list, name to value.
        tests: What `significance` returned for the runs.
        segments: What `segments` returned for them.
    """

    comparison: pd.DataFrame
    runs: list[RunRecord]
    title: str
    offers: pd.DataFrame | None = None
    notes: dict[str, str] = field(default_factory=dict)
    tests: Significance = field(default_factory=_no_tests)
    segments: Segments = field(default_factory=_no_segments)

    def with_short_names(self) -> Content:
        """Call runs as the page does."""
        one_seed = frozenset((dataset, without(run, dataset)) for dataset, run in self.tests.one_seed)
        table = short_names(self.tests.table, ["run_a", "run_b"])
        tests = replace(self.tests, table=table, one_seed=one_seed)
        table, gaps = (short_names(one, ["run"]) for one in (self.segments.table, self.segments.gaps))
        segments = replace(self.segments, table=table, gaps=gaps)
        return replace(self, comparison=short_names(self.comparison, ["run"]), tests=tests, segments=segments)


def render_html(content: Content, out: Path) -> Path:
    """Write the report: findings, leaderboard, charts, tables, offers, how to reproduce.

    Every text from outside (names, item ids, notes) is escaped, and the page forbids itself to load anything.

    Args:
        content: What it shows.
        out: The file to write.

    Raises:
        InputError: The offers table lacks rows or columns.
    """
    boards = leaderboards(content.comparison, content.runs)
    shown, runs = content.with_short_names(), content.runs
    assumptions = {**({} if content.offers is None else _plain(content.offers.attrs)), **content.notes}
    page = environment().get_template("page.html.j2").render(
        title=content.title,
        version=__version__,
        part=part_words(content.comparison),
        findings=findings(shown.comparison, shown.tests),
        leads=leads(shown.comparison, shown.tests),
        explanation=explanation(shown.tests),
        intervals=bool(content.comparison["low"].notna().any()),
        spread=bool(content.comparison["spread"].notna().any()),
        left_out=list(dict.fromkeys([*content.tests.left_out, *content.segments.left_out])),
        datasets=[_dataset(shown, board) for board in boards],
        metrics=shown.comparison.to_dict("records"),
        ranked=bool((content.comparison["k"] > 0).any()),
        run_notes=[(label, run.notes) for run, label in zip(runs, short_labels(runs), strict=True)],
        runs=[_run(run, label) for run, label in zip(runs, short_labels(runs), strict=True)],
        offers=None if content.offers is None else offers_section(content.offers),
        notes=assumptions,
        commands=_commands(runs, out, shown.tests.correction),
    )  # fmt: skip
    return write_text(out, page)


def environment() -> Environment:
    """Make what fills the templates of the pages."""
    loader = PackageLoader("graphrec.report", "templates")
    # Not select_autoescape: it goes by the file's ending and would leave `.j2` unescaped.
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters["number"] = _number
    made.filters["upper_first"] = lambda text: text[:1].upper() + text[1:]
    return made


def _plain(attributes: dict[Any, Any]) -> dict[str, str]:
    """Keep the attributes of a frame that can be read as a line of text."""
    return {str(key): str(value) for key, value in attributes.items() if isinstance(value, str | int | float)}


def _dataset(shown: Content, board: Leaderboard) -> dict[str, Any]:
    """Draw the charts and fill the tables of one dataset."""
    board = replace(
        board,
        table=short_names(board.table.assign(dataset=board.dataset), ["run"]),
        spreads=short_names(board.spreads.assign(dataset=board.dataset), ["run"]),
    )
    data = panels.Dataset.of(shown.comparison, shown.runs, board.dataset)
    settings = differences(data.runs)
    return {
        "name": board.dataset,
        "board": board_section(board),
        "bars": panels.measures(data),
        "curves": panels.learning_curves(data),
        "costs": panels.quality_and_cost(data, board),
        **panels.segment_section(data, shown.segments, board.columns[0].title),
        "settings": settings,
        "setting_runs": [without(run, board.dataset) for run in settings.runs],
        "sweep": panels.sweep(data, board),
    }


def board_section(board: Leaderboard) -> dict[str, Any]:
    """Fill the leaderboard: a row per experiment, with value and spread of each column."""
    spreads = board.spreads.set_index("run")
    rows = [
        {
            **{key: row[key] for key in ("run", "model", "seeds")},
            "cells": [
                (row[column.key], spreads[column.key].get(row["run"]) if column.key in spreads else None)
                for column in board.columns
            ],
        }
        for row in board.table.to_dict("records")
    ]
    return {"columns": board.columns, "rows": rows}


def _run(run: RunRecord, label: str) -> dict[str, Any]:
    """Fill one row of the runs table."""
    return {
        **{"label": label, "model": run.model, "dataset": run.dataset, "seed": run.seed, "id": run.id},
        **{"split": run.split_sha256, "seconds": run.summary.get("fit_seconds"), "path": run.path},
        **{"epochs": len(run.history), "best_epoch": run.summary.get("best_epoch")},
        "users": run.summary.get("test_users_all"),
    }


def _commands(runs: Sequence[RunRecord], out: Path, correction: Correction) -> list[str]:
    """Write shell lines that fit and test each run again and rebuild this page."""
    lines = list(dict.fromkeys(line for run in runs for line in commands_of(run)))
    folders = " ".join(shlex.quote(str(run.path)) for run in runs)
    part = " --part val" if any(run.part == "val" for run in runs) else ""
    part += "" if correction == "holm" else f" --correction {correction}"
    return [*lines, f"graphrec compare {folders}{part} --out {shlex.quote(str(out.parent))}"]


def commands_of(run: RunRecord) -> list[str]:
    """Write shell lines that make a run again and judge it; lists of others were made elsewhere."""
    if "command" in run.said:
        return [str(run.said["command"])]
    config = shlex.quote(str(run.path / "config.yaml"))
    lines = [f"graphrec fit -c {config}"]
    if run.part == "val":
        return lines
    if (run.path / "refit").is_dir():
        lines.append(f"graphrec refit {shlex.quote(str(run.path.parent))}")
    return [*lines, f"graphrec test -c {config}"]


def _number(value: Any, digits: int = 2, unit: str = "") -> str:
    """Write a number for a table cell: thousands apart, a dash if there is none, percent if unit is `%`."""
    if value is None or pd.isna(value):
        return "–"
    text = f"{value:,.{digits}%}" if unit == "%" else f"{value:,.{digits}f}{unit}"
    return text.replace("-", "−")
