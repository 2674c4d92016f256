"""The spectrum against a dense decomposition that is written out again."""

from __future__ import annotations

import numpy as np
import pytest
from recommender_suite import block_graph, blocks

from graphrec.errors import InputError
from graphrec.models.spectrum import spectrum


def dense(graph):
    """``R`` and the roots of the items' degrees."""
    matrix = np.zeros((graph.num_users, graph.num_items))
    matrix[graph.edge_user.numpy(), graph.edge_item.numpy()] = 1
    return matrix, np.sqrt(np.maximum(matrix.sum(axis=0), 1))


def test_eigenvalues_and_energy_are_those_of_the_dense_matrix():
    graph = block_graph()
    matrix, roots = dense(graph)
    users = np.sqrt(np.maximum(matrix.sum(axis=1), 1))[:, None]
    values, vectors = np.linalg.eigh((matrix / users / roots).T @ (matrix / users / roots))
    found = spectrum(graph, rank=graph.num_items)
    np.testing.assert_allclose(found["eigenvalue"], values[::-1], atol=1e-5)
    assert found["eigenvalue"].iloc[0] == pytest.approx(1)
    assert found["energy"].sum() == pytest.approx(1, abs=1e-4), "all directions hold all of the signals"
    energy = ((matrix / roots @ vectors[:, ::-1]) ** 2).sum(axis=0) / ((matrix / roots) ** 2).sum()
    np.testing.assert_allclose(found["energy"][:8], energy[:8], atol=1e-4)


def test_the_training_part_wants_all_of_itself():
    graph = block_graph()
    pairs = np.stack([graph.edge_user.numpy(), graph.edge_item.numpy()], axis=1)
    found = spectrum(graph, pairs, rank=20)
    np.testing.assert_allclose(found["wanted"], 1, atol=1e-4)


def test_later_purchases_want_the_blocks_and_little_else():
    """Four blocks are four leading directions; what is noise within them does not come again."""
    graph = block_graph()
    found = spectrum(graph, blocks().split.val.pairs(), rank=30)
    assert found["wanted"][:4].min() > 2 * found["wanted"][8:].abs().mean()


def test_a_rank_of_nothing_is_a_mistake():
    with pytest.raises(InputError, match="rank"):
        spectrum(block_graph(), rank=0)
