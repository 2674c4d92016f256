"""The page of a benchmark: average ranks, each data set with its measures and leads, costs, failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from graphrec import __version__
from graphrec.benchmarking.ranks import AverageRanks
from graphrec.benchmarking.shown import Shown
from graphrec.benchmarking.standing import MAIN, Standing
from graphrec.benchmarking.words import failures, minutes_of
from graphrec.files import write_text
from graphrec.report.charts.ranks import rank_picture
from graphrec.report.leaderboard import leaderboards
from graphrec.report.leads import explanation, leads
from graphrec.report.page import panels
from graphrec.report.page.html import board_section, environment
from graphrec.report.page.names import short_labels, short_names
from graphrec.report.page.run_page import CARD
from graphrec.report.table import part_words

_CARD = ("rows", "users", "items", "train", "validation", "test")


def picture_of(ranks: AverageRanks, k: int) -> Markup | None:
    """Draw the average ranks; None where nothing was tested."""
    if ranks.distance is None:
        return None
    title = f"Average rank by NDCG@{k} over {len(ranks.ranks)} data sets"
    return rank_picture(ranks.ranks, ranks.distance, ranks.groups, title)


def render(shown: Shown, out: Path) -> Path:
    """Write the page.

    Args:
        shown: What it shows.
        out: The file to write.
    """
    main = shown.ranked.of[MAIN]
    minutes = minutes_of(shown.cells)
    page = environment().get_template("benchmark.html.j2").render(
        title="Which recommender, on which data",
        version=__version__,
        part=part_words(shown.comparison),
        k=shown.k,
        settings=shown.settings,
        counts=_counts(shown.cells),
        main=main,
        picture=picture_of(main, shown.k),
        ranked=shown.ranked,
        rank_rows=_rank_rows(shown.ranked),
        datasets=[_dataset(shown, str(name)) for name in shown.comparison["dataset"].unique()],
        spread=bool(shown.comparison["spread"].notna().any()),
        minutes={"data": list(minutes.columns), "rows": list(minutes.itertuples(name=None))},
        failures=failures(shown.cells).to_dict("records"),
        cells=shown.cells.to_dict("records"),
        leads=leads(shown.comparison[shown.comparison["k"] == shown.k], shown.tests),
        explanation=explanation(shown.tests),
        command=shown.command,
    )  # fmt: skip
    return write_text(out, page)


def _counts(cells: pd.DataFrame) -> dict[str, int]:
    done = int((cells["state"] == "done").sum())
    return {
        "models": cells["model"].nunique(),
        "data": cells["data"].nunique(),
        "done": done,
        "all": len(cells),
    }


def _rank_rows(ranked: Standing) -> list[dict[str, Any]]:
    """Write a row per model: average by each measure, then the rank on each data set."""
    main = ranked.of[MAIN]
    return [
        {
            "model": model,
            "average": [ranked.of[name].average.get(model) for name in ranked.of],
            "on_each": [main.ranks.loc[data, model] for data in main.ranks.index],
        }
        for model in main.models
    ]


def _dataset(shown: Shown, name: str) -> dict[str, Any]:
    """Fill the section of one data set."""
    own = [run for run in shown.runs if run.dataset == name]
    rows = shown.comparison[(shown.comparison["dataset"] == name) & (shown.comparison["k"] == shown.k)]
    (board,) = leaderboards(rows, own)
    data = panels.Dataset(name, short_names(rows, ["run"]), own, short_labels(own))
    card = own[0].said.get("data_card") or {}
    return {
        "name": name,
        "card": [(CARD[key], f"{card[key]:,}") for key in _CARD if key in card],
        "split": own[0].split_sha256,
        "held_out": shown.cells.loc[shown.cells["data"] == name, "validation"].dropna().unique().tolist(),
        "board": board_section(board),
        "bars": panels.measures(data),
    }
