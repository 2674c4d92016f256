"""The model that is tested is the model that was fitted: its NDCG, counted again by hand from `recommend`."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from recommender_suite import exported

import graphrec.models
from graphrec.cli.main import main
from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError
from graphrec.models.base import ClosedForm, Encoder

RESPONSES = ("IdealLowPass", "GFCF", "ChebyCF", "BSPM", "PowerLaw")
FAST = ("TopFrequency", "LightGCN", "RawFeatures")
WHERE = "model.init_args"


def models() -> dict[str, dict[str, Any]]:
    """Every model that a YAML may name, by its class; spectral ones by their response."""
    closed = {kind.__name__: {"class_path": kind.__name__} for kind in exported(ClosedForm)}
    closed.pop("Spectral")
    for name in RESPONSES:
        init = {"response": {"class_path": name}, "rank": 8}
        closed[name] = {"class_path": "Spectral", "init_args": init}
    tasks = {
        name: {"class_path": "ClosedFormTask", "init_args": {"recommender": recommender}}
        for name, recommender in closed.items()
    }
    for kind in exported(Encoder):
        init: dict[str, Any] = {"encoder": {"class_path": kind.__name__}, "learning_rate": 0.05}
        if kind.__name__ == "RawFeatures":
            init["decoder"] = {"class_path": "MLP", "init_args": {"hidden": [16]}}
        tasks[kind.__name__] = {"class_path": "RankingTask", "init_args": init}
    return tasks


def override(name: str, task: dict[str, Any]) -> list[str]:
    """Options that make another model of it: a number of the model halved, or another one of the task."""
    if name in RESPONSES:
        return [f"--{WHERE}.recommender.init_args.rank", "5"]
    if "recommender" in task["init_args"]:
        for parameter in inspect.signature(getattr(graphrec.models, name)).parameters.values():
            if type(parameter.default) in (int, float) and parameter.default:
                value = type(parameter.default)(parameter.default / 2) or 3
                return [f"--{WHERE}.recommender.init_args.{parameter.name}", str(value)]
        return (
            ["--seed_everything", "4"]
            if name != "Popularity"
            else [f"--{WHERE}.recommender.init_args.decay_weeks", "2"]
        )
    return [f"--{WHERE}.l2", "0.3", f"--{WHERE}.learning_rate", "0.5", "--seed_everything", "4"]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    log = synthetic(num_users=60, num_items=40, density=0.3, seed=3).log
    log.to_csv("log.csv", index=False)
    return tmp_path


def write(name: str, task: dict[str, Any]) -> None:
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "log.csv"}}
    split = {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17, "test_end": 20}}
    init = {"source": source, "split": split, "item_sets": ["all"], "features": {}, "batch_size": 256}
    config = {
        "run": {"name": name, "id": "a"},
        "trainer": {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False},
        "data": {"class_path": "RecommenderData", "init_args": init},
        "model": task,
    }
    Path(f"{name}.yaml").write_text(yaml.safe_dump(config))


def ndcg(lists: pd.DataFrame, last_week: int = 14) -> float:
    """Mean NDCG@20 of lists over the users who bought something in weeks 18 to 20."""
    log = pd.read_csv("log.csv")
    train, later = log[log["week"] <= last_week], log[log["week"].between(18, 20)]
    known = later["user_id"].isin(train["user_id"]) & later["item_id"].isin(train["item_id"])
    values = []
    for user, bought in later[known].groupby("user_id")["item_id"].agg(set).items():
        mine = lists[lists["user_id"] == user]
        hits = [
            1 / math.log2(rank + 1)
            for rank, item in zip(mine["rank"], mine["item_id"], strict=True)
            if item in bought
        ]
        values.append(sum(hits) / sum(1 / math.log2(place + 2) for place in range(min(20, len(bought)))))
    return sum(values) / len(values)


def told(run: Path) -> float:
    """What `test` wrote."""
    return float(json.loads((run / "test_metrics.json").read_text())["test_ndcg_20_all"])


def listed(checkpoint: Path) -> pd.DataFrame:
    """What `recommend` writes."""
    main(["recommend", "--ckpt", str(checkpoint), "--items", "all", "-k", "20", "--out", "lists.parquet"])
    return pd.read_parquet("lists.parquet")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in models()]
)
def test_what_is_tested_is_what_was_fitted(here, name):
    task = models()[name]
    write(name, task)
    said = override(name, task)
    main(["fit", "-c", f"{name}.yaml", *said])
    run = Path(f"runs/{name}/a")
    best = run / "checkpoints" / "best.ckpt"
    main(["test", "--ckpt_path", str(best)])
    assert told(run) == pytest.approx(ndcg(listed(best)), abs=1e-9)
    main(["test", "-c", f"{name}.yaml", *said])
    assert told(run) == pytest.approx(ndcg(listed(best)), abs=1e-9)


def test_a_disagreement_is_refused_by_key_and_what_is_left_out_is_the_checkpoints(here):
    task = {"class_path": "ClosedFormTask", "init_args": {"recommender": {"class_path": "TopFrequency"}}}
    write("silent", task)
    write(
        "loud",
        {
            **task,
            "init_args": {"recommender": {"class_path": "TopFrequency", "init_args": {"decay_weeks": 10}}},
        },
    )
    key = f"{WHERE}.recommender.init_args.decay_weeks"
    main(["fit", "-c", "silent.yaml", f"--{key}", "0.5"])
    run = Path("runs/silent/a")
    for command in ("test", "validate", "predict"):
        with pytest.raises(InputError) as error:
            main([command, "-c", "loud.yaml", "--run.name", "silent"])
        assert f"key '{key}': 10 here, 0.5 in the checkpoint {run}/checkpoints/best.ckpt" in str(error.value)
        assert "loud.yaml, row" in str(error.value)
    main(["test", "-c", "silent.yaml", "--data.init_args.eval_batch_size", "7"])
    assert told(run) == pytest.approx(ndcg(listed(run / "checkpoints" / "best.ckpt")), abs=1e-9)

    main(["refit", "runs/silent"])
    last = run / "refit" / "checkpoints" / "last.ckpt"
    main(["test", "-c", "silent.yaml"])
    assert told(run / "refit") == pytest.approx(ndcg(listed(last), last_week=17), abs=1e-9)
    assert told(run / "refit") != told(run)
    with pytest.raises(InputError, match=r"10 here, 0\.5 in the checkpoint"):
        main(["fit", "-c", "loud.yaml", "--run.name", "silent", "--ckpt_path", "last"])


@pytest.mark.slow
def test_a_yaml_that_names_another_agrees_with_its_own_checkpoint(here):
    write("shop", models()["Popularity"])
    config = yaml.safe_load(Path("shop.yaml").read_text())
    Path("data.yaml").write_text(yaml.safe_dump(config["data"]))
    Path("shop.yaml").write_text(yaml.safe_dump(config | {"data": "data.yaml"}))
    main(["fit", "-c", "shop.yaml"])
    main(["test", "-c", "shop.yaml"])
    assert told(Path("runs/shop/a")) > 0


def test_a_fusion_of_overridden_fits_is_tested_as_it_recommends(here):
    for name in ("TopFrequency", "LightGCN"):
        write(name, models()[name])
        main(["fit", "-c", f"{name}.yaml", *override(name, models()[name])])
    main(["fuse", "runs/TopFrequency", "runs/LightGCN", "--name", "both", "--id", "a"])
    best = Path("runs/both/a/checkpoints/best.ckpt")
    main(["test", "--ckpt_path", str(best)])
    assert told(best.parents[1]) == pytest.approx(ndcg(listed(best)), abs=1e-9)
