"""The page of one run: its data, curves, measures, segments, examples, cost, and how to make it again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec import __version__
from graphrec.data.ledger import CLEANING
from graphrec.errors import InputError
from graphrec.files import write_text
from graphrec.report.charts.lines import lines
from graphrec.report.findings import ITEM_WORDS
from graphrec.report.leaderboard import COSTS, leaderboards
from graphrec.report.page import panels
from graphrec.report.page.examples import Examples
from graphrec.report.page.html import Content, commands_of, environment
from graphrec.report.page.shown import ShownTable, read_shown
from graphrec.report.runs import CONFIG, RunRecord
from graphrec.report.table import at_main, heading, headlines, part_words

CARD = {
    "rows_in": "Rows of the log",
    "removed": "Left out by cleaning",
    "changed": "Values changed by cleaning",
    "rows": "Rows used",
    "span": "Time",
    "split": "Split",
    "train": "Training rows",
    "validation": "Validation rows",
    "test": "Test rows",
    "not_used": "Rows in no part",
    "users": "Users",
    "items": "Items",
    "pairs": "Distinct pairs in training",
    "density": "Density",
}
"""What a run keeps of its data, and what it is called."""


def render_run(content: Content, found: Examples, out: Path) -> Path:
    """Write the page of one run.

    Args:
        content: What a comparison of this run alone shows.
        found: Examples of recommendations.
        out: The file to write.
    """
    (run,) = content.runs
    shown = content.with_short_names()
    (board,) = leaderboards(content.comparison, content.runs)
    data = panels.Dataset.of(shown.comparison, shown.runs, run.dataset)
    left = read_shown(run) if run.part == "test" else []
    page = environment().get_template("run.html.j2").render(
        title=content.title,
        version=__version__,
        run=run,
        part=part_words(content.comparison),
        ranked=run.ranks,
        heads=_heads(shown),
        card=_card(run),
        cleaning=_cleaning(run),
        number=1,
        suffix="",
        dataset={
            "curves": panels.learning_curves(data),
            **panels.segment_section(data, shown.segments, board.columns[0].title),
        },
        left_out=list(dict.fromkeys([*content.tests.left_out, *content.segments.left_out])),
        metrics=shown.comparison.to_dict("records"),
        examples=found,
        item_words=ITEM_WORDS,
        drawn=[_drawn(one) for one in left if one.x],
        listed=[_listed(one) for one in left if not one.x],
        costs=_costs(run),
        versions=_versions(run),
        commands=[*commands_of(run), f"graphrec report {run.path}"],
        config=(run.path / CONFIG).read_text(encoding="utf-8"),
    )  # fmt: skip
    return write_text(out, page)


def _heads(shown: Content) -> list[dict[str, Any]]:
    """Pick the main measure on each item set, for the head of the page."""
    rows = at_main(shown.comparison)
    main = headlines(rows)[:1]
    return [
        {
            **{key: row[key] for key in ("value", "low", "high")},
            **{"what": ITEM_WORDS[row["items"]], "title": heading(row["title"], row["k"])},
        }
        for row in rows[rows["measure"].isin(main)].to_dict("records")
    ]


def _card(run: RunRecord) -> list[tuple[str, str]]:
    """Write what the run keeps of its data; nothing for a run of an older version."""
    card = run.said.get("data_card") or {}
    return [(name, _text(key, card[key])) for key, name in CARD.items() if key in card]


def _cleaning(run: RunRecord) -> list[dict[str, Any]]:
    """List the steps of cleaning that found something or were declared, with examples.

    Raises:
        InputError: If its file cannot be read.
    """
    if not (file := run.path / CLEANING).is_file():
        return []
    try:
        steps = pd.read_csv(file, keep_default_na=False)
        found = (steps["removed"] > 0) | (steps["filled"] > 0) | (steps["rule"] != "")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot be read ({error})", file=file, hint="fit the run again") from error
    return [{str(key): value for key, value in row.items()} for row in steps[found].to_dict("records")]


def _text(key: str, value: Any) -> str:
    if key == "density":
        return f"{value:.3%}"
    return f"{value:,}" if isinstance(value, int) else str(value) or "none"


def _drawn(one: ShownTable) -> dict[str, Any]:
    title = one.name.replace("_", " ").capitalize()
    return {"title": title, "chart": lines(one.frame, one.x, one.y, title)}


def _listed(one: ShownTable) -> dict[str, Any]:
    rows = [[f"{cell:,.4g}" if isinstance(cell, float) else str(cell) for cell in row]
            for row in one.frame.itertuples(index=False, name=None)]  # fmt: skip
    return {"title": one.name.replace("_", " ").capitalize(), "columns": list(one.frame), "rows": rows}


def _costs(run: RunRecord) -> list[tuple[str, str]]:
    """Write what the fit took."""
    known = [(name, unit, digits, run.summary[key])
             for key, (name, unit, digits) in COSTS.items() if key in run.summary]  # fmt: skip
    costs = [(name, f"{value / unit:,.{digits}f}") for name, unit, digits, value in known]
    costs.append(("Epochs", f"{len(run.history):,}"))
    best = run.summary.get("best_epoch")
    return costs if best is None else [*costs, ("Best epoch", f"{best:,.0f}")]


def _versions(run: RunRecord) -> list[tuple[str, str]]:
    """List the versions that the run was fitted with; Lightning alone where an older version fitted it."""
    if versions := run.said.get("made_by"):
        return [(str(name), str(version)) for name, version in versions.items()]
    first = (run.path / CONFIG).read_text(encoding="utf-8").partition("\n")[0]
    found = re.fullmatch(r"# (pytorch_lightning)==(\S+)", first)
    return [] if found is None else [(found[1], found[2])]
