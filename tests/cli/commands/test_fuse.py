"""`graphrec fuse` on a small shop: what it writes, what reads it, what it refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from wandb_files import wandb_runs_of

from graphrec.cli.experiment.fusion import FittedRun, check_runs, fusion_config, labels_of
from graphrec.cli.experiment.loading import load_run
from graphrec.cli.experiment.runs.folder import RunOptions, read_checkpoint
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.main import main
from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.fusion.model import Fusion

SPLIT = {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17, "test_end": 20}}
MODELS = {
    "frequency": {
        "class_path": "ClosedFormTask",
        "init_args": {"recommender": {"class_path": "TopFrequency", "init_args": {"decay_weeks": 5}}},
    },
    "popularity": {
        "class_path": "ClosedFormTask",
        "init_args": {"recommender": {"class_path": "Popularity"}},
    },
    "lightgcn": {
        "class_path": "RankingTask",
        "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 8}}, "learning_rate": 0.01},
    },
}


def config(model: str, file: str) -> dict[str, Any]:
    trainer = {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False}
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": file}}
    init = {
        "source": source,
        "split": SPLIT,
        "item_sets": ["all", "repeat", "new"],
        "batch_size": 256,
    }
    return {
        "run": {"name": f"{Path(file).stem}-{model}", "root": "runs", "id": "a"},
        "seed_everything": 1,
        "trainer": trainer,
        "data": {"class_path": "RecommenderData", "init_args": init},
        "model": copy.deepcopy(MODELS[model]),
    }


def fit(model: str, file: str) -> str:
    Path("exp.yaml").write_text(yaml.safe_dump(config(model, file)))
    main(["fit", "-c", "exp.yaml"])
    return f"runs/{Path(file).stem}-{model}/a"


def write_logs() -> None:
    """The shop's log, and the same with the items of the test weeks dealt out anew."""
    log = synthetic(num_users=120, num_items=60).log
    log.to_csv("shop.csv", index=False)
    late = log["week"] > 17
    dealt = np.random.default_rng(0).permutation(log.loc[late, "item_id"].to_numpy())
    log.assign(item_id=log["item_id"].mask(late)).fillna(
        {"item_id": pd.Series(dealt, log.index[late])}
    ).to_csv("dealt.csv", index=False)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder with three fitted runs, refits of all, and their fusion."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        write_logs()
        runs = [fit(model, "shop.csv") for model in MODELS]
        main(["fuse", *runs[:2], "--name", "shop-fits", "--id", "a"])
        for run in runs:
            main(["refit", run])
        main(["fuse", *runs, "--name", "shop-fusion", "--id", "a", "--seed", "3"])
        main(["test", "-c", "runs/shop-fusion/a/config.yaml"])
    return folder


@pytest.fixture
def here(shop, monkeypatch) -> Path:
    monkeypatch.chdir(shop)
    monkeypatch.setenv("WANDB_MODE", "offline")
    return shop / "runs"


def best(run: str) -> Path:
    return Path(f"runs/{run}/a/checkpoints/best.ckpt")


def refit(run: str) -> Path:
    return Path(f"runs/{run}/a/refit/checkpoints/last.ckpt")


def weights_of(run: str) -> list[float]:
    return yaml.safe_load(Path(f"runs/{run}/a/config.yaml").read_text())["model"]["init_args"]["weights"]


def test_a_fusion_leaves_the_files_of_a_run(here):
    run = here / "shop-fusion" / "a"
    assert {file.name for file in run.iterdir()} == {
        "checkpoints",
        "config.yaml",
        "fusion.json",
        "progress.json",
        "refit",
        "run.json",
        "wandb",
    }
    assert [file.name for file in (run / "checkpoints").iterdir()] == ["best.ckpt"]
    assert {file.name for file in (run / "refit").iterdir()} == {
        "checkpoints", "config.yaml", "progress.json", "test_metrics.json", "test_users.parquet", "wandb"
    }  # fmt: skip
    assert not (here / "shop-fits/a/refit").exists()  # no member had one then


