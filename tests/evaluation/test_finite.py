"""A score or a weight that is no number ends a command before it writes anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import write_config

from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.evaluation.finite import check_scores, check_weights_finite, not_finite


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Path:
    """A folder with a run whose best checkpoint holds a vector that is no number."""
    folder = tmp_path_factory.mktemp("broken")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        main(["fit", "-c", write_config("c.yaml", id="a")])
        file = Path("runs/small/a/checkpoints/best.ckpt")
        checkpoint = read_checkpoint(file)
        name = next(name for name in checkpoint["state_dict"] if name.endswith("encoder.weight"))
        checkpoint["state_dict"][name][3] = torch.nan
        torch.save(checkpoint, file)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["recommend", "--out", "out.parquet"],
        ["offers", "--policy", "none", "--out", "out.parquet"],
        ["test"],
        ["validate"],
        ["predict"],
    ],
    ids=lambda command: command[0],
)
def test_a_model_that_is_no_number_is_one_line_and_writes_nothing(broken, monkeypatch, command):
    monkeypatch.chdir(broken)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(InputError, match=r"not a number .*smaller --model.init_args.learning_rate"):
        main([*command, "--ckpt_path", "runs/small/a/checkpoints/best.ckpt"])
    assert not Path("out.parquet").exists()
    left = {file.name for file in Path("runs/small/a").iterdir()}
    assert not left & {"test_metrics.json", "test_users.parquet", "recommendations.parquet"}


def test_a_fit_at_a_huge_rate_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    huge = ["--model.init_args.learning_rate", "1e30", "--model.init_args.l2", "10"]
    with pytest.raises(InputError):
        main(["fit", "-c", write_config("c.yaml", id="a"), *huge])
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_every_kind_of_no_number_is_found(bad):
    values = np.zeros((3, 4), dtype=np.float32)
    check_scores(values)
    values[1, 2] = bad
    with pytest.raises(InputError, match="not a number"):
        check_scores(values)
    good = torch.ones(2)
    named = [("table", good), ("count", torch.tensor([1, 2])), ("bias", torch.tensor([0.0, bad]))]
    assert not_finite(named[:2]) is None
    assert not_finite(named) == "bias"
    with pytest.raises(InputError, match="diverged in epoch 2: bias holds"):
        check_weights_finite(named, "in epoch 2")
