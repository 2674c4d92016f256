"""One run on one page; see `graphrec.report.compare` for several."""

from __future__ import annotations

from pathlib import Path

from graphrec.errors import InputError
from graphrec.report.page.examples import Examples
from graphrec.report.page.html import Content
from graphrec.report.page.run_page import render_run
from graphrec.report.runs import Part, RunRecord, read_runs
from graphrec.report.segments import segments
from graphrec.report.table import comparison, main_cutoff
from graphrec.report.users import tested_users


def read_one(path: Path, part: Part = "test") -> RunRecord:
    """Read the run at a path.

    Args:
        path: Its folder, something inside of it, or a folder with this run alone.
        part: What its measures are of.

    Raises:
        InputError: There is none, or more than one.
    """
    runs = read_runs([path], part)
    if len(runs) > 1:
        hint = f"name one of them, such as {runs[-1].path}; `graphrec compare` shows them side by side"
        raise InputError(f"holds {len(runs)} runs", file=path, hint=hint)
    return runs[0]


def report(run: RunRecord, found: Examples, out: Path, title: str | None = None) -> Path:
    """Write the page of one run.

    Args:
        run: What `read_one` returned.
        found: Examples of recommendations, or why there are none.
        out: The file to write.
        title: Heading of the page; the run's name unless given.
    """
    table, users = comparison([run]), tested_users([run])
    groups = segments(users, main_cutoff(table))
    return render_run(Content(table, [run], title or f"{run.name}, {run.id}", segments=groups), found, out)
