"""What a run is in Weights & Biases: short settings, one group, the best value, names that people read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import wandb
import yaml
from small_runs import CONFIG
from wandb_files import WandbFiles, wandb_runs_of
from wandb_server import WandbServer, wandb_server

from graphrec.cli import main
from graphrec.cli.experiment.tracking.loggers import plain
from graphrec.cli.experiment.tracking.short_config import run_title, short_config
from graphrec.losses import bpr
from graphrec.report.runs import read_runs


def config(**run: str) -> str:
    return yaml.safe_dump({**CONFIG, "run": {"name": "small", **run}, "seed_everything": 3})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A fit, its refit, its test, and the same fit under another id."""
    place = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("WANDB_MODE", "offline")
        for name in ("WANDB_NAME", "WANDB_TAGS", "WANDB_RUN_GROUP", "WANDB_RUN_ID"):
            patch.delenv(name, raising=False)
        Path("exp.yaml").write_text(config(id="a"))
        fit = ["fit", "-c", "exp.yaml", "--trainer.max_epochs", "3"]
        main(fit)
        main(["refit", "runs/small/a"])
        main(["test", "-c", "exp.yaml"])
        patch.setenv("WANDB_NAME", "my name")
        patch.setenv("WANDB_TAGS", "x,y")
        patch.setenv("WANDB_RUN_GROUP", "mine")
        main([*fit, "--run.id", "b", "--run.tags", "[z]"])
    return place / "runs" / "small"


@pytest.fixture(scope="module")
def jobs(folder) -> dict[str, WandbFiles]:
    return wandb_runs_of(folder / "a")


@pytest.fixture(scope="module")
def received(folder) -> WandbServer:
    """What a server was told by `wandb sync` of fit, refit and test."""
    runs = [str(path) for path in (folder / "a").rglob("offline-run-*")]
    with wandb_server() as server:
        environment = {**os.environ, **server.environment()}
        command = [sys.executable, "-m", "wandb", "sync", *runs]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (server.unknown, server.errors) == ([], [])
    return server


def test_sync_brings_three_finished_runs_of_one_group(received, jobs):
    assert {one.facts["jobType"] for one in received.runs.values()} == {"fit", "refit", "test"}
    assert {one.facts["groupName"] for one in received.runs.values()} == {"small-a"}
    assert {one.facts["displayName"] for one in received.runs.values()} == {"lightgcn-d8-s3"}
    assert {one.exit_code for one in received.runs.values()} == {0}
    for job, files in jobs.items():
        arrived = received.of_job(job)
        assert {"model": "LightGCN", "dim": 8, "lr": 0.01, "job": job}.items() <= arrived.config.items()
        assert {**arrived.config, "_wandb": 0} == {**files.config, "_wandb": 0}


def test_sync_brings_curves_best_value_and_measures(received, folder):
    logged = pd.read_csv(folder / "a" / "metrics.csv")
    curve = [row["val_ndcg_20"] for row in received.of_job("fit").rows if "val_ndcg_20" in row]
    assert curve == pytest.approx(logged["val_ndcg_20"].dropna().tolist())
    assert received.of_job("fit").summary["val_ndcg_20"] == {"max": pytest.approx(max(curve))}
    written = json.loads((folder / "a" / "refit" / "test_metrics.json").read_text())
    assert received.of_job("test").summary["test_ndcg_20_new"] == pytest.approx(written["test_ndcg_20_new"])


def test_the_machine_is_watched_unless_the_user_says_no(received, jobs, tmp_path, monkeypatch):
    assert jobs["fit"].stats
    assert any("cpu" in key for row in received.of_job("fit").stats for key in row)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    wandb.teardown()  # it reads its environment once
    Path("exp.yaml").write_text(config(id="quiet"))
    main(["fit", "-c", "exp.yaml", "--trainer.max_epochs", "1"])
    assert wandb_runs_of(tmp_path / "runs")["fit"].stats == []
    wandb.teardown()


def test_fit_refit_and_test_are_three_runs_of_one_group(jobs):
    assert set(jobs) == {"fit", "refit", "test"}
    assert {found.run["run_group"] for found in jobs.values()} == {"small-a"}
    assert len({found.run["run_id"] for found in jobs.values()}) == 3
    assert {found.run["display_name"] for found in jobs.values()} == {"lightgcn-d8-s3"}


