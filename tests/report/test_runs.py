"""Runs are read back from the files that they leave, whatever else lies there."""

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from graphrec.errors import InputError
from graphrec.report.compare import compare
from graphrec.report.run_file import add_to_run_file, read_run_file
from graphrec.report.runs import RunRecord, read_runs

METRICS = {
    "test_ndcg_20_all": 0.4,
    "test_ndcg_20_all_low": 0.38,
    "test_ndcg_20_all_high": 0.42,
    "test_recall_20_all": 0.12,
}


def write_run(
    folder: Path, rows: list[dict], tested: dict | None, seed: int = 0, sha: str = "a", **summary: float
) -> Path:
    """The files of a run, as training and testing leave them."""
    folder.mkdir(parents=True, exist_ok=True)
    name = folder.parent.name
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "data/shop.csv"}}
    config = {"seed_everything": seed, "run": {"name": name}, "data": {"init_args": {"source": source}}}
    (folder / "config.yaml").write_text(yaml.safe_dump({**config, "model": {"class_path": "X"}}))
    pd.DataFrame(rows).to_csv(folder / "metrics.csv", index=False)
    said = {"run": name, "id": folder.name, "model": name, "dataset": "shop", "seed": seed}
    add_to_run_file(folder, {**said, "split_sha256": sha * 64}, {})
    add_to_run_file(folder, {}, summary)
    if tested is not None:
        write_test(folder, tested, sha)
    return folder


