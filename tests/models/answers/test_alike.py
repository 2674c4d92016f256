"""Items that are alike: rows of item matrices, which must add up to the scores, and cosines of vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from random_graphs import random_graph

from graphrec.models import (
    BSPM,
    EASE,
    EDLAE,
    GFCF,
    IALS,
    SLIM,
    ChebyCF,
    FeatureTrees,
    ItemCF,
    LightGCN,
    LinkProp,
    P3alpha,
    Popularity,
    RP3beta,
    ScaledCosine,
    Spectral,
    TopFrequency,
    TurboCF,
    UserKNN,
)
from graphrec.models.answers.alike import Alike, finds_alike
from graphrec.models.base import ClosedForm, Recommender
from graphrec.models.embedding import EmbeddingRecommender

USERS, ITEMS = 25, 14
LINEAR: list[ClosedForm] = [
    ItemCF(neighbours=5),
    P3alpha(neighbours=5),
    RP3beta(neighbours=5),
    SLIM(neighbours=5, l1=0.01, l2=1.0),
    TurboCF(),
    TurboCF(order=2),
    LinkProp(alpha=0.0),
    EASE(l2=2.0),
    EDLAE(l2=2.0),
    *(Spectral(response, rank=6) for response in (None, GFCF(), BSPM(), ChebyCF())),
]


def rows_of(model: Recommender) -> np.ndarray:
    """How alike items are, a row per item; 0 where a pair is not listed."""
    found = Alike(model).score(torch.arange(ITEMS)).double().numpy()
    return np.where(np.isneginf(found), 0.0, found)


@pytest.mark.parametrize("users", [USERS, 10], ids=["many users", "few users"])
@pytest.mark.parametrize("model", LINEAR, ids=lambda model: f"{type(model).__name__}")
def test_rows_of_what_a_user_bought_add_up_to_the_scores(model, users):
    """A score of a linear model is the sum of its items' rows: the matrix must be the model's own."""
    graph = random_graph(users=users, items=ITEMS, rows=6 * users, seed=3)
    model.fit(graph)
    bought = graph.seen_mask(torch.arange(users)).double().numpy()
    expected = model.score(torch.arange(users)).double().numpy()
    np.testing.assert_allclose(bought @ rows_of(model), expected, atol=3e-5 * np.abs(expected).max())


def cosine(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_vectors_are_compared_by_cosine():
    graph = random_graph(users=USERS, items=ITEMS, rows=150, seed=3)
    ials = IALS(dim=5)
    ials.fit(graph)
    np.testing.assert_allclose(rows_of(ials), cosine(ials.item.double().numpy()), atol=1e-5)
    torch.manual_seed(0)
    trained = EmbeddingRecommender(graph, LightGCN(graph, dim=5), ScaledCosine()).eval()
    vectors = trained.embeddings().item.double().numpy()
    np.testing.assert_allclose(rows_of(trained), cosine(vectors), atol=1e-5)


def test_an_item_is_not_similar_to_itself_and_the_best_come_first():
    graph = random_graph(users=USERS, items=ITEMS, rows=150, seed=3)
    model = ItemCF(neighbours=3)
    model.fit(graph)
    ranking = Alike(model).recommend(torch.arange(ITEMS), ITEMS)
    for item, (listed, scores) in enumerate(zip(ranking.items, ranking.scores, strict=True)):
        assert item not in listed
        assert (scores[:-1] >= scores[1:]).all()
        assert (rows_of(model)[item] != 0).sum() == (listed >= 0).sum()


class Changed(ItemCF):
    """Another score, for which nobody wrote what is alike."""

    def score(self, users):
        return -super().score(users)


@pytest.mark.parametrize("kind", [Popularity, TopFrequency, UserKNN, FeatureTrees, Changed])
def test_a_model_of_no_items_says_so(kind):
    assert not finds_alike(kind())
    with pytest.raises(TypeError, match="does not know"):
        Alike(kind())
