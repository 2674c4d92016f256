"""The report as one HTML file that loads nothing: it can be mailed, archived and opened years later."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from graphrec import __version__
from graphrec.files import write_text
from graphrec.report import charts
from graphrec.report.findings import ITEM_WORDS, findings
from graphrec.report.leads import EXPLANATION, leads
from graphrec.report.offer_summary import check_offers, offers_sample, policy_totals
from graphrec.report.runs import RunRecord
from graphrec.report.significance import COLUMNS, Significance
from graphrec.report.table import (
    at_main,
    heading,
    headlines,
    is_higher_better,
    labels,
    main_cutoff,
    name_at,
)


def render_html(
    comparison: pd.DataFrame,
    runs: list[RunRecord],
    offers: pd.DataFrame | None,
    title: str,
    notes: dict[str, str],
    out: Path,
    tests: Significance | None = None,
) -> Path:
    """Write the report: findings, bars with intervals, learning curves, tables, offers, how to reproduce.

    Every text from outside (names, item ids, notes) is escaped, and the page forbids itself to load anything.

    Args:
        comparison: What `graphrec.report.table.comparison` returned.
        runs: The runs it was made from.
        offers: An offers table; None leaves the section out. What its `attrs` say joins the notes.
        title: Heading of the page.
        notes: Assumptions to list, name to value.
        out: The file to write.
        tests: What `graphrec.report.significance.significance` returned for the runs.

    Raises:
        InputError: The offers table lacks rows or columns.
    """
    loader = PackageLoader("graphrec.report", "")
    # Not select_autoescape: it goes by the file's ending and would leave `.j2` unescaped.
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = _number
    comparison = _short(comparison, ["run"])
    tests = Significance(pd.DataFrame(columns=COLUMNS), []) if tests is None else tests
    tests = replace(tests, table=_short(tests.table, ["run_a", "run_b"]))
    assumptions = {**({} if offers is None else _plain(offers.attrs)), **notes}
    page = environment.get_template("page.html.j2").render(
        title=title,
        version=__version__,
        findings=findings(comparison, tests),
        leads=leads(comparison, tests),
        explanation=EXPLANATION,
        left_out=tests.left_out,
        datasets=[_dataset(comparison, runs, name) for name in comparison["dataset"].unique()],
        metrics=comparison.to_dict("records"),
        ranked=bool((comparison["k"] > 0).any()),
        runs=[_run(run, label) for run, label in zip(runs, _short_labels(runs), strict=True)],
        offers=None if offers is None else _offers(offers),
        notes=assumptions,
        commands=_commands(runs, out),
    )
    return write_text(out, page)


def _plain(attributes: dict[Any, Any]) -> dict[str, str]:
    """Keep the attributes of a frame that can be read as a line of text."""
    return {str(key): str(value) for key, value in attributes.items() if isinstance(value, str | int | float)}


def _dataset(comparison: pd.DataFrame, runs: list[RunRecord], dataset: str) -> dict[str, Any]:
    """Draw the charts of one dataset."""
    table = comparison[comparison["dataset"] == dataset]
    k, rows = main_cutoff(table), at_main(table)
    panels = [
        _panel(part, dataset)
        for items in rows["items"].unique()
        for measure in headlines(rows)
        if len(part := rows[(rows["items"] == items) & (rows["measure"] == measure)])
    ]
    curves = {
        f"val_{name_at(measure, k)}": f"Validation {heading(title, k)}"
        for measure, (title, k) in _titles(rows).items()
    }
    named = [
        (run, label) for run, label in zip(runs, _short_labels(runs), strict=True) if run.dataset == dataset
    ]
    return {"name": dataset, "k": k, "bars": panels, "curves": _learning_curves(named, dataset, curves)}


def _titles(table: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """List the measures that are drawn, with their titles and cut-offs."""
    columns = table[["measure", "title", "k"]].itertuples(index=False, name=None)
    titles = {measure: (title, k) for measure, title, k in columns}
    return {measure: titles[measure] for measure in headlines(table)}


def _panel(part: pd.DataFrame, dataset: str) -> dict[str, Any]:
    """Draw the bars of one measure on one item set."""
    first, falls = part.iloc[0], is_higher_better(part) is False
    metric, words = heading(first["title"], first["k"]), ITEM_WORDS[first["items"]]
    chart = charts.bars(part, f"{dataset}: {metric} on {words}", smaller_is_better=falls)
    return {"title": f"{metric}, {words}{', shorter is better' if falls else ''}", "chart": chart}


def _learning_curves(
    named: list[tuple[RunRecord, str]], dataset: str, curves: dict[str, str]
) -> list[dict[str, Any]]:
    """Draw validation curves of all runs, and the training loss of those that train in epochs."""
    parts = [run.history.assign(run=label, seed=f"{run.seed}/{run.id}") for run, label in named]
    history = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    names = list(dict.fromkeys(label for _, label in named))
    panels = [(history, metric, words) for metric, words in curves.items()]
    epochs = pd.concat([part for part in parts if len(part) > 1] or [pd.DataFrame()], ignore_index=True)
    panels.append((epochs, "train_loss", "Training loss"))
    return [
        {"title": words, "chart": charts.curves(frame, metric, f"{dataset}: {words} per epoch", names)}
        for frame, metric, words in panels
        if metric in frame and frame[metric].notna().any()
    ]


def _run(run: RunRecord, label: str) -> dict[str, Any]:
    """Fill one row of the runs table."""
    return {
        **{"label": label, "model": run.model, "dataset": run.dataset, "seed": run.seed, "id": run.id},
        **{"split": run.split_sha256, "seconds": run.summary.get("fit_seconds"), "path": run.path},
        **{"epochs": len(run.history), "best_epoch": run.summary.get("best_epoch")},
        "users": run.summary.get("test_users_all"),
    }


def _offers(offers: pd.DataFrame) -> dict[str, Any]:
    """Fill the offers section: totals, one histogram and one sample per policy."""
    check_offers(offers)
    totals = policy_totals(offers)
    policies = list(dict.fromkeys(totals["policy"]))
    top = float(offers["rate"].max())
    pairs = offers.drop_duplicates(["scenario", "user_id", "item_id"])
    return {
        "same_pairs": len(pairs) * len(policies) == len(offers),
        "totals": totals.to_dict("records"),
        "histograms": [{"title": policy, "chart": _histogram(offers, policy, top)} for policy in policies],
        "samples": {
            policy: sample.to_dict("records")
            for policy in policies
            if len(sample := offers_sample(offers, policy))
        },
    }


def _histogram(offers: pd.DataFrame, policy: str, top: float) -> Markup:
    rates = offers.loc[offers["policy"] == policy, "rate"].tolist()
    return charts.rate_histogram(rates, top, f"Discount rates under policy {policy}")


def _commands(runs: list[RunRecord], out: Path) -> list[str]:
    """Write shell lines that fit and test each run again and rebuild this page."""
    lines = []
    for run in runs:
        config = shlex.quote(str(run.path / "config.yaml"))
        lines.append(f"graphrec fit -c {config}")
        if (run.path / "refit").is_dir():
            lines.append(f"graphrec refit {shlex.quote(str(run.path.parent))}")
        lines.append(f"graphrec test -c {config}")
    folders = " ".join(shlex.quote(str(run.path)) for run in runs)
    return [*lines, f"graphrec compare {folders} --out {shlex.quote(str(out.parent))}"]


def _short(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Shorten run names to what the page shows: the heading says the dataset already."""
    short = {
        column: [_without(name, dataset) for name, dataset in table[[column, "dataset"]].to_numpy()]
        for column in columns
    }
    return table.assign(**short)


def _without(name: str, dataset: str) -> str:
    return name.removeprefix(f"{dataset}-") or name


def _short_labels(runs: list[RunRecord]) -> list[str]:
    return [_without(label, run.dataset) for run, label in zip(runs, labels(runs), strict=True)]


def _number(value: Any, digits: int = 2, unit: str = "") -> str:
    """Write a number for a table cell: thousands apart, a dash if there is none, percent if unit is `%`."""
    if value is None or pd.isna(value):
        return "–"
    text = f"{value:,.{digits}%}" if unit == "%" else f"{value:,.{digits}f}{unit}"
    return text.replace("-", "−")
