"""What a case works with: a folder, small inputs of a shop, and graphrec as a process or in this one."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    command: str
    code: int
    text: str

    def done(self) -> Said:
        """Check that it ended well."""
        assert self.code == 0, f"`{self.command}` ended with {self.code}: {self.text[-600:]}"
        return self

    def refused(self, *words: str) -> Said:
        """Check that it ended with code 2 and one line that holds these words."""
        assert self.code == 2, f"`{self.command}` ended with {self.code}: {self.text[-600:]}"
        assert "Traceback" not in self.text, self.text[-900:]
        lines = [line for line in self.text.splitlines() if line.startswith("graphrec: ")]
        problems = [line for line in lines if not line.startswith("graphrec: warning")]
        assert problems, f"`{self.command}` said no line: {self.text[-600:]}"
        missing = [word for word in words if word.lower() not in lines[-1].lower()]
        assert not missing, f"`{self.command}` lacks {missing}: {lines[-1]}"
        assert "np." not in lines[-1], lines[-1]
        return self

    def says(self, *words: str) -> Said:
        """Check that what was printed holds these words."""
        missing = [word for word in words if word.lower() not in self.text.lower()]
        assert not missing, f"`{self.command}` does not say {missing}: {self.text[-900:]}"
        return self


Run = Callable[[list[str]], tuple[int, str]]


@dataclass
class Shell:
    """Runs commands in the current folder."""

    run: Run

    def __call__(self, words: str, *more: str) -> Said:
        """Run a command; ``CKPT`` stands for the newest best.ckpt below ``runs``."""
        args = [str(newest()) if word == "CKPT" else word for word in (*shlex.split(words), *more)]
        code, text = self.run(args)
        said = Said(shlex.join(args), code, text)
        assert "Traceback (most recent" not in text, text[-1500:]
        return said


def newest() -> Path:
    """The newest best.ckpt."""
    found = sorted(Path("runs").glob("*/*/checkpoints/best.ckpt"), key=lambda path: path.stat().st_mtime)
    assert found, "there is no checkpoint"
    return found[-1]


def as_process(executable: list[str]) -> Run:
    """Commands of an installed executable."""

    def run(args: list[str]) -> tuple[int, str]:
        env = {"WANDB_MODE": "offline", **os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([*executable, *args], capture_output=True, text=True, env=env)
        return done.returncode, done.stdout + done.stderr

    return run


def in_this_process(args: list[str]) -> tuple[int, str]:
    """The same commands without a process of their own."""
    from graphrec.cli.main import console

    text, code = io.StringIO(), 0
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            console(args)
        except SystemExit as stop:
            code = int(stop.code or 0)
        except Exception:
            code = 1
            text.write(traceback.format_exc())
    return code, text.getvalue()


def log(users: int = 40, items: int = 25, rows: int = 480, seed: int = 3) -> pd.DataFrame:
    """Distinct purchases of half a year, in the order of time, with a price per item."""
    rng = np.random.default_rng(seed)
    cell = rng.permutation(users * items)[:rows]
    minute = np.sort(rng.choice(24 * 60 * 165, size=len(cell), replace=False))
    item = cell % items
    return pd.DataFrame(
        {
            "user_id": [f"u{i:03d}" for i in cell // items],
            "item_id": [f"i{i:03d}" for i in item],
            "timestamp": pd.Timestamp("2023-01-02") + pd.to_timedelta(minute, unit="min"),
            "price": (1 + item * 0.37).round(2),
            "quantity": 1,
        }
    )


FREQUENCY = {
    "class_path": "ClosedFormTask",
    "init_args": {"recommender": {"class_path": "TopFrequency", "init_args": {"decay_weeks": 10}}},
}
LIGHTGCN = {
    "class_path": "RankingTask",
    "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 8, "num_layers": 1}}},
}
LEAVE_LAST = {"class_path": "LeaveLast"}


def config(
    model: dict[str, Any] | None = None,
    split: dict[str, Any] | None = None,
    kind: str = "table",
    file: str = "c.yaml",
    **source: Any,
) -> None:
    """Write a configuration; what is not said is the log's, left last, and counted."""
    source = source if kind != "table" else {"path": "log.csv", **source}
    arguments = {
        "source": {"class_path": f"graphrec.data.sources.{kind}", "init_args": source},
        "split": split or LEAVE_LAST,
        "item_sets": ["all"],
    }
    content = {
        "run": {"name": "t"},
        "trainer": {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False},
        "data": {"class_path": "RecommenderData", "init_args": arguments},
        "model": model or FREQUENCY,
    }
    Path(file).write_text(yaml.safe_dump(content, sort_keys=False))


def temporal(**arguments: Any) -> dict[str, Any]:
    """A split by time."""
    return {"class_path": "Temporal", "init_args": arguments}


def recommended(shell: Shell, words: str = "-k 5 --items all") -> pd.DataFrame:
    """The lists of the newest fit."""
    shell(f"recommend --ckpt CKPT {words} --out rec.parquet").done()
    return pd.read_parquet("rec.parquet")


def offered(shell: Shell, words: str) -> pd.DataFrame:
    """The offers of the newest fit."""
    shell(f"offers --ckpt CKPT {words} --out o.parquet").done()
    return pd.read_parquet("o.parquet")


def pairs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Distinct pairs of user and item, as text."""
    return set(zip(frame["user_id"].astype(str), frame["item_id"].astype(str), strict=True))


def edges(**source: Any) -> set[tuple[str, str]]:
    """The pairs that a graph of the whole log has."""
    from graphrec.data.sources import table
    from graphrec.data.splits import Random

    with contextlib.redirect_stderr(io.StringIO()):
        train = Random(val_fraction=0.0, test_fraction=0.0)(table("log.csv", **source).log).train
    return {(str(train.users.ids[user]), str(train.items.ids[item])) for user, item in train.pairs().tolist()}