def test_one_checkpoint_holds_all_members(here):
    moved = here.parent / "alone.ckpt"
    moved.write_bytes(refit("shop-fusion").read_bytes())
    (here / "shop-lightgcn").rename(here / "away")  # no other file of a run is needed
    try:
        task, _ = load_run(moved)
    finally:
        (here / "away").rename(here / "shop-lightgcn")
    assert isinstance(task.recommender, Fusion)
    trained = read_checkpoint(refit("shop-lightgcn"))["state_dict"]
    table = next(value for name, value in trained.items() if name.endswith("encoder.weight"))
    assert torch.equal(task.state_dict()["recommender.members.2.encoder.weight"].cpu(), table)


@pytest.mark.parametrize("file", [best, refit])
def test_the_fusion_sums_what_the_runs_say(here, file):
    recommender = load_run(file("shop-fusion"))[0].recommender
    users = torch.arange(recommender.graph.num_users)
    expected = torch.zeros_like(recommender.score(users))
    for model, weight in zip(MODELS, weights_of("shop-fusion"), strict=True):
        scores = load_run(file(f"shop-{model}"))[0].recommender.score(users)
        spread, mean = torch.std_mean(scores, dim=1, correction=0, keepdim=True)
        expected += weight * (scores - mean) / spread
    torch.testing.assert_close(recommender.score(users), expected, rtol=1e-3, atol=1e-3)


def test_the_value_is_that_of_the_validation_weeks(here):
    """The fits' fusion, measured over the whole catalogue."""
    task, data = load_run(best("shop-fusion"))
    graph = task.recommender.graph
    evaluator = RankingEvaluator(graph, truth_lists(data.split.val.pairs(), graph), (20,), ["all"])
    evaluator.rank(torch.from_numpy(np.unique(data.split.val.pairs()[:, 0])), task.recommender)
    value = evaluator.compute()["all"].means()["ndcg_20"]
    found = json.loads(Path("runs/shop-fusion/a/fusion.json").read_text())
    assert found["val_ndcg_20"] == found["val_ndcg_20_all"] == pytest.approx(value, abs=1e-5)
    assert [found[f"weight_shop-{model}"] for model in MODELS] == weights_of("shop-fusion")
    assert sum(weights_of("shop-fusion")) == pytest.approx(1, abs=1e-5)


def test_test_writes_intervals_of_the_refit(here):
    measured = json.loads((here / "shop-fusion/a/refit/test_metrics.json").read_text())
    for items in ("all", "repeat", "new"):
        name = f"test_ndcg_20_{items}"
        assert 0 <= measured[f"{name}_low"] <= measured[name] <= measured[f"{name}_high"] <= 1
    data = load_run(refit("shop-fusion"))[1]
    assert measured["split_sha256"] == data.split.sha256()
    assert data.split.train.frame["week"].max() == 17
    assert load_run(best("shop-fusion"))[1].split.train.frame["week"].max() == 14


def test_recommend_and_offers_read_it(here):
    main(
        [
            "recommend",
            "--ckpt",
            str(refit("shop-fusion")),
            "-k",
            "5",
            "--items",
            "all",
            "--out",
            "items.parquet",
        ]
    )
    items = pd.read_parquet("items.parquet")
    assert (items.groupby("user_id").size() == 5).all()
    task, data = load_run(refit("shop-fusion"))
    first = task.recommender.recommend(torch.arange(len(data.split.users)), 1, "all").items[:, 0]
    top = items[items["rank"] == 1].set_index("user_id")["item_id"].reindex(data.split.users.ids)
    assert top.tolist() == data.split.items.ids[first.cpu().numpy()].tolist()
    main(["offers", "--ckpt", str(best("shop-fusion")), "--policy", "none", "--out", "offers.parquet"])
    offers = pd.read_parquet("offers.parquet")
    assert set(offers["user_id"]) <= set(data.split.users.ids)
    assert offers["score"].notna().all()


