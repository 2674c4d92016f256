"""Online where a sweep or the user says so; a server that falls silent keeps no fit waiting, nor loses it."""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pandas as pd
import pytest
import yaml
from small_runs import CLOSED_FORM, write_config
from wandb_answers import PROJECT
from wandb_server import KEY, WandbServer, environment, wandb_server

OFFLINE = "the run is kept offline, `wandb sync` sends it later"


@contextmanager
def silent() -> Iterator[tuple[str, Event]]:
    """A port that accepts and never answers: its address, and whether somebody has called."""
    called, held = Event(), []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def accept() -> None:
            while True:
                try:
                    held.append(listening.accept())
                except OSError:
                    return
                called.set()

        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", called


@dataclass
class Fitted:
    """A fit in a process of its own: its lines, and the seconds from its first call to its last warning."""

    status: int
    warnings: list[str]
    seconds: float
    folder: Path


def started(folder: Path, given: dict[str, str]) -> subprocess.Popen[str]:
    folder.mkdir()
    config = write_config(folder / "exp.yaml", id="one", model=CLOSED_FORM)
    command = [sys.executable, "-m", "graphrec", "fit", "-c", config]
    return subprocess.Popen(command, cwd=folder, env=given, stderr=subprocess.PIPE, text=True)


def watched(process: subprocess.Popen[str], called: Event, folder: Path) -> Fitted:
    assert process.stderr is not None
    called.wait(60)
    first = last = time.monotonic()
    warnings = []
    for line in process.stderr:
        if "warning" in line:
            warnings.append(line.removeprefix("graphrec: warning: ").strip())
            last = time.monotonic()
    return Fitted(process.wait(), warnings, last - first, folder)


@pytest.fixture(scope="module")
def fits(tmp_path_factory) -> dict[str, Fitted]:
    """Fits with servers that fall silent at once, when a run is to begin, or when it has begun."""
    place = tmp_path_factory.mktemp("online")
    with ExitStack() as stack:
        url, called = stack.enter_context(silent())
        deaf = environment(WANDB_BASE_URL=url, WANDB_API_KEY=KEY, WANDB_MODE="online")
        told = {"deaf": (deaf, called)}
        for name, silent_at in {"mute": "RunResumeStatus", "dies": "CreateRunFiles"}.items():
            server = stack.enter_context(wandb_server())
            server.silent_at = silent_at
            told[name] = (server.environment(WANDB_FINISH_TIMEOUT="2"), server.called)
        begun = {name: started(place / name, given) for name, (given, _) in told.items()}
        found: dict[str, Fitted] = {}

        def watch(name: str) -> None:
            found[name] = watched(begun[name], told[name][1], place / name)

        watching = [Thread(target=watch, args=(name,)) for name in begun]
        for thread in watching:
            thread.start()
        for thread in watching:
            thread.join()
    return found


@pytest.mark.parametrize(("name", "message"), [
    ("deaf", "Weights & Biases does not answer"),
    ("mute", "Weights & Biases refuses this run: "),
])  # fmt: skip
def test_a_server_that_never_answers_holds_a_fit_up_for_ten_seconds_at_most(name, message, fits):
    fit = fits[name]
    assert fit.status == 0
    (line,) = fit.warnings
    assert line.startswith(message)
    assert line.endswith(OFFLINE)
    assert fit.seconds < 10
    run = fit.folder / "runs" / "small" / "one"
    assert len(pd.read_csv(run / "metrics.csv")) == 2
    assert (run / "checkpoints" / "best.ckpt").is_file()
    assert list(run.glob("wandb/offline-run-*/run-*.wandb"))


def test_a_server_that_dies_is_not_waited_for_at_the_end(fits):
    fit = fits["dies"]
    assert fit.status == 0
    (line,) = fit.warnings
    said = re.fullmatch(
        "Weights & Biases does not take the end of the run; `wandb (sync .*)` sends the rest", line
    )
    assert said is not None, line
    assert (fit.folder / "runs" / "small" / "one" / "checkpoints" / "best.ckpt").is_file()
    with wandb_server() as server:
        again = [sys.executable, "-m", "wandb", *said[1].split()]
        given = server.environment()
        done = subprocess.run(again, cwd=fit.folder, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (arrived,) = server.runs.values()
    logged = pd.read_csv(fit.folder / "runs" / "small" / "one" / "metrics.csv")["val_ndcg_20"].dropna()
    assert [row["val_ndcg_20"] for row in arrived.rows if "val_ndcg_20" in row] == pytest.approx(list(logged))


SWEEP = {
    "program": "graphrec",
    "method": "grid",
    "metric": {"name": "val_ndcg_20", "goal": "maximize"},
    "command": ["${env}", sys.executable, "-m", "graphrec", "fit", "--config", "exp.yaml", "${args}"],
    "parameters": {
        "model.init_args.recommender.init_args.decay_weeks": {"values": [2, 20]},
        "seed_everything": {"values": [0, 1]},
    },
}
AGENT = "from wandb.wandb_agent import Agent; Agent.POLL_INTERVAL = 0.3; from wandb.cli.cli import cli; cli()"
"""`wandb agent`, which else looks for news every five seconds."""


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> WandbServer:
    """A server after `wandb sweep` and `wandb agent`; no WANDB_MODE is set."""
    place = tmp_path_factory.mktemp("swept")
    write_config(place / "exp.yaml", model=CLOSED_FORM)
    (place / "sweep.yaml").write_text(yaml.safe_dump(SWEEP))
    with wandb_server() as server:
        given = server.environment(WANDB_PROJECT=PROJECT)
        del given["WANDB_MODE"]
        kept = {"cwd": place, "env": given, "capture_output": True, "text": True}
        made = subprocess.run([sys.executable, "-m", "wandb", "sweep", "sweep.yaml"], **kept)
        assert made.returncode == 0, made.stderr
        (name,) = server.sweeps
        done = subprocess.run([sys.executable, "-c", AGENT, "agent", name], **kept)
        assert done.returncode == 0, done.stderr
    return server


def test_each_trial_of_a_sweep_is_a_finished_run_with_its_settings(swept):
    trials = list(swept.runs.values())
    assert {one.facts["sweep"] for one in trials} == set(swept.sweeps)
    assert [one.exit_code for one in trials] == [0] * 4
    asked = set(itertools.product((2, 20), (0, 1)))
    own = {(one.config["decay_weeks"], one.config["seed"]) for one in trials}
    of_sweep = {tuple(one.config[key] for key in SWEEP["parameters"]) for one in trials}
    assert own == of_sweep == asked
    whole = [one.config["cli"]["model"]["init_args"]["recommender"]["init_args"] for one in trials]
    assert sorted(one["decay_weeks"] for one in whole) == [2, 2, 20, 20]


def test_each_trial_tells_the_sweep_what_it_came_to(swept):
    for trial in swept.runs.values():
        assert trial.summary["val_ndcg_20"]["max"] == max(
            row["val_ndcg_20"] for row in trial.rows if "val_ndcg_20" in row
        )
    assert len({trial.facts["groupName"] for trial in swept.runs.values()}) == 4
