"""Closed forms that declare that they read the weights of edges, against naive oracles; the others refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from recommender_suite import exported
from weighted_graphs import interactions, matrix, rated, ratings, weighted

from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import (
    BSPM,
    EASE,
    EDLAE,
    GFCF,
    IALS,
    SGFCF,
    SLIM,
    IdealLowPass,
    ItemCF,
    LinkProp,
    P3alpha,
    Popularity,
    PowerLaw,
    RP3beta,
    Spectral,
    TopFrequency,
    TurboCF,
    UserKNN,
)
from graphrec.models.base import ClosedForm
from graphrec.models.spectrum import spectrum
from graphrec.training import ClosedFormTask

READERS = [
    ItemCF(neighbours=4, shrinkage=2.0),
    UserKNN(neighbours=4, shrinkage=2.0),
    P3alpha(neighbours=5),
    RP3beta(neighbours=5, beta=0.3),
    TurboCF(neighbours=5),
    TurboCF(order=2),
    Spectral(rank=4),
    Spectral(GFCF(), rank=4),
    Spectral(BSPM(), degree=None, rank=4),
    Spectral(PowerLaw(user_power=0.3, item_power=0.6), rank=4),
    SGFCF(rank=4, beta=(0.5, 1.5), shift=1.0),
    EASE(l2=5.0),
    EASE(l2=5.0, max_items=8),
    EDLAE(l2=5.0),
    SLIM(neighbours=5, l1=0.1, l2=1.0),
    IALS(dim=4, epochs=3),
    Popularity(),
]
FREE_OF_SCALE = [one for one in READERS if not isinstance(one, EASE | SLIM | IALS)]
EVERYBODY = torch.arange(15)


def named(model: ClosedForm) -> str:
    return type(model).__name__


def fitted(model: ClosedForm, graph: BipartiteGraph) -> ClosedForm:
    model = copy.deepcopy(model)
    model.fit(graph)
    return model


def test_the_suite_holds_every_reader():
    declared = {kind for kind in exported(ClosedForm) if vars(kind).get("reads_weights")}
    assert declared == {type(model) for model in READERS}


@pytest.mark.parametrize("model", READERS, ids=named)
def test_edges_that_all_weigh_one_are_edges_without_weights(model):
    graphs = weighted(1.0), BipartiteGraph(interactions())
    first, second = (fitted(model, graph).score(EVERYBODY) for graph in graphs)
    assert torch.equal(first, second)


@pytest.mark.parametrize("model", READERS, ids=named)
def test_other_weights_make_other_scores(model):
    first, second = (fitted(model, rated(seed)).score(EVERYBODY) for seed in (1, 2))
    assert not torch.allclose(first / first.norm(), second / second.norm(), atol=1e-3)


@pytest.mark.parametrize("model", FREE_OF_SCALE, ids=named)
def test_weights_twice_as_large_rank_alike(model):
    graphs = [rated(scale=scale) for scale in (1.0, 2.0)]
    first, second = (fitted(model, graph).lists(EVERYBODY, 12, ["all", "new"]) for graph in graphs)
    for name in ("all", "new"):
        assert torch.equal(first[name][1], second[name][1])


@pytest.mark.parametrize("model", READERS, ids=named)
def test_what_a_checkpoint_holds_is_read_back_with_the_weights(model):
    graph = rated()
    before = fitted(model, graph)
    after = copy.deepcopy(model)
    after.restore(graph, before.state_dict())
    after.load_state_dict(before.state_dict())
    assert torch.equal(before.score(EVERYBODY), after.score(EVERYBODY))


@pytest.mark.parametrize("model", [LinkProp(), TopFrequency()], ids=named)
def test_who_reads_none_refuses_and_names_who_does(model):
    with pytest.raises(InputError) as error:
        ClosedFormTask(model).bind(rated())
    said = str(error.value)
    assert f"column 'recommender': {named(model)} reads no weights of edges" in said
    assert "ItemCF" in said
    assert "LightGCN" in said
    assert "GATv2" not in said
    assert "leave data.weights out" in said


def test_a_subclass_has_to_declare_it_again():
    class Mine(ItemCF):
        pass

    with pytest.raises(InputError, match="Mine reads no weights of edges"):
        ClosedFormTask(Mine()).bind(rated())
    ClosedFormTask(Mine()).bind(BipartiteGraph(interactions()))


def test_a_decay_and_the_spectrum_read_none():
    with pytest.raises(InputError, match="a decay reads no weights; leave it out, and name Recency"):
        Popularity(decay_weeks=3).fit(rated())
    with pytest.raises(InputError, match="a graph without weights"):
        spectrum(rated())


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """The largest entries, the others zero."""
    kept = np.zeros_like(values)
    kept[np.argsort(-values)[:count]] = np.sort(values)[::-1][:count]
    return kept


def item_cf(ratings_: np.ndarray, neighbours: int, shrinkage: float) -> np.ndarray:
    """The articles' formula on ratings, ``R_ui = Σ_{j ∈ N_i} w_ij r_uj``, item by item."""
    items = ratings_.shape[1]
    unit = (ratings_[ratings_ > 0] ** 2).mean()
    similarity = np.zeros((items, items))
    for i in range(items):
        for j in range(items):
            if i != j:
                length = np.linalg.norm(ratings_[:, i]) * np.linalg.norm(ratings_[:, j])
                similarity[i, j] = ratings_[:, i] @ ratings_[:, j] / (length + shrinkage * unit)
    near = np.stack([largest(similarity[i], neighbours) for i in range(items)])
    scores = np.zeros_like(ratings_)
    for u in range(len(ratings_)):
        for i in range(items):
            scores[u, i] = sum(near[i, j] * ratings_[u, j] for j in range(items))
    return scores


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
def test_item_cf_on_ratings_is_the_formula_of_the_articles(shrinkage):
    graph = rated()
    model = fitted(ItemCF(neighbours=4, shrinkage=shrinkage), graph)
    np.testing.assert_allclose(model.score(EVERYBODY), item_cf(matrix(graph), 4, shrinkage), rtol=1e-4)


