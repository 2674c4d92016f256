from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from random_graphs import random_graph
from recommender_suite import (
    BOARD,
    SAME_FOR_EVERYBODY,
    RecommenderSuite,
    all_models,
    block_graph,
    block_ndcg,
    checker_board,
    exported,
    fitted_task,
)
from torch_geometric.nn import LightGCN as TwinLightGCN

from graphrec.errors import InputError
from graphrec.models import (
    BSPM,
    GFCF,
    MLP,
    NGCF,
    ChebyCF,
    Cosine,
    CosineTrained,
    Dot,
    EmbeddingTable,
    FeatureTowers,
    IdealLowPass,
    ItemCF,
    LightGCN,
    Popularity,
    PowerLaw,
    RawFeatures,
    ScaledCosine,
    Spectral,
    TopFrequency,
)
from graphrec.models.base import Decoder, Embeddings, Encoder, Rows
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders import lightgcn
from graphrec.training import ClosedFormTask


@pytest.fixture(scope="module", params=all_models(), ids=lambda model: model.__name__)
def task(request):
    return fitted_task(request.param)


on_gpu = torch.cuda.is_available()


class TestEveryRecommender(RecommenderSuite):
    def test_same_seed_same_scores(self, task):
        again = fitted_task(type(getattr(task.recommender, "encoder", task.recommender)))
        ours, theirs = again.recommender.score(self.users), task.recommender.score(self.users)
        # sums on a GPU have no fixed order
        assert torch.allclose(ours, theirs, rtol=1e-2, atol=0.05) if on_gpu else torch.equal(ours, theirs)


@pytest.fixture(scope="module")
def popularity() -> float:
    return block_ndcg(fitted_task(Popularity, graph=block_graph()))


@pytest.mark.parametrize("model", [model for model in all_models() if model not in SAME_FOR_EVERYBODY])
def test_blocks_are_found_that_popularity_cannot_see(model, popularity):
    # popularity reaches 0.13, the models 0.32 to 0.50
    assert block_ndcg(fitted_task(model, graph=block_graph())) > 2 * popularity


@pytest.mark.parametrize(
    "response", [IdealLowPass(), GFCF(), BSPM(), ChebyCF(), PowerLaw()], ids=lambda one: type(one).__name__
)
def test_every_response_finds_the_blocks(response, popularity):
    task = ClosedFormTask(Spectral(response, rank=8))
    task.bind(block_graph())
    assert block_ndcg(task) > 2 * popularity


def test_the_suite_finds_the_models():
    assert {ItemCF, Popularity, TopFrequency, EmbeddingTable, LightGCN, FeatureTowers, RawFeatures} <= set(
        all_models()
    )
    assert set(all_models()) >= SAME_FOR_EVERYBODY
    assert len(all_models()) == len(set(all_models()))


