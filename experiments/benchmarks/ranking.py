"""Time of a full evaluation: graphrec's ranking and measures, and the test function of PyG's example.

python experiments/benchmarks/ranking.py --data FOLDER --json runs/bench/ranking.json

FOLDER holds train.txt, valid.txt and test.txt as LightGCN has them; without it, a log is drawn. All ways
start from the same embedding table of a LightGCN of three layers, so propagation is part of both, as in the
example. graphrec gives every measure of each user at 10 and 20, the example the means of precision and recall
at 20. The example ranks as many users at a time as it trains edges, 8,192 (``ranking_ratio_pyg``); a batch of
128 is measured too, and so is graphrec with the scores of all items in place of its search.
The ways take turns in one process; figures are medians, and what counts are the ratios. graphrec ranks 512
users at a time on a CPU, and on a GPU, where there is one, as many as the example.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import torch
from matplotlib.figure import Figure
from measure import arguments, take_turns, write
from torch import Tensor
from torch_geometric.nn import LightGCN as PyGLightGCN
from torch_geometric.utils import degree

from graphrec.cli.terminal import print_frame
from graphrec.data import sources
from graphrec.data.splits import Given, Random, Split
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.models import Dot, LightGCN
from graphrec.models.embedding import EmbeddingRecommender

DIM, LAYERS, K = 64, 3, 20
USERS = 8192 if torch.cuda.is_available() else 512
Means = dict[str, float]
LABELS = {
    "graphrec": "graphrec",
    "float32": "graphrec, scores of all items",
    "pyg": "PyG's example, 8,192 users at a time",
    "pyg_128": "PyG's example, 128 users at a time",
}


def load(folder: Path | None) -> Split:
    """The split of a folder, or a random log of 400,000 pairs with a tenth held out."""
    if folder is not None:
        raw = sources.lightgcn_txt(str(folder), train_on_valid=True)
        return Given(val_fraction=0.0, whole_catalogue=True)(raw.log)
    raw = sources.synthetic(num_users=10_000, num_items=10_000, num_blocks=20, density=0.004)
    return Random(val_fraction=0.0, test_fraction=0.1)(raw.log)


def table(graph: BipartiteGraph) -> Tensor:
    """The leading singular vectors of the normalised matrix, so that the lists find something."""
    generator = torch.Generator().manual_seed(0)
    nodes = torch.randn(graph.num_nodes, DIM, generator=generator).to(graph.edge_user.device)
    for _ in range(6):
        nodes = torch.linalg.qr(graph.propagate(graph.propagate(nodes)) + nodes).Q
    return nodes.contiguous()


def graphrec_way(graph: BipartiteGraph, test: Tensor, weight: Tensor, exact: bool) -> Callable[[], Means]:
    """What validation and test do in this project: propagate, rank, measure."""
    encoder = LightGCN(graph, DIM, LAYERS).to(weight.device)
    encoder.weight.data.copy_(weight)
    recommender = EmbeddingRecommender(graph, encoder, Dot())
    truth = test.cpu().numpy()

    def evaluate() -> Means:
        recommender.eval()  # forgets the embeddings of the turn before
        evaluator = RankingEvaluator(graph, truth_lists(truth, graph), (10, K), ("new",))
        for users in test[:, 0].unique().split(USERS):
            evaluator.rank(users, recommender)
        return evaluator.compute()["new"].means()

    def evaluate_exactly() -> Means:
        with patch("graphrec.models.embedding.is_worthwhile", return_value=False):
            return evaluate()

    return evaluate_exactly if exact else evaluate


def pyg_way(graph: BipartiteGraph, test: Tensor, weight: Tensor, size: int) -> Callable[[], Means]:
    """The steps of the example's test function: dense scores, and a search of all edges for each batch."""
    model = PyGLightGCN(graph.num_nodes, DIM, LAYERS).to(weight.device)
    model.embedding.weight.data.copy_(weight)
    edge_index = graph.edge_index

    def chunk(pairs: tuple[Tensor, Tensor], start: int) -> tuple[Tensor, Tensor]:
        inside = (pairs[0] >= start) & (pairs[0] < start + size)
        return pairs[0][inside] - start, pairs[1][inside]

    def evaluate() -> Means:
        user, item = model.get_embedding(edge_index).split([graph.num_users, graph.num_items])
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


def draw(figure: Figure, rows: pd.DataFrame) -> None:
    """Seconds of each way as bars."""
    axes = figure.subplots()
    colours = ["#1f6feb", "#79a8f0", "#9aa5b1", "#9aa5b1"]
    bars = axes.barh(rows["way"], rows["seconds"], color=colours)
    axes.bar_label(bars, [f"{value:.1f} s" for value in rows["seconds"]], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("seconds for one evaluation of all users")


def remember(name: str, way: Callable[[], Means], means: dict[str, Means]) -> Means:
    """Run a way and keep what it found."""
    means[name] = way()
    return means[name]


@torch.no_grad()
def main(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    split = load(options.data)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    graph = BipartiteGraph(split.train).to(device)
    test = torch.from_numpy(split.test.pairs()).to(device)
    print(f"{graph.num_users:,} users, {graph.num_items:,} items, {len(test):,} pairs to find")
    weight, means = table(graph), {}
    ways = {
        "graphrec": graphrec_way(graph, test, weight, exact=False),
        "float32": graphrec_way(graph, test, weight, exact=True),
        "pyg": pyg_way(graph, test, weight, 8192),
        "pyg_128": pyg_way(graph, test, weight, 128),
    }
    turns = {name: partial(remember, name, way, means) for name, way in ways.items()}
    seconds = take_turns(turns, options.repeats, "Evaluations")
    flat: dict[str, float] = {"threads": torch.get_num_threads(), "ranking_seconds": seconds["graphrec"]}
    for name in ("float32", "pyg", "pyg_128"):
        flat[f"ranking_seconds_{name}"] = seconds[name]
        flat[f"ranking_ratio_{name}"] = seconds[name] / seconds["graphrec"]
    for measured in (f"recall_{K}", f"precision_{K}"):
        flat[measured], flat[f"{measured}_pyg"] = means["graphrec"][measured], means["pyg"][measured]
    rows = pd.DataFrame(
        {
            "way": LABELS[name],
            "seconds": seconds[name],
            "/ graphrec": seconds[name] / seconds["graphrec"],
            **{f"{one} {K}": means[name][f"{one}_{K}"] for one in ("recall", "precision")},
        }
        for name in ways
    )
    print_frame(rows, "An evaluation of all users")
    write(options.json, flat, lambda figure: draw(figure, rows))


if __name__ == "__main__":
    main(arguments(__doc__, repeats=5).parse_args())
