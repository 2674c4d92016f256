"""From run folders to a comparison on disk: CSV for machines, Markdown for pages, HTML for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from graphrec.evaluation.correction import Correction
from graphrec.files import write_text
from graphrec.report.leaderboard import leaderboards, wide_csv
from graphrec.report.leads import leads_markdown
from graphrec.report.offer_summary import read_offers
from graphrec.report.page.html import Content, render_html
from graphrec.report.publish import publish
from graphrec.report.runs import Part, RunRecord, read_runs
from graphrec.report.segments import segments
from graphrec.report.significance import significance
from graphrec.report.table import comparison, main_cutoff, to_markdown
from graphrec.report.users import tested_users


def compare(
    runs: Sequence[Path],
    out: Path,
    offers: Path | None = None,
    wandb: str | None = None,
    title: str = "Which recommender, which offer",
    notes: dict[str, str] | None = None,
    allow_different_splits: bool = False,
    part: Part = "test",
    correction: Correction = "holm",
) -> Path:
    """Compare finished runs; write `comparison.csv`, `comparison.md`, `significance.csv` and `report.html`.

    `leaderboard.csv` has a row per experiment, `segments.csv` the main measure by groups of users.
    `fairness.csv` tells how far apart groups of people are.
    `runs.csv` tells what the numbers are of: checkpoint and split of each run.

    Args:
        runs: Run folders, or folders of runs.
        out: Folder to write to.
        offers: An offers table to show as well.
        wandb: `ENTITY/PROJECT`; where given, the comparison is also published there as a W&B Report.
        title: Heading of the report.
        notes: Assumptions to list in the report, name to value.
        allow_different_splits: Compare even where one dataset was split in different ways.
        part: ``test``, or ``val`` for the validation of each fit at the epoch that it chose.
        correction: How the p of a lead is corrected for the number of pairs of runs.

    Returns:
        Path of `report.html`.

    Raises:
        InputError: A run or the offers table cannot be used; nothing was written then.
    """
    offered = None if offers is None else read_offers(offers)
    records = read_runs(runs, part)
    table = comparison(records, allow_different_splits)
    with Console(stderr=True).status("Leads over users and seeds"):
        users = tested_users(records)
        tests = significance(records, users, correction)
        groups = segments(users, main_cutoff(table))
    content = Content(table, records, title, offered, notes or {}, tests, groups)
    report = render_html(content, out / "report.html")
    write_text(out / "comparison.md", "\n".join([to_markdown(table), leads_markdown(table, tests)]))
    tables = {
        "comparison": table.to_csv(index=False),
        "leaderboard": wide_csv(leaderboards(table, records)),
        "significance": tests.table.to_csv(index=False),
        "segments": groups.table.to_csv(index=False),
        "fairness": groups.gaps.to_csv(index=False),
        "runs": sources(records).to_csv(index=False),
    }
    for name, text in tables.items():
        write_text(out / f"{name}.csv", text)
    if wandb is not None:
        publish(table, records, wandb, title, tests)
    return report


def sources(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Tell for each run whose numbers it has, with checkpoint and split: a row each."""
    keys = ["dataset", "name", "id", "seed", "part", "tested", "checkpoint_sha256", "split_sha256", "path"]
    return pd.DataFrame([{key: getattr(run, key) for key in keys} for run in runs], columns=keys)