def test_the_run_and_wandb_know_weights_and_value(here):
    from graphrec.report.runs import read_runs

    (run,) = read_runs(["runs/shop-fusion"])
    found = json.loads((here / "shop-fusion/a/fusion.json").read_text())
    assert run.seed == 3
    tracked = wandb_runs_of(here / "shop-fusion/a")["fuse"]
    assert tracked.config["cli"]["model"]["init_args"]["weights"] == weights_of("shop-fusion")
    assert tracked.summary["val_ndcg_20"] == pytest.approx(found["val_ndcg_20"])
    assert run.summary["val_ndcg_20"] == pytest.approx(found["val_ndcg_20"])
    assert run.summary["weight_shop-frequency"] == found["weight_shop-frequency"]


def test_test_labels_change_no_weight(here):
    models, found = ["frequency", "popularity"], []
    for model in models:
        fit(model, "dealt.csv")
    for shop in ("shop", "dealt"):
        fitted = [f"runs/{shop}-{model}/a" for model in models]
        main(["fuse", *fitted, "--name", f"{shop}-two", "--id", "a", "--combine", "rank"])
        found.append(weights_of(f"{shop}-two"))
    sha = [read_checkpoint(best(f"{name}-two"))["graphrec"]["split_sha256"] for name in ("shop", "dealt")]
    assert sha[0] != sha[1]
    assert found[0] == found[1]
    with pytest.raises(InputError, match="another split than"):
        main(["fuse", "runs/shop-frequency/a", "runs/dealt-frequency/a", "--name", "mixed"])
    assert not (here / "mixed").exists()


def test_gate_and_items(here, monkeypatch):
    """A gate that is kept is part of the checkpoint."""
    monkeypatch.setattr("graphrec.fusion.gate.is_better", lambda values, others: True)
    runs = [f"runs/shop-{model}" for model in ("frequency", "lightgcn")]  # the newest run of each
    main(["fuse", *runs, "--name", "shop-gate", "--id", "a", "--gate", "--items", "new"])
    recommender = load_run(refit("shop-gate"))[0].recommender
    weights = recommender.weigh(torch.arange(recommender.graph.num_users))
    assert weights.std(dim=0).min() > 0
    assert recommender.gate.slope.abs().min() > 0
    found = json.loads(Path("runs/shop-gate/a/fusion.json").read_text())
    assert "val_ndcg_20_new" in found
    assert "val_ndcg_20" not in found
    main(["test", "--ckpt_path", str(best("shop-gate"))])
    assert (here / "shop-gate/a/test_metrics.json").is_file()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["runs/shop-frequency/a"], "1 run is nothing to fuse"),
        (["runs/shop-frequency/a", "runs/nothing"], "nothing: holds no best.ckpt"),
        (["runs/shop-frequency/a", "runs/shop-fits/a"], "is a fusion itself"),
        (
            ["runs/shop-frequency/a", "runs/shop-popularity/a", "--name", "shop-fits", "--id", "a"],
            "there is a run already",
        ),
        (["runs/shop-frequency/a", "runs/shop-lightgcn/a", "--combine", "vote"], "vote"),
    ],
)
def test_mistakes_leave_nothing_behind(here, args, message):
    before = sorted(here.rglob("*"))
    with pytest.raises(InputError, match=message):
        main(["fuse", "--name", "shop-wrong", *args])
    assert sorted(here.rglob("*")) == before


def test_a_fusion_is_not_fitted_nor_made_of_refits(here):
    with pytest.raises(InputError, match="graphrec fuse"):
        main(["fit", "-c", "runs/shop-fits/a/config.yaml", "--run.id", "b"])
    both = read_checkpoint(best("shop-frequency"))
    record = yaml.safe_load(both["graphrec"]["config"])
    record["data"]["init_args"]["refit"] = True
    both["graphrec"]["config"] = yaml.safe_dump(record)
    Path("whole/checkpoints").mkdir(parents=True)
    torch.save(both, "whole/checkpoints/best.ckpt")
    with pytest.raises(InputError, match="has learned from the validation part"):
        main(["fuse", "runs/shop-lightgcn/a", "whole", "--name", "shop-wrong"])


def fitted(name: str, features: dict[str, Any] | None) -> FittedRun:
    content = config("popularity", f"{name}.csv")
    content["data"]["init_args"]["features"] = features
    record = {"config": yaml.safe_dump(content), "split_sha256": "same"}
    return FittedRun(Path(name), name, content, {"graphrec": record}, None)


