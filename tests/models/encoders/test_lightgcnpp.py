from __future__ import annotations

import numpy as np
import pytest
import torch
from random_graphs import random_graph

from graphrec.errors import InputError
from graphrec.models import LightGCNpp


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_layers_are_directions_under_powers_of_the_degrees(num_layers):
    graph = random_graph()
    encoder = LightGCNpp(graph, dim=5, num_layers=num_layers, alpha=0.7, beta=-0.2, gamma=0.3)
    table = encoder.weight.detach().double().numpy()
    bought = graph.seen_mask(torch.arange(15)).double().numpy()
    both = np.block([[np.zeros((15, 15)), bought], [bought.T, np.zeros((12, 12))]])
    degree = np.maximum(both.sum(axis=1), 1)
    last, total = table, np.zeros_like(table)
    for _ in range(num_layers):
        lengths = np.maximum(np.linalg.norm(last, axis=1, keepdims=True), 1e-12)
        last = np.stack(
            [
                sum(degree[n] ** -0.7 * degree[m] ** 0.2 * (last / lengths)[m] for m in np.flatnonzero(row))
                if row.any()
                else np.zeros(5)
                for n, row in enumerate(both)
            ]
        )
        total += last
    expected = 0.3 * table + 0.7 * total / num_layers
    np.testing.assert_allclose(torch.cat(list(encoder(graph))).detach(), expected, rtol=1e-4, atol=1e-6)


def test_settings_out_of_their_range_are_refused():
    for mistake in ({"num_layers": 0}, {"gamma": 1.5}, {"alpha": float("inf")}):
        with pytest.raises(InputError, match=next(iter(mistake))):
            LightGCNpp(random_graph(), **mistake)
