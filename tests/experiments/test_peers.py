"""The benchmark of other libraries: its recipe, its turns and its table, with a library made up here."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from random_graphs import random_graph
from scripts import EXPERIMENTS

from graphrec.errors import InputError
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists

WORKERS = EXPERIMENTS / "benchmarks" / "workers"

FAKE = """
import numpy as np
from clock import matrix, settings, timed, top

folder, job = settings()
bought = matrix(folder)

def rank(popular):
    scores = np.tile(popular * job["sign"], (bought.shape[0], 1))
    return top(scores, bought)

timed(folder, lambda: np.asarray(bought.sum(axis=0)).ravel(), rank)
"""


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "benchmarks"))
    return importlib.import_module("peers")


def test_both_sides_try_as_many_settings_and_versions_are_exact(peers):
    for case in peers.cases():
        assert len(case.trials["peer"]) == len(case.trials["ours"]) > 1
        assert all(re.fullmatch(r"[a-z]+==[\d.]+", package) for package in case.packages)
        assert case.packages[0].startswith(case.library)
        assert (WORKERS / f"{case.library}_worker.py").exists()


def test_only_takes_known_names(peers):
    assert [case.name for case in peers.cases(["rectools-ease"])] == ["rectools-ease"]
    with pytest.raises(InputError, match="surprise-svd"):
        peers.cases(["surprise-svd"])


def test_the_recipe_of_an_environment(peers, monkeypatch, tmp_path):
    """It is made once, and again when the versions change; both steps are recorded in their order."""
    steps = []
    monkeypatch.setattr(
        peers.venv, "create", lambda home, **how: (home.mkdir(exist_ok=True), steps.append(how))
    )
    monkeypatch.setattr(peers.subprocess, "run", lambda command, **_: steps.append(command[1:]))
    case = peers.cases(["implicit-knn"])[0]
    for _ in range(2):
        python = peers.prepare(case, tmp_path)
    assert python.parent.parent == tmp_path / "implicit"
    assert steps == [{"with_pip": True, "clear": True}, ["-m", "pip", "install", "--quiet", *case.packages]]
    peers.prepare(case._replace(packages=["implicit==0.0.1"]), tmp_path)
    assert steps[3][-1] == "implicit==0.0.1"


def test_the_row_of_a_table(peers):
    case = peers.Case("a-b", "a", ["a==1"], "compiled", {})
    ours = [{"ndcg_20": 0.2, "fit": 1.0, "rank": 1.0, "fit_cpu": 2.0, "rank_cpu": 2.0, "load": 1.0}] * 3
    peer = [
        {"ndcg_20": 0.1985, "fit": fit, "rank": 3.0, "fit_cpu": 1.0, "rank_cpu": 1.0, "load": 2.0}
        for fit in (1.0, 2.0, 9.0)
    ]
    row = peers.row_of(case, {"ours": {}, "peer": {"k": 1}}, {"ours": ours, "peer": peer})
    assert (row["ratio"], row["ratio_cpu"], row["fit_peer"], row["load"]) == (2.5, 0.5, 2.0, 2.0)
    assert (row["quality"], row["why"], row["settings_peer"]) == ("equal", "", '{"k": 1}')
    slow = [turn | {"fit": 20.0} for turn in ours]
    assert peers.row_of(case, {"ours": {}, "peer": {}}, {"ours": slow, "peer": peer})["why"] == "compiled"
    flat = dict(peers.numbers(pd.DataFrame([row])))
    assert flat["ratio_a-b"] == 2.5
    assert "why_a-b" not in flat


@pytest.mark.parametrize(
    ("ours", "peer", "word"),
    [(0.2, 0.1979, "ours higher"), (0.1, 0.1009, "equal"), (0.1, 0.2, "peer higher")],
)
def test_quality_is_equal_within_a_hundredth(peers, ours, peer, word):
    assert peers.quality_word(ours, peer) == word


def test_lists_from_elsewhere_are_measured_as_the_model_is(peers):
    """A user with fewer items than 20 has −1 where the list ends."""
    graph = random_graph(users=15, items=12, rows=60)
    pairs = random_graph(users=15, items=12, rows=90, seed=3)
    truth = torch.stack([pairs.edge_user, pairs.edge_item], dim=1).numpy()
    items = np.full((15, 20), -1)
    for user in range(15):
        unseen = (~graph.seen_mask(torch.tensor([user]))[0]).nonzero().flatten().numpy()
        items[user, : len(unseen)] = unseen
    given = peers.quality(peers.Listed(graph, items), truth)["ndcg_20"]
    evaluator = RankingEvaluator(graph, truth_lists(truth, graph), (20,), ("new",))
    evaluator.update(torch.arange(15), torch.arange(12, 0, -1.0).repeat(15, 1))
    assert given == pytest.approx(evaluator.compute()["new"].means()["ndcg_20"], abs=1e-12)


def test_a_whole_comparison_with_libraries_made_up(peers, monkeypatch, tmp_path):
    """Real processes on both sides; the better setting is chosen, and nothing is run a second time."""
    shutil.copytree(WORKERS, tmp_path / "workers")
    for name in ("fake_worker.py", "our_worker.py"):
        (tmp_path / "workers" / name).write_text(FAKE, encoding="utf-8")
    monkeypatch.setattr(peers, "WORKERS", tmp_path / "workers")
    signs, done = [{"sign": -1}, {"sign": 1}], []
    case = peers.Case("fake", "fake", ["fake==1"], "", {"peer": signs, "ours": signs[::-1]})
    bench = peers.Bench(tmp_path / "results", *peers.load(None), 1)
    row = peers.compare(bench, case, sys.executable, 2, 1, lambda: done.append(1))
    assert len(done) == 6
    assert json.loads(row["settings_peer"]) == json.loads(row["settings_ours"]) == {"sign": 1}
    assert row["ndcg_ours"] == row["ndcg_peer"] > 0
    assert (row["quality"], row["fit_ours"] > 0) == ("equal", True)
    monkeypatch.setattr(peers, "process", lambda *_: pytest.fail("was run again"))
    assert peers.compare(bench, case, sys.executable, 2, 1, lambda: None) == row


@pytest.mark.parametrize(
    "job",
    [
        {"kind": "ItemCF", "neighbours": 50},
        {"kind": "LightGCN", "dim": 16, "num_layers": 1, "epochs": 2, "batch": 512, "rate": 0.01},
    ],
    ids=lambda job: job["kind"],
)
def test_our_worker_fits_and_ranks(peers, tmp_path, job):
    case = peers.Case("fake", "fake", ["fake==1"], "", {"ours": [job]})
    bench = peers.Bench(tmp_path, *peers.load(None), 1)
    found = bench.run(case, "ours", 0, "val", 0, tmp_path)
    assert found["ndcg_20"] > 0.03  # lists at random have 0.02
    assert min(found["fit"], found["rank"], found["fit_cpu"]) > 0


def test_a_worker_that_fails_says_its_last_line(peers, tmp_path):
    script = tmp_path / "bad.py"
    script.write_text("raise SystemExit('no such solver')", encoding="utf-8")
    with pytest.raises(InputError, match="no such solver"):
        peers.process([sys.executable, str(script)], tmp_path, 1)
