"""Bounds of inner products by bytes, against the inner products."""

from __future__ import annotations

import pytest
import torch

from graphrec.models.bounds import ByteBounds, ExactBounds, multiplies_bytes

USERS, ITEMS = 50, 400
in_bytes = pytest.mark.skipif(not multiplies_bytes(), reason="products of bytes may be cut off without VNNI")


def bounds_of(bounds, user: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    left, unit = bounds.left(user)
    product = torch.empty(len(user), ITEMS, dtype=bounds.lowest.dtype)
    bounds.product(left, bounds.right.contiguous(), product)
    return product.double() * unit.double()[:, None], unit


@in_bytes
@pytest.mark.parametrize("dim", [3, 16, 64, 300])
@pytest.mark.parametrize("tail", [0.0, 1.0, 2.0])
def test_no_score_is_above_its_bound_and_bounds_are_near(dim, tail):
    generator = torch.Generator().manual_seed(dim)
    user = torch.randn(USERS, dim, generator=generator) * torch.logspace(-6, 6, USERS)[:, None]
    item = torch.randn(ITEMS, dim, generator=generator)
    item *= torch.rand(ITEMS, 1, generator=generator) ** -tail  # some are many times as long as others
    found, unit = bounds_of(ByteBounds(item), user)
    exact = user.double() @ item.double().T
    known = ~unit.isnan()
    assert known.float().mean() > 0.9
    assert (found[known] >= exact[known]).all()
    room = (found - exact)[known] / (user.double().norm(dim=1)[known, None] * item.double().norm(dim=1).max())
    assert room.max() < 0.05


@in_bytes
def test_vectors_of_zeros_and_of_one_coordinate_have_bounds():
    item = torch.zeros(ITEMS, 8)
    item[::2, 3] = torch.linspace(-1, 1, ITEMS // 2)
    user = torch.cat([torch.zeros(1, 8), torch.eye(8)])
    found, unit = bounds_of(ByteBounds(item), user)
    assert not unit.isnan().any()
    assert (found >= user.double() @ item.double().T - 1e-7).all()


def test_what_does_not_fit_has_no_bound_rather_than_a_wrong_one():
    item = torch.randn(ITEMS, 256, generator=torch.Generator().manual_seed(0))
    bounds = ByteBounds(item)
    flat = (
        torch.ones(1, 256) @ bounds.rotation.T
    )  # all coordinates alike after the rotation, the longest in bytes
    _, unit = bounds.left(flat)
    assert unit.isnan().all()


def test_exact_bounds_are_the_scores():
    generator = torch.Generator().manual_seed(0)
    user, item = torch.randn(USERS, 5, generator=generator), torch.randn(ITEMS, 5, generator=generator)
    found, _ = bounds_of(ExactBounds(item), user)
    torch.testing.assert_close(found, (user @ item.T).double())


@pytest.mark.parametrize("kind", [ByteBounds, ExactBounds])
@pytest.mark.parametrize(("dim", "width"), [(8, 30), (64, 1_000), (300, 70_000)])  # the last needs wide keys
def test_largest_are_those_of_topk_and_lie_where_they_are_said_to(kind, dim, width):
    generator = torch.Generator().manual_seed(width)
    bounds = kind(torch.randn(ITEMS, dim, generator=generator))
    least = max(float(bounds.lowest), -1e6)
    values = torch.randint(int(least), int(-least), (7, width), generator=generator).to(bounds.lowest.dtype)
    values[0] = values[0, 0]
    values[1] = bounds.lowest
    values[2, ::3] = bounds.lowest
    top, places = bounds.largest(values, 21)
    assert torch.equal(top.sort(dim=1).values, values.topk(21, dim=1).values.flip(1))
    assert torch.equal(values.gather(1, places), top)
    assert all(len(set(row)) == 21 for row in places.tolist())
