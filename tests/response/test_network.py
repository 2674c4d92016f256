from __future__ import annotations

import pytest
import torch

from graphrec.errors import InputError
from graphrec.response.network import ResponseNetwork
from graphrec.response.splines import KNOTS


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = ResponseNetwork(5, (7, 3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
        for table in network.effects:
            table.weight[-1] = 0
    return network.double()


def batch(rows=200):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(rows, 5, generator=generator, dtype=torch.float64)
    groups = torch.stack([torch.randint(0, size, (rows,), generator=generator) for size in (7, 3)], dim=1)
    return features, groups


@torch.no_grad()
def test_rises_with_the_rate_whatever_the_weights_are(network):
    features, groups = batch()
    rates = torch.linspace(0, 0.95, 96, dtype=torch.float64).expand(200, 96)
    assert (network(features, groups, rates).diff(dim=1) >= 0).all()


@torch.no_grad()
def test_no_discount_leaves_the_base_logit_alone(network):
    features, groups = batch()
    base, weights = network.curve_parameters(features, groups)
    assert (network(features, groups, torch.zeros(200).double()) == base).all()
    assert weights.shape == (200, len(KNOTS))
    assert (weights >= 0).all()


@torch.no_grad()
def test_one_rate_and_several_agree(network):
    features, groups = batch(4)
    rates = torch.tensor([[0.0, 0.1], [0.2, 0.3], [0.5, 0.6], [0.7, 0.8]], dtype=torch.float64)
    both = network(features, groups, rates)
    for column in (0, 1):
        torch.testing.assert_close(network(features, groups, rates[:, column]), both[:, column])


@torch.no_grad()
def test_groups_shift_their_own_rows_only_and_unknown_groups_none(network):
    features, groups = batch()
    before, _ = network.curve_parameters(features, groups)
    network.effects[0].weight[2, 0] += 1.0
    after, _ = network.curve_parameters(features, groups)
    torch.testing.assert_close(after - before, (groups[:, 0] == 2).double())
    unknown = torch.full_like(groups, -1)
    network.effects[0].weight[:-1] += 1.0
    torch.testing.assert_close(
        network.curve_parameters(features, unknown), network.curve_parameters(features, unknown + 100)
    )


def test_pooling_is_the_sum_of_squares_of_the_effects(network):
    expected = sum(float((table.weight.detach() ** 2).sum()) for table in network.effects)
    assert float(network.pooling().detach()) == pytest.approx(expected)
    assert float(ResponseNetwork(2).pooling()) == 0


def test_a_rare_group_is_pulled_to_the_others_more_than_a_frequent_one():
    torch.manual_seed(0)
    network = ResponseNetwork(1, (2,), hidden=())
    groups = torch.tensor([[0]] * 400 + [[1]] * 4)
    bought = torch.tensor(([1.0, 0, 0, 0] * 100) + [1.0, 1, 1, 1])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        logit = network(torch.zeros(404, 1), groups, torch.zeros(404))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, bought, reduction="sum")
        (loss + network.pooling()).backward()
        optimizer.step()
    frequent, rare = torch.sigmoid(logit)[[0, -1]].tolist()
    assert frequent == pytest.approx(0.25, abs=0.02)
    assert 0.3 < rare < 0.9  # its own share is 1


def test_curvature_is_0_for_a_straight_rise(network):
    weights = torch.tensor([[5.0, 9, 1, 1, 1, 1], [0.0, 0, 1, 2, 3, 4]])
    assert float(network.curvature(weights)) == 0
    bent = torch.tensor([[0.0, 0, 0, 1, 0]])
    assert float(network.curvature(bent)) == 4


def test_standardise_makes_features_comparable():
    features = torch.tensor([[1000.0, 7.0], [3000.0, 7.0]])
    network = ResponseNetwork(2, hidden=())
    network.standardise(features, base_rate=0.25)
    assert network.centre.tolist() == [2000, 7]
    assert network.scale.tolist() == [1000, 1]
    middle, _ = network.curve_parameters(features.mean(0, keepdim=True), torch.zeros(1, 0).long())
    assert torch.sigmoid(middle).item() == pytest.approx(0.25)


def test_refuses_knots_and_sizes_that_make_no_network():
    with pytest.raises(InputError, match="knots"):
        ResponseNetwork(2, knots=(0.2, 0.1))
    with pytest.raises(InputError, match="num_features"):
        ResponseNetwork(0)