def test_the_curves_of_the_fit_are_the_fits_own(jobs, folder):
    logged = pd.read_csv(folder / "a" / "metrics.csv")["train_loss"].dropna()
    curve = [row["train_loss"] for row in jobs["fit"].rows if "train_loss" in row]
    assert curve == pytest.approx(logged.tolist())
    again = [row["train_loss"] for row in jobs["refit"].rows if "train_loss" in row]
    assert again
    assert again != curve[: len(again)]
    assert not any(key.startswith("test_") for row in jobs["fit"].rows for key in row)
    assert any(key.startswith("test_") for row in jobs["test"].rows for key in row)


def test_settings_have_short_keys_beside_the_whole_configuration(jobs):
    found = jobs["fit"].config
    expected = {"model": "LightGCN", "dim": 8, "layers": 3, "loss": "bpr", "lr": 0.01, "seed": 3}
    assert expected.items() <= found.items()
    assert {"data": "synthetic", "split": "Temporal", "epochs": 3}.items() <= found.items()
    assert found["cli"]["model"]["init_args"]["loss"] == "graphrec.losses.bpr"
    assert "0x" not in json.dumps(found)
    assert expected.items() <= jobs["test"].config.items()
    for job, tracked in jobs.items():  # a report finds them by these two
        assert (tracked.config["run"], tracked.config["job"]) == ("small", job)
    assert jobs["test"].config["tested"]["step"] == "refit"


def test_what_is_watched_is_summed_up_by_its_best_value(jobs, folder):
    assert jobs["fit"].metrics["val_ndcg_20"] == {"max": True}
    best = pd.read_csv(folder / "a" / "metrics.csv")["val_ndcg_20"].max()
    assert jobs["fit"].summary["val_ndcg_20"]["max"] == pytest.approx(best)


def test_equal_runs_have_equal_configurations_and_the_environment_its_say(jobs, folder):
    other = wandb_runs_of(folder / "b")["fit"]
    kept = [
        {key: value for key, value in found.config.items() if key != "_wandb"}
        for found in (jobs["fit"], other)
    ]
    for config in kept:
        del config["cli"]["run"]["tags"]
    assert kept[0] == kept[1]
    assert other.run["display_name"] == "my name"
    assert other.run["run_group"] == "mine"
    assert set(other.run["tags"]) == {"x", "y", "z"}


def test_compare_needs_nothing_of_wandb(folder, monkeypatch):
    monkeypatch.setattr("subprocess.run", None)
    (run,) = read_runs([folder])
    assert (run.name, run.id, run.seed, run.tested) == ("small", "a", 3, "refit")
    written = json.loads((folder / "a" / "refit" / "test_metrics.json").read_text())
    assert run.summary["test_ndcg_20_new"] == written["test_ndcg_20_new"]
    assert run.summary["best_epoch"] in (1, 2, 3)
    assert run.history["epoch"].tolist() == [0, 1, 2]


def test_short_settings_of_other_kinds_of_models():
    response = {"class_path": "graphrec.models.PowerLaw", "init_args": {"exponent": 2}}
    spectral = {"class_path": "graphrec.models.Spectral", "init_args": {"response": response, "rank": 9}}
    closed = {"class_path": "graphrec.training.ClosedFormTask", "init_args": {"recommender": spectral}}
    data = {"init_args": {"source": {"class_path": "x.table", "init_args": {"path": "a/b/log.csv"}}}}
    found = short_config({"model": closed, "data": data, "seed_everything": 0})
    parts = {"model": "Spectral", "response": "PowerLaw", "response_exponent": 2, "rank": 9}
    assert found == {**parts, "data": "log.csv", "seed": 0}
    assert run_title(found) == "spectral-s0"
    assert short_config({}) == {}
    own = {"class_path": "mine.Task", "init_args": {"width": 3, "loss": "mine.loss"}}
    assert short_config({"model": own}) == {"model": "Task", "width": 3, "loss": "loss"}


def test_a_function_is_told_by_its_path():
    name = "graphrec.losses.bpr"
    assert plain({"loss": bpr, "of": [bpr, 1]}) == {"loss": name, "of": [name, 1]}
