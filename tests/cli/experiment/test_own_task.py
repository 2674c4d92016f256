"""Tasks of a user's own, beside the YAML file: they name their data, and the commands ask for no more."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from graphrec.capabilities import declares
from graphrec.cli.config.tasks import kinds
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.fusion.task import FusionTask

MODULE = '''
import json
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from graphrec.models import Popularity
from graphrec.training import ClosedFormTask, ExperimentTask
from graphrec.training.experiment import Summary


class Numbers(pl.LightningDataModule):
    """Points of a line with a slope."""

    def __init__(self, slope: float = 2.0, count: int = 32) -> None:
        super().__init__()
        self.save_hyperparameters()
        x = torch.linspace(-1, 1, count)[:, None]
        self.rows = TensorDataset(x, slope * x)

    def train_dataloader(self):
        return DataLoader(self.rows, batch_size=8)

    val_dataloader = test_dataloader = predict_dataloader = train_dataloader


class Line(pl.LightningModule):
    """Lightning's and nothing more; the loss of the second epoch is the least."""

    data_class = Numbers
    monitor = "val_error"

    def __init__(self, rate: float = 0.5) -> None:
        super().__init__()
        self.slope, self.rate = torch.nn.Parameter(torch.zeros(1)), rate

    def training_step(self, batch, batch_idx):
        x, y = batch
        return (y - self.slope * x).square().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val_error", abs(self.current_epoch - 1.0))

    def test_step(self, batch, batch_idx):
        x, y = batch
        self.log("test_error", (y - self.slope * x).square().mean())

    def predict_step(self, batch, batch_idx):
        return self.slope * batch[0]

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.rate)


class Told(Line, ExperimentTask):
    """Answers some of the questions itself."""

    noun = "a line"

    def logged(self, data):
        return {"val_error": True}

    def check_data(self, command, data):
        if command == "test" and len(data.rows) < 32:
            raise ValueError("too few rows")

    def data_name(self, data):
        return "numbers"

    def described(self, data):
        return {"rows": len(data.rows)}

    def summary(self, part, metrics, data):
        return Summary("a line", ["slope"], [[f"{float(self.slope):.2f}"]], notes=["as it is"])

    def write_predictions(self, predictions):
        file = Path(self.trainer.default_root_dir, "line.json")
        file.write_text(json.dumps(torch.cat(predictions).tolist()))
        return "predicted"


class Mute(pl.LightningModule):
    """Does not say what it is trained on."""


class Listed(ClosedFormTask):
    """Logs something that its parent does not know of."""

    def validation_step(self, users, batch_idx):
        super().validation_step(users, batch_idx)
        self.log("val_own", 1.0)
