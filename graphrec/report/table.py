"""The comparison table: one row per experiment and metric, with intervals and the spread of the seeds."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from graphrec.errors import InputError
from graphrec.evaluation.measures import of_kind
from graphrec.report.runs import ITEM_SETS, METRIC, RunRecord

PAIRS = "pairs"
"""What stands in the place of an item set where probabilities are judged; their K is 0."""
HEADLINE = ("ndcg", "recall", "logloss", "auc")
"""The measures that a reader sees first."""
OURS = {measure.name: measure for measure in of_kind("user", "catalogue", "probability")}
KEYS = ["dataset", "run", "model", "split", "items", "measure", "k", "metric"]
COLUMNS = [
    "run",
    "model",
    "dataset",
    "split",
    "metric",
    "value",
    "low",
    "high",
    "spread",
    "seeds",
    "measure",
    "k",
    "items",
    "title",
    "higher_is_better",
]


def comparison(runs: Sequence[RunRecord], allow_different_splits: bool = False) -> pd.DataFrame:
    """Lay the metrics of runs side by side: of the test part, or of validation.

    Runs that share dataset, name and model but differ in seed become one row: value, low and high are each
    averaged over the seeds. The interval stays that of the users (95 %, bootstrap), not one of the seeds;
    `spread` is the standard deviation of the seeds. Validation has no interval.
    Where a name holds the same seed twice, or several models, its runs are kept apart as `name/id`.

    Args:
        runs: What `read_runs` returned.
        allow_different_splits: Compare even where one dataset was split in different ways.

    Returns:
        Columns `COLUMNS`; `metric` reads `recall_20_new`, `split` is the part, `test` or `val`.
        `higher_is_better` is empty where no winner is to be named.

    Raises:
        InputError: No metric at all, runs of one dataset that were tested on different splits, or two
            measures of one name.
    """
    if not allow_different_splits:
        _require_one_split(runs)
    rows = by_seed(runs)
    if rows.empty:
        raise InputError(
            "the runs hold no metric that can be compared", hint="run `graphrec test` on them first"
        )
    told = _told(runs)
    frame = over_seeds(rows, KEYS)
    words = [told.get(measure, (measure, None)) for measure in frame["measure"]]
    better = pd.Series([better for _, better in words], dtype="object")
    return _ordered(frame.assign(title=[title for title, _ in words], higher_is_better=better))[COLUMNS]


def by_seed(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Lay out one row per run and metric, seeds apart: columns `KEYS`, value, low, high and seed."""
    named = zip(runs, labels(runs), strict=True)
    return pd.DataFrame([row for run, label in named for row in _rows(run, label)])


def _told(runs: Sequence[RunRecord]) -> dict[str, tuple[str, bool | None]]:
    """Find each measure's title and whether larger is better: of ours, and as the runs say of theirs."""
    told = {name: (measure.title, measure.higher_is_better) for name, measure in OURS.items()}
    for run in runs:
        for name, words in run.measures.items():
            if told.setdefault(name, words) != words:
                what = f"another measure of graphrec or of these runs is called '{name}', too"
                hint = "give one of them another name and test again"
                raise InputError(what, file=run.path, column="measures", hint=hint)
    return told


