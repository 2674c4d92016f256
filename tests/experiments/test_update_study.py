"""The study of updates, on a made-up log: what must hold whatever the log is."""

from __future__ import annotations

import importlib
import json
import sys

import pytest
from scripts import EXPERIMENTS


@pytest.mark.slow
def test_the_update_is_compared_with_a_full_fit(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "studies"))
    small = ["--synthetic", "--seeds", "1", "--epochs", "5"]
    monkeypatch.setattr(sys, "argv", ["update.py", "--out", str(tmp_path), *small])
    importlib.import_module("update").main()
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["full_of_full"] == 1
    assert 0 < found["update_ndcg_low"] <= found["update_ndcg"] <= found["update_ndcg_high"] < 1
    assert 0 < found["update_training"] < found["full_training"]
    assert (tmp_path / "table.md").read_text().count("\n| ") == 4