def write_test(folder: Path, tested: dict, sha: str = "a", checkpoint: str = "best") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {"checkpoint_sha256": checkpoint, "split_sha256": sha * 64, **tested}
    (folder / "test_metrics.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs; the first was interrupted in epoch 1, then resumed."""
    root = tmp_path_factory.mktemp("runs")
    again = [
        {"epoch": 1, "step": 10, "train_loss": 0.5},
        {"epoch": 1, "step": 10, "val_ndcg_20": 0.2},
        {"epoch": 2, "step": 10, "test_ndcg_20": 0.4},
    ]
    tested = {**METRICS, "test_novelty_20_all": math.nan}
    first = write_run(root / "lightgcn" / "a", again, tested, fit_seconds=3.5, best_epoch=2)
    pd.DataFrame(
        [
            {"epoch": 0, "step": 5, "train_loss": 0.7},
            {"epoch": 0, "step": 5, "val_ndcg_20": 0.1},
            {"epoch": 1, "step": 10, "train_loss": 9.0},
        ]
    ).to_csv(first / "metrics.part1.csv", index=False)
    half = {key: value / 2 for key, value in METRICS.items()}
    write_run(root / "popularity" / "b", [{"epoch": 0, "val_ndcg_20": 0.3}], half)
    copied = root / "popularity" / "b" / "wandb" / "offline-run-20260101_000000-x" / "files"
    copied.mkdir(parents=True)
    (copied / "config.yaml").write_text("wandb_version: 1\n")
    return root


@pytest.fixture(scope="module")
def records(logged: Path) -> list[RunRecord]:
    return read_runs([logged])


def test_a_run_is_what_its_files_say(logged, records):
    lightgcn, popularity = records

    assert (lightgcn.name, lightgcn.id, lightgcn.model, lightgcn.seed) == ("lightgcn", "a", "lightgcn", 0)
    assert (lightgcn.dataset, lightgcn.split_sha256) == ("shop", "a" * 64)
    assert lightgcn.path == logged / "lightgcn" / "a"
    assert lightgcn.config["model"] == {"class_path": "X"}
    assert lightgcn.summary["fit_seconds"] == 3.5
    assert METRICS.items() <= lightgcn.summary.items()
    assert math.isnan(lightgcn.summary["test_novelty_20_all"])
    assert popularity.summary["test_ndcg_20_all"] == 0.2


def test_history_has_one_row_per_epoch_and_no_test_row(records):
    history = records[0].history

    assert history["epoch"].tolist() == [0, 1]
    assert history["train_loss"].tolist() == [0.7, 0.5]
    assert history["val_ndcg_20"].tolist() == [0.1, 0.2]
    assert set(history) == {"epoch", "train_loss", "val_ndcg_20"}


def test_a_run_given_twice_or_by_something_inside_it_counts_once(logged):
    run = logged / "popularity" / "b"
    inside = [run / "wandb" / "offline-run-20260101_000000-x", run / "metrics.csv", run / "refit"]
    (run / "refit").mkdir(exist_ok=True)
    (run / "refit" / "config.yaml").write_text((run / "config.yaml").read_text())

    runs = read_runs([*inside, run, str(logged / "popularity")])

    assert [one.id for one in runs] == ["b"]


def test_missing_empty_and_unreadable_folders_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent: there is no such folder; give a run folder"):
        read_runs([tmp_path / "absent"])
    with pytest.raises(InputError, match="holds no run"):
        read_runs([tmp_path])
    run = write_run(tmp_path / "x" / "a", [], METRICS)
    for name in ("run.json", "test_metrics.json", "config.yaml"):
        kept = (run / name).read_text()
        for broken in ("{", "[1]", "\x00"):
            (run / name).write_text(broken)
            if name == "config.yaml" and broken == "[1]":
                continue
            with pytest.raises(InputError, match=f"{name}: ") as error:
                read_runs([tmp_path])
            assert "\n" not in str(error.value)
        (run / name).write_text(kept)
    assert read_runs([tmp_path])


def test_an_untested_run_is_refused_with_the_hint(tmp_path):
    write_run(tmp_path / "x" / "a", [{"epoch": 0, "train_loss": 1}], None)
    with pytest.raises(InputError, match=r"a: the run has no test metrics; run `graphrec test --ckpt_path"):
        read_runs([tmp_path / "x" / "a"])


def test_untested_runs_in_a_folder_of_runs_are_left_out_with_a_word(logged, tmp_path, capsys):
    shutil.copytree(logged / "popularity", tmp_path / "popularity")
    write_run(tmp_path / "lightgcn" / "a", [], None)

    runs = read_runs([tmp_path])

    assert [run.name for run in runs] == ["popularity"]
    said = capsys.readouterr().err.strip()
    assert said.startswith(
        f"graphrec: left out {tmp_path / 'lightgcn' / 'a'}: the run has no test metrics; run"
    )
    with pytest.raises(InputError, match="the run has no test metrics"):
        read_runs([tmp_path / "lightgcn"])


def test_a_configuration_above_the_runs_is_no_run(logged, tmp_path, monkeypatch):
    """One's own config.yaml may well lie where `graphrec` is started."""
    shutil.copytree(logged, tmp_path / "runs")
    (tmp_path / "config.yaml").write_text("model: x\n")
    monkeypatch.chdir(tmp_path)
    for place in ("runs", ".", "runs/lightgcn", tmp_path / "runs"):
        assert {run.name for run in read_runs([place])} <= {"lightgcn", "popularity"}
    assert len(read_runs(["."])) == 2


def test_a_folder_of_another_project_is_refused(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").write_text("lr: 1\n")
    with pytest.raises(InputError, match="not a run of graphrec; leave this folder out"):
        read_runs([tmp_path])


def test_a_run_of_an_older_version_is_told_by_its_configuration(logged, tmp_path):
    shutil.copytree(logged / "lightgcn" / "a", tmp_path / "lightgcn" / "a")
    (tmp_path / "lightgcn" / "a" / "run.json").unlink()
    (run,) = read_runs([tmp_path])
    (known,) = read_runs([logged / "lightgcn"])
    assert (run.name, run.id, run.model, run.dataset, run.seed) == ("lightgcn", "a", "lightgcn", "shop", 0)
    assert run.split_sha256 == known.split_sha256
    assert run.history.equals(known.history)
    assert run.summary == {key: value for key, value in known.summary.items() if key.startswith("test_")} | {}


def test_what_is_added_later_stands_beside_what_was_said(tmp_path):
    add_to_run_file(tmp_path, {"run": "x", "seed": 0}, {"fit_seconds": 1.0})
    add_to_run_file(tmp_path, {"seed": 1}, {"best_epoch": 2})
    content = json.loads((tmp_path / "run.json").read_text())
    assert content == {"run": "x", "seed": 1, "summary": {"fit_seconds": 1.0, "best_epoch": 2}}
    with pytest.raises(InputError, match="column 'id': says not which run it is of"):
        read_run_file(tmp_path)


def test_numbers_of_fit_and_refit_are_never_mixed(tmp_path):
    """The refit's test stands alone, also where the fit's was later and measured more."""
    losses = [{"epoch": epoch, "train_loss": loss} for epoch, loss in enumerate((0.7, 0.6))]
    run = write_run(tmp_path / "x" / "a", losses, {"test_ndcg_20_all": 0.2}, fit_seconds=5.0)
    (before,) = read_runs([run])
    assert (before.tested, before.split_sha256, before.checkpoint_sha256) == ("fit", "a" * 64, "best")
    write_test(run / "refit", {"test_ndcg_20_all": 0.3}, "b", "last")
    pd.DataFrame([{"epoch": 0, "train_loss": 0.9}]).to_csv(run / "refit" / "metrics.csv", index=False)
    write_test(run, {"test_ndcg_20_all": 0.2, "test_ndcg_50_all": 0.5})
    (after,) = read_runs([run])
    assert (after.tested, after.split_sha256, after.checkpoint_sha256) == ("refit", "b" * 64, "last")
    assert after.summary == {"fit_seconds": 5.0, "test_ndcg_20_all": 0.3}
    assert after.history["train_loss"].tolist() == [0.7, 0.6]  # of the fit, as its validation


def test_compare_writes_its_files_and_nothing_when_it_fails(logged, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="no such file"):
        compare([logged], out, offers=tmp_path / "absent.parquet")
    assert not out.exists()

    report = compare([logged / "lightgcn"], out, title="Shop", notes={"Margin": "35 %"})

    assert report == out / "report.html"
    assert sorted(path.name for path in out.iterdir()) == [
        "comparison.csv",
        "comparison.md",
        "fairness.csv",
        "leaderboard.csv",
        "report.html",
        "runs.csv",
        "segments.csv",
        "significance.csv",
    ]
    table = pd.read_csv(out / "comparison.csv").set_index(["run", "metric"])
    row = table.loc[("lightgcn", "ndcg_20_all")]
    assert (row["value"], row["low"], row["high"], row["seeds"]) == (0.4, 0.38, 0.42, 1)
    assert "**0.4000** [0.3800, 0.4200]" in (out / "comparison.md").read_text()
    assert "Margin" in report.read_text()
    assert "lightgcn leads with NDCG@20 0.4000" in report.read_text()
