"""Options from environment variables: real processes, whose command line holds against them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from small_runs import write_log

from graphrec.cli.config.environment import with_environment

CONFIG = """\
run: {name: told, root: runs, id: one}
trainer: {enable_progress_bar: false}
data:
  class_path: RecommenderData
  init_args:
    source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}
    split: {class_path: LeaveLast}
model: {class_path: RankingTask, init_args: {encoder: {class_path: EmbeddingTable}}}
"""


def test_a_variable_becomes_an_option_before_what_is_typed(capsys):
    environment = {
        "GRAPHREC_FIT__TRAINER__MAX_EPOCHS": "3",
        "GRAPHREC_FIT__CONFIG": "a.yaml",
        "GRAPHREC_TEST__CKPT_PATH": "of another command",
        "GRAPHREC_RUN_ID": "what processes tell each other",
        "PATH": "/bin",
    }
    words = with_environment(["fit", "--trainer.max_epochs", "5"], environment)
    assert words == ["fit", "--config=a.yaml", "--trainer.max_epochs=3", "--trainer.max_epochs", "5"]
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "graphrec: GRAPHREC_FIT__CONFIG: --config=a.yaml",
        "graphrec: GRAPHREC_FIT__TRAINER__MAX_EPOCHS: --trainer.max_epochs=3",
    ]


@pytest.fixture
def fit(tmp_path, monkeypatch):
    """Run `graphrec fit` in a process of its own."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    write_log()

    def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        told = {f"GRAPHREC_FIT__{name}": value for name, value in variables.items()}
        environment = {**os.environ, "WANDB_MODE": "disabled", **told}
        command = [sys.executable, "-m", "graphrec", "fit", *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_a_whole_fit_from_the_environment_and_typed_options_hold(fit):
    done = fit(
        "--seed_everything", "4",
        CONFIG="c.yaml", TRAINER__MAX_EPOCHS="2", SEED_EVERYTHING="3",
        MODEL__INIT_ARGS__ENCODER__INIT_ARGS__DIM="5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kept = yaml.safe_load(Path("runs/told/one/config.yaml").read_text())
    assert kept["trainer"]["max_epochs"] == 2
    assert kept["model"]["init_args"]["encoder"]["init_args"]["dim"] == 5
    assert kept["seed_everything"] == 4


def test_a_mistake_in_a_variable_is_a_line_after_the_line_that_names_it(fit):
    done = fit(CONFIG="c.yaml", MODEL__INIT_ARGS__ENCODER__INIT_ARGS__DIM="wide")
    assert done.returncode == 2
    told = done.stderr.splitlines()
    assert (
        "graphrec: GRAPHREC_FIT__MODEL__INIT_ARGS__ENCODER__INIT_ARGS__DIM: --model.init_args" in done.stderr
    )
    assert told[-1].startswith("graphrec: command line, key 'dim': 'wide' is not a whole number")


def test_a_variable_of_no_option_is_refused(fit):
    done = fit("-c", "c.yaml", TRAINER__MAX_EPOCH="2")
    assert done.returncode == 2
    assert "key 'max_epoch': this key is not accepted by Trainer; did you mean 'max_epochs'?" in done.stderr