def over_seeds(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Make one row for the seeds of each experiment: value and interval are averaged over them.

    Args:
        rows: Columns `keys`, ``value``, ``low``, ``high`` and ``seed``; a row per seed.
        keys: What tells experiments and metrics apart.

    Returns:
        Columns `keys`, ``value``, ``low``, ``high`` (the interval of the users), ``spread`` (standard
        deviation of the seeds, missing where there is one) and ``seeds``.
    """
    return rows.groupby(keys, as_index=False, sort=False).agg(
        value=("value", "mean"),
        low=("low", "mean"),
        high=("high", "mean"),
        spread=("value", "std"),
        seeds=("seed", "nunique"),
    )


def labels(runs: Sequence[RunRecord]) -> list[str]:
    """Name each run for tables: its name, or `name/id` where that would mix different runs."""
    frame = pd.DataFrame([vars(run) for run in runs], columns=["dataset", "name", "model", "seed", "id"])
    if frame.empty:
        return []
    groups = frame.groupby(["dataset", "name"])
    mixed = groups["seed"].transform(lambda seeds: seeds.duplicated().any()).astype(bool)
    mixed |= groups["model"].transform("nunique") > 1
    return frame["name"].where(~mixed, frame["name"] + "/" + frame["id"]).tolist()


def _require_one_split(runs: Sequence[RunRecord]) -> None:
    """Refuse numbers from different test sets: they look alike and mean nothing side by side."""
    first: dict[str, RunRecord] = {}
    for run in runs:
        other = first.setdefault(run.dataset, run)
        if other.split_sha256 != run.split_sha256:
            raise InputError(
                f"judged on another split of {run.dataset} ({run.split_sha256[:8]}) than {other.path} "
                f"({other.split_sha256[:8]})",
                file=run.path,
                column="split_sha256",
                hint="compare runs with the same data options, or allow different splits",
            )


def _rows(run: RunRecord, label: str) -> list[dict[str, Any]]:
    """Make a row per `<part>_<measure>_<k>_<items>`, and per measure of a probability.

    The copy without item set only repeats one of them.
    """
    part = run.part
    matches = [match for key in run.summary if (match := METRIC.fullmatch(key))]
    found = [(match[0], match["measure"], int(match["k"]), match["items"]) for match in matches]
    names = [one.name for one in of_kind("probability") if f"{part}_{one.name}" in run.summary]
    found += [(f"{part}_{name}", name, 0, PAIRS) for name in names]
    return [
        {
            **{"dataset": run.dataset, "run": label, "model": run.model, "split": part, "seed": run.seed},
            **{"metric": key.removeprefix(f"{part}_"), "measure": measure, "k": k},
            **{"items": items, "value": run.summary[key]},
            "low": run.summary.get(f"{key}_low", float("nan")),
            "high": run.summary.get(f"{key}_high", float("nan")),
        }
        for key, measure, k, items in found
    ]


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Order item sets and measures as fixed, measures that are not ours last, experiments by name."""
    measures = dict.fromkeys((*HEADLINE, *OURS, *sorted(frame["measure"].unique())))
    rank = {name: place for place, name in enumerate((*ITEM_SETS, PAIRS, *measures))}
    frame = frame.assign(_items=frame["items"].map(rank), _measure=frame["measure"].map(rank))
    keys = ["dataset", "_items", "_measure", "k", "run"]
    return frame.sort_values(keys, kind="stable").reset_index(drop=True)


def main_cutoff(table: pd.DataFrame) -> int:
    """Find the cut-off a reader sees first: 20 where it was measured, else the largest."""
    cutoffs = {int(k) for k in table["k"].unique()}
    return 20 if 20 in cutoffs else max(cutoffs)


def at_main(table: pd.DataFrame, k: int | None = None) -> pd.DataFrame:
    """Take the rows at the cut-off that is shown, and those that have none.

    Args:
        table: What `comparison` returned.
        k: The cut-off; `main_cutoff` unless given.
    """
    return table[table["k"].isin([main_cutoff(table) if k is None else k, 0])]


def heading(title: str, k: int) -> str:
    """Say what a column of a measure is called: ``NDCG@20``, or ``AUC`` where there is no cut-off."""
    return f"{title}@{k}" if k else title


def name_at(measure: str, k: int) -> str:
    """Say what a measure is called in a run: ``ndcg_20``, or ``auc`` where there is no cut-off."""
    return f"{measure}_{k}" if k else measure


def is_higher_better(rows: pd.DataFrame) -> bool | None:
    """Tell which way the measure of some rows is better; None where no winner is to be named."""
    value = rows["higher_is_better"].iloc[0]
    return None if pd.isna(value) else bool(value)


def best_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows of one measure, the best run first."""
    return rows.sort_values("value", ascending=is_higher_better(rows) is False)


def headlines(table: pd.DataFrame) -> list[str]:
    """List the measures that are drawn: `HEADLINE`, and those of a user's own that name a winner."""
    found = [measure for measure in HEADLINE if measure in set(table["measure"])]
    own = table[~table["measure"].isin(list(OURS)) & table["higher_is_better"].notna()]
    return [*found, *own["measure"].unique()]


def to_markdown(table: pd.DataFrame, k: int | None = None) -> str:
    """Write the comparison as Markdown: one table per dataset and item set, best NDCG first.

    Args:
        table: What `comparison` returned.
        k: The cut-off to show; `main_cutoff` unless given.
    """
    shown = at_main(table, k)
    parts = [_introduction(table)]
    for (dataset, items), part in shown.groupby(["dataset", "items"], sort=False):
        what = items if items == PAIRS else f"{items} items"
        parts += [f"## {escape(str(dataset))}, {what}", _markdown_table(part)]
    return "\n\n".join(parts) + "\n"


def _introduction(table: pd.DataFrame) -> str:
    """Say in a line what the numbers are."""
    spread = " ± is the standard deviation of the seeds." if table["spread"].notna().any() else ""
    return f"{part_words(table)}; the best value of a column is bold.{spread}"


def part_words(table: pd.DataFrame) -> str:
    """Say which part was judged, and with which interval."""
    if (table["split"] == "val").all():
        return "Validation metrics at the epoch that the fit chose; no interval over users exists for them"
    if table["low"].isna().all():
        return "Test metrics; no interval over users was measured"
    return "Test metrics with 95 % bootstrap intervals over users"


def _markdown_table(part: pd.DataFrame) -> str:
    """Write one Markdown table: experiments down, measures across."""
    of_measure = dict(list(part.groupby("measure", sort=False)))
    measures = list(of_measure)
    ranked = best_first(of_measure[measures[0]])
    order = [*ranked["run"], *sorted(set(part["run"]) - set(ranked["run"]))]
    best = {
        measure: best_first(rows)["value"].iloc[0]
        for measure, rows in of_measure.items()
        if is_higher_better(rows) is not None
    }
    first = [rows.iloc[0] for rows in of_measure.values()]
    header = ["Run", "Model", "Seeds", *(heading(escape(row["title"]), row["k"]) for row in first)]
    lines = ["| " + " | ".join(header) + " |", "| --- | --- " + "| ---: " * (len(header) - 2) + "|"]
    for run in order:
        rows = part[part["run"] == run].set_index("measure")
        cells = [escape(run), escape(rows["model"].iloc[0]), str(rows["seeds"].max())]
        values = rows[["value", "low", "high", "spread"]].reindex(measures).to_numpy().tolist()
        cells += [
            _number(value, low, high, spread, best.get(measure))
            for measure, (value, low, high, spread) in zip(measures, values, strict=True)
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float, low: float, high: float, spread: float, best: float | None) -> str:
    """Write `**0.184** ± 0.002 [0.180, 0.188]`, the bold for the best; a dash where nothing was measured."""
    if math.isnan(value):
        return "–"
    text = f"**{value:.4f}**" if value == best else f"{value:.4f}"
    text = text if math.isnan(spread) else f"{text} ± {spread:.4f}"
    return text if math.isnan(low) or math.isnan(high) else f"{text} [{low:.4f}, {high:.4f}]"


def escape(text: str) -> str:
    """Escape text so that it can neither end a table cell nor become HTML or emphasis."""
    return re.sub(r"([\\`*_<>|\[\]#])", r"\\\1", " ".join(text.split()))
