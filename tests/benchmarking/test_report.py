"""Tables and page of finished cells: ranks by another computation, failures, a picture that stands alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmark_cells import write_cells
from browsing import CHROMIUM, asked
from scipy import stats

from graphrec.benchmarking.cells import Finished
from graphrec.benchmarking.report import Protocol, write_report
from graphrec.errors import InputError

LEVELS = {
    "shop <1>": {"ease": 0.30, "mf": 0.25, "popularity": 0.15, "slow": 0.2},
    "clicks": {"ease": 0.20, "mf": 0.35, "popularity": 0.10, "slow": np.nan},
    "books": {"ease": 0.33, "mf": 0.30, "popularity": 0.05, "slow": 0.2},
}
PROTOCOL = Protocol(20, "the defaults of each model", (0, 1), "graphrec benchmark --models ease", "holm")


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    write_report(write_cells(folder, LEVELS, seeds=(0, 1)), PROTOCOL, folder)
    return folder


def test_ranks_are_those_of_the_means_by_another_computation(out):
    table = pd.read_csv(out / "benchmark.csv")
    ndcg = table[table["metric"] == "ndcg_20_new"].pivot_table("value", "data", "model").drop(columns="slow")
    ranks = pd.DataFrame(stats.rankdata(-ndcg, axis=1), ndcg.index, ndcg.columns)
    written = pd.read_csv(out / "ranks.csv").set_index("model")
    assert written.index[0] == ranks.mean().idxmin()
    for model in ranks:
        assert written.loc[model, "average_rank_ndcg"] == pytest.approx(ranks[model].mean())
        assert written.loc[model, "rank_on_clicks"] == ranks.loc["clicks", model]
    assert "slow" not in written.index


def test_means_spreads_and_minutes_are_those_of_the_cells(out):
    table = pd.read_csv(out / "benchmark.csv").set_index(["data", "model", "metric"])
    cells = pd.read_csv(out / "cells.csv")
    row = table.loc[("books", "ease", "ndcg_20_new")]
    values = [
        pd.read_parquet(file).query("items == 'new'")["ndcg_20"].mean()
        for file in sorted((out / "cells/books/ease").rglob("test_users.parquet"))
    ]
    assert row["value"] == pytest.approx(np.mean(values), abs=1e-9)
    assert row["spread"] == pytest.approx(np.std(values, ddof=1), abs=1e-9)
    assert row["seeds"] == 2
    assert row["low"] < row["value"] < row["high"]
    own = cells.query("data == 'books' and model == 'ease'")
    assert row["fit_minutes"] == own["fit_minutes"].mean() == 1.5
    assert row["total_minutes"] == pytest.approx(1.5 + 0.6)


def test_failures_are_told_and_who_is_not_ranked(out):
    for file in ("report.html", "benchmark.md"):
        text = (out / file).read_text()
        assert "slow is not ranked: it has no result on clicks" in text
        assert "there was not enough memory" in text
    assert (out / "significance.csv").read_text().count("\n") > 9
    page = (out / "report.html").read_text()
    assert "shop &lt;1&gt;" in page
    assert "<1>" not in page


def test_the_picture_is_a_file_of_its_own_for_light_and_dark(out):
    text = (out / "average_ranks.svg").read_text()
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in text
    assert "critical difference" in text
    assert all(model in text for model in ("ease", "mf", "popularity"))


def test_two_data_sets_have_no_picture_and_the_reason(tmp_path):
    cells = write_cells(tmp_path, {"a": LEVELS["books"], "b": LEVELS["shop <1>"]}, seeds=(0,))
    (tmp_path / "average_ranks.svg").write_text("of an earlier benchmark")
    page = write_report(cells, PROTOCOL, tmp_path).read_text()
    assert "2 data sets cannot tell models apart" in page
    assert 'aria-label="Average rank by' not in page
    assert not (tmp_path / "average_ranks.svg").exists()


def test_without_any_result_the_reason_is_told(tmp_path):
    cells: list[Finished] = write_cells(tmp_path, {"a": {"ease": np.nan}}, seeds=(0,))
    with pytest.raises(InputError, match="no cell has a result: there was not enough memory"):
        write_report(cells, PROTOCOL, tmp_path)
    assert "not enough memory" in (tmp_path / "cells.csv").read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
def test_a_phone_shows_it_in_dark_without_sideways_scrolling(out, tmp_path):
    answer = asked(out / "report.html", tmp_path, """
        return {
            requests: performance.getEntriesByType("resource").length,
            width: innerWidth, page: document.documentElement.scrollWidth,
            text: Math.min(...[...document.querySelectorAll("svg.chart")[0].querySelectorAll("text")]
                .map((one) => one.getBoundingClientRect().height)),
        };
    """, width=390, dark=True)  # fmt: skip
    assert answer["requests"] == 0
    assert answer["page"] <= answer["width"]
    assert answer["text"] >= 7
