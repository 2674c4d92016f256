from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from random_graphs import random_graph

from graphrec.errors import InputError
from graphrec.kernels.sparse_rows import SparseRows
from graphrec.kernels.topk import tie_order
from graphrec.models import ItemCF, P3alpha, RP3beta, TurboCF, UserKNN
from graphrec.models.base import Recommender
from graphrec.models.neighbours import largest, purchases

EVERYBODY = torch.arange(15)


def bought(graph) -> np.ndarray:
    return graph.seen_mask(torch.arange(graph.num_users)).double().numpy()


def cut(rows: np.ndarray, count: int) -> np.ndarray:
    """The largest entries of each row, the others zero; written for matrices without ties."""
    kept = np.zeros_like(rows)
    for row, values in enumerate(rows):
        for column in sorted(range(len(values)), key=lambda column: -values[column])[:count]:
            kept[row, column] = values[column]
    return kept


def walks(matrix: np.ndarray, count: int, alpha: float, beta: float, normalise: bool) -> np.ndarray:
    """Paudel et al., eq. 3, by counting every path item → buyer → item."""
    users, items = matrix.shape
    weights = np.zeros((items, items))
    for j in range(items):
        for i in range(items):
            for v in range(users):
                if i != j and matrix[v, j] and matrix[v, i]:
                    there, on = 1 / matrix[:, j].sum(), 1 / matrix[v].sum()
                    weights[j, i] += there**alpha * on**alpha / matrix[:, i].sum() ** beta
    rows = cut(weights, count)
    if normalise:
        rows /= np.maximum(rows.sum(axis=1, keepdims=True), 1e-12)
    return cut(rows.T, count).T


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("count", [3, 12])
def test_rp3beta_counts_weighted_paths(count, normalise):
    graph = random_graph(users=60, rows=170)  # so irregular that no two of the positive weights are equal
    model = RP3beta(count, alpha=0.7, beta=0.3, normalise=normalise)
    model.fit(graph)
    expected = walks(bought(graph), count, 0.7, 0.3, normalise)
    np.testing.assert_allclose(model.similarity.tensor().to_dense(), expected, atol=1e-6)
    scores = model.score(torch.arange(60))
    np.testing.assert_allclose(scores, bought(graph) @ expected, rtol=1e-5, atol=1e-6)


def test_p3alpha_is_the_probability_of_the_third_step():
    """Without a cut and with alpha 1 the scores are a power of the transition matrix, less the way back."""
    graph = random_graph()
    matrix = bought(graph)
    model = P3alpha(neighbours=12, alpha=1.0)
    model.fit(graph)
    to_item, to_user = matrix / matrix.sum(1, keepdims=True), matrix.T / matrix.sum(0)[:, None]
    steps = to_user @ to_item
    np.testing.assert_allclose(steps.sum(axis=1), 1.0)
    np.fill_diagonal(steps, 0.0)
    expected = matrix.sum(1, keepdims=True) * (to_item @ steps)
    np.testing.assert_allclose(model.score(EVERYBODY), expected, rtol=1e-5)


def test_rp3beta_without_penalty_is_p3alpha():
    graph = random_graph()
    models = P3alpha(5, 0.8), RP3beta(5, 0.8, beta=0.0, normalise=False)
    for model in models:
        model.fit(graph)
    assert torch.equal(models[0].score(EVERYBODY), models[1].score(EVERYBODY))


def test_beta_moves_the_list_towards_rare_items():
    graph = random_graph(users=15, items=12, rows=60)
    degree = graph.item_degree().double()
    reach = []
    for beta in (0.0, 0.5, 1.0):
        model = RP3beta(12, alpha=1.0, beta=beta, normalise=False)
        model.fit(graph)
        score = model.score(EVERYBODY).double()
        reach.append(float((score * degree).sum() / score.sum()))
    assert reach[0] > reach[1] > reach[2]


def test_user_knn_sums_the_nearest_users():
    graph = random_graph(rows=45)
    matrix = bought(graph)
    cosine = np.zeros((15, 15))
    for u in range(15):
        for v in range(15):
            norm = np.sqrt(matrix[u].sum() * matrix[v].sum()) + 1.5
            cosine[u, v] = (u != v) * (matrix[u] @ matrix[v]) / norm
    everyone = UserKNN(neighbours=15, shrinkage=1.5)
    everyone.fit(graph)
    np.testing.assert_allclose(everyone.score(EVERYBODY), cosine @ matrix, rtol=1e-5, atol=1e-6)
    nearest = UserKNN(neighbours=4, shrinkage=1.5)
    nearest.fit(graph)
    weights = nearest.weights.tensor().to_dense().numpy()
    assert (np.isclose(weights, cosine, atol=1e-6) | (weights == 0)).all()
    best = np.sort(cosine, axis=1)[:, -4:]  # as sorted values: which of two equal neighbours stays is open
    np.testing.assert_allclose(np.sort(weights, axis=1)[:, -4:], best, atol=1e-6)
    np.testing.assert_allclose(nearest.score(EVERYBODY), weights @ matrix, rtol=1e-5)


