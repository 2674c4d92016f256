"""Time of one training step of LightGCN: graphrec, PyG's example, and a COO product.

python experiments/benchmarks/propagation.py --data FOLDER --json runs/bench/propagation.json

FOLDER holds train.txt and test.txt in LightGCN's form; without it, a random graph is drawn. A step is
forward, BPR, backward and Adam on 2,048 edges. The three ways take turns in one process, so that a noisy
machine slows all of them; figures are medians, and what counts are the ratios. Gradients of the table are
held against PyG's first.
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
from torch import Tensor
from torch.nn.functional import embedding, softplus
from torch_geometric.nn import LightGCN as PyGLightGCN

from graphrec.cli.terminal import print_frame
from graphrec.data import sources
from graphrec.data.splits import Given
from graphrec.graph import BipartiteGraph
from graphrec.losses import bpr
from graphrec.models import LightGCN

DIM, BATCH = 64, 2048


def load(folder: Path | None) -> BipartiteGraph:
    """The graph of a folder, or a random one of 400,000 edges."""
    if folder is not None:
        raw = sources.lightgcn_txt(str(folder), train_on_valid=True)
        return BipartiteGraph(Given(val_fraction=0.0, whole_catalogue=True)(raw.log).train)
    raw = sources.synthetic(num_users=10_000, num_items=10_000, num_blocks=20, density=0.004)
    return BipartiteGraph(Given(val_fraction=0.0)(raw.log.assign(part="train")).train)


def batch(graph: BipartiteGraph, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Users, bought items and sampled items, each ``[B]``."""
    generator = torch.Generator().manual_seed(step)
    edges = torch.randint(graph.num_edges, (BATCH,), generator=generator)
    sampled = torch.randint(graph.num_items, (BATCH,), generator=generator)
    return graph.edge_user[edges], graph.edge_item[edges], sampled


def graphrec_step(graph: BipartiteGraph, layers: int) -> Callable[[int], Tensor]:
    """The way of this project: an int32 CSR product whose backward uses the same matrix."""
    model = LightGCN(graph, DIM, layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step(number: int) -> Tensor:
        users, bought, sampled = batch(graph, number)
        vectors = model(graph)
        user = embedding(users, vectors.user)
        positive = (user * embedding(bought, vectors.item)).sum(1)
        negative = (user * embedding(sampled, vectors.item)).sum(1)
        optimizer.zero_grad()
        bpr(positive, negative[:, None]).backward()
        optimizer.step()
        return model.weight

    return step


def pyg_step(graph: BipartiteGraph, layers: int) -> Callable[[int], Tensor]:
    """PyG's class called as its example calls it, on an edge index."""
    model = PyGLightGCN(graph.num_nodes, DIM, layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    edge_index = graph.edge_index

    def step(number: int) -> Tensor:
        users, bought, sampled = batch(graph, number)
        targets = torch.cat([bought, sampled]) + graph.num_users
        scores = model(edge_index, torch.stack([users.repeat(2), targets]))
        positive, negative = scores.chunk(2)
        optimizer.zero_grad()
        softplus(negative - positive).mean().backward()
        optimizer.step()
        return model.embedding.weight

    return step


def coo_step(graph: BipartiteGraph, layers: int) -> Callable[[int], Tensor]:
    """A normalised ``torch.sparse_coo_tensor`` and autograd's own backward."""
    table = torch.nn.Parameter(torch.randn(graph.num_nodes, DIM) * 0.1)
    optimizer = torch.optim.Adam([table], lr=1e-3)
    matrix = graph.adjacency.tensor().to_sparse_coo().coalesce()

    def step(number: int) -> Tensor:
        users, bought, sampled = batch(graph, number)
        layer, outputs = table, [table]
        for _ in range(layers):
            layer = torch.sparse.mm(matrix, layer)
            outputs.append(layer)
        user, item = torch.stack(outputs, 1).mean(1).split([graph.num_users, graph.num_items])
        positive = (user[users] * item[bought]).sum(1)
        negative = (user[users] * item[sampled]).sum(1)
        optimizer.zero_grad()
        softplus(negative - positive).mean().backward()
        optimizer.step()
        return table

    return step


WAYS = {"graphrec": graphrec_step, "pyg": pyg_step, "coo": coo_step}


def gradient_gap(graph: BipartiteGraph, layers: int) -> float:
    """Largest difference of a gradient from PyG's, relative to the largest gradient."""
    ours, theirs = LightGCN(graph, DIM, layers), PyGLightGCN(graph.num_nodes, DIM, layers)
    theirs.embedding.weight.data.copy_(ours.weight.data)
    weight = torch.randn(graph.num_nodes, DIM, generator=torch.Generator().manual_seed(0))
    (torch.cat(list(ours(graph))) * weight).sum().backward()
    (theirs.get_embedding(graph.edge_index) * weight).sum().backward()
    assert ours.weight.grad is not None
    expected = theirs.embedding.weight.grad
    return float((ours.weight.grad - expected).abs().max() / expected.abs().max())


def measure(graph: BipartiteGraph, layers: int, repeats: int) -> dict[str, float]:
    """Median milliseconds of each way, taking turns after one step to warm up."""
    steps = {name: way(graph, layers) for name, way in WAYS.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(repeats + 1):
        for name, step in steps.items():
            started = time.perf_counter()
            step(number)
            if number:
                times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in times.items()}


def main(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    torch.manual_seed(0)
    graph = load(options.data)
    print(f"{graph.num_users:,} users, {graph.num_items:,} items, {graph.num_edges:,} edges")
    flat: dict[str, float] = {"edges": graph.num_edges, "threads": torch.get_num_threads()}
    rows: list[dict[str, float]] = []
    for layers in (3, 1):
        flat[f"gradient_gap_{layers}"] = gradient_gap(graph, layers)
        median = measure(graph, layers, options.repeats)
        for name, milliseconds in median.items():
            flat[f"step_ms_{name}_{layers}"] = milliseconds
        flat[f"step_ratio_pyg_{layers}"] = median["pyg"] / median["graphrec"]
        flat[f"step_ratio_coo_{layers}"] = median["coo"] / median["graphrec"]
        rows.append({"layers": layers, **{f"{name} ms": round(ms, 1) for name, ms in median.items()}})
        rows[-1] |= {
            f"{peer} / graphrec": round(median[peer] / median["graphrec"], 1) for peer in ("pyg", "coo")
        }
    print_frame(pd.DataFrame(rows), "A training step")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(flat, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--repeats", type=int, default=5, help="steps that are measured")
    main(parser.parse_args())
