from __future__ import annotations

import pytest
import torch
from random_graphs import random_graph

from graphrec.errors import InputError
from graphrec.models import SimpleX


def test_a_user_is_a_vector_and_the_mean_of_what_was_bought():
    graph = random_graph(rows=40)
    encoder = SimpleX(graph, dim=4, own=0.3)
    torch.nn.init.normal_(encoder.bought.weight)
    user, item = encoder(graph)
    for code in range(15):
        items = graph.seen_mask(torch.tensor([code]))[0].nonzero().flatten()
        mean = item[items].mean(dim=0) if len(items) else torch.zeros(4)
        expected = 0.3 * encoder.weight[code] + 0.7 * encoder.bought.weight @ mean
        torch.testing.assert_close(user[code], expected)
    assert torch.equal(item, encoder.weight[15:])


def test_a_weight_beyond_one_is_refused():
    with pytest.raises(InputError, match=r"own.*give 0 to 1"):
        SimpleX(random_graph(), own=1.5)
