"""Time of one training step of LightGCN: graphrec, PyG's example, and a COO product.

python experiments/benchmarks/propagation.py --data FOLDER --json runs/bench/propagation.json

FOLDER holds train.txt, valid.txt and test.txt in LightGCN's form; without it, a random graph is drawn. A step
is forward, BPR, backward and Adam on 2,048 edges with one sampled item each, drawn before the clock runs. The
ways take turns in one process, each with a fifth of a second of steps to settle and one that counts, as
training is a row of like steps; figures are medians, and what counts are the ratios. Gradients are held
against PyG's and against those of autograd's own product. The second table takes the kernel apart: the CSR
product of MKL, a gather in which each thread has half of the rows, one of some rows at a time as large
matrices have it, a gather with bfloat16, and with the nodes in three other orders, of which chains of
products take the pieces of that of Cuthill and McKee.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from measure import arguments, load_graph, take_turns, training_steps, write
from torch import Tensor
from torch.nn.functional import softplus
from torch_geometric.nn import LightGCN as PyGLightGCN

from graphrec.cli.terminal import print_frame
from graphrec.graph import BipartiteGraph
from graphrec.kernels.sparse import Renumbered, near_order
from graphrec.losses import bpr
from graphrec.models import Dot, LightGCN
from graphrec.training import RankingTask
from graphrec.training.batch import Batch, vectors_of
from graphrec.training.graphed import LossGraph

DIM, BATCH, BATCHES = 64, 2048, 64
SETTLE = 0.2
"""Seconds; after a step of another way, about five of graphrec's find less in the caches than later ones."""


