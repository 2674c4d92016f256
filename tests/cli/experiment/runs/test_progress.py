"""What is whole says so; runs are told apart by their own record, and one id is one run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from processes import end, start, wait_for
from small_runs import CLOSED_FORM, write_config

from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions, newest, read_checkpoint
from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.experiment.runs.progress import Progress, last_worked_on
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.files import sha256_of


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    return tmp_path / "runs" / "small"


def fit(run_id: str, *args: str, **changes: object) -> None:
    main(
        ["fit", "-c", write_config("c.yaml", **{"model": CLOSED_FORM, **changes}), "--run.id", run_id, *args]
    )


def content_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that is ours; W&B's service may still write its own."""
    files = [file for file in folder.rglob("*") if file.is_file() and "wandb" not in file.parts]
    return {str(file.relative_to(folder)): sha256_of(file) for file in files}


def test_a_finished_fit_and_refit_say_so_and_a_second_fit_of_the_id_is_refused(here):
    fit("a")
    main(["refit", str(here / "a")])
    for folder, names in ((here / "a", {"best.ckpt", "last.ckpt"}), (here / "a" / "refit", {"last.ckpt"})):
        progress = Progress.of(folder)
        assert progress.step == RunFolder(folder).step
        assert progress.started < progress.finished
        files = {file.name: sha256_of(file) for file in (folder / "checkpoints").iterdir()}
        assert progress.checkpoints == files
        assert set(files) == names
    before = content_of(here)
    with pytest.raises(InputError, match=r"option --run\.id: there is a finished run with this id"):
        fit("a")
    assert content_of(here) == before
    with pytest.raises(InputError, match="belongs to the run a, not to b"):
        fit("b", "--ckpt_path", str(here / "a" / "checkpoints" / "last.ckpt"))
    assert content_of(here) == before


def test_an_unfinished_refit_is_not_tested(here, capsys):
    fit("a")
    main(["refit", str(here / "a")])
    assert newest(RunOptions(name="small")).parents[1].name == "refit"
    Progress.begin(here / "a" / "refit", "refit")  # as a refit does that is killed soon after
    main(["test", "-c", "c.yaml"])
    said = capsys.readouterr()
    assert "checkpoint: runs/small/a/checkpoints/best.ckpt" in said.out
    assert "runs/small/a/refit: this refit was not finished, so the fit is taken" in said.err
    assert json.loads((here / "a" / "test_metrics.json").read_text())["test_ndcg_20"] > 0
    main(["recommend", "--ckpt", "runs/small/a/refit/checkpoints/last.ckpt", "--out", "o.parquet"])
    assert "this refit was not finished; taken is what it had so far" in capsys.readouterr().err
    main(["refit", str(here / "a")])
    assert newest(RunOptions(name="small")).parents[1].name == "refit"


def test_a_refit_of_an_older_version_is_whole_if_it_had_all_its_epochs(here):
    fit("a")
    main(["refit", str(here / "a")])
    (here / "a" / "refit" / "progress.json").unlink()
    assert newest(RunOptions(name="small")).parents[1].name == "refit"
    file = here / "a" / "refit" / "checkpoints" / "last.ckpt"
    checkpoint = read_checkpoint(file)
    text = checkpoint["graphrec"]["config"].replace("max_epochs: 1", "max_epochs: 3")
    checkpoint["graphrec"]["config"] = text
    torch.save(checkpoint, file)
    assert newest(RunOptions(name="small")).name == "best.ckpt"


def test_the_newest_run_is_the_one_begun_last_whatever_is_touched_or_copied(here):
    for run in ("b", "a", "c"):
        fit(run)
    os.utime(here / "b", (time.time() + 3600,) * 2)
    shutil.copytree(here / "a", here.parent / "copy")
    shutil.rmtree(here / "a")
    shutil.copytree(here.parent / "copy", here / "a")
    assert newest(RunOptions(name="small")).parents[1].name == "c"
    assert newest(RunOptions(name="small", id="b")).parents[1].name == "b"
    assert last_worked_on(here / "b") < last_worked_on(here / "a") < last_worked_on(here / "c")
    with pytest.raises(InputError, match="no checkpoint of a run with this id"):
        newest(RunOptions(name="small", id="d"))


