"""A small shop that was fitted and exported, and `graphrec serve` of it as a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from offer_shop import shop
from processes import end, environment

from graphrec.cli.main import main


def exported(folder: Path, model: str = "item_cf", *words: str) -> Path:
    """Fit a shop with odd ids, and export it with more words; run in the folder."""
    shop(60, 40, 1).to_csv(folder / "purchases.csv", index=False)
    main(["fit", "-m", model, "--data", "purchases.csv", "--run.name", "shop", "--run.id", "a"])
    main(["export", "runs/shop/a", "--out", "model.zip", *words])
    return folder / "model.zip"


@dataclass
class Served:
    """A service that runs.

    Args:
        process: It.
        url: Where it answers.
        log: What it writes to standard error.
    """

    process: subprocess.Popen[str]
    url: str
    log: Path

    def post(self, path: str, **body: object) -> httpx.Response:
        """Ask."""
        return httpx.post(f"{self.url}{path}", json=body, timeout=30)

    def lines(self) -> list[dict]:
        """The lines of its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def stop(self) -> int:
        """End it as a supervisor does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def served(folder: Path, *words: str) -> Iterator[Served]:
    """Run the command on a free port until it is ready; then end it with all that it started."""
    log = folder / "serve.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "graphrec", "serve", *words, "--port", "0"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=said,
            text=True,
        )
    try:
        yield Served(process, _ready(process, log), log)
    finally:
        if process.poll() is None:
            end(process)


def _ready(process: subprocess.Popen[str], log: Path) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        found = re.search(r"at (http://\S+),", log.read_text())
        if found is not None:
            try:
                if httpx.get(f"{found[1]}/ready", timeout=5).status_code == 200:
                    return found[1]
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())
