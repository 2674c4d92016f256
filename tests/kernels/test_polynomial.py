"""Polynomials of the adjacency against dense powers, in full and in the rows of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphrec.kernels import memory
from graphrec.kernels.polynomial import polynomial, polynomial_rows
from graphrec.kernels.sparse import SparseMatrix

NODES, DIM = 60, 150  # three passes over the columns
FEW, MANY = torch.tensor([50, 4, 17, 4]), torch.arange(NODES - 1, 0, -1).repeat(2)
"""Rows with a small part of the entries, which are cut out, and rows with most of them; some come twice."""


@pytest.fixture(params=["small", "large"], autouse=True)
def tables(request, monkeypatch):
    """As if the tables were of a size that malloc keeps, and as if they were not."""
    monkeypatch.setattr(memory, "_SMALL_BYTES", 0 if request.param == "large" else 32 << 20)


def symmetric() -> SparseMatrix:
    half = sp.random_array((NODES, NODES), density=0.05, rng=0, dtype="float32")
    return SparseMatrix(sp.csr_array(half + half.T), symmetric=True)


def dense_polynomial(matrix: SparseMatrix, x: torch.Tensor, coefficients: list[float]) -> torch.Tensor:
    dense = matrix.tensor().to_dense()
    powers = [torch.from_numpy(np.linalg.matrix_power(dense.numpy(), n)) for n in range(len(coefficients))]
    return sum(c * (power @ x) for c, power in zip(coefficients, powers, strict=True))


def signal() -> torch.Tensor:
    return torch.randn(NODES, DIM, generator=torch.Generator().manual_seed(0), requires_grad=True)


@pytest.mark.parametrize("coefficients", [[0.7], [0.5, 2.0], [0.4, 0.0, 0.0], [0.25, 0.5, -1.0, 0.3]])
def test_polynomial_and_gradient(coefficients):
    matrix, x = symmetric(), signal()
    ours, expected = polynomial(matrix, x, coefficients), dense_polynomial(matrix, x, coefficients)
    torch.testing.assert_close(ours, expected)
    weight = torch.randn(NODES, DIM)
    gradients = [torch.autograd.grad((weight * result).sum(), x)[0] for result in (ours, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("rows", [FEW, MANY], ids=["few rows", "most rows"])
@pytest.mark.parametrize("coefficients", [[0.7], [0.5, 2.0], [0.4, 0.0, 0.0], [0.25, 0.5, -1.0, 0.3]])
def test_rows_of_the_polynomial_and_of_the_signal_and_their_joint_gradient(coefficients, rows):
    matrix, x = symmetric(), signal()
    filtered, signal_at = polynomial_rows(matrix, x, coefficients, rows)
    own = signal_at()
    expected = dense_polynomial(matrix, x, coefficients)[rows]
    torch.testing.assert_close(filtered, expected)
    assert torch.equal(own, x[rows])
    first, second = torch.randn(2, len(rows), DIM)
    ours = torch.autograd.grad((first * filtered).sum() + (second * own).sum(), x)
    theirs = torch.autograd.grad((first * expected).sum() + (second * x[rows]).sum(), x)
    torch.testing.assert_close(ours, theirs)


def test_gradient_of_one_output_alone():
    matrix, x = symmetric(), signal()
    filtered, signal_at = polynomial_rows(matrix, x, [0.5, 0.5], FEW)
    (gradient,) = torch.autograd.grad(signal_at().sum(), x, retain_graph=True)
    assert gradient.sum() == len(FEW) * DIM
    (gradient,) = torch.autograd.grad(filtered.sum(), x)
    (expected,) = torch.autograd.grad(dense_polynomial(matrix, x, [0.5, 0.5])[FEW].sum(), x)
    torch.testing.assert_close(gradient, expected)


def test_half_storage_stays_near_and_keeps_the_type():
    matrix, x = symmetric(), signal()
    exact = polynomial(matrix, x, [0.25] * 4)
    rough = polynomial(matrix, x, [0.25] * 4, torch.bfloat16)
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    assert (rough - exact).norm() < 0.01 * exact.norm()
    rows, _ = polynomial_rows(matrix, x, [0.25] * 4, FEW, torch.bfloat16)
    assert (rows - exact[FEW]).norm() < 0.01 * exact[FEW].norm()


@pytest.mark.parametrize("chosen", [FEW, MANY], ids=["few rows", "most rows"])
def test_gradients_through_half_storage_stay_near(chosen):
    matrix, x = symmetric(), signal().requires_grad_()
    weight = torch.linspace(-1, 1, len(chosen) * DIM).view(len(chosen), DIM)
    gradients = []
    for storage in (torch.float32, torch.bfloat16):
        rows, own = polynomial_rows(matrix, x, [0.25] * 4, chosen, storage)
        gradients += torch.autograd.grad(((rows + own()) * weight).sum(), x)
    assert gradients[1].dtype == torch.float32
    assert 0 < (gradients[1] - gradients[0]).norm() < 0.01 * gradients[0].norm()


@pytest.mark.parametrize("storage", [torch.float32, torch.bfloat16])
def test_what_a_chain_gives_is_not_in_the_memory_of_the_next_one(storage):
    matrix, x = symmetric(), signal()
    given = []
    for factor in (1.0, -3.0):
        whole = polynomial(matrix, factor * x.detach(), [0.0, 0.0, 1.0, 0.5], storage)
        rows, own = polynomial_rows(matrix, x, [0.0, 0.0, 1.0, 0.5], FEW, storage)
        (gradient,) = torch.autograd.grad((factor * rows + own()).sum(), x)
        given.append([whole, rows, gradient])
        given.append([tensor.clone() for tensor in given[-1]])
    for result, copied in zip(given[::2], given[1::2], strict=True):
        for now, then in zip(result, copied, strict=True):
            assert torch.equal(now, then)
