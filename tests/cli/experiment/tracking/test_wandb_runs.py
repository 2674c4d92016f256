"""Weights & Biases never ends a fit: without a network it is offline, and it may die."""

from __future__ import annotations

import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pandas as pd
import psutil
import pytest
import wandb
from small_runs import write_log
from wandb.errors import CommError
from wandb_server import KEY, environment

from graphrec.cli import main
from graphrec.cli.experiment.runs import record
from graphrec.cli.experiment.tracking import wandb_runs
from graphrec.errors import InputError

CONFIG = """\
run: {name: sync, root: runs, id: one}
trainer: {max_epochs: 2, enable_progress_bar: false, enable_model_summary: false}
data:
  class_path: RecommenderData
  init_args:
    source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}
    split: {class_path: LeaveLast}
model: {class_path: ClosedFormTask, init_args: {recommender: {class_path: Popularity}}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    Path("c.yaml").write_text(CONFIG)
    write_log()


class Answer(BaseHTTPRequestHandler):
    status, seconds = 200, 0.0

    def do_GET(self):
        time.sleep(self.seconds)
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server that answers with a status after some seconds; gives its address."""
    opened = []

    def serve(status: int, seconds: float = 0.0) -> str:
        kind = type("Given", (Answer,), {"status": status, "seconds": seconds})
        opened.append(HTTPServer(("127.0.0.1", 0), kind))
        Thread(target=opened[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{opened[-1].server_port}"

    yield serve
    for one in opened:
        one.shutdown()


@pytest.mark.parametrize(("status", "seconds", "expected"), [
    (200, 0, True), (404, 0, True), (503, 0, False), (200, 4, False),
])  # fmt: skip
def test_a_server_answers_or_not_within_three_seconds(status, seconds, expected, server):
    started = time.monotonic()
    assert wandb_runs.answers(server(status, seconds)) is expected
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://no-such-host.invalid", "nonsense"])
def test_nobody_answers_there(url):
    started = time.monotonic()
    assert not wandb_runs.answers(url)
    assert time.monotonic() - started < 4


def test_a_fit_without_a_network_is_offline_and_says_so():
    given = environment(WANDB_MODE="online", WANDB_API_KEY=KEY, WANDB_BASE_URL="http://127.0.0.1:1")
    started = [sys.executable, "-m", "graphrec", "fit", "-c", "c.yaml"]
    done = subprocess.run(started, env=given, capture_output=True, text=True)
    assert done.returncode == 0
    ours = ("rows in", "is fitted at once")
    assert [line for line in done.stderr.splitlines() if not any(words in line for words in ours)] == [
        "graphrec: warning: Weights & Biases does not answer;"
        " the run is kept offline, `wandb sync` sends it later"
    ]
    assert len(pd.read_csv("runs/sync/one/metrics.csv")) == 2
    assert list(Path("runs/sync/one/wandb").glob("offline-run-*"))


def test_a_run_that_the_server_refuses_is_offline(monkeypatch, capfd):
    begin, modes = wandb.init, []

    def refused(**settings):
        modes.append(settings["mode"])
        if settings["mode"] == "online":
            raise CommError("no such entity")
        return begin(**settings)

    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr(wandb_runs, "answers", lambda url: True)
    monkeypatch.setattr(wandb, "init", refused)
    main(["fit", "-c", "c.yaml"])
    assert modes == ["online", "offline"]
    assert (
        "Weights & Biases refuses this run: no such entity; the run is kept offline" in capfd.readouterr().err
    )
    assert Path("runs/sync/one/checkpoints/best.ckpt").is_file()


def kill_service() -> None:
    children = psutil.Process().children(recursive=True)
    for service in (child for child in children if "wandb-core" in " ".join(child.cmdline())):
        service.kill()
        service.wait()


def test_a_test_outlives_the_service_of_wandb(monkeypatch, capfd):
    main(["fit", "-c", "c.yaml"])
    show = record.record_shown

    def killed(*given):
        kill_service()
        show(*given)

    monkeypatch.setattr(record, "record_shown", killed)
    capfd.readouterr()
    main(["test", "-c", "c.yaml"])
    said = capfd.readouterr().err
    assert said.count("Weights & Biases failed") == 1
    assert Path("runs/sync/one/test_metrics.json").is_file()


def test_a_fit_outlives_the_service_of_wandb(monkeypatch, capfd):
    send, epochs = wandb_runs.WandbLogger.log_metrics, []

    def log_metrics(self, metrics, step=None):
        epochs.append(step)
        if len(epochs) == 1:
            kill_service()
        send(self, metrics, step)

    monkeypatch.setattr(wandb_runs.WandbLogger, "log_metrics", log_metrics)
    main(["fit", "-c", "c.yaml", "--trainer.max_epochs", "5"])
    said = capfd.readouterr().err
    assert said.count("Weights & Biases failed") == 1
    assert "the command goes on without it" in said
    assert len(pd.read_csv("runs/sync/one/metrics.csv")) == 5


@pytest.mark.parametrize(
    ("variable", "options", "message"),
    [
        (
            "bogus",
            [],
            "WANDB_MODE is 'bogus', which is no mode of Weights & Biases; set it to online, offline",
        ),
        ("offline", ["--run.wandb_project", "a/b"], "Invalid project name 'a/b'"),
        ("offline", ["--run.tags", f"[{'x' * 70}]"], "is 70 characters"),
    ],
)
def test_what_wandb_cannot_take_is_one_line(variable, options, message, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", variable)
    with pytest.raises(InputError, match=message) as mistake:
        main(["fit", "-c", "c.yaml", *options])
    assert len(str(mistake.value)) < 300
