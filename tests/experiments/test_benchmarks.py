"""What the benchmarks reckon, not what they measure: a clock that stands, and runs that are not repeated."""

from __future__ import annotations

import argparse
import importlib
import json
import math
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from scripts import EXPERIMENTS

from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Random


@pytest.fixture
def script_of(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "benchmarks"))
    return importlib.import_module


def test_the_clock_stands_while_it_looks_and_stops_at_the_goal(script_of, monkeypatch):
    measure = script_of("measure")
    times = iter([110.0, 150.0, 160.0, 190.0])  # a look at the end of an epoch takes 40 and 30 seconds
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    values = iter([0.1, 0.3])
    clock = measure.Clock(lambda model: next(values), "NDCG@20", goal=0.2, every=2, started=100.0)
    task, trainer = measure.RankedTask(), SimpleNamespace(should_stop=False)
    task.recommender = MagicMock()
    for epoch in range(4):
        assert not trainer.should_stop
        trainer.current_epoch = epoch
        clock.on_train_epoch_end(trainer, task)
    assert clock.curve == [(10.0, 0.1), (20.0, 0.3)]
    assert trainer.should_stop


def test_when_a_curve_reaches_a_value(script_of):
    seconds_to = script_of("batch_size").seconds_to
    curve = [(10.0, 0.2), (20.0, 0.4), (30.0, 0.3)]
    assert seconds_to(curve, 0.1) == pytest.approx(5)
    assert seconds_to(curve, 0.3) == pytest.approx(15)
    assert seconds_to(curve, 0.4) == pytest.approx(20)
    assert math.isnan(seconds_to(curve, 0.5))


def small(folder, batch_size):
    """A log of a thousand pairs."""
    return RecommenderData(
        synthetic(60, 40, seed=1), Random(val_fraction=0.2, test_fraction=0), batch_size=batch_size
    )


def test_batch_sizes_follow_their_rules_and_runs_are_kept(script_of, monkeypatch, tmp_path):
    script = script_of("batch_size")
    monkeypatch.setattr(script, "data", small)
    rates = []

    class Noted(script.RankingTask):
        def __init__(self, encoder, learning_rate):
            rates.append(learning_rate)
            super().__init__(encoder, learning_rate=learning_rate)

    monkeypatch.setattr(script, "RankingTask", Noted)
    options = argparse.Namespace(data=None, json=tmp_path / "found.json", sizes=[8192], epochs=2, every=1)
    script.main(options)
    assert rates == pytest.approx([1e-3, 4e-3, 1e-3, 2e-3, 4e-3])
    found = json.loads(options.json.read_text())
    assert {name: len(curve) for name, curve in found["curves"].items()} == {
        "2048_1x": 2,
        "2048_4x": 2,
        "8192_1x": 2,
        "8192_2x": 2,
        "8192_4x": 2,
    }
    assert found["ndcg_20_2048_1x"] == found["curves"]["2048_1x"][-1][1] > 0
    assert found["times_as_fast_2048_1x"] == 1
    assert options.json.with_suffix(".png").exists()

    script.main(options)
    assert len(rates) == 5, "runs that stand in the file are not run again"
    options.epochs = 1
    script.main(options)
    assert len(rates) == 10, "other settings make other runs"
