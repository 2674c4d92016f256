"""An update that is killed: what serves stays whole, and the next attempt comes to the same result."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from growing_shop import build
from killing import Forks

KILLS = 8
UPDATE = ["update", "runs/gcn", "--log", "all_new.parquet", "--export", "models"]
SERVE = ["recommend", "--ckpt", "runs/gcn/a/refit/checkpoints/last.ckpt", "--out", "lists.parquet"]


def left(folder: Path) -> dict[str, object]:
    """What an update leaves: files by name, the tables of drift, the record and the exported weights."""
    run = folder / "runs/gcn/a-update-0001"
    return {
        "names": sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()),
        "tables": {file.name: file.read_text() for file in run.glob("drift*.csv")},
        "record": json.loads((run / "update.json").read_text()),
        "weights": (folder / "models/a-update-0001/weights.safetensors").read_bytes(),
    }


@pytest.mark.slow
def test_killed_anywhere_it_comes_to_the_same_result(tmp_path, monkeypatch):
    """Real processes, killed at changes of files from the first to the last."""
    built, whole = tmp_path / "built", tmp_path / "whole"
    built.mkdir()
    monkeypatch.chdir(built)
    build()
    with Forks() as forks:
        shutil.copytree(built, whole)
        ended = forks.run(whole, UPDATE, WANDB_MODE="disabled")
        assert ended.code == 0, ended.said
        expected = left(whole)
        for point in np.linspace(2, ended.events - 1, KILLS, dtype=int):
            folder = tmp_path / f"killed-{point}"
            shutil.copytree(built, folder)
            killed = forks.run(folder, UPDATE, kill_at=int(point), WANDB_MODE="disabled")
            assert killed.code == -9, (point, killed.said)
            assert forks.run(folder, SERVE).code == 0
            (folder / "lists.parquet").unlink()
            again = forks.run(folder, UPDATE, WANDB_MODE="disabled")
            assert again.code == 0, (point, again.said)
            assert left(folder) == expected, point
            shutil.rmtree(folder)
