"""The studies of people and products never seen, on small logs: what must hold whatever the log is."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from scripts import EXPERIMENTS

SMALL = ["--epochs", "1", "--dim", "4"]


@pytest.fixture
def study(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "studies"))

    def run(name: str, *options: str, **constants: object) -> tuple[dict[str, float], str]:
        script = importlib.import_module(name)
        for key, value in constants.items():
            monkeypatch.setattr(script, key, value)
        script.main(script.arguments().parse_args(["--out", str(tmp_path / "out"), *SMALL, *options]))
        metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
        return metrics, (tmp_path / "out" / "table.md").read_text()

    return run


def test_cold_start(study):
    found, table = study("cold_start", "--synthetic", "--seeds", "1", BASKETS=2)
    assert found["products_ratio_low"] <= found["products_ratio"] <= found["products_ratio_high"]
    assert found["products_ratio"] > 1.2  # blocks tell who buys a product that nobody bought
    assert table.count("\n| ") >= 6


def test_ablation(study):
    found, table = study("feature_ablation", "--synthetic", "--seeds", "1")
    assert found["ids alone: lead"] == 0
    assert "ids alone: products" not in found  # an id says nothing of a product without a buyer
    assert found["+ nodes: products"] > 0
    assert table.startswith("| what is known |")


def test_held_out_users(study, tmp_path):
    draw = np.random.default_rng(0)
    for part, size in (("train", 8), ("test", 2)):
        lists = [draw.permutation(np.arange(user % 2, 40, 2))[:size] for user in range(60)]
        lines = (" ".join(map(str, [user, *bought])) for user, bought in enumerate(lists))
        Path(tmp_path / f"{part}.txt").write_text("\n".join(lines) + "\n")
    found, table = study("held_out_users", "--data", str(tmp_path), "--models", "EASE", "LightGCN")
    assert 0.7 < found["EASE_ratio"] < 1.4
    assert found["LightGCN_folded"] > 0
    assert table.startswith("6 of 60 users held out.")
