from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.polynomial import Chebyshev
from random_graphs import random_graph
from recommender_suite import BOARD, RecommenderSuite, checker_board, fitted_task

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.kernels.eigenvectors import decompose, rank_for
from graphrec.kernels.sparse import SparseMatrix
from graphrec.models.filter_responses import BSPM, GFCF, ChebyCF, FilterResponse, IdealLowPass, PowerLaw
from graphrec.models.filters.series import apply
from graphrec.models.spectral import Spectral

USERS, ITEMS = 40, 30
EVERYBODY = torch.arange(USERS)
RESPONSES = [IdealLowPass(), IdealLowPass(0.0), GFCF(0.4), GFCF(0.0), BSPM(), ChebyCF(), ChebyCF(5, 3.0, 0.0)]


def small_graph(users: int = USERS, items: int = ITEMS, rows: int = 300, seed: int = 0) -> BipartiteGraph:
    """Random edges, some items far more popular than others; the last user and the last item have none."""
    rng = np.random.default_rng(seed)
    item = np.minimum(rng.integers(items - 1, size=rows), rng.integers(items - 1, size=rows))
    frame = pd.DataFrame({"user": rng.integers(users - 1, size=rows), "item": item})
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(users)), IdMap(np.arange(items))))


def bought(graph: BipartiteGraph) -> np.ndarray:
    return graph.seen_mask(torch.arange(graph.num_users)).double().numpy()


def normalised(graph: BipartiteGraph) -> np.ndarray:
    signal = bought(graph)
    return signal / np.sqrt(np.maximum(np.outer(signal.sum(1), signal.sum(0)), 1))


def plateau_series(values: np.ndarray, order: int, flatness: float) -> np.ndarray:
    """ChebyCF's response of eigenvalues, written out term by term."""
    x, result = 1 - 2 * values, np.zeros_like(values)
    for n in range(order + 1):
        total = 0.0
        for k in range(order + 1):
            extremum = np.cos((order - k) / order * np.pi)
            height = 0.5 * abs(extremum) ** flatness
            height = 0.5 + height if extremum < -1e-9 else 0.5 - height
            root = np.cos((order + 1 + 0.5 - (k + 1)) / (order + 1) * np.pi)
            total += np.cos(n * np.arccos(root)) * height
        result += (1 if n == 0 else 2) / (order + 1) * total * np.cos(n * np.arccos(np.clip(x, -1, 1)))
    return result


def dense_scores(graph: BipartiteGraph, response: FilterResponse, rank: int) -> np.ndarray:
    """Scores of everybody from the papers' formulae and a dense eigen-decomposition in float64."""
    signal, half = bought(graph), normalised(graph)
    values, vectors = np.linalg.eigh(half.T @ half)
    values = values.clip(0, 1)
    leading = vectors[:, np.argsort(-values)[:rank]]
    degree = np.maximum(signal.sum(0), 1)

    def of_graph(function):
        return (vectors * function(values)) @ vectors.T

    def ideal(power):
        return degree[:, None] ** -power * (leading @ leading.T) * degree**power

    match response:
        case IdealLowPass():
            return signal @ ideal(response.ideal_power)
        case GFCF():
            return signal @ (half.T @ half + response.ideal_weight * ideal(0.5))
        case BSPM():
            t = response.sharpening
            taylor = of_graph(lambda v: 1 - t * v + (t * v) ** 2 / 2 - (t * v) ** 3 / 6 + (t * v) ** 4 / 24)
            return signal @ (half.T @ half + response.ideal_weight * ideal(0.5)) @ taylor
        case ChebyCF():
            smooth = of_graph(lambda v: plateau_series(v, response.order, response.flatness))
            smooth = degree[:, None] ** -response.power * smooth * degree**response.power
            return signal @ (smooth + response.ideal_weight * ideal(response.power))
    raise AssertionError(response)


def name(response: FilterResponse) -> str:
    return f"{type(response).__name__}-{response.ideal_weight}"


@pytest.mark.parametrize("response", RESPONSES, ids=name)
@pytest.mark.parametrize(("rank", "degree"), [(ITEMS, 1), (ITEMS, 0), (7, None), (7, 20)])
def test_scores_follow_the_papers_formula(response, rank, degree):
    """With every eigenvector, or with all of g by sparse products, nothing is approximated."""
    graph = small_graph()
    model = Spectral(response, rank=rank, degree=degree)
    model.fit(graph)
    expected = dense_scores(graph, response, rank)
    np.testing.assert_allclose(model.score(EVERYBODY), expected, atol=2e-4)
    assert model.decomposition_error < 1e-5


