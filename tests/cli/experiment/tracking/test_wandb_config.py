"""What a run is in Weights & Biases: short settings, one group, the best value, names that people read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import wandb
import yaml
from small_runs import CONFIG
from wandb_files import WandbFiles, wandb_runs_of
from wandb_server import WandbServer, wandb_server

from graphrec.cli import main
from graphrec.cli.experiment.loading import load_run
from graphrec.cli.experiment.tracking.loggers import plain
from graphrec.cli.experiment.tracking.short_config import run_title, short_config
from graphrec.cli.experiment.tracking.tables import Pseudonyms
from graphrec.losses import bpr
from graphrec.report.runs import read_runs


def config(**run: str | bool) -> str:
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
        Path("exp.yaml").write_text(config(id="a", wandb_artifacts=True))
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
        command = [sys.executable, "-m", "wandb", "sync", *runs]
        done = subprocess.run(command, cwd=folder, env=server.environment(), capture_output=True, text=True)
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


def test_a_report_finds_the_runs_by_group_and_their_seconds_beside_their_measures(received, folder):
    said = json.loads((folder / "a" / "run.json").read_text())
    assert {one.facts["groupName"] for one in received.runs.values()} == {said["wandb_group"]}
    summary = received.of_job("test").summary
    assert summary["fit_seconds"] == pytest.approx(said["summary"]["fit_seconds"])
    assert said["settings"].items() <= received.of_job("test").config.items()


def test_a_test_shows_what_some_users_are_recommended(jobs, received, folder):
    shown = jobs["test"].table("recommendations")
    assert received.of_job("test").table("recommendations").equals(shown)
    assert shown["user_id"].nunique() == 20
    task, data = load_run(folder / "a" / "refit" / "checkpoints" / "last.ckpt")
    log, split = data.source.log, data.split
    wanted = log[log["week"].between(18, 20)].groupby("user_id")["item_id"].agg(set)
    lists = {}
    for code in range(len(split.users)):
        found = task.recommender.recommend(torch.tensor([code]), k=20)
        lists[tuple(split.items.ids[found.items[0]])] = split.users.ids[code], found.scores[0].numpy()
    for _, rows in shown.groupby("user_id"):
        assert rows["rank"].tolist() == list(range(1, 21))
        user, scores = lists[tuple(rows["item_id"])]
        assert rows["score"].to_numpy() == pytest.approx(scores, rel=1e-5, abs=1e-8)
        assert rows["bought"].tolist() == [item in wanted[user] for item in rows["item_id"]]


def test_a_fit_counts_the_rows_that_are_not_used(jobs, folder):
    _, data = load_run(folder / "a" / "checkpoints" / "best.ckpt")
    for job in ("fit", "refit"):
        shown = jobs[job].table("cleaning")
        of_split = shown[shown["table"] == "split"].set_index("step")["removed"]
        if job == "fit":
            assert of_split.to_dict() == data.split.dropped
        assert set(shown) == {"table", "step", "rows_before", "removed", "filled", "asked", "rule"}


def test_checkpoint_and_data_card_are_artifacts_where_asked(received, folder):
    sent = {(one.name, one.facts["runName"]): one for one in received.artifacts.values()}
    assert all(one.is_committed for one in sent.values())
    best = (folder / "a" / "checkpoints" / "best.ckpt").read_bytes()
    assert sent["small-a-checkpoint", "small-a"].files == {"best.ckpt": best}
    last = (folder / "a" / "refit" / "checkpoints" / "last.ckpt").read_bytes()
    assert sent["small-a-checkpoint", "small-a-refit"].files == {"last.ckpt": last}
    card = sent["small-a-data-card", "small-a"].files["data_card.md"].decode()
    assert card == (folder / "a" / "data_card.md").read_text()
    assert json.loads((folder / "a" / "run.json").read_text())["split_sha256"] in card
    assert "| rows | 720 |" in card
    for run in ("a", "b"):  # kept with the run until sent
        assert list((folder / run / "wandb" / "artifacts" / "staging").iterdir())


def contents(received: WandbServer) -> list[tuple[str, bytes]]:
    """The files of all runs."""
    return [file for run in received.runs.values() for file in run.files.items()]


def test_no_id_of_a_user_is_sent_and_a_pseudonym_holds_in_one_run(received, folder):
    _, data = load_run(folder / "a" / "checkpoints" / "best.ckpt")
    ids = [str(one).encode() for one in data.split.users.ids]
    files = [text for _, text in contents(received)]
    files += [made.files["data_card.md"] for made in received.artifacts.values() if "card" in made.name]
    assert len(files) > 10
    assert not [one for one in ids if any(one in content for content in files)]
    cards = [made.files["data_card.md"] for made in received.artifacts.values() if "card" in made.name]
    tables = [text for name, text in contents(received) if name.startswith("media/table/")]
    assert (len(cards), len(tables)) == (2, 3)
    assert not [text for text in (*cards, *tables) if str(folder.parent).encode() in text], "nor a path"
    names, users = Pseudonyms(), pd.Series(["a", "b", "a"])
    first, second, third = names.of(users)
    assert first == third != second
    assert names.of(users) == [first, second, third]
    assert Pseudonyms().of(users)[0] != first, "nobody who knows the ids can find them by trying"


def test_artifacts_without_a_run_to_give_them_to_are_told(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("exp.yaml").write_text(config(id="x", wandb_artifacts=True))
    main(["fit", "-c", "exp.yaml", "--trainer.max_epochs", "1", "--trainer.logger", "false"])
    line = "'run.wandb_artifacts': there is no run of Weights & Biases to give it to"
    assert capfd.readouterr().err.count(line) == 1


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
