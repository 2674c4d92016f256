"""Runs written by W&B itself are read back as they were logged."""

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest
import wandb

from graphrec.errors import InputError
from graphrec.report.compare import compare
from graphrec.report.runs import RunRecord, _Log, _record, read_runs

METRICS = {
    "test_ndcg_20_all": 0.4,
    "test_ndcg_20_all_low": 0.38,
    "test_ndcg_20_all_high": 0.42,
    "test_recall_20_all": 0.12,
}
QUIET = wandb.Settings(silent=True, console="off", x_disable_stats=True)


def log_run(folder: Path, name: str, seed: int, rows: list[dict], summary: dict, **config) -> None:
    """One offline W&B run, as training leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = {"run": name, "id": folder.name, "model": name, "dataset": "shop", "seed": seed}
    with wandb.init(
        project="graphrec",
        name=name,
        id=f"{name}{seed}",
        dir=folder,
        mode="offline",
        config={**identity, "split_sha256": "a" * 64, **config},
        settings=QUIET,
    ) as run:
        for row in rows:
            run.log(row)
        run.config.update({"added": seed}, allow_val_change=True)
        run.summary.update({**summary, "gone": 1.0})
        del run.summary["gone"]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs; the first was interrupted in epoch 1, then resumed and tested in a second session."""
    root = tmp_path_factory.mktemp("runs")
    patch = pytest.MonkeyPatch()
    patch.setenv("WANDB_SILENT", "true")
    first = [
        {"epoch": 0, "trainer/global_step": 5, "train_loss": 0.7},
        {"epoch": 0, "trainer/global_step": 5, "val_ndcg_20": 0.1, "val_note": "text"},
        {"epoch": 1, "trainer/global_step": 10, "train_loss": 9.0},
    ]
    again = [
        {"epoch": 1, "trainer/global_step": 10, "train_loss": 0.5},
        {"epoch": 1, "trainer/global_step": 10, "val_ndcg_20": 0.2},
        {"epoch": 2, "trainer/global_step": 10, "test_ndcg_20": 0.4, "test_novelty_20_all": math.nan},
    ]
    tested = {**METRICS, "fit_seconds": 3.5}
    log_run(root / "lightgcn" / "a", "lightgcn", 0, first, {"fit_seconds": 99.0}, cli={"lr": 0.01})
    log_run(root / "lightgcn" / "a", "lightgcn", 0, again, tested)
    popularity = {key: value / 2 for key, value in METRICS.items()}
    log_run(root / "popularity" / "b", "popularity", 0, [{"epoch": 0, "val_ndcg_20": 0.3}], popularity)
    patch.undo()
    return root


@pytest.fixture(scope="module")
def records(logged: Path) -> list[RunRecord]:
    return read_runs([logged])


def test_sessions_of_one_run_are_merged_and_the_later_stands(logged, records):
    lightgcn, popularity = records

    assert (lightgcn.name, lightgcn.id, lightgcn.model, lightgcn.seed) == ("lightgcn", "a", "lightgcn", 0)
    assert (lightgcn.dataset, lightgcn.split_sha256) == ("shop", "a" * 64)
    assert lightgcn.path == logged / "lightgcn" / "a"
    assert lightgcn.config["cli"] == {"lr": 0.01}
    assert lightgcn.config["added"] == 0
    assert "gone" not in lightgcn.summary
    assert lightgcn.summary["fit_seconds"] == 3.5
    assert METRICS.items() <= lightgcn.summary.items()
    assert math.isnan(lightgcn.summary["test_novelty_20_all"])
    assert not [key for key in lightgcn.summary if key.startswith("_")]
    assert popularity.summary["test_ndcg_20_all"] == 0.2


def test_history_has_one_row_per_epoch_and_no_test_row(records):
    history = records[0].history

    assert history["epoch"].tolist() == [0, 1]
    assert history["train_loss"].tolist() == [0.7, 0.5]
    assert history["val_ndcg_20"].tolist() == [0.1, 0.2]
    assert "val_note" not in history
    assert "test_ndcg_20" not in history


def test_a_run_given_twice_or_by_its_wandb_folder_counts_once(logged):
    folder = next((logged / "popularity" / "b" / "wandb").glob("offline-run-*"))

    runs = read_runs([folder, logged / "popularity" / "b", str(logged / "popularity")])

    assert [run.id for run in runs] == ["b"]


