"""Bounds of inner products in bytes and in half precision, against the inner products."""

from __future__ import annotations

import pytest
import torch

from graphrec.kernels.search_bounds import ByteBounds, ExactBounds, HalfBounds, multiplies_bytes

USERS, ITEMS = 50, 400
in_bytes = pytest.mark.skipif(not multiplies_bytes(), reason="products of bytes may be cut off without VNNI")


def bounds_of(bounds, user: torch.Tensor) -> torch.Tensor:
    left, known = bounds.left(user)
    product = torch.empty(len(user), ITEMS, dtype=bounds.lowest.dtype)
    bounds.product(left, bounds.right.contiguous(), product)
    return torch.stack([bounds.limit(column, known) for column in product.unbind(1)], dim=1).double()


@pytest.mark.parametrize("kind", [pytest.param(ByteBounds, marks=in_bytes), HalfBounds])
@pytest.mark.parametrize("dim", [3, 16, 64, 300])
@pytest.mark.parametrize("tail", [0.0, 1.0, 2.0])
def test_no_score_is_above_its_bound_and_bounds_are_near(kind, dim, tail):
    generator = torch.Generator().manual_seed(dim)
    user = torch.randn(USERS, dim, generator=generator) * torch.logspace(-6, 6, USERS)[:, None]
    item = torch.randn(ITEMS, dim, generator=generator)
    item *= torch.rand(ITEMS, 1, generator=generator) ** -tail  # some are many times as long as others
    found = bounds_of(kind(item), user)
    exact = user.double() @ item.double().T
    known = ~found.isnan()
    limited = known if kind is ByteBounds else known[exact > 0]  # half precision limits nothing below zero
    assert limited.float().mean() > 0.9
    assert (found[known] >= exact[known]).all()
    room = (found - exact) / (user.double().norm(dim=1)[:, None] * item.double().norm(dim=1).max())
    assert room[known].max() < (0.05 if kind is ByteBounds else 3.5 * 2**-8)


@pytest.mark.parametrize("kind", [pytest.param(ByteBounds, marks=in_bytes), HalfBounds])
def test_vectors_of_zeros_and_of_one_coordinate_have_bounds(kind):
    item = torch.zeros(ITEMS, 8)
    item[::2, 3] = torch.linspace(-1, 1, ITEMS // 2)
    user = torch.cat([torch.zeros(1, 8), torch.eye(8)])
    found, exact = bounds_of(kind(item), user), user.double() @ item.double().T
    known = ~found.isnan()
    assert known.all() if kind is ByteBounds else known[exact >= 0].all()
    assert (found[known] >= exact[known] - 1e-7).all()


@pytest.mark.parametrize("scale", [1e-39, 1e-30, 1e30])
def test_half_bounds_hold_where_numbers_vanish_or_overflow(scale):
    generator = torch.Generator().manual_seed(0)
    user, item = torch.randn(USERS, 8, generator=generator), torch.randn(ITEMS, 8, generator=generator)
    for left, right in ((scale * user, item), (user, scale * item), (scale * user, scale * item)):
        found, exact = bounds_of(HalfBounds(right), left), left.double() @ right.double().T
        known = ~found.isnan()
        assert (found[known] >= exact[known]).all()
        overflows = scale > 1 and left is not user and right is not item
        vanish = exact.abs().max() < 2.0**-149  # the sign of such a zero in float32 is the processor's choice
        assert overflows or vanish or known[exact > 0].float().mean() > 0.9


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
    found = bounds_of(ExactBounds(item), user)
    torch.testing.assert_close(found, (user @ item.T).double())


@pytest.mark.parametrize("kind", [ByteBounds, HalfBounds, ExactBounds])
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
