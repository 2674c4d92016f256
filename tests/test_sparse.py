"""The kernel against dense products, whatever the width, the type and the shape."""

from __future__ import annotations

import copy

import pytest
import scipy.sparse as sp
import torch

from graphrec.sparse import BLOCK_BYTES, SparseMatrix

BLOCK = BLOCK_BYTES // 4


def random_matrix(rows: int = 40, columns: int = 30, density: float = 0.1) -> sp.csr_array:
    """A random matrix with some empty rows."""
    matrix = sp.random_array((rows, columns), density=density, rng=0, format="lil", dtype="float32")
    matrix[3] = 0
    return sp.csr_array(matrix)


@pytest.mark.parametrize("dim", [1, 5, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_product_and_gradient_are_those_of_the_dense_matrix(dim):
    sparse = random_matrix()
    matrix, dense = SparseMatrix(sparse), torch.from_numpy(sparse.toarray())
    x = torch.randn(30, dim, generator=torch.Generator().manual_seed(0), requires_grad=True)
    torch.testing.assert_close(matrix(x), dense @ x)
    weight = torch.randn(40, dim, generator=torch.Generator().manual_seed(1))
    (ours,) = torch.autograd.grad((weight * matrix(x)).sum(), x)
    torch.testing.assert_close(ours, dense.T @ weight)


def test_a_strided_operand_and_an_empty_matrix_are_fine():
    sparse = random_matrix()
    x = torch.randn(8, 30).T
    torch.testing.assert_close(SparseMatrix(sparse)(x), torch.from_numpy(sparse.toarray()) @ x)
    assert SparseMatrix(sp.csr_array((4, 30)))(x).abs().sum() == 0


def test_half_precision_is_near_the_full_one():
    sparse = random_matrix()
    x = torch.randn(30, 40)
    exact, rough = SparseMatrix(sparse)(x), SparseMatrix(sparse)(x.bfloat16())
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).norm() < 0.02 * exact.norm()


def test_taken_rows_and_transpose():
    sparse = random_matrix()
    csr, dense = SparseMatrix(sparse).csr(), torch.from_numpy(sparse.toarray())
    rows = torch.tensor([7, 3, 0])
    assert torch.equal(csr.take(rows).tensor().to_dense(), dense[rows])
    assert torch.equal(csr.take(rows).transpose().tensor().to_dense(), dense[rows].T)
    assert csr.entries(rows) == int((dense[rows] != 0).sum())


def test_copies_share_nothing_and_move_with_their_module():
    matrix = SparseMatrix(random_matrix())
    twin = copy.deepcopy(matrix)
    matrix.values.zero_()
    x = torch.ones(30, 2)
    assert matrix(x).abs().sum() == 0 < twin(x).abs().sum()
    assert {buffer.device.type for buffer in twin.to("meta").buffers()} == {"meta"}
