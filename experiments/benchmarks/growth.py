"""Time and memory of training LightGCN against the size of the graph.

python experiments/benchmarks/growth.py --data FOLDER --json runs/bench/growth.json

Draws power-law graphs of 1, 4, 16 and 64 million edges, with a user to 16 edges and an item to 64, builds
each as `fit` does and takes some steps of its training loop: 3 layers of 64, BPR, 2,048 edges with one
sampled item each, Adam. Each size has a process of its own, so that the peak of its memory is its own; the
largest takes several minutes, ``--sizes 1 4 16`` leaves it out. With FOLDER, which holds train.txt,
valid.txt and test.txt in LightGCN's form, two epochs of ``graphrec fit`` on it are measured too. Times per
edge are medians; what counts is how they grow, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.figure import Figure
from measure import arguments, training_steps, write
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from graphrec.cli.terminal import print_frame
from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph
from graphrec.models import LightGCN
from graphrec.training import RankingTask

MILLION, BATCH, WARM_UP = 1_000_000, 2048, 2
USERS, ITEMS = MILLION // 16, MILLION // 64
"""Nodes to a million edges; 5 million to 64."""
EXPONENTS = {"user": 0.5, "item": 0.8}
"""Of the degree in its rank: numbers of nodes fall with the degree to the power of -3 and of -2.25."""
RECIPE = Path(__file__).parents[1] / "gowalla" / "lightgcn.yaml"
Codes = npt.NDArray[np.int32]


def main(options: argparse.Namespace) -> None:
    """Measure each size in a process, then `fit`; print, write."""
    flat: dict[str, float] = {"threads": torch.get_num_threads()}
    rows = []
    for size in options.sizes:
        names = ("repeats", "storage", "order", "accelerator")
        settings = [part for name in names for part in (f"--{name}", str(getattr(options, name)))]
        row = json.loads(run([__file__, "--one", str(size), *settings], f"{size} M edges")[0])
        flat |= {f"edges_{size}m_{name}": value for name, value in row.items()}
        rows.append({"M edges": size, **row})
    first, last = min(options.sizes), max(options.sizes)
    per_edge = {size: flat[f"edges_{size}m_ns_per_edge"] for size in (first, last)}
    flat["time_per_edge_ratio"] = round(per_edge[last] / per_edge[first], 3)
    print_frame(pd.DataFrame(rows), f"LightGCN, 3 layers of 64, batches of {BATCH:,}")
    print(f"time per edge, {last} M to {first} M: {flat['time_per_edge_ratio']}")
    if options.data is not None:
        flat |= fit(options.data)
        print(f"fit: peak {flat['fit_peak_gb']} GB, {flat['fit_seconds_per_epoch']} s an epoch")
    write(options.json, flat, partial(draw, flat=flat, sizes=options.sizes))


def measure(size: int, repeats: int, storage: str, order: str, accelerator: str) -> dict[str, float]:
    """What one size takes; seconds, GB of this process at its peak, bytes to an edge beyond the start's."""
    torch.manual_seed(0)
    before = peak_gb()
    print("draw the graph", flush=True)
    train = interactions(size * MILLION, size * USERS, size * ITEMS, order)
    print("build", flush=True)
    started = time.perf_counter()
    task = RankingTask(encoder=partial(LightGCN, storage=storage))
    task.bind(BipartiteGraph(train))
    built, build_peak = time.perf_counter() - started, peak_gb()
    repeats = 3 if size >= 64 else repeats
    seconds = training_steps(
        task, BATCH, repeats, WARM_UP, accelerator, lambda n: print(f"step {n}", flush=True)
    )
    step = statistics.median(seconds)
    device = (
        {"gpu_peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 3)} if accelerator == "gpu" else {}
    )
    return {
        "nodes": size * (USERS + ITEMS),
        "build_seconds": round(built, 2),
        "step_seconds": round(step, 4),
        "ns_per_edge": round(1e9 * step / (size * MILLION), 1),
        "build_peak_gb": round(build_peak, 3),
        "peak_gb": round(peak_gb(), 3),
        "bytes_per_edge": round(1e9 * (peak_gb() - before) / (size * MILLION), 1),
        **device,
    }


def interactions(edges: int, users: int, items: int, order: str) -> Interactions:
    """Distinct pairs, both ends drawn in proportion to power laws of their ranks (Chung and Lu, 2002).

    Ranks and codes have nothing to do with each other, unless `order` is ``degree``: then they are the same.
    """
    rng = np.random.default_rng(0)
    keys = np.empty(0, dtype=np.int64)
    while len(keys) < edges:
        missing = int(1.15 * (edges - len(keys))) + 1000
        fresh = ends(rng, users, missing, EXPONENTS["user"]).astype(np.int64) * items
        fresh += rng.permutation(ends(rng, items, missing, EXPONENTS["item"]))
        keys = np.concatenate([keys, fresh])
        del fresh
        keys.sort()
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    keep = np.ones(len(keys), dtype=bool)
    keep[rng.choice(len(keys), len(keys) - edges, replace=False)] = False
    user, item = np.divmod(keys[keep], items)
    del keys, keep
    if order == "random":
        user, item = rng.permutation(users)[user], rng.permutation(items)[item]
    frame = pd.DataFrame({"user": user, "item": item}, copy=False)
    return Interactions(frame, IdMap(np.arange(users)), IdMap(np.arange(items)))


def ends(rng: np.random.Generator, nodes: int, count: int, exponent: float) -> Codes:
    """Ranks of `count` nodes in ascending order, with weights ``(rank + 10)^-exponent``."""
    share = np.cumsum((np.arange(nodes) + 10.0) ** -exponent)
    drawn = rng.random(count)
    drawn.sort()
    return np.searchsorted(share[:-1], drawn * share[-1]).astype(np.int32)


def fit(folder: Path) -> dict[str, float]:
    """Peak memory of ``graphrec fit`` with two epochs, and how much longer they take than one."""
    seconds, peak = [], 0.0
    for epochs in (1, 2):
        with tempfile.TemporaryDirectory() as root:
            source = ["--data.init_args.source.init_args.path", str(folder)]
            length = ["--trainer.max_epochs", str(epochs), "--run.root", root]
            started = time.perf_counter()
            command = ["-m", "graphrec", "fit", "-c", str(RECIPE), *source, *length]
            _, peak = run(command, f"fit, epochs: {epochs}")
            seconds.append(time.perf_counter() - started)
    return {"fit_peak_gb": round(peak, 3), "fit_seconds_per_epoch": round(seconds[1] - seconds[0], 1)}


def run(command: list[str], title: str) -> tuple[str, float]:
    """What a Python process prints last, and its peak memory in GB; what it says on the way is shown."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    environment = os.environ | {"WANDB_MODE": "offline"}
    with Progress(*columns, transient=True) as progress, tempfile.TemporaryFile("w+") as errors:
        shown = progress.add_task(title)
        process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            last = line.strip() or last
            progress.update(shown, description=f"{title}: {last[:60]}")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{title} ended with {process.returncode}: {errors.read()[-2000:]}")
    return last, gigabytes(usage.ru_maxrss)


def peak_gb() -> float:
    """The most memory this process has held."""
    return gigabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def gigabytes(maxrss: int) -> float:
    """Linux counts in KiB, macOS in bytes."""
    return maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def draw(figure: Figure, flat: dict[str, float], sizes: list[int]) -> None:
    """Seconds and gigabytes against edges, beside a straight line."""
    edges = np.array(sorted(sizes)) * MILLION
    labels = {"step_seconds": "seconds a step", "peak_gb": "peak memory, GB"}
    for place, (name, label) in enumerate(labels.items(), 1):
        axes = figure.add_subplot(1, 2, place)
        values = np.array([flat[f"edges_{size}m_{name}"] for size in sorted(sizes)])
        axes.plot(edges, values[-1] / edges[-1] * edges, "--", color="#9aa5b1", label="slope one")
        axes.plot(edges, values, "o-", color="#1f6feb", label="graphrec")
        axes.set(xscale="log", yscale="log", xlabel="edges", ylabel=label)
        axes.legend()


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 16, 64], help="millions of edges")
    parser.add_argument("--storage", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument(
        "--order",
        choices=["random", "degree"],
        default="random",
        help="codes of the nodes: at random, or the frequent first",
    )
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one = measure(given.one, given.repeats, given.storage, given.order, given.accelerator)
        print(json.dumps(one))
    else:
        main(given)
