from __future__ import annotations

import math

import pytest
import torch

from graphrec.losses import (
    CosineContrastive,
    alignment,
    bce,
    bpr,
    catalogue_squares,
    info_nce,
    mse,
    sampled_softmax,
    total_square,
    uniformity,
)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def by_hand(name: str, positive: list[float], negative: list[list[float]]) -> float:
    """The formulae as loops over edges and negatives."""
    size, count = len(positive), len(negative[0])
    pairs = [(positive[b], n) for b in range(size) for n in negative[b]]
    if name == "bpr":
        return sum(-math.log(sigmoid(p - n)) for p, n in pairs) / (size * count)
    if name == "bce":
        bought = sum(-math.log(sigmoid(p)) for p in positive) / size
        return bought + sum(-math.log(1 - sigmoid(n)) for _, n in pairs) / (size * count)
    if name == "mse":
        return sum((p - 1) ** 2 for p in positive) / size + sum(n * n for _, n in pairs) / (size * count)
    softmax = (
        math.exp(p) / (math.exp(p) + sum(map(math.exp, ns))) for p, ns in zip(positive, negative, strict=True)
    )
    return sum(-math.log(share) for share in softmax) / size


LOSSES = [bpr, bce, sampled_softmax, mse]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("count", [1, 4])
def test_value_is_that_of_the_formula(loss, count):
    generator = torch.Generator().manual_seed(count)
    positive = torch.randn(6, generator=generator)
    negative = torch.randn(6, count, generator=generator)
    expected = by_hand(loss.__name__, positive.tolist(), negative.tolist())
    value = loss(positive, negative)
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_gradient_pulls_bought_items_up_and_sampled_items_down(loss):
    positive = torch.tensor([0.3, -1.0, 0.9], requires_grad=True)
    negative = torch.tensor([[0.1, 2.0], [0.5, 0.2], [3.0, 0.7]], requires_grad=True)
    loss(positive, negative).backward()
    assert (positive.grad < 0).all()
    assert (negative.grad > 0).all()


@pytest.mark.parametrize("loss", [bpr, sampled_softmax], ids=lambda loss: loss.__name__)
def test_ranking_losses_see_differences_alone(loss):
    positive, negative = torch.tensor([0.3, -1.0]), torch.tensor([[0.1, 2.0], [0.5, 0.2]])
    assert loss(positive + 5, negative + 5).item() == pytest.approx(loss(positive, negative).item(), rel=1e-5)


@pytest.mark.parametrize("loss", [bpr, bce, sampled_softmax], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("size", [100.0, -100.0])
def test_extreme_scores_stay_finite(loss, size):
    positive = torch.tensor([size], requires_grad=True)
    negative = torch.tensor([[-size, -size]], requires_grad=True)
    value = loss(positive, negative)
    value.backward()
    assert value.isfinite()
    assert positive.grad.isfinite().all()
    assert value.item() == pytest.approx(0.0 if size > 0 else -2 * size, rel=0.01, abs=1e-6)


def test_total_square_is_the_sum_over_every_pair():
    generator = torch.Generator().manual_seed(0)
    user, item = torch.randn(7, 3, generator=generator), torch.randn(11, 3, generator=generator)
    by_pair = sum(float(u @ i) ** 2 for u in user for i in item)
    assert float(total_square(user, item)) == pytest.approx(by_pair, rel=1e-5)


def test_catalogue_squares_over_all_edges_is_the_weighted_error_of_the_whole_matrix():
    generator = torch.Generator().manual_seed(1)
    user, item = torch.randn(5, 3, generator=generator), torch.randn(6, 3, generator=generator)
    bought = torch.rand(5, 6, generator=generator) < 0.4
    edges = bought.nonzero()
    scores, weight = user @ item.T, 0.3
    by_pair = sum(
        weight * float(s) ** 2 + (float(1 - s) ** 2 if b else 0.0)
        for s, b in zip(scores.flatten(), bought.flatten(), strict=True)
    )
    positive = (user[edges[:, 0]] * item[edges[:, 1]]).sum(1)
    loss = catalogue_squares(positive, weight * total_square(user, item) / len(edges))
    assert float(loss) * len(edges) == pytest.approx(by_pair, rel=1e-5)


def unit(vectors: torch.Tensor) -> list[list[float]]:
    return [[x / math.sqrt(sum(y * y for y in row)) for x in row] for row in vectors.tolist()]


def test_info_nce_is_the_formula():
    generator = torch.Generator().manual_seed(2)
    first, second = torch.randn(5, 3, generator=generator), torch.randn(5, 3, generator=generator)
    total = 0.0
    for node, one in enumerate(unit(first)):
        shares = [
            math.exp(sum(x * y for x, y in zip(one, other, strict=True)) / 0.2) for other in unit(second)
        ]
        total -= math.log(shares[node] / sum(shares)) / 5
    assert info_nce(first, second, 0.2).item() == pytest.approx(total, rel=1e-5)
    assert info_nce(first[:1], second[:1], 0.2) == 0.0


def test_alignment_and_uniformity_are_the_formulae():
    generator = torch.Generator().manual_seed(3)
    user, item = torch.randn(6, 3, generator=generator), torch.randn(6, 3, generator=generator)
    user[5] = 2 * user[0]  # a user who comes twice in the batch, at another length
    users, items = unit(user), unit(item)
    near = [math.dist(u, i) ** 2 for u, i in zip(users, items, strict=True)]
    pairs = [math.exp(-2 * math.dist(users[a], users[b]) ** 2) for a in range(6) for b in range(a)]
    assert alignment(user, item).item() == pytest.approx(sum(near) / 6, rel=1e-5)
    assert uniformity(user).item() == pytest.approx(math.log(sum(pairs) / 15), rel=1e-5)


def test_uniformity_has_a_gradient_that_spreads_and_none_for_a_lone_vector():
    vectors = torch.tensor([[1.0, 0.1], [1.0, -0.1]], requires_grad=True)
    uniformity(vectors).backward()
    assert vectors.grad[0, 1] < 0 < vectors.grad[1, 1]  # a step down the gradient takes them apart
    lone = torch.tensor([[1.0, 2.0]], requires_grad=True)
    value = uniformity(lone)
    value.backward()
    assert value.item() == 0.0
    assert not lone.grad.any()


@pytest.mark.parametrize("count", [1, 5])
def test_cosine_contrastive_counts_what_is_above_the_margin(count):
    generator = torch.Generator().manual_seed(count)
    positive = torch.rand(4, generator=generator) * 2 - 1
    negative = torch.rand(4, count, generator=generator) * 2 - 1
    above = [max(0.0, score - 0.2) for score in negative.flatten().tolist()]
    expected = sum(1 - score for score in positive.tolist()) / 4 + 30 * sum(above) / len(above)
    assert CosineContrastive(margin=0.2, weight=30.0)(positive, negative).item() == pytest.approx(expected)


def test_cosine_contrastive_leaves_out_the_bought_item_of_a_batch():
    negative = torch.tensor([[-math.inf, 0.9], [0.1, -math.inf]], requires_grad=True)
    loss = CosineContrastive(margin=0.5, weight=8.0)(torch.ones(2), negative)
    assert loss.item() == pytest.approx(8 * 0.4 / 4)
    (gradient,) = torch.autograd.grad(loss, negative)
    assert gradient.tolist() == [[0.0, 2.0], [0.0, 0.0]]
