"""What all workers of `peers.py` share: read the purchases, time a fit and a ranking, write lists and times.

A worker is a process in the environment of its library, so this file needs NumPy and SciPy and nothing else.
It is called as ``python WORKER.py FOLDER``. FOLDER holds ``train.npz`` (``user``, ``item``, ``shape``) and
``job.json`` (the settings); ``lists.npy`` and ``times.json`` are written there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

K = 20


def matrix(folder: Path) -> sp.csr_matrix:
    """The purchases, ones in float32. Shape ``[U, I]``."""
    data = np.load(folder / "train.npz")
    ones = np.ones(len(data["user"]), dtype=np.float32)
    return sp.csr_matrix((ones, (data["user"], data["item"])), shape=tuple(data["shape"]))


def settings() -> tuple[Path, dict[str, Any]]:
    """The folder and the settings of this job."""
    folder = Path(sys.argv[1])
    job: dict[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    return folder, job


def timed(folder: Path, fit: Callable[[], Any], rank: Callable[[Any], np.ndarray]) -> None:
    """Run and time both; wall seconds, and those of the processor, of all threads together.

    Args:
        folder: Where lists and times are written.
        fit: Gives the model.
        rank: Gives the 20 best items of every user, none bought before, best first. Shape ``[U, 20]``.
    """
    marks = [_now()]
    model = fit()
    marks.append(_now())
    lists = rank(model)
    marks.append(_now())
    wall, cpu = np.diff(marks, axis=0).T
    times = dict(zip(("fit", "rank", "fit_cpu", "rank_cpu"), [*wall, *cpu], strict=True))
    times["load"] = os.getloadavg()[0]
    np.save(folder / "lists.npy", np.asarray(lists, dtype=np.int64))
    (folder / "times.json").write_text(json.dumps(times), encoding="utf-8")


def top(scores: np.ndarray, seen: sp.csr_matrix) -> np.ndarray:
    """The 20 best of each row without what was bought. ``[B, I]`` to ``[B, 20]``."""
    scores[seen.nonzero()] = -np.inf
    best = np.argpartition(-scores, K, axis=1)[:, :K]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
