"""Two processes do what one does: real ones on gloo, started by Lightning and by torchrun.

A start takes most of the time, so one launch does many things; run as a script, this file is that launch.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
import yaml
from scripts import run_python

from graphrec.cli.main import main
from graphrec.data.interactions import Interactions
from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.losses import sampled_softmax
from graphrec.models import LightGCN
from graphrec.training import RankingTask

EPOCHS = 3
EDGES = 132
CASES = {
    "bpr": {"loss": "graphrec.losses.bpr", "negatives": 2},
    "softmax": {"loss": "graphrec.losses.sampled_softmax", "negatives": 16, "sampling": "shared"},
    "squares": {"loss": "graphrec.losses.catalogue_squares", "sampling": "none"},
    "batch": {
        "loss": {"class_path": "graphrec.losses.BilateralSoftmax", "init_args": {"weight": 0.9}},
        "decoder": {"class_path": "CosineTrained"},
        "sampling": "batch",
    },
    "contrastive": {"class_path": "ContrastiveTask", "encoder": "SimGCL", "loss": "graphrec.losses.bpr"},
    "direct_au": {"class_path": "DirectAUTask"},
    "ngcf": {"encoder": "NGCF"},
}
TESTED = ("bpr", "popularity")
TWO = ["--trainer.devices", "2"]


def config(case: str) -> dict:
    """An experiment whose batches two processes cannot share evenly: the last has a single edge."""
    source = {
        "class_path": "graphrec.data.sources.synthetic",
        "init_args": {"num_users": 60, "num_items": 40, "seed": 1},
    }
    split = {"class_path": "Temporal", "init_args": {"train_end": 12, "val_end": 15}}
    options = dict(CASES.get(case, {}))
    task, encoder = options.pop("class_path", "RankingTask"), options.pop("encoder", "LightGCN")
    dropout = {"dropout": 0.3} if encoder == "NGCF" else {}
    encoder = {"class_path": encoder, "init_args": {"dim": 8, **dropout}}
    if case == "popularity":
        model = {"class_path": "ClosedFormTask", "init_args": {"recommender": {"class_path": "Popularity"}}}
    else:
        options = {"encoder": encoder, "learning_rate": 0.02, "l2": 0.05, **options}
        model = {"class_path": task, "init_args": options}
    return {
        "run": {"name": case, "root": "runs", "patience": 50},
        "seed_everything": 3,
        "trainer": {
            "accelerator": "cpu",
            "max_epochs": EPOCHS,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
        "data": {
            "class_path": "RecommenderData",
            "init_args": {
                "source": source,
                "split": split,
                "item_sets": ["all", "new", "repeat"],
                "batch_size": EDGES - 1,
                "eval_batch_size": 7,
            },
        },
        "model": model,
    }


def lonely(folder: str, devices: int) -> None:
    """Fit and test where a single user has anything to find, so that one of two processes has nobody."""
    pl.seed_everything(3)
    data = RecommenderData(synthetic(60, 40, seed=1), Temporal(train_end=12, val_end=15), batch_size=64)

    def only(part: Interactions) -> Interactions:
        return replace(part, frame=part.frame[part.frame["user"] == part.frame["user"].min()])

    data.split = replace(data.split, val=only(data.split.val), test=only(data.split.test))
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="auto" if devices == 1 else "ddp",
        use_distributed_sampler=False,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    task = RankingTask(lambda graph: LightGCN(graph, dim=8), loss=sampled_softmax)
    trainer.fit(task, data)
    assert "val_ndcg_20" in trainer.callback_metrics
    trainer.test(task, data, verbose=False)


def several() -> None:
    """What each process of a launch by torchrun does."""
    main(["fit", "-c", "bpr.yaml", "--ckpt_path", "last", *TWO])
    main(["test", "-c", "bpr.yaml", *TWO])
    main(["predict", "-c", "bpr.yaml", *TWO])
    for case in ("softmax", "squares", "batch", "contrastive", "direct_au", "ngcf", "popularity"):
        main(["fit", "-c", f"{case}.yaml", *TWO])
    main(["test", "-c", "popularity.yaml", *TWO])
    lonely("lonely/two", devices=2)


def single(case: str) -> None:
    """The same in one process, into the run ``one``."""
    main(["fit", "-c", f"{case}.yaml", "--run.id", "one"])
    if case in TESTED:
        main(["test", "-c", f"{case}.yaml"])
    if case == "bpr":
        main(["predict", "-c", "bpr.yaml"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with all runs: of one process, of Lightning's launcher and of torchrun."""
    folder = tmp_path_factory.mktemp("ddp")
    for case in (*CASES, "popularity"):
        (folder / f"{case}.yaml").write_text(yaml.safe_dump(config(case)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        for case in (*CASES, "popularity"):
            single(case)
        lonely("lonely/one", devices=1)
    short = ["--trainer.max_epochs", str(EPOCHS - 1)]
    fit = ["fit", "-c", "bpr.yaml", "--trainer.strategy", "ddp", *TWO, *short]
    (folder / "launched.txt").write_text(run_python("-m", "graphrec", *fit, folder=folder))
    tree = [str(path.relative_to(folder)) for path in (folder / "runs" / "bpr").rglob("*")]
    (folder / "tree.txt").write_text("\n".join(tree))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    (folder / "torchrun.txt").write_text(run_python(*torchrun, __file__, folder=folder))
    return folder


def pair(folder: Path, case: str) -> tuple[Path, Path]:
    """The run of one process, and the one and only run of two."""
    one, two = sorted((folder / "runs" / case).iterdir(), key=lambda path: path.name != "one")
    return one, two


each_tested = pytest.mark.parametrize("case", TESTED)


def test_lightnings_launcher_leaves_one_run_with_one_of_everything(folder):
    said = (folder / "launched.txt").read_text()
    _, two = pair(folder, "bpr")
    assert said.count("device: cpu, 2 processes\n") == 1
    assert said.count(f"run: runs/bpr/{two.name}\n") == 1
    tree = [Path(line) for line in (folder / "tree.txt").read_text().splitlines()]
    below = [path.relative_to(two.relative_to(folder)) for path in tree if two.name in path.parts]
    assert sorted(path.name for path in below if path.parent.name == "checkpoints") == [
        "best.ckpt",
        "last.ckpt",
    ]
    assert len([path for path in below if path.name.startswith("offline-run-")]) == 1
    assert {path.name for path in below if len(path.parts) == 1} == {
        "checkpoints",
        "cleaning.csv",
        "config.yaml",
        "metrics.csv",
        "progress.json",
        "run.json",
        "wandb",
    }
    assert len(list(two.glob("wandb/offline-run-*"))) == 4, "fit, fit again, test, predict"


def test_torchrun_speaks_once(folder):
    said = (folder / "torchrun.txt").read_text()
    assert said.count("device: cpu, 2 processes\n") == 11
    assert said.count("test, at 20") == 2
    assert said.count("recommendations for") == 1


@pytest.mark.parametrize("case", CASES)
def test_weights_and_losses_are_those_of_one_process(case, folder):
    runs = pair(folder, case)
    weights = [torch.load(path / "checkpoints" / "last.ckpt")["state_dict"] for path in runs]
    assert weights[0].keys() == weights[1].keys()
    for name in weights[0]:
        torch.testing.assert_close(weights[1][name], weights[0][name], rtol=1e-4, atol=1e-5)
    one, two = (
        pd.concat([pd.read_csv(file) for file in sorted(run.glob("metrics*.csv"), reverse=True)])
        for run in runs
    )
    for column in ("train_loss", "val_ndcg_20", "val_recall_20_repeat", "val_coverage_20"):
        found, wanted = two[column].dropna().tolist(), one[column].dropna().tolist()
        assert len(wanted) == EPOCHS
        assert found == pytest.approx(wanted, abs=1e-6), column


@each_tested
def test_metrics_and_intervals_are_those_of_one_process(case, folder):
    one, two = (json.loads((run / "test_metrics.json").read_text()) for run in pair(folder, case))
    assert one.pop("checkpoint_sha256") != two.pop("checkpoint_sha256"), "each tells its own checkpoint"
    assert two.pop("notes", None) == one.pop("notes", None)
    assert two == pytest.approx(one, abs=1e-6)


@each_tested
def test_each_user_is_ranked_exactly_once(case, folder):
    one, two = (pd.read_parquet(run / "test_users.parquet") for run in pair(folder, case))
    assert not two.duplicated(["user_id", "items"]).any()
    pd.testing.assert_frame_equal(two, one, atol=1e-6)


def test_predictions_are_those_of_one_process_in_one_file(folder):
    one, two = (pd.read_parquet(run / "recommendations.parquet") for run in pair(folder, "bpr"))
    assert one["user_id"].nunique() > 50
    keys = ["user_id", "rank", "item_id"]
    pd.testing.assert_frame_equal(two[keys], one[keys])
    assert two["score"].tolist() == pytest.approx(one["score"].tolist(), abs=1e-5)


def test_a_process_without_users_waits_for_nobody(folder):
    one, two = (pd.read_parquet(folder / "lonely" / run / "test_users.parquet") for run in ("one", "two"))
    assert len(two) == 1
    pd.testing.assert_frame_equal(two, one, atol=1e-6)


if __name__ == "__main__":
    several()
