"""Encoders on weighted edges against dense NumPy, ``D^-1/2 A D^-1/2`` with sums of weights as degrees."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recommender_suite import exported
from torch.nn import functional
from weighted_graphs import interactions, matrix, rated, weighted

from graphrec.graph import BipartiteGraph
from graphrec.models import NGCF, LightGCN, LightGCNpp, SimGCL, SimpleX, XSimGCL
from graphrec.models.base import Encoder

PROPAGATING = [LightGCN, LightGCNpp, NGCF, SimGCL, XSimGCL, SimpleX]
WITH_TABLES = {"HeteroGCN"}
"""Against PyG, in test_hetero.py."""
WITHOUT_EDGES = {"EmbeddingTable", "FeatureTowers", "RawFeatures"}
USERS = 15


def built(kind, graph, **options):
    torch.manual_seed(0)
    return kind(graph, dim=4, start="normal", **options).double().eval()


def adjacency(graph, user=0.5, item=0.5) -> np.ndarray:
    weight = matrix(graph)
    scaled = weight * weight.sum(1, keepdims=True) ** -user * weight.sum(0, keepdims=True) ** -item
    return np.block([[np.zeros((USERS, USERS)), scaled], [scaled.T, np.zeros((12, 12))]])


def joined(embeddings) -> np.ndarray:
    return torch.cat(list(embeddings)).detach().numpy()


def test_every_encoder_but_attention_reads_weights():
    declared = {kind.__name__ for kind in exported(Encoder) if vars(kind).get("reads_weights")}
    assert declared == WITHOUT_EDGES | WITH_TABLES | {kind.__name__ for kind in PROPAGATING}


@pytest.mark.parametrize("kind", PROPAGATING, ids=lambda kind: kind.__name__)
def test_edges_that_all_weigh_alike_are_edges_without_weights(kind):
    plain = BipartiteGraph(interactions())
    for weight in (1.0, 3.0):
        graph = weighted(weight)
        assert np.array_equal(joined(built(kind, graph)(graph)), joined(built(kind, plain)(plain)))


@pytest.mark.parametrize("kind", PROPAGATING, ids=lambda kind: kind.__name__)
def test_the_rows_of_a_batch_are_those_of_all_nodes(kind):
    graph = rated()
    encoder = built(kind, graph)
    users, items = torch.tensor([3, 0, 3]), torch.tensor([5, 11])
    rows, whole = encoder.rows(graph, users, items), encoder(graph)
    torch.testing.assert_close(rows.user, whole.user[users])
    torch.testing.assert_close(rows.item, whole.item[items])


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_lightgcn_propagates_over_the_weighted_adjacency(scale):
    graph = rated(scale=scale)
    encoder = built(LightGCN, graph, num_layers=3)
    table, step = encoder.weight.detach().numpy(), adjacency(graph)
    expected = sum(np.linalg.matrix_power(step, power) @ table for power in range(4)) / 4
    np.testing.assert_allclose(joined(encoder(graph)), expected, rtol=1e-4, atol=1e-6)


def test_ngcf_propagates_over_the_weighted_adjacency():
    graph = rated()
    encoder = built(NGCF, graph, num_layers=2)
    layer = encoder.weight.detach()
    layers, step = [layer], torch.from_numpy(adjacency(graph))
    for sums, products in zip(encoder.sums, encoder.products, strict=True):
        near = step @ layer
        message = (near + layer) @ sums.weight.T + (near * layer) @ products.weight.T
        layer = functional.leaky_relu(message, 0.2)
        layers.append(functional.normalize(layer, dim=1))
    expected = torch.cat(layers, dim=1).detach()
    np.testing.assert_allclose(joined(encoder(graph)), expected, rtol=1e-4, atol=1e-6)


def test_lightgcnpp_takes_powers_of_the_weighted_degrees():
    graph = rated()
    encoder = built(LightGCNpp, graph, num_layers=2, alpha=0.6, beta=-0.1, gamma=0.2)
    weight = matrix(graph) / graph.edge_weight.mean().item()
    degree = np.concatenate([weight.sum(1), weight.sum(0)])[:, None]
    edges = np.block([[np.zeros((USERS, USERS)), weight], [weight.T, np.zeros((12, 12))]])
    layer = table = encoder.weight.detach().numpy()
    total = np.zeros_like(table)
    for _ in range(2):
        lengths = np.linalg.norm(layer, axis=1, keepdims=True)
        layer = degree**-0.6 * (edges @ (degree**0.1 * layer / lengths))
        total = total + layer
    np.testing.assert_allclose(joined(encoder(graph)), 0.2 * table + 0.4 * total, rtol=1e-4, atol=1e-6)


def test_simplex_takes_the_weighted_mean_of_what_was_bought():
    graph = rated()
    encoder = built(SimpleX, graph, own=0.3)
    table, weight = encoder.weight.detach().numpy(), matrix(graph)
    mean = weight @ table[USERS:] / weight.sum(1, keepdims=True)
    np.testing.assert_allclose(joined(encoder(graph))[:USERS], 0.3 * table[:USERS] + 0.7 * mean, rtol=1e-4)


@pytest.mark.parametrize("kind", [SimGCL, XSimGCL], ids=lambda kind: kind.__name__)
def test_the_views_of_a_contrastive_encoder_are_over_the_weighted_adjacency(kind):
    graph = rated()
    encoder = built(kind, graph, num_layers=2, noise=0.0)
    table, step = encoder.weight.detach().numpy(), adjacency(graph)
    expected = (step @ table + step @ step @ table) / 2
    np.testing.assert_allclose(joined(encoder(graph)), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(joined(encoder.contrast(graph).ranked), expected, rtol=1e-4, atol=1e-6)