@pytest.mark.parametrize(
    "model", [ItemCF(6), UserKNN(6), P3alpha(6), RP3beta(6)], ids=lambda m: type(m).__name__
)
def test_no_block_borders(model, monkeypatch):
    """The blocks are smaller than the matrix, and unequal."""
    graph = random_graph(rows=45)
    whole = copy.deepcopy(model)
    whole.fit(graph)
    monkeypatch.setattr("graphrec.models.neighbours._BLOCK", 5)
    model.fit(graph)
    assert torch.equal(model.score(EVERYBODY), whole.score(EVERYBODY))


def test_what_is_kept_is_positive_and_no_more_than_asked_for():
    matrix = purchases(random_graph(users=40, items=30, rows=100))
    kept = largest(lambda start, end: (matrix[start:end] @ matrix.T).tocsr(), 40, 3, "Test")
    assert (kept.data > 0).all()
    assert np.diff(kept.indptr).max() == 3
    assert np.diff(kept.indptr).min() < 3  # a row with fewer positive entries is not filled up


@pytest.mark.parametrize("size", [3, 40])
def test_equal_weights_stay_in_the_order_of_ties(size):
    """All weights are equal, so what stays of a row is the first of the fixed order, itself left out."""
    matrix = purchases(random_graph(users=1, items=40, rows=400))
    assert matrix.nnz == 40
    kept = largest(lambda start, end: (matrix.T.tocsr()[start:end] @ matrix).tocsr(), 40, size, "Test")
    order = tie_order(40, torch.device("cpu")).numpy()
    for row in range(40):
        assert set(kept.indices[kept.indptr[row] : kept.indptr[row + 1]]) == set(order[:size])


@pytest.mark.parametrize("kind", [ItemCF, UserKNN, RP3beta, TurboCF], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("rows", [60, 400])
@pytest.mark.parametrize("threads", [1, 3])
def test_lists_are_those_of_all_scores(kind, rows, threads, monkeypatch):
    """With few rows most users have fewer candidates than places, with many nobody has."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    graph = random_graph(users=50, items=45, rows=rows)
    model = kind(neighbours=8)
    model.fit(graph)
    users = torch.randperm(50, generator=torch.Generator().manual_seed(1))[:37]
    sets = ("new", "all")
    plain, quick = Recommender.lists(model, users, 10, sets), model.lists(users, 10, sets)
    for name in sets:
        torch.testing.assert_close(quick[name][0], plain[name][0], rtol=1e-6, atol=1e-7)
        assert torch.equal(quick[name][1], plain[name][1])
    assert model.lists(users[:0], 10, ["new"])["new"][0].shape == (0, 10)


def test_repeat_lists_and_scores_of_ones_own_are_ranked_as_scored():
    class Backwards(ItemCF):
        def score(self, users):
            return -super().score(users)

    graph = random_graph(users=50, items=45, rows=300)
    for kind, sets in ((ItemCF, ("repeat", "new")), (Backwards, ("new",))):
        model = kind(8)
        model.fit(graph)
        plain, lists = (of(model, EVERYBODY, 5, sets) for of in (Recommender.lists, kind.lists))
        for name in sets:
            assert torch.equal(lists[name][1], plain[name][1])


def test_a_score_that_is_no_number_comes_first():
    graph = random_graph(users=50, items=45, rows=400)
    model = ItemCF(45)
    model.fit(graph)
    model.similarity.values[:] = torch.nan
    assert model.lists(EVERYBODY, 5, ["new"])["new"][0][:, 0].isnan().all()


def test_rows_on_a_gpu_multiply_as_on_the_cpu():
    """`product` multiplies a dense left factor where there is no SciPy; the two agree on the CPU."""
    rng = np.random.default_rng(0)
    left, right = rng.random((9, 20)) * (rng.random((9, 20)) < 0.3), rng.random((20, 7)).round()
    left[4] = 0.0
    rows, other = SparseRows(left), SparseRows(right)
    chosen = torch.tensor([4, 8, 0, 8])
    np.testing.assert_allclose(rows.dense(chosen), left[chosen], rtol=1e-6)
    product = rows.product(chosen, other)
    np.testing.assert_allclose(product, left[chosen] @ right, rtol=1e-5)
    torch.testing.assert_close(rows.dense(chosen) @ other.tensor(), product)


@pytest.mark.parametrize("wrong", [{"neighbours": 0}, {"alpha": -1.0}, {"beta": -0.1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        RP3beta(**wrong)
