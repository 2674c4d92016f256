"""A fit that is killed in the middle of an epoch and goes on ends where an unbroken one does."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pandas as pd
import pytest
import wandb
import yaml
from processes import end, start, wait_for

from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.files import sha256_of

EPOCHS = 4
FILES = ("best", "last")
CONFIG = {
    "run": {"name": "resume", "root": "runs", "patience": 50},
    "seed_everything": 3,
    "trainer": {"max_epochs": EPOCHS, "enable_progress_bar": False, "enable_model_summary": False},
    "data": {
        "class_path": "RecommenderData",
        "init_args": {
            "source": {
                "class_path": "graphrec.data.sources.synthetic",
                "init_args": {"num_users": 300, "num_items": 150, "density": 0.3},
            },
            "split": {
                "class_path": "Temporal",
                "init_args": {"train_end": 14, "val_end": 17, "test_end": 20},
            },
            "batch_size": 64,
        },
    },
    "model": {
        "class_path": "RankingTask",
        "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 16}}, "learning_rate": 0.01},
    },
}


def epochs(folder: Path) -> int:
    """Validations that a run has logged so far; none while Lightning writes its file anew."""
    metrics = folder / "metrics.csv"
    if not metrics.exists():
        return 0
    try:
        return pd.read_csv(metrics).get("val_ndcg_20", pd.Series()).notna().sum()
    except pd.errors.EmptyDataError:
        return 0


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """A folder with two runs of one configuration: ``unbroken``, and ``killed`` in its third epoch."""
    folder = tmp_path_factory.mktemp("resume")
    (folder / "exp.yaml").write_text(yaml.safe_dump(CONFIG))
    process = start(folder, "fit", "-c", "exp.yaml", "--run.id", "killed")
    try:
        run = folder / "runs" / "resume" / "killed"
        wait_for(lambda: epochs(run) >= 2 and (run / "checkpoints" / "last.ckpt").is_file(), process)
        time.sleep(0.15)
    finally:
        end(process)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        main(["fit", "-c", "exp.yaml", "--run.id", "unbroken"])
        wandb.teardown()  # ends W&B's service, which else would write its log a while longer
    return folder


@pytest.fixture
def here(killed, monkeypatch) -> Path:
    monkeypatch.chdir(killed)
    monkeypatch.setenv("WANDB_MODE", "offline")
    return killed / "runs" / "resume"


def metrics_of(run: Path) -> dict[str, float]:
    """Test metrics of the last checkpoint."""
    main(["test", "--ckpt_path", str(run / "checkpoints" / "last.ckpt")])
    metrics: dict[str, float] = json.loads((run / "test_metrics.json").read_text())
    assert metrics.pop("checkpoint") == "last.ckpt"
    assert metrics.pop("checkpoint_sha256") == sha256_of(run / "checkpoints" / "last.ckpt")
    metrics.pop("notes", None)  # words, the same of every checkpoint
    return metrics


def test_a_checkpoint_of_other_data_is_refused_and_nothing_changes(here):
    last = here / "killed" / "checkpoints" / "last.ckpt"

    def written() -> dict[Path, int]:
        own = (path for path in here.rglob("*") if "logs" not in path.parts and path.is_file())
        return {path: path.stat().st_mtime_ns for path in own}

    before = written()
    other = "--data.init_args.source.init_args.seed"
    with pytest.raises(InputError, match="seed': 1 here, 0 in the checkpoint"):
        main(["fit", "-c", "exp.yaml", other, "1", "--ckpt_path", str(last)])
    assert written() == before


def test_a_killed_fit_goes_on_and_ends_where_the_unbroken_one_does(here):
    part = pd.read_csv(here / "killed" / "metrics.csv")
    assert 2 <= part["val_ndcg_20"].notna().sum() < EPOCHS, "it must have been killed in between"

    main(["fit", "-c", "exp.yaml", "--run.id", "killed", "--ckpt_path", "last"])

    pd.testing.assert_frame_equal(pd.read_csv(here / "killed" / "metrics.part1.csv"), part)
    later = pd.read_csv(here / "killed" / "metrics.csv")["val_ndcg_20"].dropna()
    whole = pd.read_csv(here / "unbroken" / "metrics.csv")["val_ndcg_20"].dropna()
    assert 0 < len(later) < EPOCHS
    assert later.tolist() == pytest.approx(whole.tolist()[-len(later) :], abs=1e-6)
    assert metrics_of(here / "killed") == pytest.approx(metrics_of(here / "unbroken"), abs=1e-6)


def test_the_last_checkpoint_is_of_the_last_epoch_even_if_that_is_not_the_best(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    still = ["--model.init_args.learning_rate", "1e-12"]  # so the first epoch stays the best
    main(["fit", "-c", "config.yaml", "--run.id", "still", *still])
    saved = {name: read_checkpoint(tmp_path / f"runs/resume/still/checkpoints/{name}.ckpt") for name in FILES}
    assert {name: content["epoch"] for name, content in saved.items()} == {"best": 0, "last": EPOCHS - 1}