def test_missing_empty_and_unreadable_folders_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent: there is no such folder; give a run folder"):
        read_runs([tmp_path / "absent"])
    with pytest.raises(InputError, match="holds no W&B run"):
        read_runs([tmp_path])
    broken = tmp_path / "wandb" / "offline-run-20260101_000000-x"
    broken.mkdir(parents=True)
    for content, words in ((b"not a log", "W&B cannot read this run"), (b"", "holds no readable W&B run")):
        (broken / "run-x.wandb").write_bytes(content)
        with pytest.raises(InputError, match=f"offline-run-20260101_000000-x: {words}"):
            read_runs([tmp_path])


def test_an_untested_run_is_refused_with_the_mend(logged, tmp_path):
    session = min((logged / "lightgcn" / "a" / "wandb").glob("offline-run-*"))
    shutil.copytree(session, tmp_path / "a" / "wandb" / session.name)
    with pytest.raises(InputError, match=r"a: the run has no test metrics; run `graphrec test --ckpt_path"):
        read_runs([tmp_path / "a"])


def test_a_run_of_another_project_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", dir=tmp_path, config={"run": "x"}, settings=QUIET) as run:
        run.summary["test_ndcg_20_all"] = 0.4
    with pytest.raises(InputError, match="column 'id': not a run of graphrec; leave this folder out"):
        read_runs([tmp_path])


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
        "report.html",
        "runs.csv",
        "significance.csv",
    ]
    table = pd.read_csv(out / "comparison.csv").set_index(["run", "metric"])
    row = table.loc[("lightgcn", "ndcg_20_all")]
    assert (row["value"], row["low"], row["high"], row["seeds"]) == (0.4, 0.38, 0.42, 1)
    assert "**0.4000** [0.3800, 0.4200]" in (out / "comparison.md").read_text()
    assert "Margin" in report.read_text()
    assert "lightgcn leads with NDCG@20 0.4000" in report.read_text()


def test_untested_runs_in_a_folder_of_runs_are_left_out_with_a_word(logged, tmp_path, capsys):
    session = min((logged / "lightgcn" / "a" / "wandb").glob("offline-run-*"))
    shutil.copytree(logged / "popularity", tmp_path / "popularity")
    shutil.copytree(session, tmp_path / "lightgcn" / "a" / "wandb" / session.name)

    runs = read_runs([tmp_path])

    assert [run.name for run in runs] == ["popularity"]
    said = capsys.readouterr().err.strip()
    assert said.startswith(
        f"graphrec: left out {tmp_path / 'lightgcn' / 'a'}: the run has no test metrics; run"
    )
    with pytest.raises(InputError, match="the run has no test metrics"):
        read_runs([tmp_path / "lightgcn"])


def log_of(folder: Path, rows: list[dict], summary: dict, split: str, checkpoint: str = "") -> _Log:
    """What is read of a W&B folder."""
    identity = {"run": "x", "id": "a", "model": "x", "dataset": "shop", "seed": 0, "split_sha256": split}
    tested = {"tested": {"checkpoint_sha256": checkpoint}} if checkpoint else {}
    return _Log("x-a", {**identity, **tested}, summary, rows, folder / "wandb" / "offline-run-1")


def test_numbers_of_fit_and_refit_are_never_mixed():
    """The refit's test stands alone, also where the fit's was later and measured more."""
    run = Path("runs/x/a")
    losses = [{"epoch": epoch, "train_loss": loss} for epoch, loss in enumerate((0.7, 0.6))]
    fit = log_of(run, losses, {"fit_seconds": 5.0}, "of the fit")
    of_fit = log_of(run, [], {"test_ndcg_20_all": 0.2}, "of the fit", "best")
    refit = log_of(run / "refit", [{"epoch": 0, "train_loss": 0.9}], {}, "of the refit")
    of_refit = log_of(run / "refit", [], {"test_ndcg_20_all": 0.3}, "of the refit", "last")
    wider = log_of(run, [], {"test_ndcg_20_all": 0.2, "test_ndcg_50_all": 0.5}, "of the fit", "best")

    before = _record(run, [fit, of_fit, refit])
    assert (before.tested, before.split_sha256, before.checkpoint_sha256) == ("fit", "of the fit", "best")
    after = _record(run, [fit, of_fit, refit, of_refit, wider])
    assert (after.tested, after.split_sha256, after.checkpoint_sha256) == ("refit", "of the refit", "last")
    assert after.summary == {"fit_seconds": 5.0, "test_ndcg_20_all": 0.3}
    assert after.history["train_loss"].tolist() == [0.7, 0.6]  # of the fit, as its validation
    again = _record(run, [fit, wider, of_fit])
    assert "test_ndcg_50_all" not in again.summary  # of two tests, the numbers of the later alone
