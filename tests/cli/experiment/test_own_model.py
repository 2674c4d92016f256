"""Models of a user's own, outside the package: a module beside the YAML file, named by its dotted path."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from scripts import run_python

MODULE = '''
import torch
from torch import nn

from graphrec.models.base import ClosedForm, Embeddings, Encoder


class LastBought(ClosedForm):
    """What was bought last, everywhere."""

    def __init__(self, boost: float = 1.0) -> None:
        super().__init__()
        self.boost = boost

    def fit(self, graph):
        self.graph = graph
        last = torch.zeros(graph.num_items).index_reduce_(
            0, graph.history_item, graph.history_week.float(), "amax"
        )
        self.register_buffer("last", self.boost * last)

    def score(self, users):
        return self.last.repeat(len(users), 1)


class Scaled(Encoder):
    """Free vectors of a length that is learned, too."""

    def __init__(self, graph, dim: int = 8) -> None:
        super().__init__()
        self.vectors = nn.Embedding(graph.num_nodes, dim)
        self.length = nn.Parameter(torch.ones(1))

    def forward(self, graph):
        scaled = self.vectors.weight * self.length
        return Embeddings(scaled[: graph.num_users], scaled[graph.num_users :])
'''
MODELS = {
    "closed": {
        "class_path": "ClosedFormTask",
        "init_args": {"recommender": {"class_path": "mymodels.LastBought", "init_args": {"boost": 2.0}}},
    },
    "encoder": {
        "class_path": "RankingTask",
        "init_args": {"encoder": {"class_path": "mymodels.Scaled", "init_args": {"dim": 6}}},
    },
}
CONSOLE = """
import json, sys
from graphrec.cli import console
for command in json.loads(sys.argv[1]):
    try:
        console(command)
    except SystemExit as stopped:
        print("exit code", stopped.code, file=sys.stderr)
"""


def graphrec(*commands: list[str], folder: Path) -> str:
    """The console script in a process of its own; the folder is not on Python's path, as for a script."""
    script = folder.parent / "graphrec"
    script.write_text(CONSOLE)
    return run_python(str(script), json.dumps(commands), folder=folder)


@pytest.fixture
def shop(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "mymodels.py").write_text(MODULE)
    source = {"class_path": "graphrec.data.sources.synthetic", "init_args": {"num_users": 40}}
    split = {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17}}
    for name, model in MODELS.items():
        config = {
            "run": {"name": name, "id": "a"},
            "trainer": {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False},
            "data": {"class_path": "RecommenderData", "init_args": {"source": source, "split": split}},
            "model": model,
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one == "encoder" else [pytest.mark.slow]) for one in MODELS]
)
def test_a_model_beside_the_yaml_is_fitted_tested_and_asked(shop, name):
    checkpoint = f"runs/{name}/a/checkpoints/best.ckpt"
    said = graphrec(
        ["fit", "-c", f"{name}.yaml"],
        ["test", "-c", f"{name}.yaml"],
        ["recommend", "--ckpt", checkpoint, "-k", "3", "--out", "refused.parquet"],
        ["recommend", "--ckpt", checkpoint, "-k", "3", "--out", "items.parquet", "--trust"],
        folder=shop,
    )
    assert f"checkpoint: {checkpoint}" in said
    assert said.count("exit code") == 1
    assert f"{checkpoint}: this checkpoint names 'mymodels." in said
    assert not (shop / "refused.parquet").exists()
    measured = json.loads((shop / f"runs/{name}/a/test_metrics.json").read_text())
    assert 0 <= measured["test_ndcg_20_new"] <= 1
    items = pd.read_parquet(shop / "items.parquet")
    assert (items.groupby("user_id").size() == 3).all()
    assert items["user_id"].nunique() == 40
    content = torch.load(shop / checkpoint, weights_only=True)
    if name == "closed":
        state = content["state_dict"]["recommender.last"]
        assert set(items["score"]) <= set(state.tolist()), "the scores are those of the checkpoint"
        assert state.max() == 2 * 14
    else:
        assert content["state_dict"]["recommender.encoder.vectors.weight"].shape[1] == 6


def test_a_module_elsewhere_is_found_by_pythonpath_and_a_wrong_name_told_in_one_line(shop, monkeypatch):
    (shop / "lib").mkdir()
    (shop / "mymodels.py").rename(shop / "lib" / "mymodels.py")
    for wrong, right in (("LastBuy", "LastBought"), ("mymodules", "mymodels")):
        (shop / f"{wrong}.yaml").write_text((shop / "closed.yaml").read_text().replace(right, wrong))
    monkeypatch.setenv("PYTHONPATH", str(shop / "lib"), prepend=os.pathsep)
    trial = ["fit", "-c", "closed.yaml", "--trainer.fast_dev_run", "true"]
    said = graphrec(
        trial, ["fit", "-c", "LastBuy.yaml"], ["fit", "-c", "mymodules.yaml"], folder=shop
    ).splitlines()
    assert said.count("exit code 2") == 2
    for wrong, name in (("LastBuy", "mymodels.LastBuy"), ("mymodules", "mymodules.LastBought")):
        (line,) = [line for line in said if line.startswith(f"graphrec: {wrong}.yaml, row ")]
        assert f"there is no class '{name}'" in line
    assert not (shop / "runs").exists()
