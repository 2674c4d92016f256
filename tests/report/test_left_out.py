"""What a comparison leaves out of many paths, with a line, and what it judges on validation."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from run_folders import write_run_folder, write_runs

from graphrec.errors import InputError
from graphrec.report.runs import read_runs


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Two ranking runs, one of a response, a folder of notes, another project and a file, as a glob gives."""
    monkeypatch.chdir(tmp_path)
    write_runs(tmp_path / "runs", {"mf": (0.3, 0.01)}, seeds=2)
    response = tmp_path / "runs" / "shop-response" / "s0"
    write_run_folder(response, 0.5, np.random.default_rng(0))
    (response / "test_metrics.json").write_text(json.dumps({"test_logloss": 0.2, "test_auc": 0.7}))
    (response / "test_users.parquet").unlink()
    (tmp_path / "runs" / "notes").mkdir()
    other = tmp_path / "runs" / "other"
    (other / "checkpoints").mkdir(parents=True)
    (other / "config.yaml").write_text("lr: 1\n")
    (tmp_path / "runs" / "readme.txt").write_text("hello")
    return sorted((tmp_path / "runs").iterdir())


def test_a_glob_leaves_out_what_is_no_ranking_run_with_a_line_each(shop, capsys):
    runs = read_runs(shop)
    assert [(run.name, run.seed) for run in runs] == [("shop-mf", 0), ("shop-mf", 1)]
    lines = sorted(capsys.readouterr().err.splitlines())
    assert len(lines) == 4
    assert all(line.startswith("graphrec: left out ") for line in lines)
    says = {"notes": "holds no run", "readme.txt": "holds no run", "other": "not a run of graphrec"}
    says |= {"shop-response/s0": "is no ranking run: it was judged by probabilities"}
    for name, what in says.items():
        assert sum(f"/{name}: {what}" in line for line in lines) == 1, (name, lines)


@pytest.mark.parametrize(
    ("name", "says"),
    [("notes", "holds no run"), ("readme.txt", "holds no run"), ("other", "not a run"), ("none", "no such")],
)
def test_what_is_no_run_and_is_named_alone_is_a_mistake(shop, name, says):
    with pytest.raises(InputError, match=says):
        read_runs([shop[0].parent / name])


def test_a_path_that_is_not_there_is_a_mistake_among_others_too(shop):
    with pytest.raises(InputError, match="no such folder"):
        read_runs([*shop, shop[0].parent / "absent"])


def test_runs_of_probabilities_are_compared_among_themselves(shop, capsys):
    (run,) = read_runs([path for path in shop if path.name != "shop-mf"])
    assert (run.name, run.summary["test_auc"]) == ("shop-response", 0.7)
    assert "ranking" not in capsys.readouterr().err


def test_validation_counts_untested_runs_and_says_where_a_fit_chose_no_epoch(shop, capsys):
    first, second = (shop[0].parent / "shop-mf" / name for name in ("s0", "s1"))
    for file in ("test_metrics.json", "test_users.parquet"):
        (first / file).unlink()
    said = json.loads((second / "run.json").read_text())
    del said["summary"]["best_epoch"]
    (second / "run.json").write_text(json.dumps(said))
    (run,) = read_runs([shop[0].parent / "shop-mf"], "val")
    assert (run.seed, run.part, run.tested, run.checkpoint_sha256) == (0, "val", "fit", "")
    assert not any(name.startswith("test_") for name in run.summary)
    rows = pd.read_csv(first / "metrics.csv").dropna(subset=["val_ndcg_20"]).set_index("epoch")
    assert run.summary["val_ndcg_20_new"] == rows.loc[run.summary["best_epoch"] - 1, "val_ndcg_20_new"]
    assert "does not say which epoch it chose" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"s1/metrics\.csv: the run has no validation metrics"):
        read_runs([second], "val")


def test_a_run_of_one_epoch_needs_to_choose_none(shop):
    folder = shop[0].parent / "shop-mf" / "s0"
    said = json.loads((folder / "run.json").read_text())
    del said["summary"]["best_epoch"]
    (folder / "run.json").write_text(json.dumps(said))
    pd.DataFrame({"epoch": [0], "val_ndcg_20_all": [0.25]}).to_csv(folder / "metrics.csv", index=False)
    (run,) = read_runs([folder], "val")
    assert run.summary["val_ndcg_20_all"] == 0.25
