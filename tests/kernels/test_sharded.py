"""Rows shared out over processes: the numbers of one process, in a share of its memory; all on gloo.

A start takes most of the time, so one launch does many things; run as a script, this file is that launch.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
import yaml
from scripts import run_python
from sharding_oracle import worker

from graphrec.cli.main import main
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.kernels.sharded import ShardedMatrix
from graphrec.kernels.shards import Shard
from graphrec.losses import catalogue_squares
from graphrec.models import MLP, NGCF, FeatureTowers, GATv2, LightGCN, Popularity
from graphrec.models.encoders.table import draw_rows
from graphrec.training import ClosedFormTask, ContrastiveTask, RankingTask

EPOCHS = 3
CASES = {
    "bpr": ("LightGCN", {"loss": "graphrec.losses.bpr", "negatives": 2}),
    "table": (
        "EmbeddingTable",
        {"loss": "graphrec.losses.sampled_softmax", "negatives": 16, "sampling": "shared"},
    ),
}
TWO = ["--trainer.devices", "2", "--trainer.strategy", "row_sharded"]


def config(case: str) -> dict:
    """An experiment of 97 nodes, which two processes cannot share evenly."""
    encoder, options = CASES[case]
    source = {
        "class_path": "graphrec.data.sources.synthetic",
        "init_args": {"num_users": 60, "num_items": 40, "seed": 1},
    }
    split = {"class_path": "Temporal", "init_args": {"train_end": 12, "val_end": 15}}
    data = {"source": source, "split": split, "item_sets": ["all", "new"], "batch_size": 131}
    model = {
        "encoder": {"class_path": encoder, "init_args": {"dim": 24, "start": "normal"}},
        "learning_rate": 0.02,
        "l2": 0.05,
    }
    return {
        "run": {"name": case, "root": "runs", "patience": 50},
        "seed_everything": 3,
        "trainer": {
            "accelerator": "cpu",
            "max_epochs": EPOCHS,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
        "data": {"class_path": "RecommenderData", "init_args": {**data, "eval_batch_size": 7}},
        "model": {"class_path": "RankingTask", "init_args": model | options},
    }


def held(cli) -> dict[str, int]:
    """Bytes of what a process really holds after a fit."""
    task, (optimizer,) = cli.model, cli.trainer.optimizers
    graph = task.recommender.graph
    matrix = graph.adjacency if graph.sharded is None else graph.sharded
    moments = [state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]

    def bytes_of(tensors) -> int:
        local = [one.to_local() if hasattr(one, "to_local") else one for one in tensors]
        assert all(one.untyped_storage().nbytes() == one.nbytes for one in local), (
            "a view of something larger"
        )
        return sum(one.nbytes for one in local)

    weights, adam = bytes_of([weight.detach() for weight in task.parameters()]), bytes_of(moments)
    return {"weights": weights, "adam": adam, "matrix": bytes_of(matrix.buffers())}


def several() -> None:
    """What each of two processes does; Lightning starts the second one out of the first."""
    fit = ["fit", "-c", "bpr.yaml", "--run.id", "two", *TWO]
    main([*fit, "--trainer.max_epochs", str(EPOCHS - 1)])
    cli = main([*fit, "--ckpt_path", "runs/bpr/two/checkpoints/last.ckpt"])
    Path(f"held-{cli.trainer.global_rank}.json").write_text(json.dumps(held(cli)))
    for command in ("test", "predict"):
        main([command, "-c", "bpr.yaml", "--ckpt_path", "runs/bpr/two/checkpoints/best.ckpt", *TWO])
    main(["fit", "-c", "table.yaml", "--run.id", "two", *TWO])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with runs of one process and of two, the latter interrupted and resumed."""
    folder = tmp_path_factory.mktemp("sharded")
    for case in CASES:
        (folder / f"{case}.yaml").write_text(yaml.safe_dump(config(case)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        cli = main(["fit", "-c", "bpr.yaml", "--run.id", "one"])
        (folder / "held.json").write_text(json.dumps(held(cli)))
        main(["test", "-c", "bpr.yaml"])
        main(["predict", "-c", "bpr.yaml"])
        main(["fit", "-c", "table.yaml", "--run.id", "one"])
        (folder / "said.txt").write_text(run_python(__file__, folder=folder))
    return folder


def pair(folder: Path, case: str) -> tuple[Path, Path]:
    """The run of one process, and that of two."""
    one, two = sorted((folder / "runs" / case).iterdir(), key=lambda path: path.name != "one")
    return one, two


@pytest.mark.parametrize("case", CASES)
def test_weights_moments_and_losses_are_those_of_one_process(case, folder):
    runs = pair(folder, case)
    checkpoints = [torch.load(path / "checkpoints" / "last.ckpt") for path in runs]
    (one,), (two,) = (checkpoint["state_dict"].values() for checkpoint in checkpoints)
    torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)
    one, two = (checkpoint["optimizer_states"][0]["state"][0] for checkpoint in checkpoints)
    for name in ("exp_avg", "exp_avg_sq", "step"):
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-6)
    one, two = (
        pd.concat([pd.read_csv(file) for file in sorted(path.glob("metrics*.csv"), reverse=True)])
        for path in runs
    )
    for column in ("train_loss", "val_ndcg_20", "val_recall_20_new"):
        wanted = one[column].dropna().tolist()
        assert len(wanted) == EPOCHS
        assert two[column].dropna().tolist() == pytest.approx(wanted, abs=1e-5), column


