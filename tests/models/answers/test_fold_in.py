"""Fold-in: users that a model was not fitted to, scored by their baskets.

Oracles: the scores that the model gives the same baskets in training, where the items' side decides alone;
dense algebra in NumPy for a user held out whole; propagation in training with own vectors of 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.interactions import IdMap, Interactions
from graphrec.fusion.model import Fusion
from graphrec.graph import BipartiteGraph
from graphrec.models import (
    BSPM,
    EASE,
    EDLAE,
    GFCF,
    IALS,
    MLP,
    NGCF,
    SGFCF,
    SLIM,
    ChebyCF,
    Dot,
    EmbeddingTable,
    GATv2,
    IdealLowPass,
    ItemCF,
    LightGCN,
    LightGCNpp,
    LinkProp,
    P3alpha,
    Popularity,
    PurchaseRanker,
    RP3beta,
    ScaledCosine,
    SimGCL,
    SimpleX,
    Spectral,
    TopFrequency,
    TurboCF,
    UserKNN,
    XSimGCL,
)
from graphrec.models.answers.folded import FoldedIn, MostBought
from graphrec.models.base import ClosedForm, Embeddings, Recommender
from graphrec.models.embedding import EmbeddingRecommender

USERS, ITEMS, KNOWN = 30, 20, 22
"""Users of the log; the first 22 of them are fitted, the others held out whole."""


def rows() -> pd.DataFrame:
    """Purchases in some weeks; user 3 has one item and user 25, who is held out, too."""
    rng = np.random.default_rng(4)
    bought = rng.random((USERS, ITEMS)) < 0.3
    bought[[3, 25]] = False
    bought[[3, 25], [7, 8]] = True
    user, item = np.nonzero(bought)
    frame = pd.DataFrame({"user": user, "item": item, "week": rng.integers(1, 9, len(user))})
    return pd.concat([frame, frame.iloc[::4].assign(week=9)], ignore_index=True)


def graph_of(frame: pd.DataFrame, users: int) -> BipartiteGraph:
    return BipartiteGraph(
        Interactions(frame.reset_index(drop=True), IdMap(np.arange(users)), IdMap(np.arange(ITEMS)))
    )


def known() -> BipartiteGraph:
    return graph_of(rows().query("user < @KNOWN"), KNOWN)


def held_out() -> BipartiteGraph:
    frame = rows().query("user >= @KNOWN")
    return graph_of(frame.assign(user=frame["user"] - KNOWN), USERS - KNOWN)


def dense(graph: BipartiteGraph) -> np.ndarray:
    return graph.seen_mask(torch.arange(graph.num_users)).double().numpy()


def scores(model: Recommender, baskets: BipartiteGraph) -> np.ndarray:
    return FoldedIn(model, baskets).score(torch.arange(baskets.num_users)).double().numpy()


def fitted(model: ClosedForm, graph: BipartiteGraph | None = None) -> ClosedForm:
    model.fit(graph or known())
    return model.eval()


LINEAR: dict[str, ClosedForm] = {
    "ItemCF": ItemCF(neighbours=6),
    "P3alpha": P3alpha(neighbours=6),
    "RP3beta": RP3beta(neighbours=6),
    "SLIM": SLIM(neighbours=6, l1=0.01, l2=1.0),
    "TurboCF": TurboCF(),
    "TurboCF of order 2": TurboCF(order=2),
    "LinkProp": LinkProp(),
    "LinkProp-Multi": LinkProp(alpha=0.0, rounds=1),  # pairs added to a user matter to no ranking
    "EASE": EASE(l2=3.0),
    "EASE of some items": EASE(l2=3.0, max_items=12),
    "EDLAE": EDLAE(l2=3.0),
    "SGFCF": SGFCF(rank=8),
    "SGFCF with a power for each node": SGFCF(rank=8, beta=(0.5, 2.0)),
    "TopFrequency": TopFrequency(decay_weeks=3.0),
    **{
        f"{type(one).__name__} of degree {degree}": Spectral(one, rank=8, degree=degree, recency=recency)
        for one in (IdealLowPass(), GFCF(), BSPM(), ChebyCF(), None)
        for degree, recency in ((1, 0.0), (None, 0.5))
    },
}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("users", [KNOWN, 9], ids=["many users", "few users"])
def test_a_basket_of_training_scores_as_its_user(name, users):
    """With few users EASE inverts their Gram matrix and not that of the items."""
    graph = graph_of(rows().query("user < @users"), users)
    model = fitted(LINEAR[name], graph)
    assert model.folds_in
    expected = model.score(torch.arange(users)).double().numpy()
    np.testing.assert_allclose(scores(model, graph), expected, atol=2e-5 * np.abs(expected).max())


def test_item_cf_of_a_user_held_out_is_the_row_times_the_item_matrix():
    model = fitted(ItemCF(neighbours=6, shrinkage=2.0))
    x = dense(known())
    common = x.T @ x
    weight = common / (np.sqrt(np.outer(common.diagonal(), common.diagonal())) + 2.0)
    np.fill_diagonal(weight, 0)
    kept = weight * (weight >= np.sort(weight, axis=1)[:, -6][:, None])
    if (kept > 0).sum(axis=1).max() > 6:  # ties are cut by the fixed key; take the model's own choice of them
        kept = weight * (model.weights.scipy().toarray() > 0)
    np.testing.assert_allclose(scores(model, held_out()), dense(held_out()) @ kept.T, atol=1e-5)


@pytest.mark.parametrize("users", [KNOWN, 9], ids=["by items", "by users"])
def test_ease_of_a_user_held_out_is_the_row_times_the_closed_form(users):
    graph = graph_of(rows().query("user < @users"), users)
    model = fitted(EASE(l2=3.0), graph)
    assert model.by_users == (users < ITEMS)
    x = dense(graph)
    inverse = np.linalg.inv(x.T @ x + 3.0 * np.eye(ITEMS))
    weight = np.eye(ITEMS) - inverse / inverse.diagonal()
    np.testing.assert_allclose(scores(model, held_out()), dense(held_out()) @ weight, atol=1e-4)


def test_edlae_by_users_is_the_row_times_the_closed_form():
    graph = graph_of(rows().query("user < 9"), 9)
    model = fitted(EDLAE(dropout=0.5, l2=3.0), graph)
    x = dense(graph)
    inverse = np.linalg.inv(x.T @ x + np.diag(3.0 + x.sum(axis=0)))
    weight = np.eye(ITEMS) - inverse / inverse.diagonal()
    np.testing.assert_allclose(scores(model, held_out()), dense(held_out()) @ weight, atol=1e-4)


@pytest.mark.parametrize("solver", ["cg", "exact"])
def test_ials_solves_the_users_own_equations(solver):
    model = fitted(IALS(dim=5, unobserved=0.2, regularisation=0.05, scaling=0.5, solver=solver))
    item, expected = model.item.double().numpy(), []
    for row in dense(held_out()):
        ridge = 0.05 * (row.sum() + 0.2 * ITEMS) ** 0.5
        bought = item[row > 0]
        system = bought.T @ bought + 0.2 * item.T @ item + ridge * np.eye(5)
        expected.append(item @ np.linalg.solve(system, bought.sum(axis=0)))
    np.testing.assert_allclose(scores(model, held_out()), expected, atol=1e-4)


def test_user_knn_finds_neighbours_among_the_users_of_training():
    model = fitted(UserKNN(neighbours=4, shrinkage=1.0))
    x, new = dense(known()), dense(held_out())
    weight = new @ x.T / (np.sqrt(np.outer(new.sum(axis=1), x.sum(axis=1))) + 1.0)
    found = scores(model, held_out())
    cut = np.sort(weight, axis=1)[:, -4][:, None]
    low, high = (weight * (weight > cut)) @ x, (weight * (weight >= cut)) @ x  # ties of the cut in between
    assert ((found >= low - 1e-5) & (found <= high + 1e-5)).all()
    alone = (weight >= cut).sum(axis=1) == 4
    assert alone.any()
    np.testing.assert_allclose(found[alone], high[alone], atol=1e-5)


@pytest.mark.parametrize(
    "encoder",
    [LightGCN, LightGCNpp, SimpleX, NGCF, SimGCL, XSimGCL],
    ids=lambda encoder: encoder.__name__,
)
@pytest.mark.parametrize("decoder", [Dot, MLP], ids=lambda decoder: decoder.__name__)
def test_an_encoder_sends_a_basket_what_it_sends_a_user_without_a_vector(encoder, decoder):
    torch.manual_seed(0)
    graph = known()
    embedded = encoder(graph, dim=6)
    with torch.no_grad():
        embedded.weight[:KNOWN] = 0.0
    model = EmbeddingRecommender(graph, embedded, decoder(), prior=0.3).eval()
    assert model.folds_in
    assert "the items do not know of these edges" in model.fold_in_note
    expected = model.score(torch.arange(KNOWN)).detach().double().numpy()
    assert np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(scores(model, graph), expected, atol=1e-4)


def test_vectors_are_fitted_to_baskets_by_the_softmax():
    """The best direction on a circle is found by trying all of them."""
    graph, baskets = known(), held_out()
    torch.manual_seed(0)
    model = EmbeddingRecommender(
        graph, LightGCN(graph, dim=2, num_layers=1), ScaledCosine(), prior=0.5
    ).eval()
    assert "fitted to their baskets" in model.fold_in_note
    angle = torch.linspace(0, 2 * np.pi, 721)[:-1]
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    items, prior = model.embeddings().item, 0.5 * graph.item_degree().float().log1p()
    share = torch.from_numpy(dense(baskets) / dense(baskets).sum(1, keepdims=True)).float()

    def likelihood(scores: torch.Tensor) -> torch.Tensor:
        return (share * scores.log_softmax(1)).sum(1)

    with torch.no_grad():
        every = model.decoder.matrix(circle, items) + prior
        best = (share @ every.log_softmax(1).T).max(1).values
        before = model.decoder.matrix(model.encoder.fold_in(graph, baskets), items) + prior
    after = likelihood(torch.from_numpy(scores(model, baskets)).float())
    assert (after >= likelihood(before) - 1e-6).all()
    assert (after - best).abs().median() < 1e-3  # a start on the far side may stay in its valley


def test_nobody_s_vector_changes_with_who_else_is_asked_for_and_an_empty_basket_stays():
    graph = known()
    model = EmbeddingRecommender(graph, EmbeddingTable(graph, dim=4), ScaledCosine()).eval()
    all_rows = rows().query("user >= @KNOWN")
    both = graph_of(all_rows.assign(user=all_rows["user"] - KNOWN), USERS - KNOWN + 1)
    first = graph_of(all_rows.query("user == @KNOWN").assign(user=0), 1)
    np.testing.assert_allclose(scores(model, both)[0], scores(model, first)[0], atol=1e-5)
    assert not scores(model, both)[-1].any()


def test_a_fusion_folds_in_where_its_members_do():
    graph = known()
    members = [fitted(ItemCF(), graph), fitted(EASE(l2=3.0), graph)]
    fused = Fusion(graph, members, [0.3, 0.7])
    expected = fused.score(torch.arange(KNOWN)).numpy()
    np.testing.assert_allclose(scores(fused, graph), expected, atol=1e-4)
    assert not Fusion(graph, [*members, fitted(Popularity(), graph)], [1, 1, 1]).folds_in


class Changed(ItemCF):
    """Another score, for which nobody wrote a fold-in."""

    def score(self, users):
        return -super().score(users)


class NoBaskets(EmbeddingTable):
    """Another forward, for which nobody wrote a fold-in."""

    def forward(self, graph):
        return Embeddings(*(2 * vectors for vectors in self.ego(graph)))


def test_free_vectors_are_told_by_least_squares_over_the_users_of_training():
    graph, baskets = known(), held_out()
    table = EmbeddingTable(graph, dim=4, start="normal")
    items = table.ego(graph).item.detach().double().numpy()
    means, others = (dense(one) @ items / dense(one).sum(1, keepdims=True) for one in (graph, baskets))
    wanted = means @ np.random.default_rng(0).normal(size=(4, 4))
    with torch.no_grad():
        table.weight[:KNOWN] = torch.from_numpy(wanted).float()
    expected = others @ np.linalg.lstsq(means, wanted)[0]  # nothing is left over, so the map is found again
    found = table.fold_in(graph, baskets).detach().double().numpy()
    np.testing.assert_allclose(found, expected, atol=5e-3 * np.abs(expected).max())


def test_own_rows_of_lightgcn_are_told_by_least_squares():
    graph, baskets = known(), held_out()
    encoder = LightGCN(graph, dim=3, num_layers=1, start="normal")
    item = encoder.weight[KNOWN:].detach().double().numpy() / np.sqrt(dense(graph).sum(0))[:, None]
    near, others = (dense(one) @ item / np.sqrt(dense(one).sum(1, keepdims=True)) for one in (graph, baskets))
    own = near @ np.random.default_rng(0).normal(size=(3, 3))
    with torch.no_grad():
        encoder.weight[:KNOWN] = torch.from_numpy(own).float()
    expected = (others + others @ np.linalg.lstsq(near, own)[0]) / 2
    found = encoder.fold_in(graph, baskets).detach().double().numpy()
    np.testing.assert_allclose(found, expected, atol=5e-3 * np.abs(expected).max())


def test_users_attend_to_their_items_as_pyg_s_layer_lets_them():
    graph = known()
    encoder = GATv2(graph, dim=4, num_layers=2, start="normal")
    with torch.no_grad():
        encoder.weight[:KNOWN] = 0
        torch.testing.assert_close(encoder.fold_in(graph, graph), encoder(graph).user)


def test_what_a_model_cannot_fold_in_it_says():
    graph = known()
    for model in (Changed(), Popularity(), PurchaseRanker()):
        assert not model.folds_in
    assert not EmbeddingRecommender(graph, NoBaskets(graph, dim=4), ScaledCosine()).folds_in
    with pytest.raises(NotImplementedError, match="Popularity scores only the users"):
        Popularity().fold_in(held_out())


def test_items_of_a_basket_are_not_new_to_its_user():
    baskets = held_out()
    folded = FoldedIn(fitted(ItemCF()), baskets)
    users = torch.arange(baskets.num_users)
    new, repeated = (folded.recommend(users, ITEMS, which) for which in ("new", "repeat"))
    for user, bought in enumerate(dense(baskets).astype(bool)):
        assert {*new.items[user].tolist()} - {-1} == {*np.flatnonzero(~bought).tolist()}
        assert {*repeated.items[user].tolist()} - {-1} == {*np.flatnonzero(bought).tolist()}


def test_the_most_bought_are_those_of_the_segment_and_then_of_all():
    x, segment = dense(known()), np.arange(KNOWN) % 2
    buyers = np.stack([x[segment == 0].sum(axis=0), x[segment == 1].sum(axis=0), x.sum(axis=0)])
    model = MostBought(held_out(), torch.from_numpy(buyers).float(), torch.tensor([0, 1, -1, 0, 1, -1, 0, 1]))
    ranking = model.recommend(torch.arange(3), ITEMS, "all")
    for user, row in enumerate((0, 1, 2)):
        place = ranking.items[user].numpy()
        ordered = list(zip(-buyers[row][place], -buyers[2][place], strict=True))
        assert ordered == sorted(ordered)
