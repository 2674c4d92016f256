"""What training alone decides is worked out once, and anew as soon as the weights are others."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from random_graphs import random_graph

from graphrec.models import IALS, LightGCN, LightGCNpp, Spectral, UserKNN
from graphrec.models.answers.baskets import Basket, Baskets
from graphrec.models.answers.folding import folding
from graphrec.models.decoders import Cosine, Dot
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders.table import EmbeddingTable

ENCODERS = {
    "lightgcn": lambda graph: LightGCN(graph, dim=6),
    "lightgcnpp": lambda graph: LightGCNpp(graph, dim=6),
    "mf": lambda graph: EmbeddingTable(graph, dim=6),
}


@pytest.fixture
def graph():
    return random_graph(users=30, items=20, rows=150, seed=1)


def two(graph) -> Baskets:
    """Two people, the second of whom bought nothing."""
    items = np.array([1, 4, 7])
    nothing = np.zeros(0, dtype=np.int64)
    return Baskets([Basket(items, items >= 0), Basket(nothing, nothing >= 0)], graph)


def scores(model, graph) -> torch.Tensor:
    return model.fold_in(two(graph))(torch.arange(2))


@pytest.mark.parametrize("decoder", [Dot, Cosine])
@pytest.mark.parametrize("name", ENCODERS)
def test_a_second_call_says_what_a_new_model_says(name, decoder, graph):
    torch.manual_seed(0)
    model = EmbeddingRecommender(graph, ENCODERS[name](graph), decoder(), prior=0.3).eval()
    first, again = scores(model, graph), scores(model, graph)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    users = model.encoder.fold_in(graph, two(graph))
    if not model._refines:
        wanted = model.decoder.matrix(users, model.embeddings().item) + 0.3 * model.item_prior()
        torch.testing.assert_close(first, wanted)
    other = {key: value + 0.5 * torch.randn_like(value) for key, value in model.state_dict().items()}
    fresh = copy.deepcopy(model)
    model.load_state_dict(other)
    fresh.load_state_dict(other)
    assert not torch.allclose(scores(model, graph), first)
    torch.testing.assert_close(scores(model, graph), scores(fresh, graph))
    assert pickle.loads(pickle.dumps(model))._folding is None


class Louder(LightGCN):
    """A subclass that folds in another way."""

    def fold_in(self, graph, baskets):
        return 2.0 * super().fold_in(graph, baskets)


def test_a_fold_in_of_ones_own_is_asked(graph):
    torch.manual_seed(0)
    plain = LightGCN(graph, dim=6)
    louder = Louder(graph, dim=6)
    louder.load_state_dict(plain.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(
            folding(louder, graph)(two(graph)), 2.0 * folding(plain, graph)(two(graph))
        )


@pytest.mark.parametrize("kind", [UserKNN, IALS, Spectral])
def test_a_closed_form_that_is_fitted_again_folds_in_anew(kind, graph):
    model, other = kind(), random_graph(users=30, items=20, rows=150, seed=2)
    model.fit(graph)
    first = scores(model, graph)
    torch.testing.assert_close(scores(model, graph), first, rtol=0, atol=0)
    model.fit(other)
    fresh = kind()
    fresh.fit(other)
    torch.testing.assert_close(scores(model, other), scores(fresh, other))
    assert not torch.allclose(scores(model, other), first)