@pytest.mark.parametrize("response", [BSPM(), ChebyCF(), ChebyCF(8, 10.0, 0.3, 0.0)], ids=name)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_the_tail_is_wrong_by_what_it_says(response, degree):
    graph = small_graph(users=90, items=60, rows=900)
    model = Spectral(response, rank=6, degree=degree)
    model.fit(graph)
    half = normalised(graph)
    values = np.linalg.eigvalsh(half.T @ half)
    tail = Chebyshev(model.tail.numpy(), (0, 1))
    outside = values[:-6].clip(0)
    g = response.smooth()
    largest = np.abs(g(np.linspace(0, 1, 1001))).max()
    wrong = np.abs(g(outside) - tail(outside)).max() / largest
    assert 0 < wrong <= model.tail_error * 1.001 + 1e-6
    assert model.tail_error < 6 * wrong, "a bound that is never near says nothing"

    weight = np.maximum(bought(graph).sum(0), 1) ** response.power
    # in the scores: rows of X D^-a times an error of that norm times D^a
    signal = bought(graph) / weight
    error = (model.score(torch.arange(90)).double().numpy() - dense_scores(graph, response, 6)) / weight
    bound = model.tail_error * largest * np.linalg.norm(signal, axis=1)
    assert (np.linalg.norm(error, axis=1) <= bound * 1.001 + 1e-3 * response.ideal_weight).all()


@pytest.mark.parametrize(
    "response",
    [PowerLaw(), PowerLaw(0.5, 2.0, 0.0, 0.0, 0.4, 0.2, 0.3), PowerLaw(1.0, 1.0, 0.4, 0.5, 0.5, 0.5, 0.5)],
)
@pytest.mark.parametrize("rank", [7, 25, ITEMS])
def test_a_power_of_the_spectrum_over_a_straight_tail(response, rank):
    """Degrees to any power, eigenvalues scaled to at most 1, `exponent` above the cut and a line below it."""
    graph = small_graph()
    model = Spectral(response, rank=rank)
    model.fit(graph)

    signal = bought(graph)
    users, items = (np.maximum(signal.sum(axis), 1) for axis in (1, 0))
    user_power, item_power = response.normalisation
    half = users[:, None] ** -user_power * signal * items**-item_power
    half /= np.linalg.norm(half, 2)
    values, vectors = np.linalg.eigh(half.T @ half)
    kept = np.argsort(-values)[:rank]
    g = response.tail_slope * values
    g[kept] = values[kept].clip(0) ** response.exponent + response.ideal_weight
    filtered = items[:, None] ** -response.power * ((vectors * g) @ vectors.T) * items**response.power_after
    expected = signal @ filtered
    tolerance = 0.01 * np.abs(expected).max()  # that of the series for the power
    np.testing.assert_allclose(model.score(EVERYBODY), expected, atol=tolerance)


def test_a_higher_degree_says_less_error():
    errors = []
    for degree in (0, 1, 2, 4, None):
        model = Spectral(ChebyCF(), rank=6, degree=degree)
        model.fit(small_graph())
        errors.append(model.tail_error)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0


