"""What a run says of its fit: seconds that include a closed form's, memory that a fit let go of, weights."""

from __future__ import annotations

import mmap
import time

import pytest
import pytorch_lightning as pl
import torch
from training_data import data

from graphrec.models import Popularity
from graphrec.training import ClosedFormTask
from graphrec.training.cost import FitCost

CPU = torch.device("cpu")


class Slow(Popularity):
    """Takes its time."""

    def fit(self, graph) -> None:
        time.sleep(0.2)
        super().fit(graph)


def hold_and_let_go(size: int) -> None:
    """Take memory from the system and give it back, past an allocator that may keep what is freed."""
    with mmap.mmap(-1, size) as held:
        for page in range(0, size, mmap.PAGESIZE):
            held[page] = 1


def test_the_peak_holds_what_was_let_go_and_forgets_what_came_before():
    hold_and_let_go(320_000_000)
    cost = FitCost(CPU)
    low = cost.peaks()["peak_process_bytes"]
    hold_and_let_go(240_000_000)
    (name,) = found = cost.peaks()
    assert name == "peak_process_bytes", "no GPU is claimed"
    assert found[name] - low > 200e6


def test_the_clock_counts_only_while_it_runs():
    cost = FitCost(CPU)
    cost.stop()
    assert cost.seconds == 0
    for _ in range(2):
        cost.go()
        time.sleep(0.02)
        cost.stop()
        time.sleep(0.2)
    assert 0.04 <= cost.seconds < 0.4


def test_seconds_of_a_closed_form_are_those_of_its_computation():
    task, module = ClosedFormTask(Slow()), data()
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    task.prepare(trainer, module, None)
    cost = task.cost()
    assert cost["fit_seconds"] >= 0.2
    assert cost["parameters"] == 0
    card = task.described(module)["data_card"]
    rows = module.split.train.frame
    assert (card["train"], card["rows"]) == (len(rows), len(module.source.log))
    assert card["pairs"] == len(rows[["user", "item"]].drop_duplicates())
    assert card["density"] == pytest.approx(card["pairs"] / (card["users"] * card["items"]))
