"""Rows of docs/results.md: shipped ones are whole, and one is made from scratch, once, and resumed."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scripts import load_script

from graphrec.cli.commands import refit, reproduce
from graphrec.cli.main import main
from graphrec.cli.reproduce.kinds import Study
from graphrec.cli.reproduce.resume import Steps
from graphrec.cli.reproduce.rows import EXPERIMENTS, find_row, read_rows
from graphrec.errors import InputError

ROWS = read_rows()
RANKED = {name: row for name, row in ROWS.items() if not isinstance(row, Study)}
STUDIES = {name: row for name, row in ROWS.items() if isinstance(row, Study)}
DATA = {
    "class_path": "RecommenderData",
    "init_args": {
        "source": {"class_path": "graphrec.data.sources.synthetic", "init_args": {"num_users": 60}},
        "split": {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17, "test_end": 20}},
        "item_sets": ["all", "repeat", "new"],
    },
}
TRAINED = {
    "class_path": "RankingTask",
    "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 4}}, "learning_rate": 0.01},
}
CLOSED = {"class_path": "ClosedFormTask", "init_args": {"recommender": {"class_path": "Popularity"}}}


@pytest.fixture(scope="module")
def experiments(tmp_path_factory) -> Path:
    """Three rows on the synthetic shop."""
    folder = tmp_path_factory.mktemp("experiments")
    (folder / "shop").mkdir()
    quiet = {"enable_progress_bar": False}
    for name, model, epochs in (("lightgcn", TRAINED, 3), ("popularity", CLOSED, 1)):
        config = {"run": {"name": f"shop-{name}"}, "trainer": {"max_epochs": epochs, **quiet}, "data": DATA}
        (folder / "shop" / f"{name}.yaml").write_text(yaml.safe_dump({**config, "model": model}))
    rows = {
        "shop-lightgcn": {"config": "shop/lightgcn.yaml", "protocol": "honest", "trials": 7},
        "shop-fixed": {"config": "shop/lightgcn.yaml", "protocol": "paper", "epochs": 2, "ndcg_20": 0.9},
        "shop-popularity": {"config": "shop/popularity.yaml", "protocol": "honest"},
    }
    (folder / "reproduce.yaml").write_text(yaml.safe_dump(rows, sort_keys=False))
    return folder


@pytest.fixture
def here(experiments, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(reproduce, "EXPERIMENTS", experiments)
    return tmp_path


@pytest.mark.parametrize("row", RANKED.values(), ids=list(RANKED))
def test_a_shipped_row_names_experiments_and_says_what_to_expect(row):
    for member in row.members:
        assert member.file.is_relative_to(EXPERIMENTS)
        assert member.run_name == f"{row.dataset}-{member.file.stem}"
        assert member.config["data"]["class_path"] == "RecommenderData"
    assert row.settings
    assert (row.data_folder is not None) == (row.dataset == "gowalla")
    assert row.name.startswith("gowalla-" if row.dataset == "gowalla" else "journey-")
    assert row.model
    known = (row.recall_20, row.ndcg_20)
    assert known == (None, None) or all(0 < value < 1 for value in known)
    assert 0 < row.tolerance <= 0.005


def test_a_shipped_study_is_a_script_with_bounds():
    for row in STUDIES.values():
        assert row.script.is_file()
        assert row.script.is_relative_to(EXPERIMENTS / "studies")
        assert row.expected or row.at_least or row.at_most


def test_all_promised_rows_are_there(capsys):
    asked = [
        "popularity",
        "rp3beta",
        "p3alpha",
        "gfcf",
        "chebycf",
        "bspm",
        "turbocf",
        "item-knn",
        "user-knn",
        "ease",
    ]
    journey = ["popularity", "top-frequency", "lightgcn"]
    assert {*(f"gowalla-{name}" for name in asked), *(f"journey-{name}" for name in journey)} <= set(ROWS)
    assert main(["reproduce", "--list"]) is None
    listed = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert set(ROWS) <= set(listed)
    assert listed["gowalla-chebycf"].split()[1:7] == [
        *("gowalla", "Spectral", "ChebyCF", "paper", "0.1941", "0.1616"),
    ]


def test_a_row_chosen_on_validation_is_refit_tested_once_and_not_done_again(here, monkeypatch, capsys):
    file = main(["reproduce", "shop-lightgcn", "--out", "out", "--seed", "3"])

    assert file == Path("out/metrics.json")
    metrics = json.loads(file.read_text())
    refitted = Path("out/runs/shop-lightgcn/seed-3/refit")
    tested = json.loads((refitted / "test_metrics.json").read_text())
    for ours, theirs in (("", "_all"), ("_repeat", "_repeat"), ("_new", "_new")):
        for measure in ("recall_20", "ndcg_20"):
            for bound in ("", "_low", "_high"):
                assert metrics[f"test_{measure}{ours}{bound}"] == tested[f"test_{measure}{theirs}{bound}"]
    assert "test_ndcg_20_all" not in metrics
    assert (metrics["seed"], metrics["split_sha256"]) == (3, tested["split_sha256"])
    config = yaml.safe_load((refitted / "config.yaml").read_text())
    assert metrics["epochs"] == config["trainer"]["max_epochs"]
    assert metrics["seconds"] > 0
    assert 0.1 < metrics["peak_gb"] < 50
    assert config["seed_everything"] == 3
    assert "nothing to compare with" in capsys.readouterr().out

    monkeypatch.setattr("graphrec.cli.experiment.start.run_lightning", None)
    before = file.read_bytes()
    main(["reproduce", "shop-lightgcn", "--out", "out", "--seed", "3"])
    assert file.read_bytes() == before
    for name, seed, what in (
        ("shop-lightgcn", "4", "seed is 3, not 4"),
        ("shop-fixed", "3", "name is shop-"),
    ):
        with pytest.raises(InputError, match=f"out, option --out: .*{what}.*choose another folder"):
            main(["reproduce", name, "--out", "out", "--seed", seed])


def test_a_killed_reproduction_goes_on_and_ends_where_it_would_have_ended(here, monkeypatch):
    """Killed once in the fit, after an epoch, and once before the refit."""
    whole = json.loads(main(["reproduce", "shop-lightgcn", "--out", "whole"]).read_text())
    run = Path("out/runs/shop-lightgcn/seed-0")
    fit = ["fit", "-c", str(reproduce.EXPERIMENTS / "shop" / "lightgcn.yaml"), "--run.root", "out/runs"]
    main([*fit, "--run.id", "seed-0", "--trainer.max_epochs", "1"])

    def killed(options: argparse.Namespace) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refit, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            main(["reproduce", "shop-lightgcn", "--out", "out"])
    assert not Path("out/metrics.json").exists()
    epochs = pd.concat(map(pd.read_csv, run.glob("metrics*.csv"))).dropna(subset=["val_ndcg_20"])["epoch"]
    assert sorted(epochs) == [0, 1, 2], "the first epoch is not trained again"
    fitted = (run / "checkpoints" / "last.ckpt").stat().st_mtime_ns

    metrics = json.loads(main(["reproduce", "shop-lightgcn", "--out", "out"]).read_text())

    assert (run / "checkpoints" / "last.ckpt").stat().st_mtime_ns == fitted
    same = [key for key in whole if key not in ("seconds", "peak_gb")]
    assert {key: metrics[key] for key in same} == {key: whole[key] for key in same}


def test_published_epochs_are_trained_on_both_parts_at_once(here, capsys):
    metrics = json.loads(main(["reproduce", "shop-fixed", "--out", "out"]).read_text())
    run = Path("out/runs/shop-lightgcn/seed-0")
    assert metrics["epochs"] == 2
    assert not (run / "refit").exists()
    assert yaml.safe_load((run / "config.yaml").read_text())["data"]["init_args"]["refit"] is True
    said = capsys.readouterr().out
    assert f"off by {round(metrics['test_ndcg_20'], 4) - 0.9:+.4f}, above 0.0005" in said


def refused(*args: str) -> str:
    """What a command that must fail says; nothing may come into being."""
    before = sorted(Path().rglob("*"))
    with pytest.raises(InputError) as error:
        main(["reproduce", *args])
    assert sorted(Path().rglob("*")) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def test_mistakes_are_answered_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused("gowalla-chebyfc", "--out", "out")
    assert said.startswith("there is no reproduction 'gowalla-chebyfc'; did you mean gowalla-chebycf")
    assert "--list" in refused("xyz", "--out", "out")
    said = refused("gowalla-gfcf", "--out", "out")
    assert said.startswith(
        "option --data: the data of gowalla-gfcf are not part of the project; give the fol"
    )
    assert "option --out: no folder to write to" in refused("gowalla-gfcf", "--data", ".")
    assert refused() == "no row is named; see `graphrec reproduce --list`"
    assert "train.txt" in refused("gowalla-popularity", "--data", ".", "--out", "out")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"config": "a.yaml", "protocol": "fair"}, "column 'protocol': x: 'fair' is wrong.*honest or paper"),
        ({"config": "a.yaml"}, "column 'protocol': x does not say how it was chosen"),
        ({"protocol": "paper"}, "column 'config': x names no experiment"),
        ("a.yaml", "column 'config': x names no experiment"),
        ({"config": "a.yaml", "script": "a.py"}, "column 'script': x has both config and script"),
        ({"config": "a.yaml", "protocol": "paper", "epoch": 3}, "did you mean 'epochs'"),
        ({"config": "a.yaml", "protocol": "paper", "epochs": 1.5}, "'epochs': x: 1.5 is.*a whole number"),
        ({"config": "a.yaml", "protocol": "paper", "gate": True}, "'gate': x has an unknown key"),
        ({"config": "../a.yaml", "protocol": "paper"}, "'config': x: '../a.yaml' is no file below"),
        ({"fusion": ["s/a.yaml"], "protocol": "honest"}, "'fusion': x does not name members"),
        ({"fusion": ["s/a.yaml", "s/a.yaml"], "protocol": "honest"}, "list two or more different ones"),
        ({"fusion": ["s/a.yaml", "t/b.yaml"], "protocol": "honest"}, "different data sets: s, t"),
        ({"fusion": ["s/a.yaml", 3], "protocol": "honest"}, "'fusion': x: 3 is no file below"),
        ({"fusion": ["s/a.yaml", "s/b.yaml"], "protocol": "honest", "gate": "yes"}, "true or false"),
        ({"fusion": ["s/a.yaml", "s/b.yaml"], "protocol": "honest", "combine": "vote"}, "score or rank"),
        ({"script": "a.py", "expected": {"auc": "high"}}, "'expected': .*a number for each figure"),
        ({"script": "a.py", "at_least": 3}, "'at_least': x: 3 is wrong here"),
        ({"script": "a.py", "atleast": {"auc": 1}}, "did you mean 'at_least'"),
        ({"script": "a.py", "protocol": "honest"}, "'protocol': x has an unknown key"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, words):
    (tmp_path / "reproduce.yaml").write_text(yaml.safe_dump({"x": row}))
    with pytest.raises(InputError, match=words):
        read_rows(tmp_path)
    with pytest.raises(InputError, match="the experiments are not installed"):
        read_rows(tmp_path / "absent")
    (tmp_path / "reproduce.yaml").write_text("x: {config: a.yaml, protocol: paper}")
    with pytest.raises(InputError, match=r"a\.yaml, option --config: there is no such file"):
        _ = find_row(read_rows(tmp_path), "x").model


def test_time_before_a_kill_counts_only_up_to_what_was_kept(tmp_path, monkeypatch):
    clock = iter([100.0, 500.0, 900.0])
    monkeypatch.setattr("graphrec.cli.reproduce.resume.time.time", lambda: next(clock))
    monkeypatch.setattr("graphrec.cli.reproduce.resume.time.perf_counter", lambda: 7.0)
    kept = tmp_path / "last.ckpt"

    def killed() -> None:
        raise KeyboardInterrupt

    steps = Steps.of(tmp_path, {"name": "x"})
    with pytest.raises(KeyboardInterrupt):
        steps.run("fit", killed, kept)
    kept.touch()
    os.utime(kept, (130.0, 130.0))
    with pytest.raises(KeyboardInterrupt):
        Steps.of(tmp_path, {"name": "x"}).run("fit", killed, kept)
    os.utime(kept, (512.0, 512.0))
    steps = Steps.of(tmp_path, {"name": "x"})
    steps.run("fit", lambda: None, kept)
    assert steps.seconds == pytest.approx(30 + 12)
    assert Steps.of(tmp_path, {"name": "x"}).finished("fit")
    steps.run("fit", killed)


@pytest.fixture(scope="module")
def table():
    return load_script("table")


def reproduced(folder: Path, name: str, seed: int, ndcg: float, sha: str = "a" * 64) -> None:
    """A metrics.json as the command writes it."""
    metrics = {"name": name, "seed": seed, "split_sha256": sha, "seconds": 90.0, "machine": "2 cores"}
    for suffix in ("", "_new") if name.startswith("journey") else ("",):
        for measure, value in (("ndcg_20", ndcg), ("recall_20", ndcg / 2)):
            key = f"test_{measure}{suffix}"
            metrics |= {key: value, f"{key}_low": value - 0.01, f"{key}_high": value + 0.01}
    (folder / f"{name}-{seed}").mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{seed}" / "metrics.json").write_text(json.dumps(metrics))


def test_the_tables_of_results_are_written_from_metrics(table, tmp_path):
    reproduced(tmp_path / "runs", "gowalla-popularity", 0, 0.03)
    reproduced(tmp_path / "runs", "gowalla-rp3beta", 0, 0.15)
    reproduced(tmp_path / "runs", "gowalla-rp3beta", 1, 0.16)
    reproduced(tmp_path / "runs", "journey-lightgcn", 0, 0.2, sha="b" * 64)
    page = tmp_path / "results.md"
    shutil.copy(table.PAGE, page)
    options = argparse.Namespace(runs=[tmp_path / "runs"], demo=None, benchmark=None, study=[], page=page)

    tables = table.run(options)

    lines = [line for line in tables["gowalla"].splitlines() if line.startswith("| gow")]
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert cells == [
        *("gowalla-rp3beta", "RP3beta", "0.0775 [0.0675, 0.0875]", "0.1550 [0.1450, 0.1650]", "2"),
        *("0.0050 / 0.0100", "1.5", "0", "paper"),
        "`graphrec reproduce gowalla-rp3beta --data FOLDER --out DIR`",
    ]
    assert lines[1].startswith("| gowalla-popularity |")
    assert "new" not in tables["gowalla"].splitlines()[0]
    assert "NDCG@20, new" in tables["complete_journey"].splitlines()[0]
    written = page.read_text()
    assert all(content in written for content in tables.values())
    assert "aaaaaaaaaaaaaaaa." in written
    before = table.PAGE.read_text()
    assert written.split("<!-- table")[0] == before.split("<!-- table")[0]
    assert (
        written.split("<!-- end of table: gowalla -->")[1]
        == before.split("<!-- end of table: gowalla -->")[1]
    )
    table.run(options)
    assert page.read_text() == written, "a second time changes nothing"


def test_the_tables_of_demo_and_simulator_are_written(table, tmp_path):
    page, readme = tmp_path / "results.md", tmp_path / "README.md"
    shutil.copy(table.PAGE, page)
    shutil.copy(table.README, readme)
    rows = [
        {
            "run": f"shop-{model}",
            "items": items,
            "measure": measure,
            "k": 20,
            "value": value,
            "low": 0.1,
            "high": 0.5,
        }
        for model, value in (("mf", 0.2), ("lightgcn", 0.3))
        for items in ("all", "repeat", "new")
        for measure in ("ndcg", "recall", "map")
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "comparison.csv", index=False)
    made = {"name": "offers-simulator", "seeds": 2.0, "pairs": 4000.0}
    for policy, share in (("uniform", 0.4), ("knapsack", 0.9)):
        for key in (f"{policy}_share_of_oracle", f"{policy}_units_gain"):
            made |= {key: share, f"{key}_low": share - 0.01, f"{key}_high": share + 0.01}
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "metrics.json").write_text(json.dumps(made))
    options = argparse.Namespace(
        runs=[tmp_path / "runs"],
        demo=tmp_path / "comparison.csv",
        benchmark=None,
        study=[],
        page=page,
        readme=readme,
    )

    tables = table.run(options)

    models = [line.split("|")[1].strip() for line in tables["demo"].splitlines()]
    assert models == ["model", "---", "lightgcn", "mf"]
    assert tables["demo"].splitlines()[2].count("**0.300** [0.100, 0.500]") == 6
    assert "| `knapsack` | 90.0 % [89.0, 91.0] |" in tables["simulator"]
    assert tables["simulator"].index("knapsack") < tables["simulator"].index("uniform")
    assert tables["demo"] in readme.read_text()
    assert all(content in page.read_text() for content in tables.values())


def test_the_table_of_a_benchmark_is_written_beside_its_picture(table, tmp_path):
    page = tmp_path / "results.md"
    shutil.copy(table.PAGE, page)
    rows = [
        {"model": model, "data": data, "measure": measure, "k": k, "value": value, "low": 0.1, "high": 0.5}
        | {
            "spread": 0.01 if model == "mf" else float("nan"),
            "seeds": 3 if model == "mf" else 1,
            "rank": rank,
        }
        for data, at in (("a", {"mf": 0.3, "ease": 0.2}), ("b", {"mf": 0.25, "ease": 0.1}))
        for rank, (model, value) in enumerate(at.items(), start=1)
        for measure, k in (("ndcg", 20), ("ndcg", 10), ("recall", 20))
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "benchmark.csv", index=False)
    ranks = pd.DataFrame({"model": ["mf", "ease"], "average_rank_ndcg": [1.0, 2.0]})
    ranks.to_csv(tmp_path / "ranks.csv", index=False)
    (tmp_path / "average_ranks.svg").write_text("<svg/>")
    (tmp_path / "figures").mkdir()
    options = argparse.Namespace(
        runs=[], demo=None, study=[], benchmark=tmp_path, page=page, figures=tmp_path / "figures"
    )

    tables = table.run(options)

    assert tables["benchmark"].splitlines()[2:] == [
        "| `mf` | 1.0 | **0.3000** ± 0.0100 [0.1000, 0.5000] | **0.2500** ± 0.0100 [0.1000, 0.5000] |",
        "| `ease` | 2.0 | 0.2000 [0.1000, 0.5000] | 0.1000 [0.1000, 0.5000] |",
    ]
    assert tables["benchmark"] in page.read_text()
    assert (tmp_path / "figures" / "average_ranks.svg").read_text() == "<svg/>"
    (tmp_path / "ranks.csv").unlink()
    with pytest.raises(InputError, match=r"ranks\.csv: there is no such file"):
        table.run(options)


def test_reproductions_that_do_not_belong_together_are_refused(table, tmp_path):
    page = tmp_path / "results.md"
    page.write_text("nothing here")
    options = argparse.Namespace(runs=[tmp_path / "runs"], demo=None, benchmark=None, study=[], page=page)
    with pytest.raises(InputError, match="there is no such file or folder"):
        table.run(options)
    (tmp_path / "runs").mkdir()
    with pytest.raises(InputError, match=r"no metrics\.json of a ranked reproduction"):
        table.run(options)
    reproduced(tmp_path / "runs", "gowalla-popularity", 0, 0.03)
    with pytest.raises(InputError, match=r"results\.md: has no place for the table of gowalla; add"):
        table.run(options)
    assert page.read_text() == "nothing here"
    reproduced(tmp_path / "runs", "gowalla-gfcf", 0, 0.03, sha="b" * 64)
    with pytest.raises(InputError, match="tested on another split of gowalla"):
        table.run(options)
    reproduced(tmp_path / "runs" / "again", "gowalla-gfcf", 0, 0.03)
    with pytest.raises(InputError, match="gowalla-gfcf has seed 0 twice"):
        table.run(options)
    reproduced(tmp_path / "runs", "unknown", 0, 0.03)
    with pytest.raises(InputError, match=r"'unknown' is not in reproduce\.yaml"):
        table.run(options)
