"""In what runs differ: only the keys that do, and sweeps as lines through their settings."""

from __future__ import annotations

from made_runs import make_run

from graphrec.report.leaderboard import leaderboards
from graphrec.report.page.panels import Dataset, sweep
from graphrec.report.settings import differences, varied
from graphrec.report.table import comparison


def configured(name: str, seed: int = 0, ndcg: float = 0.4, lr: object = 0.1, **model: object):
    config = {
        "seed_everything": seed,
        "run": {"name": name, "id": str(seed), "root": f"runs/{seed}", "monitor": "val_ndcg_20"},
        "trainer": {"max_epochs": 5, "default_root_dir": f"runs/{seed}"},
        "model": {"class_path": "graphrec.training.RankingTask", "init_args": {"learning_rate": lr, **model}},
    }
    return make_run(name, seed=seed, ndcg=ndcg, config=config)


def test_only_the_keys_that_differ_are_told_without_seeds_and_folders():
    found = differences([configured("a"), configured("a", seed=1), configured("b", lr=0.2, dim=8)])
    assert found.runs == ["a", "b"]
    assert found.rows == [
        ("model.init_args.learning_rate", ["0.1", "0.2"]),
        ("model.init_args.dim", ["–", "8"]),
    ]
    assert differences([configured("a"), configured("b")]).rows == []


def test_seeds_that_were_configured_differently_say_both():
    found = differences([configured("a"), configured("a", seed=1, lr=0.3), configured("b")])
    assert found.rows == [("model.init_args.learning_rate", ["0.1 or 0.3", "0.1"])]


def swept(count: int, **more):
    return [
        configured(
            f"r{n}", ndcg=0.1 + 0.1 * (n == 2), lr=[0.001, 0.01, 0.1, 1.0][n % 4], loss=f"x.l{n % 2}", **more
        )
        for n in range(count)
    ]


def drawn(runs):
    table = comparison(runs)
    return sweep(Dataset.of(table, runs, "shop"), leaderboards(table, runs)[0])


def test_a_sweep_of_four_is_drawn_with_its_best_run_in_colour():
    panel = drawn(swept(4))
    assert panel["title"] == "Settings of each run, and NDCG@20, all items"
    chart = str(panel["chart"])
    assert "4 runs; the best has learning_rate 0.1, loss l0, NDCG@20 all 0.2" in chart
    assert chart.count("stroke: var(--accent)") == 1
    for words in ("0.001", "l0", "l1", "learning_rate"):
        assert f">{words}</text>" in chart
    assert drawn(swept(3)) is None, "three runs are no sweep"
    assert drawn([configured(f"r{n}", lr=n + 1.0) for n in range(4)]) is None, "one setting is none"


def test_settings_that_only_some_runs_have_are_no_axis():
    runs = [*swept(3), configured("r3", lr=1.0, loss="l0", dim=4)]
    assert varied(runs).columns.tolist() == ["learning_rate", "loss"]
