"""A benchmark as a process: killed, gone on with, and with another model; a cell that fails stops nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from processes import end, environment, start, wait_for

pytestmark = pytest.mark.timeout(900)  # seven processes that load torch, one after the other
MODELS = ["popularity", "broken.yaml"]
WORDS = ["--data", "odd name.csv", "lists", "--defaults", "--seeds", "0", "--out", "bench"]


def logs(folder: Path) -> None:
    """A table with times, and a folder that names train and test alone."""
    rng = np.random.default_rng(0)
    rows = [(f"ü{u}", int(i)) for u in range(40) for i in rng.choice(25, size=6, replace=False)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id"])
    frame["timestamp"] = pd.date_range("2024-01-01", periods=len(frame), freq="h")
    frame.to_csv(folder / "odd name.csv", index=False)
    (folder / "lists").mkdir()
    lists = {u: [str(i) for i in rng.choice(20, size=12, replace=False)] for u in range(40)}
    for name, part in (("train", slice(0, 9)), ("test", slice(9, 12))):
        lines = [" ".join([str(u), *items[part]]) for u, items in lists.items()]
        (folder / "lists" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    broken = "trainer: {max_epochs: 1}\nmodel: {class_path: ClosedFormTask, init_args: {recommender: "
    (folder / "broken.yaml").write_text(broken + "{class_path: EASE, init_args: {l2: -1}}}}\n")


def run(folder: Path, *models: str) -> str:
    """Run it to its end; what it printed."""
    command = [sys.executable, "-m", "graphrec", "benchmark", "--models", *models, *WORDS]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Killed in its second cell, then gone on with and given another model: the folder and what was said."""
    folder = tmp_path_factory.mktemp("benchmark")
    logs(folder)
    process = start(folder, "benchmark", "--models", *MODELS, *WORDS)
    cells = folder / "bench" / "cells"
    wait_for(lambda: len(list(cells.rglob("log.txt"))) > 1, process, 600)
    end(process)
    first = {file: file.stat().st_mtime_ns for file in cells.rglob("cell.json")}
    return folder / "bench", first, run(folder, *MODELS, "item_cf")


def test_what_is_finished_is_not_done_again_and_another_model_is_added(bench):
    _, first, said = bench
    ((done, written),) = first.items()
    assert done.parent.parent.name == "popularity"
    assert done.stat().st_mtime_ns == written, "it was done again"
    assert "1 of 6 cells are finished already" in said
    assert "odd name × popularity" not in said
    assert "odd name × item_cf: NDCG@20 " in said
    assert said.count("NDCG@20 ") == 3


def test_a_cell_that_fails_is_told_and_stops_nothing(bench):
    folder, _, said = bench
    cells = pd.read_csv(folder / "cells.csv").set_index(["data", "model"])
    assert cells["state"].value_counts().to_dict() == {"done": 4, "failed": 2}
    why = cells.loc[("lists", "broken"), "why"]
    assert "l2" in why
    assert f"lists × broken: FAILED, {why}" in said
    page = (folder / "report.html").read_text()
    assert "Without a result" in page
    assert cells.loc[("lists", "popularity"), "graphrec"]


def test_numbers_are_those_of_the_tests_and_checkpoints_are_gone(bench):
    folder, *_ = bench
    table = pd.read_csv(folder / "benchmark.csv")
    ndcg = table[table["metric"] == "ndcg_20_new"].set_index(["data", "model"])
    for data, model in ndcg.index:
        (tested,) = (folder / "cells" / data / model).rglob("refit/test_metrics.json")
        said = json.loads(tested.read_text())
        assert ndcg.loc[(data, model), "value"] == said["test_ndcg_20_new"]
        assert ndcg.loc[(data, model), "low"] == said["test_ndcg_20_new_low"]
    best = ndcg.groupby("data")["value"].idxmax()
    assert all(ndcg.loc[one, "rank"] == 1 for one in best)
    assert (ndcg["fit_minutes"] > 0).all()
    assert not list(folder.rglob("*.ckpt"))


def test_where_validation_came_from_is_said(bench):
    folder, *_ = bench
    cells = pd.read_csv(folder / "cells.csv").set_index(["data", "model"])["validation"]
    drawn = "none is given, so 10% of the training pairs, drawn at random with seed 0, were held out"
    assert drawn in cells[("lists", "popularity")]
    assert "LeaveLast by timestamp" in cells[("odd name", "popularity")]
    page = (folder / "report.html").read_text()
    assert drawn in page
    assert "Average ranks of 2 models cannot be tested: it takes 3 or more" in page