def low_rank_matrix(decay: float = 0.9) -> SparseMatrix:
    """Singular values ``decay^n`` in a matrix of 300 x 200."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(n, 200)))[0] for n in (300, 200))
    return SparseMatrix(sp.csr_array((left * decay ** np.arange(200)) @ right.T))


@pytest.mark.parametrize("iterations", [0, 1, 4])
def test_decomposition_error_is_the_true_residual(iterations):
    matrix = low_rank_matrix(0.98)
    found = decompose(matrix, rank=20, oversampling=10, iterations=iterations, seed=3)
    dense = matrix.tensor().to_dense().double().numpy()
    square, vectors, values = dense.T @ dense, found.vectors.double().numpy(), found.values.double().numpy()
    residual = square @ vectors - vectors * values
    expected = np.linalg.norm(residual) / np.linalg.norm(values)
    assert found.relative_error == pytest.approx(expected, rel=1e-2, abs=1e-6)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(20), atol=1e-5)
    true = np.linalg.eigvalsh(square)
    for value, length in zip(values, np.linalg.norm(residual, axis=0), strict=True):
        assert np.abs(true - value).min() <= length + 1e-6, "an eigenvalue lies within the residual"


def test_more_rounds_come_closer_and_reach_the_eigenvectors():
    matrix = low_rank_matrix(0.98)
    errors = [decompose(matrix, 20, 10, iterations).relative_error for iterations in (0, 1, 2, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4
    values = decompose(matrix, 20, 10, 8).values
    np.testing.assert_allclose(values, 0.98 ** (2 * np.arange(20)), rtol=1e-4)


def test_a_matrix_of_lower_rank_than_asked_for():
    """The start is amplified to columns that depend on each other; Cholesky would fail here."""
    found = decompose(low_rank_matrix(0.2), rank=40, oversampling=10, iterations=2)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(40), atol=1e-4)
    np.testing.assert_allclose(found.values[:4], 0.04 ** np.arange(4), rtol=1e-3)
    assert found.relative_error < 1e-4


def test_same_seed_same_scores_and_another_seed_others():
    graph = small_graph(users=300, items=200, rows=4000)

    def scores(seed):
        model = Spectral(rank=16, oversampling=8, iterations=0, seed=seed)
        model.fit(graph)
        return model.score(torch.arange(300))

    assert torch.equal(scores(1), scores(1))
    assert not torch.allclose(scores(1), scores(2), atol=1e-4)


def test_series_of_the_item_graph():
    graph = small_graph()
    model = Spectral(GFCF())
    model.prepare(graph)
    half = normalised(graph)
    x = np.random.default_rng(0).normal(size=(ITEMS, 3))
    series = Chebyshev([0.3, -1.0, 0.5, 0.2], (0, 1))
    values, vectors = np.linalg.eigh(half.T @ half)
    expected = (vectors * series(values)) @ vectors.T @ x
    filtered = apply(model.operator, series.coef.tolist(), torch.from_numpy(x).float())
    np.testing.assert_allclose(filtered, expected, atol=1e-5)


def test_a_checkpoint_is_loaded_without_a_fit(tmp_path):
    graph = small_graph(users=300, items=200, rows=4000)
    for response in RESPONSES:
        model, other = (Spectral(response, rank=16, iterations=1) for _ in range(2))
        model.fit(graph)
        torch.save(model.state_dict(), tmp_path / "state.ckpt")
        other.prepare(graph)
        other.load_state_dict(torch.load(tmp_path / "state.ckpt", weights_only=True))
        assert torch.equal(other.score(torch.arange(300)), model.score(torch.arange(300)))
        assert (other.decomposition_error, other.tail_error) == (model.decomposition_error, model.tail_error)


class CheckerLowPass(Spectral):
    def __init__(self) -> None:
        super().__init__(IdealLowPass(), rank=2)


class CheckerGFCF(Spectral):
    def __init__(self) -> None:
        super().__init__(GFCF(), rank=2)


class CheckerBSPM(Spectral):
    def __init__(self) -> None:
        super().__init__(BSPM(), rank=2)


@pytest.fixture(scope="module", params=[CheckerLowPass, CheckerGFCF, CheckerBSPM])
def task(request):
    return fitted_task(request.param)


class TestEveryResponse(RecommenderSuite):
    """The default, ChebyCF, is in the suite of all models."""


def test_low_pass_of_rank_two_is_the_two_colours():
    """The checker-board has one component per colour; an ideal filter of rank 2 is constant on each."""
    model = Spectral(IdealLowPass(), rank=2)
    model.fit(checker_board())
    scores = model.score(torch.arange(BOARD))[:, :BOARD]
    same = torch.arange(BOARD)[:, None] % 2 == torch.arange(BOARD) % 2
    assert scores[same].min() > 0.5
    assert scores[~same].abs().max() < 1e-4


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: Spectral(rank=0),
        lambda: Spectral(degree=-1),
        lambda: Spectral(iterations=-1),
        lambda: GFCF(ideal_weight=-0.1),
        lambda: ChebyCF(order=0),
        lambda: BSPM(sharpening=-1),
    ],
)
def test_mistakes_are_named(mistake):
    with pytest.raises(InputError, match="is too small"):
        mistake()


def test_older_items_count_less():
    """The signal of an edge falls with its place in the user's own history; the filter is the same."""
    frame = pd.DataFrame(
        {"user": [0, 0, 0, 1, 1, 2, 2], "item": [0, 1, 2, 0, 3, 2, 4], "week": [1, 5, 9, 2, 3, 4, 4]}
    )
    graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(3)), IdMap(np.arange(5))))
    np.testing.assert_allclose(graph.edge_place, [1 / 6, 3 / 6, 5 / 6, 1 / 4, 3 / 4, 1 / 2, 1 / 2])
    signal, half = bought(graph), normalised(graph)
    signal[graph.edge_user, graph.edge_item] = np.exp(-2 * (1 - graph.edge_place.double()))
    for degree, rank in ((1, 5), (8, 2), (None, 2), (1, 3)):
        model = Spectral(GFCF(0.0), rank=rank, degree=degree, recency=2.0)
        model.fit(graph)
        np.testing.assert_allclose(model.score(torch.arange(3)), signal @ half.T @ half, atol=1e-5)


def test_recency_without_any_order_is_refused():
    """It would change nothing, since every purchase would be as old as every other."""
    with pytest.raises(InputError, match=r"'recency'.*which items came first.*in_time_order"):
        Spectral(GFCF(0.0), rank=2, recency=1.0).fit(random_graph())


@pytest.mark.parametrize(
    ("given", "users", "items", "kept"),
    [
        *((None, 100, 90, 64), (None, 50, 90, 50), (None, 12_800, 6_400, 100), (None, 1 << 20, 1 << 19, 512)),
        *((1000, 2000, 3000, 1000), (1000, 90, 3000, 90)),
    ],
)
def test_a_rank_that_is_not_given_follows_the_size(given, users, items, kept):
    assert rank_for(given, users, items) == kept


def test_as_many_eigenvectors_are_kept_as_the_size_says():
    graph = random_graph(users=150, items=130, rows=3000)
    by_size, by_hand, all_of_them = Spectral(), Spectral(rank=64), Spectral(rank=130)
    users = torch.arange(150)
    for model in (by_size, by_hand, all_of_them):
        model.fit(graph)
    torch.testing.assert_close(by_size.score(users), by_hand.score(users))
    assert (by_size.score(users) - all_of_them.score(users)).abs().max() > 1e-3
