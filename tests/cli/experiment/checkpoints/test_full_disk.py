"""A disk that runs full leaves what was there before, and one line that says so."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from processes import environment
from small_runs import write_config

from graphrec.cli.experiment.checkpoints.files import save
from graphrec.cli.experiment.tracking.metrics_file import append
from graphrec.errors import InputError
from graphrec.files import write_atomically, write_parquet, write_text


def said_with_room_for(size: int, action: Callable[[], object]) -> str:
    """What an action says in a process that may write no file beyond a size."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        try:
            action()
            said = "nothing"
        except InputError as error:
            said = str(error)
        except BaseException as error:
            said = repr(error)
        os.write(writable, said.encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


LARGE = np.random.default_rng(0).random(20_000)
WRITERS: dict[str, Callable[[Path], object]] = {
    "checkpoint": lambda file: save({"weights": torch.from_numpy(LARGE)}, file),
    "table": lambda file: write_parquet(pd.DataFrame({"score": LARGE}), file),
    "text": lambda file: write_text(file, "x" * 50_000),
    "row": lambda file: append(file, "x" * 50_000),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_was_there_stays_and_one_line_tells_the_mend(tmp_path, writer):
    file = tmp_path / "result"
    file.write_text("as before\n")
    said = said_with_room_for(8_000, lambda: WRITERS[writer](file))
    assert said.startswith(f"{file}: cannot be written (")
    assert said.endswith("make room on the disk and run the command again")
    assert file.read_text() == "as before\n"
    assert os.listdir(tmp_path) == ["result"]


def test_what_a_killed_writer_left_goes_with_the_next_and_that_of_a_living_one_stays(tmp_path):
    file, readable_writable = tmp_path / "a [1].json", os.pipe()
    child = os.fork()
    if not child:

        def half(temporary: Path) -> None:
            temporary.write_text("half")
            os.write(readable_writable[1], b"x")
            signal.pause()

        write_atomically(file, half)
        os._exit(1)
    os.read(readable_writable[0], 1)
    write_text(file, "while it writes")
    assert len(list(tmp_path.glob(".a*.part"))) == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    write_text(file, "after it was killed")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "after it was killed"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_fit_on_a_full_disk_ends_in_one_line_and_can_go_on(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("no disk may be mounted here")
    try:
        write_config(disk / "c.yaml", max_epochs=2000, patience=2000)
        command = [sys.executable, "-m", "graphrec", "fit", "-c", "c.yaml", "--run.id", "a"]
        done = fit(disk, command)
        assert done.returncode == 2
        assert "cannot be written (No space left on device); make room on the disk" in done.stderr
        assert done.stderr.count("cannot be written") == 1
        assert "Traceback" not in done.stderr
        run = disk / "runs" / "small" / "a"
        rows = pd.read_csv(run / "metrics.csv")
        assert rows.groupby("epoch").size().iloc[:-1].eq(2).all()  # a row of training and one of validation
        assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] >= 1
        subprocess.run(["mount", "-o", "remount,size=9m", str(disk)], check=True)
        epoch = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"]
        more = ["--ckpt_path", "last", "--trainer.max_epochs", str(epoch + 3)]
        again = fit(disk, [*command, *more])
        assert again.returncode == 0, again.stderr
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def fit(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    names = environment()
    return subprocess.run(command, cwd=folder, env=names, capture_output=True, text=True, check=False)