def test_user_knn_on_ratings_is_the_same_of_the_users():
    graph = rated()
    ratings_ = matrix(graph)
    norms = np.linalg.norm(ratings_, axis=1)
    similarity = ratings_ @ ratings_.T / np.outer(norms, norms)
    np.fill_diagonal(similarity, 0.0)
    near = np.stack([largest(row, 4) for row in similarity])
    scores = fitted(UserKNN(neighbours=4), graph).score(EVERYBODY)
    np.testing.assert_allclose(scores, near @ ratings_, rtol=1e-4)


def test_reversing_the_ratings_changes_the_lists_of_item_cf():
    train = interactions()
    liked = ratings(train)
    first, second = (
        fitted(ItemCF(neighbours=4), weighted(weight, train)).lists(EVERYBODY, 5, ["new"])["new"][1]
        for weight in (liked, 6 - liked)
    )
    assert (first != second).any(dim=1).sum() > 10


def test_a_random_walk_takes_edges_in_proportion_to_their_weights():
    graph = rated()
    weight = matrix(graph)
    to_user, to_item = weight.T / weight.sum(0)[:, None], weight / weight.sum(1, keepdims=True)
    paths = to_user**0.7 @ to_item**0.7 / weight.sum(0) ** 0.3
    np.fill_diagonal(paths, 0.0)
    model = fitted(RP3beta(neighbours=12, alpha=0.7, beta=0.3, normalise=False), graph)
    np.testing.assert_allclose(model.score(EVERYBODY), weight @ paths, rtol=1e-4)


@pytest.mark.parametrize(
    "sizes", [{"users": 40, "items": 12}, {"users": 9, "items": 30}], ids=["items", "users"]
)
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_ease_is_the_best_autoencoder_of_the_weights(sizes, dropout):
    graph = rated(rows=150, **sizes)
    weight = matrix(graph)
    gram = weight.T @ weight
    inverse = np.linalg.inv(gram + 5.0 * np.eye(len(gram)) + dropout / (1 - dropout) * np.diag(np.diag(gram)))
    best = -inverse / np.diag(inverse)
    np.fill_diagonal(best, 0.0)
    scores = fitted(EDLAE(dropout, l2=5.0), graph).score(torch.arange(graph.num_users))
    np.testing.assert_allclose(scores, weight @ best, rtol=1e-3, atol=1e-4)


def test_slim_minimises_the_elastic_net_of_the_weights():
    graph = rated()
    weight = matrix(graph)
    model = fitted(SLIM(neighbours=12, l1=0.5, l2=2.0, rounds=2000, tolerance=1e-7), graph)
    found = model.similarity.tensor().to_dense().double().numpy()
    slope = weight.T @ (weight @ found - weight) + 2.0 * found + 0.5
    off = ~np.eye(len(found), dtype=bool)
    assert (found[~off] == 0).all()
    np.testing.assert_allclose(slope[off & (found > 0)], 0, atol=2e-3)
    assert slope[off & (found == 0)].min() > -2e-3
    assert (found > 0).sum() > 10


