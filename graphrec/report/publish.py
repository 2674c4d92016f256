"""The comparison as a W&B Report, for those who have an account; everything else works without one."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.report.findings import ITEM_WORDS, findings
from graphrec.report.leads import leads_markdown
from graphrec.report.run_file import NAME, read_run_file
from graphrec.report.runs import RunRecord
from graphrec.report.significance import Significance
from graphrec.report.table import (
    PAIRS,
    at_main,
    heading,
    headlines,
    labels,
    name_at,
    to_markdown,
)

_FITS = " and Config('job') not in ['refit', 'test']"
"""A refit has a loss of its own, which is no part of the fit's curve."""
_LAST = (
    "W&B draws each run's last epoch, and the best value of what a fit watched."
    " The table is of the epoch that the fit chose."
)
_RANGE = {"groupby_aggfunc": "mean", "groupby_rangefunc": "minmax"}
"""Of the seeds of an experiment: their mean, and their least and greatest value around it."""


def publish(
    comparison: pd.DataFrame,
    runs: list[RunRecord],
    entity_project: str,
    title: str,
    tests: Significance | None = None,
) -> str:
    """Save the comparison as a W&B Report.

    The report's panels draw on the runs of that project, so offline runs have to be uploaded first
    (`wandb sync runs/<name>/<id>/wandb/offline-run-* runs/<name>/<id>/refit/wandb/offline-run-*`).

    Args:
        comparison: What `graphrec.report.table.comparison` returned.
        runs: The runs it was made from.
        entity_project: `ENTITY/PROJECT`.
        title: Title of the report.
        tests: What `graphrec.report.significance.significance` returned for the runs.

    Returns:
        Address of the report.

    Raises:
        InputError: The target is not `ENTITY/PROJECT`, wandb-workspaces is missing, nobody is logged in or
            W&B refuses.
    """
    os.environ.setdefault("WANDB_SILENT", "true")  # read once, as it is imported
    report = build_report(comparison, runs, entity_project, title, tests)
    import wandb

    try:
        with _nobody_asked():
            report.save()
            address = str(report.url)
        note(f"W&B report: {address}")
        return address
    except Exception as error:  # wandb-workspaces wraps a missing login in a bare one
        if isinstance(error.__cause__, wandb.errors.UsageError):
            hint = "run `wandb login`, or set WANDB_API_KEY"
            raise InputError("you are not logged in to Weights & Biases", hint=hint) from error
        if not isinstance(error, wandb.Error | ValueError | OSError):
            raise
        reason = str(error).strip() or type(error).__name__
        hint = (
            "check `wandb login`, the name of the project, and that its runs were uploaded with `wandb sync`"
        )
        raise InputError(f"W&B did not take the report to {entity_project} ({reason})", hint=hint) from error


@contextmanager
def _nobody_asked() -> Iterator[None]:
    """Let W&B find no terminal to ask for a key in, for a report is no time to open an account."""
    terminal, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = terminal


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
    blocks = [
        *_words(wr, comparison, tests),
        *_measures(wr, comparison, runs),
        wr.MarkdownBlock(to_markdown(comparison)),
        *_leads(wr, comparison, tests),
        wr.H1("Learning curves"),
        wr.PanelGrid(runsets=[_runset(wr, runs, _FITS)], panels=_curves(wr, comparison)),
        *_settings(wr, comparison, runs),
        wr.H1("Examples"),
        wr.PanelGrid(runsets=[_runset(wr, runs, grouped=False)], panels=_tables(wr, comparison)),
    ]
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


def _words(wr: Any, comparison: pd.DataFrame, tests: Significance | None) -> list[Any]:
    """Begin as the local page does: with what was found."""
    said = "\n".join(
        f"- **{finding.dataset}**: {finding.sentence}" for finding in findings(comparison, tests)
    )
    return [wr.TableOfContents(), wr.H1("Findings"), wr.MarkdownBlock(said)]


def _leads(wr: Any, comparison: pd.DataFrame, tests: Significance | None) -> list[Any]:
    """Say by how much the best run leads, if that was tested."""
    paired = "" if tests is None else leads_markdown(comparison, tests)
    return [wr.MarkdownBlock(paired)] if paired else []


