"""The comparison as a W&B Report, for those who have an account; everything else works without one."""

from __future__ import annotations

from typing import Any

import pandas as pd

from graphrec.errors import InputError
from graphrec.report.findings import ITEM_WORDS, findings
from graphrec.report.leads import leads_markdown
from graphrec.report.runs import RunRecord
from graphrec.report.significance import Significance
from graphrec.report.table import at_main, heading, headlines, name_at, to_markdown

_NO_REFIT = " and Config('job') != 'refit'"
"""A refit has a loss of its own, which is no part of the fit's curve."""


def publish(
    comparison: pd.DataFrame,
    runs: list[RunRecord],
    entity_project: str,
    title: str,
    tests: Significance | None = None,
) -> str:
    """Save the comparison as a W&B Report.

    The report's panels draw on the runs of that project, so offline runs have to be uploaded first
    (`wandb sync runs/<name>/<id>/wandb/offline-run-*`).

    Args:
        comparison: What `graphrec.report.table.comparison` returned.
        runs: The runs it was made from.
        entity_project: `ENTITY/PROJECT`.
        title: Title of the report.
        tests: What `graphrec.report.significance.significance` returned for the runs.

    Returns:
        Address of the report.

    Raises:
        InputError: The target is not `ENTITY/PROJECT`, wandb-workspaces is missing or W&B refuses.
    """
    report = build_report(comparison, runs, entity_project, title, tests)
    import wandb

    try:
        report.save()
    except (wandb.Error, ValueError, OSError) as error:
        reason = str(error).strip() or type(error).__name__
        hint = (
            "check `wandb login`, the name of the project, and that its runs were uploaded with `wandb sync`"
        )
        raise InputError(f"W&B did not take the report to {entity_project} ({reason})", hint=hint) from error
    return str(report.url)


def build_report(
    comparison: pd.DataFrame,
    runs: list[RunRecord],
    entity_project: str,
    title: str,
    tests: Significance | None = None,
) -> Any:
    """Build the report as an object, without any connection.

    Returns:
        A `wandb_workspaces.reports.v2.Report`.

    Raises:
        InputError: The target is not `ENTITY/PROJECT`, or wandb-workspaces is missing.
    """
    entity, _, project = entity_project.partition("/")
    if not entity or not project or "/" in project:
        hint = "write it as ENTITY/PROJECT, such as my-team/graphrec"
        raise InputError(f"'{entity_project}' names no W&B project", column="--wandb", hint=hint)
    wr = _workspaces()
    said = "\n".join(
        f"- **{finding.dataset}**: {finding.sentence}" for finding in findings(comparison, tests)
    )
    blocks = [wr.TableOfContents(), wr.H1("Findings"), wr.MarkdownBlock(said)]
    blocks += [wr.H1("Test metrics"), wr.PanelGrid(runsets=[_runset(wr, runs)], panels=_bars(wr, comparison))]
    blocks += [wr.MarkdownBlock(to_markdown(comparison))]
    if tests is not None and (paired := leads_markdown(comparison, tests)):
        blocks += [wr.MarkdownBlock(paired)]
    blocks += [wr.H1("Learning curves")]
    blocks += [wr.PanelGrid(runsets=[_runset(wr, runs, _NO_REFIT)], panels=_curves(wr, comparison))]
    blocks += [wr.H1("Configurations")]
    comparer = wr.RunComparer(diff_only="split")
    blocks += [wr.PanelGrid(runsets=[_runset(wr, runs, _NO_REFIT)], panels=[comparer])]
    return wr.Report(entity=entity, project=project, title=title, width="fluid", blocks=blocks)


def _workspaces() -> Any:
    """Import the report API: an extra, because only those with an account need it."""
    try:
        import wandb_workspaces.reports.v2 as wr
    except ImportError as error:
        raise InputError(
            "a W&B Report needs wandb-workspaces", hint="install it with: pip install 'graphrec[report]'"
        ) from error
    return wr


def _runset(wr: Any, runs: list[RunRecord], more: str = "") -> Any:
    """Group the compared runs so that the seeds of one experiment become one line or bar.

    It names neither entity nor project: the report's own are used, and none is looked up while building.
    """
    named = f"Config('run') in {sorted({run.name for run in runs})!r}"
    return wr.Runset(name="Compared runs", filters=named + more, groupby=["config.run"])


def _bars(wr: Any, comparison: pd.DataFrame) -> list[Any]:
    """Draw the measures of a page at the main cut-off, one panel per measure and item set."""
    shown = at_main(comparison)
    drawn = [row for measure in headlines(shown) for row in _rows_of(shown, measure)]
    return [
        wr.BarPlot(title=f"{heading(row.title, row.k)}, {words}", metrics=[f"test_{row.metric}"])
        for items, words in ITEM_WORDS.items()
        for row in drawn
        if row.items == items
    ]


def _rows_of(comparison: pd.DataFrame, measure: str) -> list[Any]:
    """List a row for each metric of a measure."""
    rows = comparison.loc[comparison["measure"] == measure, ["metric", "title", "k", "items"]]
    return list(rows.drop_duplicates("metric").itertuples(index=False, name="Row"))


def _curves(wr: Any, comparison: pd.DataFrame) -> list[Any]:
    """Draw validation metrics and training loss per epoch."""
    shown = at_main(comparison)
    drawn = [_rows_of(shown, one)[0] for one in headlines(shown)]
    measures = dict(shown[["metric", "measure"]].itertuples(index=False, name=None))
    panels = {
        f"val_{name_at(measures[row.metric], row.k)}": f"Validation {heading(row.title, row.k)}"
        for row in drawn
    }
    panels["train_loss"] = "Training loss"
    return [wr.LinePlot(title=words, x="epoch", y=[metric]) for metric, words in panels.items()]