def test_features_are_those_of_the_member_that_has_some():
    runs = [fitted("a", None), fitted("b", {"size": 3}), fitted("c", None)]
    check_runs(runs)
    made = fusion_config(
        runs, [0.2, 0.3, 0.5], RunOptions(name="x"), refit=True, seed=4, combine="rank", gated=True
    )
    assert made["data"]["init_args"]["features"] == {"size": 3}
    assert made["data"]["init_args"]["refit"] is True
    assert made["seed_everything"] == 4
    assert made["run"]["name"] == "x"
    with pytest.raises(InputError, match="d, column 'features': has other features than b"):
        check_runs([*runs, fitted("d", {"size": 4})])


def named(name: str, folder: str, sha256: str | None = None) -> FittedRun:
    content = config("popularity", "x.csv")
    record = {"config": yaml.safe_dump(content), "split_sha256": "same"}
    return FittedRun(Path(folder), name, content, {"graphrec": record}, None, sha256)


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        ([("a", "r/a/0"), ("b", "r/b/0")], ["a", "b"]),
        ([("a", "r/a/0"), ("a", "r/a/1")], ["a-0", "a-1"]),
        ([("a", "r/a/0"), ("a", "q/a/0")], ["r/a/0", "q/a/0"]),
        ([("a", "r/a/b"), ("a", "r/a/c"), ("a-b", "r/a-b/0")], ["r/a/b", "a-c", "r/a-b/0"]),
        ([("a", "r/a/0"), ("a", "q/a/0"), ("r/a/0", "p/x/0")], ["r/a/0-1", "q/a/0", "r/a/0-3"]),
    ],
)
def test_no_two_members_are_called_the_same(runs, labels):
    assert labels_of([named(*run) for run in runs]) == labels


def test_a_run_is_not_fused_with_itself():
    with pytest.raises(InputError, match=r"r/a/0, column 'RUN': this run is given twice; give each run once"):
        check_runs([named("a", "r/a/0"), named("b", "r/b/0"), named("a", "./r/../r/a/0")])
    with pytest.raises(InputError, match="q/a/0, column 'RUN': holds the same checkpoint as r/a/0"):
        check_runs([named("a", "r/a/0", "1f"), named("a", "q/a/0", "1f")])
    check_runs([named("a", "r/a/0", "1f"), named("a", "q/a/0", "2f")])


def test_runs_of_one_name_and_id_in_two_roots_keep_their_weights(here):
    """The weights that were found are those that are written, in their order."""
    content = config("popularity", "shop.csv")
    content["run"] |= {"name": "shop-frequency", "root": "other"}
    Path("other.yaml").write_text(yaml.safe_dump(content))
    main(["fit", "-c", "other.yaml"])
    members = ["other/shop-frequency/a", "runs/shop-frequency/a"]
    main(["fuse", *members, "--name", "shop-roots", "--id", "a"])
    found = json.loads((here / "shop-roots/a/fusion.json").read_text())
    assert [found[f"weight_{member}"] for member in members] == weights_of("shop-roots")
    assert sum(weights_of("shop-roots")) == pytest.approx(1, abs=1e-5)
    with pytest.raises(InputError, match="this run is given twice"):
        main(["fuse", members[0], "other/shop-frequency", "--name", "shop-self"])


def test_a_killed_fusion_is_made_anew_under_its_id(here):
    runs = [f"runs/shop-{model}/a" for model in ("frequency", "popularity")]
    main(["fuse", *runs, "--name", "shop-again", "--id", "a"])
    kept = weights_of("shop-again")
    Progress.begin(here / "shop-again/a", "fuse")  # as one does that is killed soon after
    (here / "shop-again/a/refit/checkpoints/last.ckpt").unlink(missing_ok=True)
    main(["fuse", *runs, "--name", "shop-again", "--id", "a"])
    assert weights_of("shop-again") == kept
    assert Progress.of(here / "shop-again/a").finished is not None
    assert Progress.of(here / "shop-again/a/refit").finished is not None
    with pytest.raises(InputError, match="there is a run already"):
        main(["fuse", *runs, "--name", "shop-again", "--id", "a"])