def _measures(wr: Any, comparison: pd.DataFrame, runs: list[RunRecord]) -> list[Any]:
    """Draw the measures by experiment, and each run's against the time that its fit took."""
    main = _main(comparison)
    cost = wr.ScatterPlot(
        title=f"{heading(main.title, main.k)} against seconds of the fit",
        x=wr.SummaryMetric("fit_seconds"),
        y=wr.SummaryMetric(f"{main.split}_{main.metric}"),
        log_x=True,
    )
    tested = main.split == "test"
    return [
        wr.H1("Test metrics" if tested else "Validation metrics"),
        *([] if tested else [wr.MarkdownBlock(_LAST)]),
        wr.PanelGrid(runsets=[_runset(wr, runs)], panels=_bars(wr, comparison)),
        wr.H1("Quality against time"),
        wr.PanelGrid(runsets=[_runset(wr, runs, grouped=False)], panels=[cost]),
    ]


def _settings(wr: Any, comparison: pd.DataFrame, runs: list[RunRecord]) -> list[Any]:
    """Draw what the settings that differ lead to, and list all that differ."""
    main, different = _main(comparison), _different(runs)
    columns = [wr.ParallelCoordinatesPlotColumn(wr.Config(key), display_name=key) for key in different]
    measure = wr.SummaryMetric(f"{main.split}_{main.metric}")
    columns += [wr.ParallelCoordinatesPlotColumn(measure, display_name=heading(main.title, main.k))]
    drawn = [wr.ParallelCoordinatesPlot(title="Settings that differ", columns=columns)] if different else []
    comparer = wr.RunComparer(diff_only="split")
    return [
        wr.H1("Configurations"),
        *(wr.PanelGrid(runsets=[_runset(wr, runs, grouped=False)], panels=[one]) for one in drawn),
        wr.PanelGrid(runsets=[_runset(wr, runs, _FITS, grouped=False)], panels=[comparer]),
    ]


def _runset(wr: Any, runs: list[RunRecord], more: str = "", *, grouped: bool = True) -> Any:
    """Choose the compared runs, the seeds of one experiment grouped into one line or bar.

    A run is known by its W&B group, which is made of its id and holds its fit, refit and test. Its name is
    that of its experiment, and other runs may have it. It names neither entity nor project: the report's own
    are used, and none is looked up while building.
    """
    groups = [str(_said(run).get("wandb_group") or "") for run in runs]
    if all(groups):
        chosen = f"Metric('Group') in {sorted(set(groups))!r}"
    else:  # of an older version, or tracked by a logger of the user's
        chosen = f"Config('run') in {sorted({run.name for run in runs})!r}"
    apart = labels(runs) != [run.name for run in runs]
    by = ["run.group" if apart else "config.run"] if grouped else []
    return wr.Runset(name="Compared runs", filters=chosen + more, groupby=by)


def _said(run: RunRecord) -> dict[str, Any]:
    """Read what a run says of itself, if it has a file of its own."""
    return read_run_file(run.path) if (run.path / NAME).is_file() else {}


def _different(runs: list[RunRecord]) -> list[str]:
    """Name the settings, by their short keys, that are not the same in all runs that have them."""
    settings = [_said(run).get("settings", {}) for run in runs]
    keys = dict.fromkeys(key for one in settings for key in one)
    return [key for key in keys if len({repr(one[key]) for one in settings if key in one}) > 1]


def _main(comparison: pd.DataFrame) -> Any:
    """Take the row of the measure that a reader sees first."""
    shown = at_main(comparison)
    return _rows_of(shown, headlines(shown)[0])[0]


def _bars(wr: Any, comparison: pd.DataFrame) -> list[Any]:
    """Draw the measures of a page at the main cut-off, one panel per measure and item set."""
    shown = at_main(comparison)
    drawn = [row for measure in headlines(shown) for row in _rows_of(shown, measure)]
    return [
        wr.BarPlot(
            title=f"{heading(row.title, row.k)}, {words}", metrics=[f"{row.split}_{row.metric}"], **_RANGE
        )
        for items, words in ITEM_WORDS.items()
        for row in drawn
        if row.items == items
    ]


def _rows_of(comparison: pd.DataFrame, measure: str) -> list[Any]:
    """List a row for each metric of a measure."""
    rows = comparison.loc[comparison["measure"] == measure, ["metric", "title", "k", "items", "split"]]
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
    return [wr.LinePlot(title=words, x="epoch", y=[metric], **_RANGE) for metric, words in panels.items()]


def _tables(wr: Any, comparison: pd.DataFrame) -> list[Any]:
    """Show the tables that the runs logged: of lists, of probabilities, and what became of the rows."""
    sets = set(comparison["items"])
    names = ["recommendations"] if sets - {PAIRS} else []
    names += ["calibration", "response_curve"] if PAIRS in sets else []
    names += ["cleaning"]
    return [wr.WeavePanelSummaryTable(table_name=name, layout=wr.Layout(w=24, h=10)) for name in names]
