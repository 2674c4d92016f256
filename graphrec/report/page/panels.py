"""The charts of one dataset: measures, learning curves, quality against cost, segments, settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphrec.evaluation.groups.gap import FEWEST
from graphrec.report.charts.bars import bars
from graphrec.report.charts.curves import curves
from graphrec.report.charts.parallel import parallel
from graphrec.report.charts.scatter import scatter
from graphrec.report.charts.segments import by_segment
from graphrec.report.findings import ITEM_WORDS
from graphrec.report.leaderboard import COSTS, Leaderboard
from graphrec.report.page.names import short_labels, short_names
from graphrec.report.runs import METRIC, RunRecord
from graphrec.report.segments import WORDS, Segments
from graphrec.report.settings import varied
from graphrec.report.table import at_main, by_seed, heading, headlines, is_higher_better, name_at

Panel = dict[str, Any]
"""A chart with its title."""


@dataclass(frozen=True)
class Dataset:
    """What the charts of one dataset are drawn from.

    Args:
        name: Name of the dataset.
        rows: Rows of the comparison at the main cut-off, with short names.
        runs: Its runs.
        labels: What the page calls each of them.
    """

    name: str
    rows: pd.DataFrame
    runs: list[RunRecord]
    labels: list[str]

    @classmethod
    def of(cls, comparison: pd.DataFrame, runs: Sequence[RunRecord], name: str) -> Dataset:
        """Take one dataset out of a comparison with short names."""
        named = [
            (run, label) for run, label in zip(runs, short_labels(runs), strict=True) if run.dataset == name
        ]
        rows = at_main(comparison[comparison["dataset"] == name])
        return cls(name, rows, [run for run, _ in named], [label for _, label in named])

    @property
    def order(self) -> list[str]:
        """Experiments in order, so that each keeps its colour from chart to chart."""
        return list(dict.fromkeys(self.labels))


def measures(data: Dataset) -> list[Panel]:
    """Draw the bars of each headline measure on each item set."""
    seeds = short_names(by_seed(data.runs), ["run"])
    rows = data.rows
    return [
        _bars(part, seeds, data.name)
        for items in rows["items"].unique()
        for measure in headlines(rows)
        if len(part := rows[(rows["items"] == items) & (rows["measure"] == measure)])
    ]


def _bars(part: pd.DataFrame, seeds: pd.DataFrame, dataset: str) -> Panel:
    first, falls = part.iloc[0], is_higher_better(part) is False
    metric, words = heading(first["title"], first["k"]), ITEM_WORDS[first["items"]]
    own = seeds[seeds["metric"] == first["metric"]]
    dots = {str(run): values.tolist() for run, values in own.groupby("run")["value"]}
    chart = bars(part, f"{dataset}: {metric} on {words}", smaller_is_better=falls, seeds=dots)
    return {"title": f"{metric}, {words}{', shorter is better' if falls else ''}", "chart": chart}


def learning_curves(data: Dataset) -> list[Panel]:
    """Draw validation curves of all runs, what they watch, and the loss of those that train in epochs.

    Epochs count from 1, as in the best epoch that a fit tells.
    """
    parts = [
        run.history.assign(run=label, seed=f"{run.seed}/{run.id}", epoch=run.history["epoch"] + 1)
        for run, label in zip(data.runs, data.labels, strict=True)
    ]
    history = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    panels = [(history, metric, words) for metric, words in _validated(data).items()]
    epochs = pd.concat([part for part in parts if len(part) > 1] or [pd.DataFrame()], ignore_index=True)
    panels.append((epochs, "train_loss", "Training loss"))
    return [
        {"title": words, "chart": curves(frame, metric, f"{data.name}: {words} per epoch", data.order)}
        for frame, metric, words in panels
        if metric in frame and frame[metric].notna().any()
    ]


def _validated(data: Dataset) -> dict[str, str]:
    """Name the metrics of validation that are drawn: the headlines, and what each run watches."""
    rows = data.rows[["measure", "title", "k"]].itertuples(index=False, name=None)
    kinds = {measure: (title, k) for measure, title, k in rows}
    found = {
        f"val_{name_at(measure, kinds[measure][1])}": f"Validation {heading(*kinds[measure])}"
        for measure in headlines(data.rows)
    }
    watched = dict.fromkeys(str((run.config.get("run") or {}).get("monitor") or "") for run in data.runs)
    who = "the runs" if len(watched) == 1 else "some runs"
    for name in filter(None, watched):
        found[name] = f"{found.get(name) or _watched(name, kinds)}, watched by {who}"
    return found


def _watched(name: str, kinds: dict[str, tuple[str, int]]) -> str:
    """Say in words what a run watches."""
    match = METRIC.fullmatch(name)
    if match is None or match["measure"] not in kinds:
        return name
    title = heading(kinds[match["measure"]][0], int(match["k"]))
    return f"Validation {title}, {ITEM_WORDS[match['items']]}"


def quality_and_cost(data: Dataset, board: Leaderboard) -> list[Panel]:
    """Draw the main measure against the seconds of the fit and its memory at the peak."""
    main = board.columns[0]
    quality = f"{main.title}, {main.items} items" if main.items else main.title
    panels = []
    for key in ("fit_seconds", "peak_gpu_bytes", "peak_process_bytes"):
        if key not in board.table:
            continue
        points = board.table[["run", key, main.key]].set_axis(["run", "cost", "value"], axis="columns")
        points = points.dropna()
        if (points := points[points["cost"] > 0]).empty:
            continue
        cost = COSTS[key][0]
        title = f"{data.name}: {quality} against {cost}"
        chart = scatter(points, title, cost, quality, str(board.table["run"].iloc[0]))
        panels.append({"title": f"{quality} against {cost[0].lower()}{cost[1:]}", "chart": chart})
    return panels


def segment_section(data: Dataset, segments: Segments, measure: str) -> dict[str, Any]:
    """Fill the section of segments: charts, numbers, and how far apart groups of people are.

    Args:
        data: Of one data set.
        segments: Of all data sets, with short names.
        measure: Title of what is measured.
    """
    table, gaps = (one[one["dataset"] == data.name] for one in (segments.table, segments.gaps))
    return {
        "segments": segment_panels(data, table),
        "segment_rows": table.to_dict("records"),
        "segment_words": WORDS,
        "segment_measure": measure,
        "gap_rows": gaps.to_dict("records"),
        "gap_fewest": FEWEST,
    }


def segment_panels(data: Dataset, table: pd.DataFrame) -> list[Panel]:
    """Draw the main measure by segment, a chart per attribute and item set."""
    own = table[table["dataset"] == data.name]
    panels = []
    for (by, items), part in own.groupby(["by", "items"], sort=False):
        across, measure = WORDS.get(str(by), str(by)), _heading(data, str(part["metric"].iloc[0]))
        title = f"{measure}, {ITEM_WORDS[str(items)]}, by {across[0].lower()}{across[1:]}"
        chart = by_segment(part, f"{data.name}: {title}", data.order, across, measure)
        panels.append({"title": title, "chart": chart})
    return panels


def _heading(data: Dataset, name: str) -> str:
    rows = data.rows[data.rows["metric"].str.startswith(f"{name}_")]
    return heading(rows["title"].iloc[0], rows["k"].iloc[0]) if len(rows) else name


def sweep(data: Dataset, board: Leaderboard) -> Panel | None:
    """Draw the settings of at least four runs that vary in at least two, through to the main measure."""
    main = board.columns[0]
    runs = [run for run in data.runs if f"{run.part}_{main.key}" in run.summary]
    settings = varied(runs)
    if len(runs) < 4 or settings.shape[1] < 2:
        return None
    title = f"{main.title}, {main.items} items" if main.items else main.title
    values = pd.Series([run.summary[f"{run.part}_{main.key}"] for run in runs])
    values.name = f"{main.title} {main.items}".strip()
    chart = parallel(settings, values, f"{data.name}: settings of each run", main.better is False)
    return {"title": f"Settings of each run, and {title}", "chart": chart}