@pytest.mark.parametrize("rank", [0, 1])
def test_each_of_two_processes_holds_little_more_than_half(rank, folder):
    whole = json.loads((folder / "held.json").read_text())
    here = json.loads((folder / f"held-{rank}.json").read_text())
    nodes, dim = 97, 24
    assert whole["weights"] == 4 * nodes * dim
    assert here["weights"] == 4 * len(Shard(rank, 2).range(nodes)) * dim
    assert here["adam"] == 2 * here["weights"]
    assert here["weights"] + here["adam"] <= 0.51 * (whole["weights"] + whole["adam"])
    assert sum(here.values()) <= 0.6 * sum(whole.values())


def test_a_fit_says_what_a_process_holds(folder):
    said = (folder / "said.txt").read_text()
    sizes = [
        sum(json.loads((folder / name).read_text()).values()) / 1e6 for name in ("held-0.json", "held.json")
    ]
    expected = f"row_sharded: rank 0 holds 49 of 97 nodes, {sizes[0]:.1f} MB of {sizes[1]:.1f} MB\n"
    assert said.count("row_sharded") == said.count(expected) == 3, "once per fit: two, and that of the table"


def test_one_process_reads_the_checkpoint_of_two(folder, monkeypatch):
    monkeypatch.chdir(folder)
    one, two = pair(folder, "bpr")
    expected, found = (json.loads((run / "test_metrics.json").read_text()) for run in (one, two))
    assert expected.pop("checkpoint_sha256") != found.pop("checkpoint_sha256")
    notes = expected.pop("notes")
    assert found.pop("notes") == notes
    assert found == pytest.approx(expected, abs=1e-6)
    (two / "test_metrics.json").unlink()
    main(["test", "-c", "bpr.yaml", "--ckpt_path", str(two / "checkpoints" / "best.ckpt")])
    again = json.loads((two / "test_metrics.json").read_text())
    again.pop("checkpoint_sha256")
    assert again.pop("notes") == notes
    assert again == pytest.approx(expected, abs=1e-6)


def test_predictions_are_those_of_one_process(folder):
    one, two = (pd.read_parquet(path / "recommendations.parquet") for path in pair(folder, "bpr"))
    assert one["user_id"].nunique() > 50
    keys = ["user_id", "rank", "item_id"]
    pd.testing.assert_frame_equal(two[keys], one[keys])


def test_products_and_gradients_are_those_of_one_process(tmp_path):
    torch.multiprocessing.spawn(worker, (str(tmp_path),), nprocs=3)
    assert len(list(tmp_path.glob("done-*"))) == 1 + 2 + 3


@pytest.mark.parametrize("rows", [1, 4, 5, 7, 97])
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_ranges_are_those_of_torch_chunk(rows, size):
    chunks = [chunk.tolist() for chunk in torch.arange(rows).chunk(size)]
    ranges = [list(Shard(rank, size).range(rows)) for rank in range(size)]
    assert [one for one in ranges if one] == chunks


@pytest.mark.parametrize(("total", "dim"), [(1, 1), (31, 3), (32, 1), (97, 7), (100, 8), (1000, 5)])
def test_the_start_does_not_depend_on_the_number_of_processes(total, dim):
    torch.manual_seed(5)
    whole = torch.nn.init.normal_(torch.empty(total, dim), std=0.1)
    after = torch.rand(3)
    for rank in range(3):
        nodes = Shard(rank, 3).range(total)
        weight = torch.full((len(nodes), dim), torch.nan)
        torch.manual_seed(5)
        draw_rows(weight, nodes, total, 0.1, drawn=16)
        assert torch.equal(weight, whole[nodes.start : nodes.stop])
        assert torch.equal(torch.rand(3), after)


def test_a_process_keeps_nothing_of_the_rest_of_the_matrix():
    half = sp.random_array((50, 50), density=0.2, rng=0, dtype="float32")
    matrix = sp.csr_array(half + half.T)
    parts = [ShardedMatrix(matrix, Shard(rank, 3)) for rank in range(3)]
    assert sum(len(part.values) for part in parts) == matrix.nnz
    together = torch.cat([part.csr().tensor().to_dense() for part in parts], dim=1)
    np.testing.assert_array_equal(together.numpy(), matrix.toarray())


class Silent(LightGCN):
    """Says nothing of what its parent declares."""


@pytest.mark.parametrize(
    ("task", "what"),
    [
        (RankingTask(decoder=MLP()), "MLP has weights"),
        (RankingTask(loss=catalogue_squares, sampling="none"), "whole catalogue"),
        (RankingTask(FeatureTowers), "FeatureTowers has no table"),
        (RankingTask(NGCF), "NGCF has weights beside its table"),
        (RankingTask(GATv2), "GATv2 has weights beside its table"),
        (RankingTask(Silent), r"Silent does not declare that it works .*\(shardable = True\)"),
        (ContrastiveTask(), "ContrastiveTask needs the whole graph"),
        (ClosedFormTask(Popularity()), "ClosedFormTask needs the whole graph"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(task, what):
    source = synthetic(60, 40, seed=1)
    train = Temporal(train_end=12, val_end=15)(source.log, 0, False).train
    graph = BipartiteGraph(train, shard=Shard(0, 2))
    graph.user_features, graph.item_features = torch.ones(graph.num_users, 2), torch.ones(graph.num_items, 2)
    with pytest.raises(InputError, match=what) as mistake:
        task.bind(graph)
    assert "ddp" in str(mistake.value)


def test_shapes_of_weights_are_those_of_the_checkpoint():
    source = synthetic(60, 40, seed=1)
    train = Temporal(train_end=12, val_end=15)(source.log, 0, False).train
    tasks = [RankingTask(lambda graph: LightGCN(graph, dim=8)) for _ in range(2)]
    for task, shard in zip(tasks, (None, Shard(1, 2)), strict=True):
        task.bind(BipartiteGraph(train, shard=shard))
    assert tasks[0].weight_shapes() == tasks[1].weight_shapes()


if __name__ == "__main__":
    several()