def test_an_early_stopped_fit_that_is_resumed_trains_no_further_epoch(here):
    rate = ["--model.init_args.learning_rate", "1e-12"]
    still = [*rate, "--run.patience", "1", "--trainer.max_epochs", "9"]
    main(["fit", "-c", write_config("c.yaml"), "--run.id", "a", *still])
    last = here / "a" / "checkpoints" / "last.ckpt"
    stopped = read_checkpoint(last)["epoch"]
    assert stopped == 1
    before = content_of(here)
    for _ in range(2):
        main(["fit", "-c", "c.yaml", "--run.id", "a", *still, "--ckpt_path", "last"])
        assert content_of(here) == before
    main(["fit", "-c", "c.yaml", "--run.id", "a", *still, "--run.patience", "3", "--ckpt_path", "last"])
    assert read_checkpoint(last)["epoch"] == 3  # more patience holds, and counts the epochs already waited
    main(
        [
            "fit",
            "-c",
            "c.yaml",
            "--run.id",
            "a",
            *still[:2],
            "--trainer.max_epochs",
            "3",
            "--ckpt_path",
            "last",
        ]
    )
    assert read_checkpoint(last)["epoch"] == 3


def test_a_moved_run_that_is_resumed_knows_its_best_epoch(here):
    still = ["--model.init_args.learning_rate", "1e-12"]  # so the first epoch stays the best
    main(["fit", "-c", write_config("c.yaml"), "--run.id", "a", *still])
    shutil.move(here / "a", here / "b")
    (here / "a").mkdir()
    on = ["--ckpt_path", "last", "--run.id", "b", "--trainer.max_epochs", "3"]
    main(["fit", "-c", "c.yaml", *still, *on])
    assert read_checkpoint(here / "b" / "checkpoints" / "best.ckpt")["epoch"] == 0
    assert read_checkpoint(here / "b" / "checkpoints" / "last.ckpt")["epoch"] == 2
    assert not list((here / "a").iterdir())


def test_a_run_that_another_process_writes_is_refused(here):
    with locked(here / "a"), pytest.raises(InputError, match=r"small/a: another process is writing this run"):
        fit("a")
    fit("a")
    assert not (here / "a" / ".lock").exists()


def test_two_demos_do_not_write_into_one_folder(tmp_path):
    with locked(tmp_path), pytest.raises(InputError, match="another process is writing this demo"):
        main(["demo", "--out", str(tmp_path)])


def test_a_lock_goes_with_its_process(tmp_path):
    child = os.fork()
    if not child:
        with locked(tmp_path):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_fit_that_is_told_to_end_says_so_by_its_code_and_can_go_on(sent, code, tmp_path):
    write_config(tmp_path / "c.yaml", max_epochs=2000, patience=2000)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores Ctrl-C
    process = start(tmp_path, "fit", "-c", "c.yaml", "--run.id", "a")
    run = tmp_path / "runs" / "small" / "a"
    wait_for((run / "checkpoints" / "last.ckpt").is_file, process)
    assert end(process, sent) == code
    assert Progress.of(run).finished is None
    epoch = read_checkpoint(run / "checkpoints" / "last.ckpt")["epoch"]
    rows = pd.read_csv(run / "metrics.csv")["val_ndcg_20"].dropna()
    assert len(rows) in (epoch + 1, epoch + 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(InputError, match=r"begun and not finished; go on with it by .*--ckpt_path last"):
            main(["fit", "-c", "c.yaml", "--run.id", "a"])
        more = ["--trainer.max_epochs", str(epoch + 2)]
        main(["fit", "-c", "c.yaml", "--run.id", "a", "--ckpt_path", "last", *more])
    assert Progress.of(run).finished is not None


@pytest.mark.parametrize(
    "content",
    [
        '{"step": "fit", "started": 5}',
        '{"step": null, "started": "a"}',
        '{"step": "fit", "started": "a", "finished": 7}',
        '{"step": "fit", "started": "a", "checkpoints": 3}',
        '{"step": "fit", "started": "a", "checkpoints": [["best.ckpt"]]}',
        '{"step": "fit", "started": "a", "split_sha256": 1.5}',
        "[]",
        "{",
    ],
)
def test_a_record_that_holds_something_else_is_none(content, tmp_path):
    (tmp_path / "progress.json").write_text(content)
    assert Progress.of(tmp_path) is None
    assert last_worked_on(tmp_path) == ""
