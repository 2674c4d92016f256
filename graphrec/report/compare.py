"""From run folders to a comparison on disk: CSV for machines, Markdown for pages, HTML for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from graphrec.files import write_text
from graphrec.report.html import render_html
from graphrec.report.leads import leads_markdown
from graphrec.report.offer_summary import read_offers
from graphrec.report.publish import publish
from graphrec.report.runs import RunRecord, read_runs
from graphrec.report.significance import significance
from graphrec.report.table import comparison, to_markdown


def compare(
    runs: Sequence[Path],
    out: Path,
    offers: Path | None = None,
    wandb: str | None = None,
    title: str = "Which recommender, which offer",
    notes: dict[str, str] | None = None,
    allow_different_splits: bool = False,
) -> Path:
    """Compare finished runs; write `comparison.csv`, `comparison.md`, `significance.csv` and `report.html`.

    `runs.csv` tells what the numbers are of: checkpoint and split of each run.

    Args:
        runs: Run folders, or folders of runs.
        out: Folder to write to.
        offers: An offers table to show as well.
        wandb: `ENTITY/PROJECT`; where given, the comparison is also published there as a W&B Report.
        title: Heading of the report.
        notes: Assumptions to list in the report, name to value.
        allow_different_splits: Compare even where one dataset was split in different ways.

    Returns:
        Path of `report.html`.

    Raises:
        InputError: A run or the offers table cannot be used; nothing was written then.
    """
    offered = None if offers is None else read_offers(offers)
    records = read_runs(runs)
    table = comparison(records, allow_different_splits)
    with Console(stderr=True).status("Paired bootstrap over users"):
        tests = significance(records)
    report = render_html(table, records, offered, title, notes or {}, out / "report.html", tests)
    write_text(out / "comparison.md", "\n".join([to_markdown(table), leads_markdown(table, tests)]))
    write_text(out / "comparison.csv", table.to_csv(index=False))
    write_text(out / "significance.csv", tests.table.to_csv(index=False))
    write_text(out / "runs.csv", sources(records).to_csv(index=False))
    if wandb is not None:
        publish(table, records, wandb, title, tests)
    return report


def sources(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Tell for each run whose test its numbers are, with checkpoint and split: a row each."""
    keys = ["dataset", "name", "id", "seed", "tested", "checkpoint_sha256", "split_sha256", "path"]
    return pd.DataFrame([{key: getattr(run, key) for key in keys} for run in runs], columns=keys)
