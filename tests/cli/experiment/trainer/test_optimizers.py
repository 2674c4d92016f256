"""``--optimizer`` and ``--lr_scheduler``: they train, at the rate that was asked for, or are refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from small_runs import write_log

from graphrec.cli import main
from graphrec.errors import InputError
from graphrec.training import ClosedFormTask

CONFIG = """\
run: {name: rates, root: runs, id: one}
trainer:
  max_epochs: 4
  enable_progress_bar: false
  enable_model_summary: false
  callbacks: [{class_path: LearningRateMonitor}]
data:
  class_path: RecommenderData
  init_args:
    source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}
    split: {class_path: LeaveLast}
model:
  class_path: RankingTask
  init_args: {encoder: {class_path: EmbeddingTable, init_args: {dim: 4}}}
"""
FIT = ["fit", "-c", "c.yaml"]
STEP = ["--lr_scheduler", "StepLR", "--lr_scheduler.step_size", "1", "--lr_scheduler.gamma", "0.1"]
PLATEAU = ["--lr_scheduler", "pytorch_lightning.cli.ReduceLROnPlateau"]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Path("c.yaml").write_text(CONFIG)
    write_log()


def fitted(*options: str):
    """The trainer's optimizer and the learning rate of each epoch, as LearningRateMonitor saw it."""
    cli = main([*FIT, *options])
    logged = pd.read_csv("runs/rates/one/metrics.csv")
    column = next(name for name in logged if name.startswith("lr-"))
    return cli.trainer.optimizers[0], logged[column].dropna().tolist()


@pytest.mark.parametrize(
    ("options", "kind", "rates"),
    [
        ([], torch.optim.Adam, [3e-3] * 4),
        (STEP, torch.optim.Adam, [3e-3, 3e-4, 3e-5, 3e-6]),
        (["--model.init_args.learning_rate", "0.02", *STEP], torch.optim.Adam, [2e-2, 2e-3, 2e-4, 2e-5]),
        (["--optimizer", "SGD", "--optimizer.lr", "0.5"], torch.optim.SGD, [0.5] * 4),
        (["--optimizer", "SGD", "--optimizer.lr", "0.5", *STEP], torch.optim.SGD, [0.5, 0.05, 5e-3, 5e-4]),
        (["--optimizer=torch.optim.Adagrad"], torch.optim.Adagrad, [1e-2] * 4),
        (["--optimizer", "RMSprop", "--model.init_args.learning_rate", "0.2"], torch.optim.RMSprop, [0.2] * 4),  # noqa: E501
        (["--optimizer", "LBFGS", "--optimizer.lr", "0.5"], torch.optim.LBFGS, [0.5] * 4),
        # a metric that never gets below -1000 is no better after the first epoch
        (
            [*PLATEAU, "--lr_scheduler.monitor", "train_loss", "--lr_scheduler.threshold", "1000",
             "--lr_scheduler.threshold_mode", "abs", "--lr_scheduler.patience", "0"],
            torch.optim.Adam,
            [3e-3, 3e-3, 3e-4, 3e-5],
        ),
    ],
)  # fmt: skip
def test_a_fit_trains_with_what_was_named(options, kind, rates):
    optimizer, seen = fitted(*options)
    assert type(optimizer) is kind
    assert seen == pytest.approx(rates)


def test_a_schedule_changes_what_is_learned_and_a_yaml_says_the_same():
    without = main([*FIT, "--run.id", "a"]).model.recommender.encoder.weight
    options = main([*FIT, "--run.id", "b", *STEP]).model.recommender.encoder.weight
    named = "lr_scheduler: {class_path: StepLR, init_args: {step_size: 1, gamma: 0.1}}\n"
    Path("c.yaml").write_text(CONFIG + named)
    yaml = main([*FIT, "--run.id", "c"]).model.recommender.encoder.weight
    assert torch.equal(options, yaml)
    assert not torch.equal(options, without)


@pytest.mark.parametrize(
    ("options", "lr", "said"),
    [
        (["--optimizer.lr", "0.5", "--model.init_args.learning_rate", "0.02"], 0.5,
         "learning_rate is given twice: optimizer.lr 0.5 holds, model.learning_rate 0.02 does not"),
        (["--model.init_args.learning_rate", "0.02"], 0.02, "optimizer: lr 0.02, as the model says"),
        (["--optimizer.lr", "0.5"], 0.5, ""),
    ],
)  # fmt: skip
def test_of_two_learning_rates_one_holds_and_a_line_says_which(options, lr, said, capfd):
    cli = main([*FIT, "--optimizer", "SGD", *options])
    lines = capfd.readouterr().err
    assert cli.trainer.optimizers[0].param_groups[0]["lr"] == lr
    assert cli.model.learning_rate == lr
    assert said in lines
    assert bool(said) == ("optimizer" in lines)


@pytest.mark.parametrize("options", [STEP, ["--optimizer", "Adam"]])
def test_a_model_without_gradient_takes_neither(options):
    model = "model: {class_path: ClosedFormTask, init_args: {recommender: {class_path: Popularity}}}"
    Path("c.yaml").write_text(CONFIG[: CONFIG.index("model:")] + model)
    with pytest.raises(InputError, match=f"option {options[0]}: Popularity is not trained by gradient"):
        main([*FIT, *options])
    assert not Path("runs").exists()
    assert isinstance(main(FIT).model, ClosedFormTask)


@pytest.mark.parametrize(
    "options",
    [
        ["--optimizer", "SGD", "--optimizer.lr", "-1"],
        ["--optimizer", "Adam", "--optimizer.betas", "[2, 3]"],
        ["--optimizer", "Adm"],
        ["--optimizer", "SGD", "--optimizer.momentom", "0.9"],
        ["--lr_scheduler", "StepLR"],
        ["--lr_scheduler", "StepLR", "--lr_scheduler.step_size", "x"],
        ["--lr_scheduler", "OneCycleLR", "--lr_scheduler.max_lr", "0.1"],
        ["--optimizer.lr", "0.1"],
        [*PLATEAU],
        [*PLATEAU, "--lr_scheduler.monitor", "val_loss"],
    ],
)  # fmt: skip
def test_a_mistake_in_them_is_one_line(options):
    with pytest.raises(InputError) as mistake:
        main([*FIT, *options])
    assert len(str(mistake.value).splitlines()) == 1
    assert len(str(mistake.value)) < 450
