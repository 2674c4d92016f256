"""After a fit: best value, epoch, files and the next command, which runs; what made the run is kept."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from small_runs import CONFIG, write_log

import graphrec
from graphrec.cli import main
from graphrec.cli.experiment.runs.made_by import commit_of, made_by


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Path("c.yaml").write_text(yaml.safe_dump(CONFIG))
    write_log()
    return tmp_path


def said(capsys) -> dict[str, str]:
    lines = capsys.readouterr().out.splitlines()
    return dict(line.split(": ", 1) for line in lines if re.match(r"(run|best|files|next): ", line))


def test_each_step_names_the_next_command_and_it_runs(here, capsys):
    main(["fit", "-c", "c.yaml", "--run.root", "my runs"])
    told = said(capsys)
    metrics = pd.read_csv(Path(told["run"]) / "metrics.csv").dropna(subset=["val_ndcg_20"]).set_index("epoch")
    best = metrics["val_ndcg_20"]
    expected = rf"val_ndcg_20 {best.max():.4f} in epoch {best.idxmax() + 1}, after [\d.]+ s"
    assert re.fullmatch(expected, told["best"])
    for name in told["files"].split(", "):
        assert (Path(told["run"]) / name).is_file()

    command = shlex.split(told["next"])
    assert command[:2] == ["graphrec", "refit"]
    main(command[1:])
    again = said(capsys)
    assert "best" not in again, "a refit has no validation"
    command = shlex.split(again["next"])
    assert command[:2] == ["graphrec", "test"]
    main(command[1:])
    assert (Path(again["run"]) / "test_metrics.json").is_file()


def test_a_fit_prints_nothing_of_hardware_operations_or_versions_of_loggers(here, capfd):
    main(["fit", "-c", "c.yaml", "--trainer.enable_progress_bar", "true", "--trainer.max_epochs", "null",
          "--trainer.enable_model_summary", "true", "--run.patience", "1"])  # fmt: skip
    out = "".join(capfd.readouterr())
    for word in ("GPU", "TPU", "FLOP", "v_num", "max_epochs", "not empty", "litlogger", "Tip"):
        assert word not in out
    assert re.search(r"^weights: 800 \(3\.2 kB\)$", out, re.MULTILINE) or "weights: " in out


def test_what_made_a_run_stands_in_its_files_and_checkpoints(here):
    run = main(["fit", "-c", "c.yaml", "--run.id", "a"]).folder.path
    first = (run / "config.yaml").read_text().splitlines()[0]
    assert first.startswith(f"# made by graphrec {graphrec.__version__}, ")
    content = torch.load(run / "checkpoints/best.ckpt", weights_only=True)["graphrec"]
    assert content["made_by"] == made_by() == json.loads((run / "run.json").read_text())["made_by"]
    assert content["made_by"]["torch"] == torch.__version__
    assert content["config"].splitlines()[0] == first


def git(*words: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *author, *words], check=True, capture_output=True, text=True).stdout.strip()


def test_a_commit_is_that_of_the_folder_with_its_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commit_of(tmp_path) is None
    git("init", "-q")
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "ignored").mkdir()
    (tmp_path / "below").mkdir()
    git("add", ".")
    git("commit", "-q", "-m", "one")
    head = git("rev-parse", "HEAD")
    assert commit_of(tmp_path) == commit_of(tmp_path / "below") == head
    assert commit_of(tmp_path / "ignored") is None, "an installation is not of the repository around it"
    (tmp_path / ".gitignore").write_text("ignored\nmore\n")
    assert commit_of(tmp_path) == f"{head} and changes"
