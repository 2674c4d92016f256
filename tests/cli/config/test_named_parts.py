# ruff: noqa: E501  a message is easier to compare in one line
"""Mistakes in what a configuration names of Lightning and torch, and nulls: one line with key and hint."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from small_runs import write_config

import graphrec.cli.experiment.lightning  # noqa: F401  what may be named is known then
from graphrec.cli import main
from graphrec.cli.config.errors import find_mistake, shortened
from graphrec.cli.config.locations import read_entries
from graphrec.cli.config.vocabulary import permitted
from graphrec.cli.main import console
from graphrec.errors import InputError


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    write_config("c.yaml")


def mistake(*options: str) -> str:
    """What is found in the small configuration with other options."""
    return str(find_mistake(read_entries(["fit", "-c", "c.yaml", *options])))


MISTAKES = {
    "--optimizer bogus": "there is no Optimizer 'bogus'",
    "--optimizer torch.optim.Sgd": "did you mean 'SGD'?",
    "--optimizer Adam --optimizer.lrate 1": "key 'lrate': this key is not accepted by Adam; known are lr, betas",
    "--optimizer.lr 0.1": "key 'optimizer': class_path is missing here",
    "--lr_scheduler ReduceLROnPlateau": "key 'monitor': ReduceLROnPlateau needs this key; add `monitor:`",
    "--lr_scheduler StepLR": "key 'step_size': StepLR needs this key",
    "--lr_scheduler StepLR --lr_scheduler.step_size x": "key 'step_size': 'x' is not a whole number",
    "--lr_scheduler torch.optim.lr_scheduler.OneCycleLR": "key 'max_lr': OneCycleLR needs this key",
    "--seed_everything abc": "key 'seed_everything': 'abc' is not a whole number or true or false",
    "--seed_everything null": "key 'seed_everything': null is not a whole number or true or false",
    "--trainer.logger tensorboard": "there is no Logger 'tensorboard'; did you mean 'TensorBoardLogger'?",
    "--trainer.logger CSVLogger": "key 'save_dir': CSVLogger needs this key",
    "--trainer.callbacks [EarlyStopping]": "key 'monitor': EarlyStopping needs this key",
    "--trainer.callbacks [EarlyStoping]": "there is no Callback 'EarlyStoping'; did you mean 'EarlyStopping'?",
    "--trainer.callbacks [torch.nn.Linear]": "there is no Callback 'torch.nn.Linear'",
    "--trainer.callbacks [{class_path:\u00a0EarlyStopping,init_args:\u00a0{monitor:\u00a0a,patinece:\u00a02}}]":
        "key 'patinece': this key is not accepted by EarlyStopping; did you mean 'patience'?",
    "--trainer.callbacks {class_path:\u00a0EarlyStopping,init_args:\u00a0{monitor:\u00a0a,patience:\u00a0b}}":
        "key 'patience': 'b' is not a whole number",
    "--data.init_args.eval_batch_size null": "key 'eval_batch_size': null is not a whole number",
    "--model.init_args.learning_rate null": "key 'learning_rate': null is not a number",
    "--model.init_args.encoder.init_args.dim null": "key 'dim': null is not a whole number",
    "--model.init_args null": "key 'init_args': null is no mapping of keys to values",
    "--trainer.max_epochs null": "None",
    "--data.init_args.cutoffs null": "None",
    "--data.init_args.measures null": "None",
    "--data.init_args.measures [ndcg]": "key 'measures': there is no function 'ndcg'; name them by their dotted",
    "--data.init_args.measures ndcg": "key 'measures': 'ndcg' is no list of functions",
    "--data.init_args.measures [3]": "key 'measures': [3] is no list of functions",
    "--optimizer SGD --optimizer.lr 0.1": "None",
    "--trainer.logger {class_path:\u00a0WandbLogger,init_args:\u00a0{anything:\u00a01}}": "None",
}  # fmt: skip


@pytest.mark.parametrize("options", MISTAKES)
def test_a_mistake_is_found_at_its_key(options):
    assert MISTAKES[options] in mistake(*(word.replace("\u00a0", " ") for word in options.split(" ")))


@pytest.mark.parametrize("option", ["--data.init_args.eval_batch_size", "--model.init_args.learning_rate"])
def test_a_null_is_refused_where_a_number_is_needed(option):
    with pytest.raises(InputError, match="null is not a"):
        main(["fit", "-c", "c.yaml", option, "null"])
    assert not Path("runs").exists()


def test_the_message_of_the_parser_is_cut_to_what_it_says():
    long = 'Parser key "a": Does not validate against any of the Union subtypes Errors: - Problem with given'
    long += (
        " class_path 'x.SWA': the following arguments are required: swa_lrs - Expected a <class 'NoneType'>"
    )
    said = shortened(long)
    assert (
        said == "command line: SWA: the following arguments are required: swa_lrs; see `graphrec fit --help`"
    )


def test_a_loss_without_its_return_annotation_is_told_what_to_write():
    Path("own_losses.py").write_text(
        "from torch import Tensor\ndef plain(p, n): return (n.mean(-1) - p).mean()\n"
        "def typed(p, n) -> Tensor: return (n.mean(-1) - p).sigmoid().mean()\n"
    )
    with pytest.raises(InputError, match="plain does not say that it returns a Tensor; write `-> Tensor`"):
        main(["fit", "-c", "c.yaml", "--model.init_args.loss", "own_losses.plain"])
    with permitted(["own_losses"]):
        assert mistake("--model.init_args.loss", "own_losses.typed") == "None"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("StepLR --lr_scheduler.step_size=0", "option --lr_scheduler: no learning rate can be computed so"),
        ("CosineAnnealingLR --lr_scheduler.T_max=0", "option --lr_scheduler: no learning rate can be"),
    ],
)
def test_a_schedule_of_zero_epochs_is_one_line(options, message):
    with pytest.raises(InputError, match=message):
        main(["fit", "-c", "c.yaml", "--lr_scheduler", *options.split()])


def test_a_logger_that_is_not_installed_is_told_in_one_line(monkeypatch):
    from lightning_utilities.core.imports import RequirementCache
    from pytorch_lightning.loggers import mlflow

    monkeypatch.setattr(mlflow, "_MLFLOW_AVAILABLE", RequirementCache("no_such_mlflow>=1"))
    with pytest.raises(InputError, match=r"no_such_mlflow.*install it, or leave out the option") as refused:
        main(["fit", "-c", "c.yaml", "--trainer.logger", "MLFlowLogger"])
    assert len(str(refused.value)) < 250


def test_a_printed_configuration_is_one_that_can_be_given_back(capfd):
    with pytest.raises(SystemExit) as done:
        console(["fit", "-c", "c.yaml", "--print_config"])
    assert done.value.code == 0
    text = capfd.readouterr().out
    assert yaml.safe_load(text)["trust"] is False
    Path("printed.yaml").write_text(text)
    assert main(["fit", "-c", "printed.yaml"]).trainer.current_epoch == 2


@pytest.mark.parametrize(
    "args", [["data", "check", "log.csv", "--ou", "3"], ["compare", "runs", "--ou", "x"]]
)
def test_half_a_name_of_an_option_is_not_guessed(args):
    with pytest.raises(InputError, match=r"unrecognized arguments|required: --out"):
        main(args)