def normalised(weight: np.ndarray, user: float, item: float) -> np.ndarray:
    return weight * weight.sum(1, keepdims=True) ** -user * weight.sum(0, keepdims=True) ** -item


def test_turbo_cf_takes_the_weighted_item_graph():
    graph = rated()
    weight = matrix(graph)
    smooth = normalised(weight, 0.6, 0.4)
    expected = weight @ (smooth.T @ smooth) ** 0.7
    scores = fitted(TurboCF(alpha=0.6, power=0.7), graph).score(EVERYBODY)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


@pytest.mark.parametrize("response", [PowerLaw(), GFCF(), BSPM()], ids=named)
def test_a_filter_is_that_of_the_weighted_adjacency(response):
    """An eigenvalue at a time, with the weights relative to their mean."""
    graph = rated()
    weight = matrix(graph) / graph.edge_weight.mean().item()
    smooth = normalised(weight, *response.normalisation)
    if response.normalisation != (0.5, 0.5):
        smooth = smooth / np.linalg.norm(smooth, 2)
    values, vectors = np.linalg.eigh(smooth.T @ smooth)
    degree = weight.sum(0)
    applied = vectors * response.smooth()(values.clip(0, 1)) @ vectors.T
    expected = weight / degree**response.power @ applied * degree**response.power_after
    model = fitted(Spectral(response, rank=2, degree=None), graph)
    if response.ideal_weight:
        top = vectors[:, -2:]
        before, after = degree**response.ideal_power, degree**response.ideal_power_after
        late = vectors * response.after_ideal()(values.clip(0, 1)) @ vectors.T
        expected += response.ideal_weight * (weight / before @ top @ top.T * after @ late)
    scores = model.score(EVERYBODY)
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-4)


def test_an_ideal_filter_keeps_the_leading_directions_of_the_weighted_adjacency():
    graph = rated()
    weight = matrix(graph) / graph.edge_weight.mean().item()
    response = IdealLowPass()
    top = np.linalg.svd(normalised(weight, *response.normalisation))[2][:3].T
    degree = weight.sum(0)
    expected = weight / degree**response.ideal_power @ top @ top.T * degree**response.ideal_power_after
    scores = fitted(Spectral(response, rank=3), graph).score(EVERYBODY)
    np.testing.assert_allclose(scores, response.ideal_weight * expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", [{"solver": "exact"}, {"solver": "cg", "steps": 60}], ids=["exact", "cg"])
@pytest.mark.parametrize("dim", [3, 20])
def test_ials_solves_the_weighted_equations_of_each_row(dim, solver):
    graph, settings = rated(), {"unobserved": 0.3, "regularisation": 0.05, "scaling": 0.7, "init_std": 0.5}
    weight = matrix(graph)

    def half(rows: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        found = []
        for row in rows:
            ridge = 0.05 * (row.sum() + 0.3 * len(fixed)) ** 0.7
            system = 0.3 * fixed.T @ fixed + fixed.T @ np.diag(row) @ fixed + ridge * np.eye(dim)
            found.append(np.linalg.solve(system, fixed.T @ row))
        return np.array(found)

    start = torch.randn(graph.num_items, dim, generator=torch.Generator().manual_seed(0)) * 0.5 / dim**0.5
    item = start.double().numpy()
    for _ in range(2):
        user = half(weight, item)
        item = half(weight.T, user)
    model = fitted(IALS(dim=dim, epochs=2, **settings, **solver), graph)
    np.testing.assert_allclose(model.score(EVERYBODY), user @ item.T, rtol=1e-3, atol=1e-4)


def test_popularity_sums_the_weights():
    graph = rated()
    np.testing.assert_allclose(fitted(Popularity(), graph).item_score, matrix(graph).sum(0), rtol=1e-6)


EXACT = [one for one in READERS if isinstance(one, ItemCF | P3alpha | TurboCF | SLIM | Spectral | EASE)]


@pytest.mark.parametrize("model", EXACT, ids=named)
@pytest.mark.parametrize("users", [15, 9], ids=["few items", "few users"])
def test_baskets_with_weights_are_folded_in_as_their_users_were_fitted(model, users):
    graph = rated(users=users)
    found = fitted(model, graph)
    everybody = torch.arange(users)
    scores, folded = found.score(everybody), found.fold_in(graph)(everybody)
    torch.testing.assert_close(folded, scores, rtol=2e-3, atol=2e-3 * float(scores.abs().max()))
