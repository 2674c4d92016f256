"""Softmax denominators over inner products against the matrix they do without."""

from __future__ import annotations

import pytest
import torch

from graphrec.kernels import inner_products as products
from graphrec.kernels.inner_products import log_sum_products, pair_products


def plain(left, right, own):
    scores = left @ right.T
    if own is not None:
        scores = scores.scatter(1, own[:, None], -torch.inf)
    return scores.logsumexp(1)


def vectors(rows: int, columns: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows)
    draw = [torch.randn(count, 5, generator=generator, dtype=torch.float64) for count in (rows, columns)]
    return (draw[0] * scale).requires_grad_(), draw[1].requires_grad_()


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 30])
@pytest.mark.parametrize("leaves_out", [False, True])
def test_sums_and_gradients_are_those_of_the_matrix(rows, leaves_out, monkeypatch):
    monkeypatch.setattr(products, "_ROWS", 8)
    left, right = vectors(rows, 12)
    own = torch.arange(rows) % 12 if leaves_out else None
    weight = torch.linspace(-1, 2, rows, dtype=torch.float64)
    mine = log_sum_products(left, right, own)
    expected = plain(left, right, own)
    torch.testing.assert_close(mine, expected)
    found = torch.autograd.grad(mine @ weight, (left, right))
    for gradient, oracle in zip(found, torch.autograd.grad(expected @ weight, (left, right)), strict=True):
        torch.testing.assert_close(gradient, oracle)


def test_large_products_neither_overflow_nor_vanish():
    left, right = vectors(6, 9, scale=1e4)
    torch.testing.assert_close(log_sum_products(left, right), plain(left, right, None))
    torch.testing.assert_close(log_sum_products(-left, right), plain(-left, right, None))


def test_half_precision_is_multiplied_in_float32():
    left, right = (part.detach().bfloat16().requires_grad_() for part in vectors(6, 9))
    sums = log_sum_products(left, right)
    assert sums.dtype == torch.float32
    torch.testing.assert_close(sums, plain(left.float(), right.float(), None))
    products = pair_products(left, right, torch.tensor([5, 0]), torch.tensor([8, 8]))
    torch.testing.assert_close(products, left[[5, 0]].float() @ right[8].float())
    (gradient,) = torch.autograd.grad(products[0], left)
    assert torch.equal(gradient[5], right[8])


@pytest.mark.parametrize("pairs", [0, 1, 40, 60, 61, 500])
@pytest.mark.parametrize(("rows", "columns"), [(5, 12), (1, 12), (5, 1), (1, 1)])
def test_products_of_pairs_and_their_gradients_are_those_of_the_vectors_laid_out(pairs, rows, columns):
    left, right = vectors(rows, columns)
    generator = torch.Generator().manual_seed(0)
    users, items = (torch.randint(size, (pairs,), generator=generator) for size in (rows, columns))
    mine, expected = pair_products(left, right, users, items), (left[users] * right[items]).sum(1)
    torch.testing.assert_close(mine, expected)
    weight = torch.linspace(-1, 2, pairs, dtype=torch.float64)
    for factor in (weight, weight[:1].expand(pairs)):  # the second is a gradient without strides
        found = torch.autograd.grad(mine @ factor, (left, right), retain_graph=True)
        oracles = torch.autograd.grad(expected @ factor, (left, right), retain_graph=True)
        for gradient, oracle in zip(found, oracles, strict=True):
            torch.testing.assert_close(gradient, oracle)
