from __future__ import annotations

import pytest
from pytorch_lightning.strategies import StrategyRegistry
from torch import nn

from graphrec.cli.experiment.processes import GraphDDPStrategy, agreed
from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    for name in ("LOCAL_RANK", "GRAPHREC_RUN_ID", "GRAPHREC_THING", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "")  # so that what a test leaves is taken back
        monkeypatch.delenv(name)


def test_a_process_that_lightning_started_takes_the_text_of_the_first(monkeypatch):
    assert agreed("thing", "first") == "first"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert agreed("thing", "second") == "first"


def test_the_first_process_chooses_anew_for_its_next_run(monkeypatch):
    agreed("thing", "first")
    monkeypatch.setenv("LOCAL_RANK", "0")  # Lightning's launcher leaves it behind in the first process
    assert agreed("thing", "next") == "next"


def test_run_folders_of_one_launch_are_the_same_and_those_of_two_are_not(monkeypatch):
    options = RunOptions(name="x")
    first = RunFolder.new(options)
    assert RunFolder.new(options) != first
    second = RunFolder.new(options)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert RunFolder.new(options) == second


def test_ddp_is_the_one_that_takes_models_without_weights():
    strategy = StrategyRegistry.get("ddp")
    assert isinstance(strategy, GraphDDPStrategy)
    strategy._model = model = nn.Module()
    strategy.configure_ddp()
    assert strategy.model is model
