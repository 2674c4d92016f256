"""Time of a full evaluation: graphrec's ranking and measures, and the test function of PyG's example.

python experiments/benchmarks/ranking.py --data FOLDER --json runs/bench/ranking.json

FOLDER holds train.txt and test.txt in LightGCN's form; without it, a random log is drawn. Both ways get the
same vectors, so propagation is in neither time. graphrec gives every measure of each user at 10 and 20; the
example gives the means of precision and recall at 20. The example ranks as many users at a time as it
trains edges, 8,192; a smaller batch suits it better on a CPU and is measured too, and ``ranking_ratio_pyg``
is the smaller of the two ratios. The ways take turns in one process, so that a noisy machine slows all of
them; figures are medians, and what counts are the ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure
from rich.progress import track
from torch import Tensor
from torch_geometric.utils import degree

from graphrec.cli.terminal import print_frame
from graphrec.data import sources
from graphrec.data.splits import Given, Random, Split
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Embeddings
from graphrec.models.decoders import Dot

DIM, K, USERS = 64, 20, 128
PYG_BATCHES = {"pyg": 8192, "pyg_small": 128}
Means = dict[str, float]


def load(folder: Path | None) -> Split:
    """The split of a folder, or a random log of 400,000 pairs with a tenth held out."""
    if folder is not None:
        raw = sources.lightgcn_txt(str(folder), train_on_valid=True)
        return Given(val_fraction=0.0, whole_catalogue=True)(raw.log)
    raw = sources.synthetic(num_users=10_000, num_items=10_000, num_blocks=20, density=0.004)
    return Random(val_fraction=0.0, test_fraction=0.1)(raw.log)


def vectors(graph: BipartiteGraph) -> Embeddings:
    """The leading singular vectors of the normalised matrix, so that the lists find something."""
    generator = torch.Generator().manual_seed(0)
    item = torch.randn(graph.num_items, DIM, generator=generator)
    no_user, no_item = torch.zeros(graph.num_users, DIM), torch.zeros_like(item)
    for _ in track(range(6), "Singular vectors", transient=True):
        user = graph.propagate(torch.cat([no_user, item]))[: graph.num_users]
        item = torch.linalg.qr(graph.propagate(torch.cat([user, no_item]))[graph.num_users :]).Q
    return Embeddings(graph.propagate(torch.cat([no_user, item]))[: graph.num_users].clone(), item)


def graphrec_way(graph: BipartiteGraph, test: Tensor, embeddings: Embeddings) -> Callable[[], Means]:
    """What validation and test do in this project, from building the evaluator to the means."""
    (user, item), decoder = embeddings, Dot()

    def evaluate() -> Means:
        evaluator = RankingEvaluator(graph, truth_lists(test.numpy(), graph), (10, K), ("new",))
        for users in test[:, 0].unique().split(USERS):
            evaluator.update(users, decoder.matrix(user[users], item))
        return evaluator.compute()["new"].means()

    return evaluate


def pyg_way(graph: BipartiteGraph, test: Tensor, vectors: Embeddings, size: int) -> Callable[[], Means]:
    """The steps of the example's test function: dense scores, and a search of all edges for each batch."""
    user, item = vectors

    def chunk(pairs: tuple[Tensor, Tensor], start: int) -> tuple[Tensor, Tensor]:
        inside = (pairs[0] >= start) & (pairs[0] < start + size)
        return pairs[0][inside] - start, pairs[1][inside]

    def evaluate() -> Means:
        precision = recall = 0.0
        counted = 0
        for start in range(0, graph.num_users, size):
            scores = user[start : start + size] @ item.T
            scores[chunk((graph.edge_user, graph.edge_item), start)] = -torch.inf
            relevant = torch.zeros_like(scores, dtype=torch.bool)
            rows, columns = chunk((test[:, 0], test[:, 1]), start)
            relevant[rows, columns] = True
            count = degree(rows, len(scores))
            found = relevant.gather(1, scores.topk(K, dim=1).indices).sum(dim=1)
            precision += float(found.sum()) / K
            recall += float((found / count.clamp_min(1e-6)).double().sum())
            counted += int((count > 0).sum())
        return {f"precision_{K}": precision / counted, f"recall_{K}": recall / counted}

    return evaluate


def measure(ways: dict[str, Callable[[], Means]], repeats: int) -> tuple[dict[str, float], dict[str, Means]]:
    """Median seconds of each way, taking turns after one turn to warm up, and what each found."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    means: dict[str, Means] = {}
    for number in track(range(repeats + 1), "Evaluations", transient=True):
        for name, way in ways.items():
            started = time.perf_counter()
            means[name] = way()
            if number:
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}, means


def picture(rows: pd.DataFrame, file: Path) -> None:
    """Seconds of each way as bars."""
    figure = Figure(figsize=(6, 2.2), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(rows["way"], rows["seconds"], color=["#2a6f97", *["#a9a9a9"] * (len(rows) - 1)])
    axes.bar_label(bars, [f"{value:.1f} s" for value in rows["seconds"]], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("seconds for one evaluation of all users")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


@torch.no_grad()
def main(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    split = load(options.data)
    graph, test = BipartiteGraph(split.train), torch.from_numpy(split.test.pairs())
    print(f"{graph.num_users:,} users, {graph.num_items:,} items, {len(test):,} pairs to find")
    embeddings = vectors(graph)
    ways = {"graphrec": graphrec_way(graph, test, embeddings)}
    ways |= {name: pyg_way(graph, test, embeddings, size) for name, size in PYG_BATCHES.items()}
    seconds, means = measure(ways, options.repeats)
    ratios = {name: seconds[name] / seconds["graphrec"] for name in PYG_BATCHES}
    flat: dict[str, float] = {"threads": torch.get_num_threads(), "ranking_seconds": seconds["graphrec"]}
    flat["ranking_ratio_pyg"] = min(ratios.values())
    for name, size in PYG_BATCHES.items():
        flat[f"ranking_seconds_pyg_{size}"] = seconds[name]
        flat[f"ranking_ratio_pyg_{size}"] = ratios[name]
    for measured in (f"recall_{K}", f"precision_{K}"):
        flat[measured], flat[f"{measured}_pyg"] = means["graphrec"][measured], means["pyg"][measured]
    labels = {"graphrec": f"graphrec, {USERS} users at a time"}
    labels |= {name: f"PyG's example, {size:,}" for name, size in PYG_BATCHES.items()}
    rows = pd.DataFrame(
        {
            "way": labels[name],
            "seconds": seconds[name],
            "/ graphrec": seconds[name] / seconds["graphrec"],
            f"recall {K}": means[name][f"recall_{K}"],
            f"precision {K}": means[name][f"precision_{K}"],
        }
        for name in ways
    )
    print_frame(rows, "An evaluation of all users")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(flat, indent=1) + "\n")
        picture(rows, options.json.with_suffix(".png"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--repeats", type=int, default=5, help="evaluations that are measured")
    main(parser.parse_args())
