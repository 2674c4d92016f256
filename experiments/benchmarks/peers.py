"""Other libraries beside graphrec: quality and seconds on the same split and the same cores.

python experiments/benchmarks/peers.py --data FOLDER --json runs/bench/peers.json

Each library gets an environment of its own (``python -m venv``, versions as in ``workers/peers.yaml``). Both
sides try as many settings, chosen by NDCG@20 on validation, which this project's evaluator computes from the
lists of either. With the best of each, both fit and rank everyone in turns, each time in a new process. To
read files and to import is not counted; to lay out graphrec's graph is. FOLDER holds train.txt and test.txt
(and valid.txt) in LightGCN's form; without valid.txt a tenth of train is held out for the trials. Without
FOLDER a log is drawn, which shows the script and no more. What stands in the folder of results is not
done again, so the command can be stopped and repeated.

  peers.py --only implicit-knn                  one comparison, on a drawn log
  peers.py --data FOLDER --trials 2 --repeats 5 fewer settings, more turns
  peers.py --data FOLDER --envs ~/peers         environments kept elsewhere
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import yaml
from matplotlib.figure import Figure
from measure import arguments, quality, write
from rich.progress import Progress
from torch import Tensor

from graphrec.cli.terminal import print_frame
from graphrec.data import sources
from graphrec.data.splits import Given, Random, Split
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender

WORKERS = Path(__file__).parent / "workers"
SIDES = ("ours", "peer")
EQUAL = 0.01
"""Relative difference of NDCG@20 within which two models count as equally good."""


class Case(NamedTuple):
    """One comparison: a model of a library and ours."""

    name: str
    library: str
    packages: list[str]
    note: str
    trials: dict[str, list[dict[str, Any]]]


class Listed(Recommender):
    """Lists that were made elsewhere, for the evaluator. Items ``[U, 20]``, −1 where a user has fewer."""

    def __init__(self, graph: BipartiteGraph, items: np.ndarray) -> None:
        super().__init__()
        self.graph, self.items = graph, torch.from_numpy(items)

    def score(self, users: Tensor) -> Tensor:
        """Refuse: there are no scores."""
        raise NotImplementedError

    def lists(self, users: Tensor, k: int, item_sets: Any) -> dict[Any, tuple[Tensor, Tensor]]:
        """The lists, scored by place."""
        items = self.items[users, :k]
        values = torch.arange(k, 0, -1.0).expand(items.shape).masked_fill(items < 0, -torch.inf)
        return {name: (values, items.clamp_min(0)) for name in item_sets}


def cases(only: list[str] | None = None) -> list[Case]:
    """The comparisons of ``workers/peers.yaml``, or some of them."""
    given = yaml.safe_load((WORKERS / "peers.yaml").read_text(encoding="utf-8"))
    unknown = sorted(set(only or ()) - set(given))
    if unknown:
        raise InputError(f"no comparison is called {unknown[0]}", column="--only", hint=", ".join(given))
    return [Case(name, **case) for name, case in given.items() if not only or name in only]


def load(folder: Path | None) -> tuple[Split, Split]:
    """Splits to choose on and to test on; the one to choose on never holds the test part."""
    if folder is None:
        log = sources.synthetic(num_users=800, num_items=500, num_blocks=10, density=0.05).log
        split = Random(val_fraction=0.1, test_fraction=0.1)(log)
        return split, split
    own = (folder / "valid.txt").exists()
    chosen = sources.lightgcn_txt(str(folder))
    tested = sources.lightgcn_txt(str(folder), train_on_valid=True) if own else chosen
    return (
        Given(val_fraction=0.0 if own else 0.1, whole_catalogue=True)(chosen.log),
        Given(val_fraction=0.0, whole_catalogue=True)(tested.log),
    )


def prepare(case: Case, envs: Path) -> Path:
    """Make the environment of a library, unless it is there with these packages; its Python."""
    home = envs / case.library
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = home / "packages.txt"
    if done.exists() and done.read_text(encoding="utf-8").split() == case.packages:
        return python
    print(f"installing {', '.join(case.packages)} into {home}", flush=True)
    venv.create(home, with_pip=True, clear=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *case.packages], check=True)
    done.write_text("\n".join(case.packages), encoding="utf-8")
    return python


class Bench:
    """Runs jobs of one split, or reads what they gave before.

    Args:
        folder: Of the results.
        choose: The split to choose settings on.
        test: The split to test on.
        threads: Cores for either side.
    """

    def __init__(self, folder: Path, choose: Split, test: Split, threads: int) -> None:
        self.folder, self.threads = folder, threads
        self.graphs = {"val": BipartiteGraph(choose.train), "test": BipartiteGraph(test.train)}
        self.truth = {"val": choose.val.pairs(), "test": test.test.pairs()}

    def run(self, case: Case, side: str, trial: int, part: str, turn: int, python: Path) -> dict[str, float]:
        """Fit and rank once in a process of its own; its times and ``ndcg_20`` on the part."""
        job = case.trials[side][trial]
        key = json.dumps([case.packages, job, self.threads], sort_keys=True).encode()
        place = self.folder / f"{case.name}-{side}-{part}-{turn}-{hashlib.sha256(key).hexdigest()[:8]}"
        result = place / "result.json"
        if not result.exists():
            place.mkdir(parents=True, exist_ok=True)
            self._train(part, place)
            (place / "job.json").write_text(json.dumps(job), encoding="utf-8")
            worker = WORKERS / ("our_worker.py" if side == "ours" else f"{case.library}_worker.py")
            process([str(sys.executable if side == "ours" else python), str(worker)], place, self.threads)
            times = json.loads((place / "times.json").read_text(encoding="utf-8"))
            lists = Listed(self.graphs[part], np.load(place / "lists.npy"))
            times["ndcg_20"] = quality(lists, self.truth[part], 512)["ndcg_20"]
            for file in ("train.npz", "lists.npy"):
                (place / file).unlink()
            result.write_text(json.dumps(times), encoding="utf-8")
        found: dict[str, float] = json.loads(result.read_text(encoding="utf-8"))
        return found

    def _train(self, part: str, place: Path) -> None:
        graph = self.graphs[part]
        user, item = graph.edge_user.numpy().astype(np.int32), graph.edge_item.numpy().astype(np.int32)
        np.savez(place / "train.npz", user=user, item=item, shape=(graph.num_users, graph.num_items))


def process(command: list[str], place: Path, threads: int) -> None:
    """Run a worker on some cores; what it prints goes to ``output.txt`` beside its results."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads)) | {"CUDA_VISIBLE_DEVICES": ""}
    if "our_worker" not in command[1]:
        environment.pop("PYTHONPATH", None)
    with (place / "output.txt").open("w", encoding="utf-8") as output:
        code = subprocess.run(
            [*command, str(place)], env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
    if code:
        last = (place / "output.txt").read_text(encoding="utf-8").strip().splitlines()[-1:]
        raise InputError(f"the worker failed: {' '.join(last)}", file=str(place / "output.txt"))


def compare(
    bench: Bench, case: Case, python: Path, trials: int, repeats: int, tell: Callable[[], object]
) -> dict[str, Any]:
    """Choose the settings of both sides, then let them take turns; the row of the table."""
    best = {}
    for side in SIDES:
        tried = []
        for trial in range(trials):
            tried.append(bench.run(case, side, trial, "val", 0, python)["ndcg_20"])
            tell()
        best[side] = int(np.argmax(tried))
    turns: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for turn in range(repeats):
        for side in SIDES if turn % 2 else SIDES[::-1]:
            turns[side].append(bench.run(case, side, best[side], "test", turn, python))
            tell()
    return row_of(case, {side: case.trials[side][best[side]] for side in SIDES}, turns)


def row_of(case: Case, chosen: dict[str, Any], turns: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Medians of the turns, and the median of the ratios turn by turn; over 1 where ours takes less."""
    row: dict[str, Any] = {"peer": case.name, "version": case.packages[0]}
    for side in SIDES:
        row[f"ndcg_{side}"] = statistics.median(turn["ndcg_20"] for turn in turns[side])
    row["quality"] = quality_word(row["ndcg_ours"], row["ndcg_peer"])
    for phase in ("fit", "rank"):
        for side in SIDES:
            row[f"{phase}_{side}"] = statistics.median(turn[phase] for turn in turns[side])
    for name, kind in (("ratio", ""), ("ratio_cpu", "_cpu")):
        row[name] = statistics.median(
            (peer[f"fit{kind}"] + peer[f"rank{kind}"]) / (ours[f"fit{kind}"] + ours[f"rank{kind}"])
            for ours, peer in zip(turns["ours"], turns["peer"], strict=True)
        )
    row["load"] = max(turn["load"] for side in SIDES for turn in turns[side])
    row["why"] = case.note if row["ratio"] < 1 else ""
    return row | {f"settings_{side}": json.dumps(chosen[side]) for side in SIDES}


def quality_word(ours: float, peer: float) -> str:
    """Whether two values of NDCG@20 count as equal."""
    if abs(ours - peer) <= EQUAL * max(ours, peer):
        return "equal"
    return "ours higher" if ours > peer else "peer higher"


def draw(figure: Figure, rows: pd.DataFrame) -> None:
    """Ratios as bars; right of the line ours takes less time."""
    axes = figure.subplots()
    axes.bar_label(axes.barh(rows["peer"], rows["ratio"], color="#1f6feb"), fmt="%.1f ×", padding=3)
    axes.axvline(1, color="#52606d")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("seconds of the peer / seconds of graphrec, fit and ranking of everyone")


def numbers(rows: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """The figures of the table, flat."""
    for row in rows.to_dict("records"):
        yield from (
            (f"{name}_{row['peer']}", value) for name, value in row.items() if not isinstance(value, str)
        )


def main(options: argparse.Namespace) -> None:
    """Install, choose, take turns, print, write."""
    chosen = cases(options.only)
    name = "drawn" if options.data is None else options.data.resolve().name
    bench = Bench(options.envs / "results" / name, *load(options.data), options.threads)
    rows: list[dict[str, Any]] = []
    for case in chosen:
        python = prepare(case, options.envs)
        trials = min(options.trials, *(len(case.trials[side]) for side in SIDES))
        with Progress(transient=True, refresh_per_second=1) as progress:
            bar = progress.add_task(case.name, total=2 * (trials + options.repeats))
            rows.append(
                compare(bench, case, python, trials, options.repeats, lambda bar=bar: progress.advance(bar))
            )
        table = pd.DataFrame(rows)
        write(options.json, dict(numbers(table)), partial(draw, rows=table))
        if options.json:
            table.to_csv(options.json.with_suffix(".csv"), index=False)
    shown = table.drop(columns=[f"settings_{side}" for side in SIDES])
    print_frame(shown, f"{name}: fit and ranking of everyone, {options.threads} cores")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments(__doc__, repeats=3)
    result.add_argument("--envs", type=Path, default=Path("runs/peers"), help="folder of the environments")
    result.add_argument(
        "--only", nargs="+", metavar="NAME", help="comparisons: " + ", ".join(c.name for c in cases())
    )
    result.add_argument("--trials", type=int, default=4, help="settings that each side tries")
    result.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="cores of either side")
    return result


if __name__ == "__main__":
    main(parser().parse_args())
