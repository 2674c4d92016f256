"""NGCF and attention against their formulae in dense matrices and loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import elu, leaky_relu, normalize

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import NGCF, GATv2


@pytest.fixture(scope="module")
def graph() -> BipartiteGraph:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"user": rng.integers(9, size=40), "item": rng.integers(7, size=40)})
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(10)), IdMap(np.arange(7))))  # one lonely user


def dense(graph: BipartiteGraph) -> torch.Tensor:
    bought = torch.zeros(graph.num_nodes, graph.num_nodes)
    bought[graph.edge_user, graph.edge_item + graph.num_users] = 1.0
    bought = bought + bought.T
    root = bought.sum(1).clamp_min(1).rsqrt()
    return root[:, None] * bought * root


def test_ngcf_is_the_formula(graph):
    torch.manual_seed(0)
    encoder, matrix = NGCF(graph, dim=5, num_layers=2), dense(graph)
    layer = encoder.weight.detach()
    layers = [layer]
    for first, second in zip(encoder.sums, encoder.products, strict=True):
        near = matrix @ layer
        layer = leaky_relu((near + layer) @ first.weight.T + (near * layer) @ second.weight.T, 0.2)
        layers.append(normalize(layer, dim=1))
    embeddings = encoder(graph)
    assert embeddings.user.shape == (10, 15)
    torch.testing.assert_close(torch.cat(embeddings).detach(), torch.cat(layers, dim=1))


def test_messages_are_dropped_in_training_alone(graph):
    torch.manual_seed(0)
    encoder = NGCF(graph, dim=8, num_layers=1, dropout=0.5)
    first, second = encoder(graph).item, encoder(graph).item
    assert torch.equal(first[:, :8], second[:, :8]), "the table itself is whole"
    assert 0.3 < (first[:, 8:] == 0).float().mean() < 0.7
    assert not torch.equal(first, second)
    encoder.eval()
    assert torch.equal(encoder(graph).item, encoder(graph).item)
    assert (encoder(graph).item[:, 8:] != 0).all()


@pytest.mark.parametrize("heads", [1, 2])
def test_attention_is_the_formula(graph, heads):
    """Brody et al., eq. 7: e(i, j) = aᵀ LeakyReLU(W [h_i ‖ h_j]), one softmax over each node's neighbours."""
    torch.manual_seed(0)
    encoder = GATv2(graph, dim=6, num_layers=2, heads=heads)
    linked, width = dense(graph) > 0, 6 // heads
    layer = total = encoder.weight.detach()
    for place, conv in enumerate(encoder.layers):
        layer = elu(layer) if place else layer
        source = (layer @ conv.lin_l.weight.T + conv.lin_l.bias).detach()
        target = (layer @ conv.lin_r.weight.T + conv.lin_r.bias).detach()
        rows = torch.zeros_like(layer)
        for node in range(graph.num_nodes):
            near = linked[node].nonzero().flatten()
            for head in range(heads if len(near) else 0):
                columns = slice(head * width, (head + 1) * width)
                hidden = leaky_relu(source[near, columns] + target[node, columns], 0.2)
                share = torch.softmax(hidden @ conv.att[0, head].detach(), dim=0)
                rows[node, columns] = share @ source[near, columns]
        layer = rows + conv.bias.detach()
        total = total + layer
    torch.testing.assert_close(torch.cat(encoder(graph)).detach(), total / 3, atol=1e-5, rtol=1e-5)


def test_heads_must_share_the_columns(graph):
    with pytest.raises(InputError, match="6 columns for 4 heads; give a divisor of dim"):
        GATv2(graph, dim=6, heads=4)