def batch(graph: BipartiteGraph, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Users, bought items and sampled items, each ``[B]``."""
    device = graph.edge_user.device
    generator = torch.Generator(device).manual_seed(step)
    edges = torch.randint(graph.num_edges, (BATCH,), generator=generator, device=device)
    sampled = torch.randint(graph.num_items, (BATCH,), generator=generator, device=device)
    return graph.edge_user[edges], graph.edge_item[edges], sampled


def batches(graph: BipartiteGraph) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The same for all ways, drawn before the clock runs, over and over."""
    return cycle([batch(graph, step) for step in range(BATCHES)])


def graphrec_step(graph: BipartiteGraph, layers: int, storage: str = "float32") -> Callable[[], Tensor]:
    """The way of this project, as `RankingTask` goes it: the rows of the batch, and fused Adam."""
    model = LightGCN(graph, DIM, layers, storage=storage).to(graph.edge_user.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    drawn = batches(graph)

    def loss(users: Tensor, bought: Tensor, sampled: Tensor) -> Tensor:
        edges = Batch(users, bought, sampled[:, None], 1.0, users)
        return bpr(*vectors_of(edges, lambda *nodes: model.rows(graph, *nodes)).scores(Dot()))

    loss_of = LossGraph(loss, model) if model.weight.is_cuda else loss

    def step() -> Tensor:
        users, bought, sampled = next(drawn)
        optimizer.zero_grad()
        loss_of(users, bought, sampled).backward()
        optimizer.step()
        return model.weight

    return step


def pyg_step(graph: BipartiteGraph, layers: int) -> Callable[[], Tensor]:
    """PyG's class called as its example calls it, on an edge index."""
    model = PyGLightGCN(graph.num_nodes, DIM, layers).to(graph.edge_user.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    edge_index, drawn = graph.edge_index, batches(graph)

    def step() -> Tensor:
        users, bought, sampled = next(drawn)
        targets = torch.cat([bought, sampled]) + graph.num_users
        scores = model(edge_index, torch.stack([users.repeat(2), targets]))
        positive, negative = scores.chunk(2)
        optimizer.zero_grad()
        softplus(negative - positive).mean().backward()
        optimizer.step()
        return model.embedding.weight

    return step


def coo_step(graph: BipartiteGraph, layers: int) -> Callable[[], Tensor]:
    """A normalised ``torch.sparse_coo_tensor`` and autograd's own backward."""
    table = torch.nn.Parameter(torch.randn(graph.num_nodes, DIM, device=graph.edge_user.device) * 0.1)
    optimizer = torch.optim.Adam([table], lr=1e-3)
    matrix, drawn = graph.adjacency.tensor().to_sparse_coo().coalesce(), batches(graph)

    def step() -> Tensor:
        users, bought, sampled = next(drawn)
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


def gradient_gap(graph: BipartiteGraph, layers: int) -> float:
    """Largest difference of a gradient from PyG's and from the plain product's, over the largest entry.

    The plain product is autograd's own on a COO tensor.
    """
    device = graph.edge_user.device
    ours = LightGCN(graph, DIM, layers).to(device)
    theirs = PyGLightGCN(graph.num_nodes, DIM, layers).to(device)
    theirs.embedding.weight.data.copy_(ours.weight.data)
    users, items = (torch.unique(part) for part in batch(graph, 0)[:2])
    weight = torch.randn(len(users) + len(items), DIM, generator=torch.Generator().manual_seed(0)).to(device)
    rows = ours.rows(graph, users, items)
    (torch.cat([rows.user, rows.item]) * weight).sum().backward()
    nodes = torch.cat([users, items + graph.num_users])
    (theirs.get_embedding(graph.edge_index)[nodes] * weight).sum().backward()
    plain = ours.weight.detach().clone().requires_grad_()
    matrix, layer = graph.adjacency.tensor().to_sparse_coo(), plain
    total = plain
    for _ in range(layers):
        layer = torch.sparse.mm(matrix, layer)
        total = total + layer
    ((total / (layers + 1))[nodes] * weight).sum().backward()
    expected = [theirs.embedding.weight.grad, plain.grad]
    return max(float((ours.weight.grad - one).abs().max() / one.abs().max()) for one in expected)


def products(graph: BipartiteGraph) -> dict[str, Callable[[], Tensor]]:
    """The product of the adjacency with ``[N, 64]``, done in several ways."""
    csr, x = graph.adjacency.csr(), torch.randn(graph.num_nodes, DIM, device=graph.edge_user.device)
    if x.is_cuda:
        return {"CSR product of cuSPARSE": lambda: csr.product(x)}
    matrix, half = csr.tensor(), x.bfloat16()
    ways: dict[str, Callable[[], Tensor]] = {
        "CSR product of MKL": lambda: matrix @ x,
        "gather": lambda: csr.product(x),
        "in parts": lambda: csr.product_in_parts(x),
        "gather, bfloat16": lambda: csr.product(half),
    }
    for name, order in node_orders(graph).items():
        other = Renumbered.of(csr, order.astype(np.int32)).matrix.csr()
        ways[f"gather, {name}"] = lambda other=other: other.product(x)
    return ways


def node_orders(graph: BipartiteGraph) -> dict[str, np.ndarray]:
    """Orders that might be kinder to the cache than the ids' own."""
    csr = graph.adjacency.csr()
    return {
        "by degree": np.argsort(-np.diff(csr.crow.numpy()), kind="stable"),
        "Cuthill-McKee": near_order(csr),
        "at random": np.random.default_rng(0).permutation(graph.num_nodes),
    }


def half_error(graph: BipartiteGraph, layers: int) -> float:
    """Relative error of LightGCN's vectors when propagation reads bfloat16."""
    exact = LightGCN(graph, DIM, layers).to(graph.edge_user.device)
    rough = LightGCN(graph, DIM, layers, storage="bfloat16").to(graph.edge_user.device)
    rough.load_state_dict(exact.state_dict())
    with torch.no_grad():
        ours, theirs = torch.cat(list(rough(graph))), torch.cat(list(exact(graph)))
    return float((ours - theirs).norm() / theirs.norm())


def steps_table(graph: BipartiteGraph, repeats: int, flat: dict[str, float]) -> pd.DataFrame:
    """Milliseconds of a step of each way, and the ratios, for three layers and for one."""
    rows = []
    for layers in (3, 1):
        ways = {
            "graphrec": graphrec_step(graph, layers),
            "bfloat16": graphrec_step(graph, layers, "bfloat16"),
            "pyg": pyg_step(graph, layers),
            "coo": coo_step(graph, layers),
        }
        median = take_turns(ways, repeats, f"steps of {layers} layers", settle=SETTLE)
        row: dict[str, float] = {"layers": layers}
        for name, seconds in median.items():
            flat[f"step_ms_{name}_{layers}"] = row[f"{name} ms"] = round(1000 * seconds, 2)
        for peer in ("pyg", "coo"):
            ratio = median[peer] / median["graphrec"]
            flat[f"step_ratio_{peer}_{layers}"] = row[f"{peer} / graphrec"] = round(ratio, 2)
        flat[f"gradient_gap_{layers}"] = gradient_gap(graph, layers)
        flat[f"bfloat16_error_{layers}"] = half_error(graph, layers)
        rows.append(row)
    return pd.DataFrame(rows)


def device_figures(graph: BipartiteGraph, step: float, product: float) -> dict[str, float]:
    """Seconds of an epoch of three layers, and the share of the memory's speed that a product reaches.

    The speed is that of a copy of half a gigabyte; a product reads a row of ``x`` and an entry of the matrix
    for each entry and writes each row once, of which caches spare it some, so the share may exceed 1.
    """
    source = torch.ones(1 << 27, device=graph.edge_user.device)
    target = torch.empty_like(source)
    copy = take_turns({"copy": lambda: target.copy_(source)}, 7, "memory")["copy"]
    speed = 2 * source.nbytes / copy
    moved = 2 * graph.num_edges * (4 * DIM + 8) + graph.num_nodes * 4 * DIM
    steps = -(-graph.num_edges // BATCH)
    return {
        "epoch_seconds_3": steps * step,
        "memory_gb_per_second": speed / 1e9,
        "product_bandwidth_share": moved / product / speed,
    }


def fit_figures(graph: BipartiteGraph, repeats: int) -> dict[str, float]:
    """Milliseconds of a step and seconds of an epoch of `fit`: with its sampling, penalty and logging.

    Lightning takes the graph to its device and leaves it on the CPU.
    """
    flat = {}
    for layers in (3, 1):
        task = RankingTask(encoder=partial(LightGCN, dim=DIM, num_layers=layers))
        task.bind(graph)
        seconds = statistics.mean(training_steps(task, BATCH, 10 * repeats, warm_up=10))
        flat[f"fit_step_ms_{layers}"] = round(1000 * seconds, 2)
        flat[f"fit_epoch_seconds_{layers}"] = round(-(-graph.num_edges // BATCH) * seconds, 2)
    return flat


def draw(figure: Figure, flat: dict[str, float]) -> None:
    """Milliseconds of a step, on a logarithmic scale."""
    for place, layers in enumerate((3, 1), 1):
        axes = figure.add_subplot(1, 2, place)
        names = {"PyG's example": "pyg", "COO product": "coo", "graphrec": "graphrec"}
        values = [flat[f"step_ms_{key}_{layers}"] for key in names.values()]
        axes.barh(list(names), values, color=["#9aa5b1", "#9aa5b1", "#1f6feb"])
        axes.set(xscale="log", xlabel="milliseconds a step", title=f"{layers} layer{'s'[: layers > 1]}")
        for y, value in enumerate(values):
            axes.text(value, y, f" {value:,.0f}", va="center")
        axes.set_xlim(0.1, 10 * max(values))  # the same start for all: a bar has no length from zero here


def main(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    torch.manual_seed(0)
    graph = load_graph(options.data).to("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{graph.num_users:,} users, {graph.num_items:,} items, {graph.num_edges:,} edges")
    flat: dict[str, float] = {"edges": graph.num_edges, "threads": torch.get_num_threads()}
    print_frame(steps_table(graph, options.repeats, flat), "A training step")
    median = take_turns(products(graph), options.repeats, "products")
    table = pd.DataFrame({"one product": list(median), "ms": [1000 * s for s in median.values()]}).round(2)
    print_frame(table, f"{2 * graph.num_edges:,} entries x {DIM} columns")
    flat |= device_figures(graph, flat["step_ms_graphrec_3"] / 1000, min(median.values()))
    flat |= {f"product_ms_{name.replace(',', '').replace(' ', '_')}": 1000 * s for name, s in median.items()}
    flat |= fit_figures(graph, options.repeats)
    print(f"fit: {flat['fit_step_ms_3']} ms a step of 3 layers, {flat['fit_step_ms_1']} of 1")
    print(f"epoch of 3 layers: {flat['epoch_seconds_3']:.2f} s, in fit {flat['fit_epoch_seconds_3']} s")
    write(options.json, flat, lambda figure: draw(figure, flat))


if __name__ == "__main__":
    main(arguments(__doc__).parse_args())