'''
QUIET = {"max_epochs": 3, "enable_progress_bar": False, "enable_model_summary": False}


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """A folder with the module and a configuration for each of its tasks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"tasks_{tmp_path.parent.name}_{tmp_path.name}".replace("-", "_")  # a module is imported once
    (tmp_path / f"{name}.py").write_text(MODULE)
    for kind in ("Line", "Told", "Mute"):
        config = {
            "run": {"name": kind.lower(), "id": "a"},
            "trainer": QUIET,
            "data": {"class_path": f"{name}.Numbers", "init_args": {"slope": 3.0}},
            "model": {"class_path": f"{name}.{kind}"},
        }
        (tmp_path / f"{kind.lower()}.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def test_a_module_of_lightning_is_fitted_validated_and_tested(shop, capsys):
    cli = main(["fit", "-c", "line.yaml"])
    run = shop / "runs" / "line" / "a"
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 1, "the least value is the best"
    assert yaml.safe_load((run / "config.yaml").read_text())["run"]["monitor"] == "val_error"
    assert float(cli.model.slope) == pytest.approx(3.0, abs=0.3)
    history = pd.read_csv(run / "metrics.csv")
    assert history["val_error"].dropna().tolist() == [1.0, 0.0, 1.0]
    assert json.loads((run / "progress.json").read_text())["finished"] is not None
    main(["validate", "-c", "line.yaml"])
    main(["test", "-c", "line.yaml"])
    said = capsys.readouterr().out
    assert "error" in said
    assert f"checkpoint: {(run / 'checkpoints' / 'best.ckpt').relative_to(shop)}" in said


def test_a_task_answers_for_itself_where_it_wants_to(shop, capsys):
    main(["fit", "-c", "told.yaml"])
    run = shop / "runs" / "told" / "a"
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 0, "the greatest value is the best"
    main(["test", "-c", "told.yaml"])
    main(["predict", "-c", "told.yaml"])
    said = capsys.readouterr().out
    assert "as it is" in said
    assert "predicted" in said
    assert len(json.loads((run / "line.json").read_text())) == 32
    with pytest.raises(InputError, match="no metric is called 'val_eror'; did you mean 'val_error'"):
        main(["fit", "-c", "told.yaml", "--run.id", "b", "--run.monitor", "val_eror"])


def test_what_a_task_of_ones_own_cannot_do_is_told_in_one_line(shop):
    main(["fit", "-c", "told.yaml"])
    checkpoint = "runs/told/a/checkpoints/best.ckpt"
    with pytest.raises(InputError, match="a line cannot be refitted; test the fit itself"):
        main(["refit", "runs/told/a", "--trust"])
    with pytest.raises(InputError, match="this checkpoint holds a line, which ranks nothing"):
        main(["recommend", "--ckpt", checkpoint, "--out", "items.parquet", "--trust"])
    with pytest.raises(InputError, match="this checkpoint names 'tasks_"):
        main(["recommend", "--ckpt", checkpoint, "--out", "items.parquet"])
    with pytest.raises(InputError, match=r"data\.init_args\.count': 64 here, 32 in the checkpoint"):
        main(["test", "-c", "told.yaml", "--ckpt", checkpoint, "--data.init_args.count", "64"])


def test_data_that_say_nothing_of_themselves_are_told_apart_by_their_settings(shop):
    found = []
    for place, count in enumerate((32, 64, 64)):
        options = ["--run.id", str(place), "--data.init_args.count", str(count)]
        main(["fit", "-c", "told.yaml", "--trainer.max_epochs", "1", *options])
        checkpoint = torch.load(f"runs/told/{place}/checkpoints/best.ckpt", weights_only=True)
        found.append(checkpoint["graphrec"]["split_sha256"])
    assert found[0] != found[1] == found[2]


def test_a_task_says_its_data_and_a_mistake_in_either_is_named(shop):
    with pytest.raises(InputError, match="Mute does not say which data it takes; give it `data_class`"):
        main(["fit", "-c", "mute.yaml"])
    for option, says in (
        ("--model.init_args.rat=1", "rat"),
        ("--data.init_args.slop=1", "slop"),
        ("--data.class_path=RecommenderData", "RecommenderData"),
    ):
        with pytest.raises(InputError, match=says) as mistake:
            main(["fit", "-c", "line.yaml", option])
        assert len(str(mistake.value)) < 480
    assert not (shop / "runs").exists()


def test_a_subclass_of_ours_may_log_more_than_its_parent_names(shop):
    module = next(shop.glob("tasks_*.py")).stem
    source = {"class_path": "graphrec.data.sources.synthetic", "init_args": {"num_users": 40}}
    split = {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17}}
    stop = {"class_path": "EarlyStopping", "init_args": {"monitor": "val_own"}}
    config = {
        "run": {"name": "listed", "id": "a"},
        "trainer": {**QUIET, "max_epochs": 1, "callbacks": [stop]},
        "data": {"class_path": "RecommenderData", "init_args": {"source": source, "split": split}},
        "model": {"class_path": f"{module}.Listed", "init_args": {"recommender": "Popularity"}},
    }
    Path("listed.yaml").write_text(yaml.safe_dump(config))
    main(["fit", "-c", "listed.yaml"])
    config["model"]["class_path"] = "ClosedFormTask"
    Path("known.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(InputError, match="EarlyStopping: no metric is called 'val_own'"):
        main(["fit", "-c", "known.yaml", "--run.id", "b"])


@pytest.mark.parametrize("kind", [*kinds(), FusionTask], ids=lambda kind: kind.__name__)
def test_our_tasks_say_all_that_they_log(kind):
    assert declares(object.__new__(kind), "logs_only_known")