@pytest.mark.parametrize("num_layers", [0, 1, 4])
def test_lightgcn_is_the_one_of_torch_geometric(num_layers):
    graph = random_graph()
    encoder = LightGCN(graph, dim=7, num_layers=num_layers)
    twin = TwinLightGCN(graph.num_nodes, 7, num_layers)
    twin.embedding.weight.data.copy_(encoder.weight.data)
    ours = torch.cat(encoder(graph))
    theirs = twin.get_embedding(graph.edge_index)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    torch.testing.assert_close(encoder.weight.grad, twin.embedding.weight.grad, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", exported(Encoder))
def test_rows_of_a_batch_are_those_of_the_whole_with_their_gradients(encoder):
    graph = checker_board()
    model = encoder(graph)
    users, items = torch.tensor([5, 0, 7]), torch.tensor([2, 9])
    whole, ego, rows = model(graph), model.ego(graph), model.rows(graph, users, items)
    expected = (whole.user[users], whole.item[items], ego.user[users], ego.item[items])
    found = (rows.user, rows.item, *rows.ego())
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    weights = list(model.parameters())
    both = (found, expected)
    totals = [sum((n * part.square()).sum() for n, part in enumerate(parts, 1)) for parts in both]
    for ours, theirs in zip(
        *(torch.autograd.grad(total, weights) for total in totals if weights), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("parent", [EmbeddingTable, LightGCN])
def test_rows_follow_a_forward_that_a_subclass_overrides(parent):
    class Neighbours(parent):
        def forward(self, graph):
            near = graph.propagate(self.weight)
            return Embeddings(near[: graph.num_users], near[graph.num_users :])

    graph = random_graph()
    encoder = Neighbours(graph, dim=5)
    users, items = torch.tensor([3, 1]), torch.tensor([0])
    whole, rows = encoder(graph), encoder.rows(graph, users, items)
    torch.testing.assert_close(rows.user, whole.user[users])
    torch.testing.assert_close(rows.item, whole.item[items])
    assert torch.equal(rows.ego().user, encoder.weight[users])


class Doubled(LightGCN):
    """Twice the vectors, and a way of its own to a few of them."""

    def forward(self, graph):
        return Embeddings(*(2 * part for part in super().forward(graph)))

    def own_rows(self, graph, users, items):
        user, item, ego = super().own_rows(graph, users, items)
        return Rows(2 * user, 2 * item, ego)


class Tripled(Doubled):
    """Another forward, two classes below the one whose way to a few it inherits."""

    def forward(self, graph):
        return Embeddings(*(3 * part for part in LightGCN.forward(self, graph)))


class Shifted(LightGCN):
    """The penalty is taken on other vectors."""

    def ego(self, graph):
        return Embeddings(*(part + 1 for part in super().ego(graph)))


class Wider:
    """A forward from beside, of other width."""

    def forward(self, graph):
        near = torch.cat([graph.propagate(self.weight), self.weight], dim=1)
        return Embeddings(near[: graph.num_users], near[graph.num_users :])


class WiderTable(Wider, EmbeddingTable):
    """Takes it before that of the table."""


@pytest.mark.parametrize("kind", [Doubled, Tripled, Shifted, WiderTable])
def test_rows_and_sizes_are_those_of_the_forward_and_ego_that_a_class_has(kind):
    graph = random_graph()
    encoder = kind(graph, dim=5)
    users, items = torch.tensor([3, 1]), torch.tensor([0])
    whole, ego, rows = encoder(graph), encoder.ego(graph), encoder.rows(graph, users, items)
    found = (rows.user, rows.item, *rows.ego())
    for ours, theirs in zip(found, (*whole.at(users, items), *ego.at(users, items)), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert [part.shape[1] for part in encoder.sample(graph)] == [part.shape[1] for part in whole]


@pytest.mark.parametrize(("kind", "whole"), [(LightGCN, 0), (Doubled, 0), (Tripled, 1), (NGCF, 1)])
def test_all_nodes_are_embedded_only_where_there_is_no_way_to_a_few(kind, whole):
    graph, asked = random_graph(), []
    encoder = kind(graph, dim=5)
    encoder.register_forward_hook(lambda *_: asked.append(1))
    encoder.rows(graph, torch.tensor([3]), torch.tensor([0]))
    assert len(asked) == whole


def test_an_encoder_that_takes_the_place_of_rows_is_told_the_name_to_use():
    class Old(EmbeddingTable):
        def rows(self, graph, users, items):
            return super().rows(graph, users, items)

    with pytest.raises(InputError, match=r"Old defines rows, .*; call it own_rows"):
        EmbeddingRecommender(random_graph(), Old(random_graph()), Dot())


class Biased(Dot):
    """Adds a constant to the score of pairs and matrices."""

    def forward(self, user, item):
        return super().forward(user, item) + 1

    def matrix(self, user, item):
        return super().matrix(user, item) + 1


def test_a_decoder_is_a_product_of_its_factors_unless_a_subclass_scores_otherwise():
    assert [type(one).__name__ for one in (Dot(), Cosine(), CosineTrained()) if one.by_factors is one] == [
        "Dot",
        "Cosine",
        "CosineTrained",
    ]
    assert Biased().by_factors is None
    assert MLP().by_factors is None


def test_layer_weights_are_those_of_torch_geometric():
    graph, weights = random_graph(), [0.5, 0.0, -0.2, 1.0]
    encoder = LightGCN(graph, dim=7, num_layers=3, layer_weights=weights)
    twin = TwinLightGCN(graph.num_nodes, 7, 3, alpha=torch.tensor(weights))
    twin.embedding.weight.data.copy_(encoder.weight.data)
    torch.testing.assert_close(torch.cat(encoder(graph)), twin.get_embedding(graph.edge_index))
    users, items = torch.tensor([3, 1]), torch.tensor([0])
    torch.testing.assert_close(encoder.rows(graph, users, items).user, encoder(graph).user[users])


def test_a_missing_layer_weight_is_named():
    with pytest.raises(InputError, match="3 weights for 3 layers and the table itself; give 4 numbers"):
        LightGCN(random_graph(), layer_weights=[0.1, 0.2, 0.3])


def test_half_storage_is_near_and_is_taken_for_tables_that_leave_the_cache(monkeypatch):
    graph = random_graph()
    encoder, half = LightGCN(graph, dim=16, num_layers=2), LightGCN(graph, 16, 2, storage="bfloat16")
    half.load_state_dict(encoder.state_dict())
    exact, rough = torch.cat(list(encoder(graph))), torch.cat(list(half(graph)))
    assert 0 < (rough - exact).norm() < 2e-3 * exact.norm()
    monkeypatch.setattr(lightgcn, "LARGE_TABLE_BYTES", 4 * graph.num_nodes * 16 - 1)
    torch.testing.assert_close(torch.cat(list(encoder(graph))), rough, rtol=0, atol=0)
    monkeypatch.setattr(lightgcn, "LARGE_TABLE_BYTES", 4 * graph.num_nodes * 16)
    torch.testing.assert_close(torch.cat(list(encoder(graph))), exact, rtol=0, atol=0)


def test_lightgcn_reaches_as_far_as_its_layers():
    graph = random_graph(users=4, items=4, rows=1)  # one edge
    user, item = int(graph.edge_user[0]), int(graph.edge_item[0])
    encoder = LightGCN(graph, dim=2, num_layers=1)
    weight = encoder.weight.detach()
    embeddings = encoder(graph)
    torch.testing.assert_close(embeddings.user[user], (weight[user] + weight[4 + item]) / 2)
    alone = next(u for u in range(4) if u != user)
    torch.testing.assert_close(embeddings.user[alone], weight[alone] / 2)


@pytest.mark.parametrize("model", exported(Encoder), ids=lambda model: model.__name__)
def test_every_weight_of_an_encoder_gets_a_gradient(model):
    torch.manual_seed(0)
    graph = checker_board()
    encoder = model(graph)
    user, item = encoder(graph)
    assert len(user) == len(item) == BOARD + 1
    decoder = MLP([8])
    decoder(user, item).square().sum().backward()
    assert decoder.user.weight.grad.any()
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())


DECODERS = {"dot": Dot(), "cosine": Cosine(0.5), "mlp": MLP(), "mlp_10": MLP([10]), "mlp_8_4": MLP([8, 4])}


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
def test_decoder_scores_a_matrix_as_it_scores_pairs(decoder: Decoder):
    torch.manual_seed(0)
    decoder = copy.deepcopy(decoder)
    user, item = torch.randn(37, 5), torch.randn(11, 5)
    pairs = torch.stack([torch.stack([decoder(u, i) for i in item]) for u in user])
    torch.testing.assert_close(decoder.matrix(user, item), pairs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        decoder(user[:, None], item[None].expand(37, -1, -1)), pairs, atol=1e-5, rtol=1e-5
    )


def test_decoders_follow_their_formulae():
    user, item = torch.tensor([3.0, 4.0]), torch.tensor([2.0, 0.0])
    assert Dot()(user, item) == 6.0
    torch.testing.assert_close(Cosine(0.5)(user, item), torch.tensor(0.6 / 0.5))


def test_mlp_decoder_is_a_perceptron_on_the_joined_vectors():
    torch.manual_seed(0)
    decoder = MLP([10, 6])
    user, item = torch.randn(9, 3), torch.randn(9, 2)
    score = decoder(user, item)
    first = torch.nn.Linear(5, 10)
    first.weight.data = torch.cat([decoder.user.weight, decoder.item.weight], dim=1).data
    first.bias.data = decoder.user.bias.data
    plain = torch.nn.Sequential(first, *decoder.rest)
    torch.testing.assert_close(score, plain(torch.cat([user, item], dim=1)).squeeze(-1))


def test_feature_encoders_say_that_features_are_missing():
    for model in (RawFeatures, FeatureTowers):
        with pytest.raises(InputError, match=r"data\.init_args\.features"):
            model(random_graph())


def test_item_cf_sums_cosines_of_the_nearest_items():
    graph = random_graph()
    bought = graph.seen_mask(torch.arange(15)).double().numpy()
    norm = np.sqrt(np.outer(bought.sum(0), bought.sum(0)))
    cosine = bought.T @ bought / (norm + 2.0)
    np.fill_diagonal(cosine, 0.0)
    model = ItemCF(neighbours=4, shrinkage=2.0)
    model.fit(graph)
    weights = model.weights.tensor().to_dense().double().numpy()
    nearest = np.sort(cosine, axis=1)[:, -4:]  # as sorted values: which of two equal neighbours stays is open
    np.testing.assert_allclose(np.sort(weights, axis=1)[:, -4:], nearest, atol=1e-6)
    assert (np.isclose(weights, cosine, atol=1e-6) | (weights == 0)).all()
    np.testing.assert_allclose(model.score(torch.arange(15)), bought @ weights.T, atol=1e-5)
    all_neighbours = ItemCF(neighbours=12, shrinkage=0.0)
    all_neighbours.fit(graph)
    plain = bought.T @ bought / norm
    np.fill_diagonal(plain, 0.0)
    np.testing.assert_allclose(all_neighbours.score(torch.arange(15)), bought @ plain.T, atol=1e-5)


def test_item_cf_knows_no_block_borders():
    """1,024 items are compared at a time; a catalogue across the border gives the plain cosines."""
    graph = random_graph(users=6, items=1030, rows=3000)
    bought = graph.seen_mask(torch.arange(6)).double().numpy()
    degree = bought.sum(0)
    cosine = bought.T @ bought / np.maximum(np.sqrt(np.outer(degree, degree)), 1e-12)
    np.fill_diagonal(cosine, 0.0)
    model = ItemCF(neighbours=2000, shrinkage=0.0)
    model.fit(graph)
    np.testing.assert_allclose(model.score(torch.arange(6)), bought @ cosine.T, rtol=1e-4, atol=1e-4)


def test_popularity_counts_distinct_buyers_or_recent_weeks():
    graph = random_graph(weeks=8)
    plain, recent = Popularity(), Popularity(decay_weeks=3.0)
    plain.fit(graph)
    recent.fit(graph)
    assert plain.score(torch.tensor([4]))[0].tolist() == graph.item_degree().tolist()
    rows = {
        *zip(
            graph.history_user.tolist(), graph.history_item.tolist(), graph.history_week.tolist(), strict=True
        )
    }
    last = max(week for _, _, week in rows)
    expected = [sum(np.exp((week - last) / 3) for _, i, week in rows if i == item) for item in range(12)]
    np.testing.assert_allclose(recent.score(torch.tensor([0]))[0], expected, rtol=1e-5)


def test_top_frequency_puts_what_the_user_buys_first_then_popularity():
    graph = random_graph(weeks=8)
    model = TopFrequency(decay_weeks=3.0)
    model.fit(graph)
    scores = model.score(torch.arange(15))
    rows = {
        *zip(
            graph.history_user.tolist(), graph.history_item.tolist(), graph.history_week.tolist(), strict=True
        )
    }
    last = max(week for _, _, week in rows)
    expected = torch.zeros(15, 12)
    for user, item, week in rows:
        expected[user, item] += np.exp((week - last) / 3)
    torch.testing.assert_close(scores, expected, atol=2e-6, rtol=1e-5)
    seen = graph.seen_mask(torch.arange(15))
    for user in range(15):
        assert scores[user][seen[user]].min() > scores[user][~seen[user]].max()
        unseen = (~seen[user]).nonzero().flatten()
        by_degree = graph.item_degree()[unseen].float()
        assert torch.equal(scores[user][unseen].argsort(stable=True), by_degree.argsort(stable=True))


def test_decay_without_weeks_is_refused_and_none_counts_rows():
    graph = random_graph()
    with pytest.raises(InputError, match="decay_weeks"):
        TopFrequency().fit(graph)
    model = TopFrequency(decay_weeks=None)
    model.fit(graph)
    total = model.score(torch.arange(15)).round().sum()
    assert total == 90  # every row of the log counts, repeats too


def test_embeddings_are_fresh_in_training_and_kept_in_evaluation():
    graph = random_graph()
    recommender = EmbeddingRecommender(graph, LightGCN(graph, dim=3), Dot())
    assert recommender.train().embeddings().user.requires_grad
    kept = recommender.eval().embeddings()
    assert recommender.embeddings() is kept
    assert not kept.user.requires_grad
    users = torch.arange(3)
    before = recommender.score(users)
    recommender.load_state_dict({name: 2 * value for name, value in recommender.state_dict().items()})
    torch.testing.assert_close(recommender.score(users), 4 * before)
    assert recommender.double().embeddings().user.dtype == torch.float64


def test_the_scale_of_a_cosine_is_learnt_and_bounded():
    decoder = ScaledCosine(scale=2.0, most=5.0)
    user, item = torch.tensor([[3.0, 4.0]]), torch.tensor([[6.0, 8.0]])
    assert decoder(user, item).item() == pytest.approx(2.0)
    assert decoder.matrix(user, torch.cat([item, -item])).flatten().tolist() == pytest.approx([2.0, -2.0])
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        (-decoder(user, item)).sum().backward()
        optimizer.step()
    assert 4.9 < decoder(user, item).item() <= 5.0
    with pytest.raises(InputError, match=r"'scale'.*not below most"):
        ScaledCosine(scale=5.0, most=5.0)


def test_a_held_scale_is_no_longer_learnt():
    decoder = ScaledCosine(most=7.0)
    assert decoder.hold() == "the scale of the cosine is held at 5"
    assert decoder(torch.tensor([[3.0, 4.0]]), torch.tensor([[6.0, 8.0]])).item() == pytest.approx(5.0)
    assert not any(weight.requires_grad for weight in decoder.parameters())
    assert Dot().hold() is None
