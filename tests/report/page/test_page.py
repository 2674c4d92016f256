"""The page of three models and three seeds: its numbers, its cost, a browser at two widths and colours."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from browsing import CHROMIUM, asked
from run_folders import ITEMS, MEASURES, MODELS, USERS, write_runs

from graphrec.report.compare import compare

SEEDS = 3
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")


class Tables(HTMLParser):
    """The tables of a page by class or id: rows of cells, each its text with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str], list[list[tuple[str, dict[str, str]]]]]] = []
        self._cell: tuple[list[str], dict[str, str]] | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.found.append((dict(attrs), []))
        elif tag == "tr":
            self.found[-1][1].append([])
        elif tag in ("td", "th"):
            self._cell = ([], dict(attrs))

    def handle_data(self, data):
        if self._cell is not None:
            self._cell[0].append(data)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.found[-1][1][-1].append(("".join(self._cell[0]).strip(), self._cell[1]))
            self._cell = None

    def of(self, key: str, value: str) -> list[list[tuple[str, dict[str, str]]]]:
        """The body of the table with an attribute."""
        (rows,) = [rows for attributes, rows in self.found if value in (attributes.get(key) or "").split()]
        return rows[1:]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return write_runs(tmp_path_factory.mktemp("shop") / "runs")


@pytest.fixture(scope="module")
def spent(runs) -> float:
    """CPU seconds of the command, all its imports and threads included; the page lies beside the runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "graphrec", "compare", str(runs), "--out", str(runs.parent / "out")]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "WANDB_MODE": "offline"}
    )
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.fixture(scope="module")
def page(runs, spent) -> Path:
    return runs.parent / "out" / "report.html"


@pytest.fixture(scope="module")
def validated(runs) -> Path:
    return compare([runs], runs.parent / "val", part="val")


def files(runs: Path, model: str, name: str) -> list[Path]:
    found = sorted((runs / f"shop-{model}").glob(f"*/{name}"))
    assert len(found) == SEEDS
    return found


def of_test(runs: Path, model: str) -> list[dict]:
    return [json.loads(file.read_text()) for file in files(runs, model, "test_metrics.json")]


def of_validation(runs: Path, model: str) -> list[dict]:
    """The rows of the epochs that the fits chose, by a reader of its own."""
    rows = []
    for file in files(runs, model, "run.json"):
        best = json.loads(file.read_text())["summary"]["best_epoch"]
        lines = [line.split(",") for line in (file.parent / "metrics.csv").read_text().splitlines()]
        (row,) = [row for row in lines[1:] if row[0] == str(best - 1) and not row[1]]
        rows.append({name: float(cell) for name, cell in zip(lines[0], row, strict=True) if cell})
    return rows


def written(values: list[float], digits: int = 4) -> tuple[str, str]:
    """Mean and standard deviation as the page writes them."""
    return f"{statistics.fmean(values):,.{digits}f}", f"{statistics.stdev(values):.4f}"


def test_the_command_takes_six_seconds_of_cpu_at_most(spent):
    assert spent <= 6


def test_the_page_is_small_and_names_what_it_shows(page, validated):
    assert page.stat().st_size <= 2_000_000
    assert "<button" not in page.read_text(), "without scripts no dead control is shown"
    assert "Test metrics with 95 % bootstrap intervals over users." in page.read_text()
    text = validated.read_text()
    assert (
        text.count("Validation metrics at the epoch that the fit chose; no interval over users exists") == 2
    )
    assert "validation keeps no values of each user" in text
    assert "--part val --out" in text
    assert "graphrec test" not in text


@pytest.mark.parametrize(("part", "read"), [("test", of_test), ("val", of_validation)])
def test_each_number_of_the_leaderboard_is_that_of_the_files(runs, page, validated, part, read):
    rows = Tables((page if part == "test" else validated).read_text()).of("class", "board")
    assert {row[0][0] for row in rows} == set(MODELS)
    seen = 0
    for row in rows:
        model = row[0][0]
        said = read(runs, model)
        summaries = [json.loads(file.read_text())["summary"] for file in files(runs, model, "run.json")]
        for text, attributes in row[1:-2]:
            key = attributes["data-metric"]
            if key in summaries[0]:
                unit, digits = {"fit_seconds": (1, 1), "peak_process_bytes": (1e9, 2), "parameters": (1, 0)}[
                    key
                ]
                mean, spread = statistics.fmean(one[key] / unit for one in summaries), ""
                assert text == f"{mean:,.{digits}f}"
            else:
                mean = statistics.fmean(one[f"{part}_{key}"] for one in said)
                value, spread = written([one[f"{part}_{key}"] for one in said])
                assert text.split(" ± ") == [value, spread]
            assert float(attributes["data-value"]) == pytest.approx(mean, rel=1e-12)
            seen += 1
        assert [cell[0] for cell in row[-2:]] == [str(SEEDS), model]
    assert seen == len(MODELS) * (len(MEASURES) * len(ITEMS) + 3)


@pytest.mark.parametrize(("part", "read"), [("test", of_test), ("val", of_validation)])
def test_each_number_of_the_metrics_table_is_that_of_the_files(runs, page, validated, part, read):
    rows = Tables((page if part == "test" else validated).read_text()).of("id", "metric-table")
    assert len(rows) == len(MODELS) * len(MEASURES) * len(ITEMS) * 2
    titles = {"NDCG": "ndcg", "MRR": "mrr", "MAP": "map"}
    for row in rows:
        model, _, dataset, items, title, k, value, low, high, spread, seeds = (text for text, _ in row)
        name = f"{part}_{titles.get(title, title.lower().replace(' ', '_'))}_{k}_{items}"
        said = read(runs, model)
        assert (value, spread) == written([one[name] for one in said])
        ends = [f"{name}{end}" for end in ("_low", "_high")]
        bounds = [
            f"{statistics.fmean(one[end] for one in said):.4f}" if end in said[0] else "–" for end in ends
        ]
        assert [low, high] == bounds
        assert (dataset, seeds) == ("shop", str(SEEDS))


def test_the_csv_files_hold_the_numbers_of_the_page_unrounded(runs, page):
    table = pd.read_csv(page.with_name("leaderboard.csv")).set_index("run")
    for model in MODELS:
        values = [one["test_ndcg_20_all"] for one in of_test(runs, model)]
        row = table.loc[f"shop-{model}"]
        assert row["ndcg_20_all"] == pytest.approx(statistics.fmean(values), rel=1e-12)
        assert row["ndcg_20_all_sd"] == pytest.approx(statistics.stdev(values), rel=1e-9)
    compared = pd.read_csv(page.with_name("comparison.csv")).set_index(["run", "metric"])
    spread = compared.loc[("shop-mf", "recall_10_new"), "spread"]
    assert spread == pytest.approx(statistics.stdev(one["test_recall_10_new"] for one in of_test(runs, "mf")))
    assert f" ± {compared.loc[('shop-mf', 'ndcg_20_all'), 'spread']:.4f} [" in (
        page.with_name("comparison.md").read_text()
    )


def test_segments_are_quarters_of_the_users_with_their_means(runs, page):
    rows = Tables(page.read_text()).of("class", "segments")
    tables = {
        model: [pd.read_parquet(file) for file in files(runs, model, "test_users.parquet")]
        for model in MODELS
    }
    assert len(rows) == len(MODELS) * len(ITEMS) * 4
    for model, items, by, segment, users, value, low, high in ([text for text, _ in row] for row in rows):
        least, most = (int(bound) for bound in segment.split("–"))
        inside = [
            table[(table["items"] == items) & table["train_interactions"].between(least, most)]
            for table in tables[model]
        ]
        assert by == "Rows of the training part"
        assert int(users) == len(inside[0])
        assert abs(int(users) - USERS / 4) <= 4
        assert value == f"{statistics.fmean(one['ndcg_20'].mean() for one in inside):.4f}"
        assert float(low) < float(value) < float(high)


def test_a_lead_smaller_than_the_spread_of_the_seeds_may_be_chance(runs, page):
    """The users of lightgcn all have a little more, which a test of users alone calls sure."""
    text = page.read_text()
    pairs = pd.read_csv(page.with_name("significance.csv"))
    pairs = pairs[pairs["metric"] == "ndcg_20"].set_index(["items", "run_a", "run_b"])
    for items in ITEMS:
        ours, theirs = (
            [one[f"test_ndcg_20_{items}"] for one in of_test(runs, m)] for m in ("lightgcn", "mf")
        )
        lead, spread = statistics.fmean(ours) - statistics.fmean(theirs), statistics.stdev(theirs)
        assert 0 < lead < spread
        row = pairs.loc[(items, "shop-lightgcn", "shop-mf")]
        assert (row["verdict"], row["seeds_a"], row["seeds_b"]) == ("may be chance", SEEDS, SEEDS)
        assert row["p_users"] < 0.001
        assert row["p_corrected"] > 0.05
        why = f"corrected p = {row['p_corrected']:.3f}; p ≤ 0.001 by users alone"
        assert f"cannot tell it from mf ({why}): this order may be chance." in text
        assert pairs.loc[(items, "shop-lightgcn", "shop-popularity"), "verdict"] == "confirmed"
    assert '<li class="sure">' not in text


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_shows_it_without_error_request_or_sideways_scrolling(page, tmp_path, width, dark):
    answer = asked(page, tmp_path, """
        const cells = [...document.querySelectorAll(".board tbody tr")].map((row) => row.cells[1]);
        return {
            requests: performance.getEntriesByType("resource").length,
            width: innerWidth, page: document.documentElement.scrollWidth,
            lead: Math.max(...cells.map((cell) => cell.getBoundingClientRect().right)),
            dark: matchMedia("(prefers-color-scheme: dark)").matches,
            paper: getComputedStyle(document.body).backgroundColor,
            fill: getComputedStyle(document.querySelector("svg.chart text")).fill,
        };""", width=width, dark=dark)  # fmt: skip
    assert answer["requests"] == 0
    assert answer["width"] == width
    assert answer["page"] <= answer["width"]
    assert answer["lead"] <= answer["width"], "run and main measure are seen without scrolling"
    assert answer["dark"] is dark
    assert answer["paper"] == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")
    assert answer["fill"] != answer["paper"]


@needs_browser
def test_the_leaderboard_is_sorted_by_click_and_by_keyboard(page, tmp_path):
    answer = asked(page, tmp_path, """
        const table = document.querySelector(".board"), heads = [...table.tHead.rows[0].cells];
        const state = (place) => [
            heads[place].getAttribute("aria-sort"),
            heads.filter((head) => head.hasAttribute("aria-sort")).length,
            [...table.tBodies[0].rows].map((row) => row.cells[0].textContent),
        ];
        const found = [state(1)];
        const press = (place) => { heads[place].querySelector("button").click(); found.push(state(place)); };
        press(1); press(1); press(0); press(heads.findIndex((head) => head.textContent.startsWith("Fit")));
        heads[0].querySelector("button").focus();
        return [...found, document.activeElement.tagName];""")  # fmt: skip
    first, again, back, by_name, by_cost, focus = answer
    best = ["lightgcn", "mf", "popularity"]
    assert first == back == ["descending", 1, best]
    assert again == ["ascending", 1, best[::-1]]
    assert by_name == ["ascending", 1, sorted(best)]
    assert by_cost[:2] == ["ascending", 1]
    assert focus == "BUTTON"
