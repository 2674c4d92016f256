"""Trees on features; that they find the held-out item is in the suite of all models."""

from __future__ import annotations

import pytest
import torch
from recommender_suite import block_graph, blocks, checker_board

from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import FeatureTrees


def test_pairs_with_equal_features_have_equal_scores():
    graph = checker_board()
    model = FeatureTrees(trees=20)
    model.fit(graph)
    scores = model.score(torch.arange(24))
    assert len(scores[::2, :24:2].unique()) == 1, "ids are not seen"
    assert scores[0, 0] > scores[0, 1]


def test_one_tree_with_two_leaves_gives_two_scores():
    model = FeatureTrees(trees=1, leaves=2, learning_rate=1.0)
    model.fit(block_graph())
    assert len(model.score(torch.arange(50)).unique()) == 2


def test_a_second_fit_of_the_same_seed_is_the_same():
    scores = []
    for seed in (0, 0, 1):
        model = FeatureTrees(trees=5, seed=seed)
        model.fit(block_graph())
        scores.append(model.score(torch.arange(10)))
    assert torch.equal(scores[0], scores[1])
    assert not torch.equal(scores[0], scores[2])


def test_without_features_it_says_what_to_set():
    with pytest.raises(InputError, match="features"):
        FeatureTrees().fit(BipartiteGraph(blocks().split.train))
