"""The kernel against dense products, whatever the width, the type and the shape."""

from __future__ import annotations

import copy

import numpy as np
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


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("heavy", ["first", "last", "nowhere"])
def test_a_product_shared_out_evenly_is_the_same(threads, heavy):
    rng = np.random.default_rng(0)
    dense = (rng.random((201, 30)) < 0.05).astype(np.float32)
    if heavy != "nowhere":
        dense[slice(50) if heavy == "first" else slice(150, None)] = rng.random((51 - (heavy == "first"), 30))
    csr, x = SparseMatrix(sp.csr_array(dense)).csr(), torch.randn(30, 7)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(csr.product(x, even=True), csr.product(x))
        start, end = csr._empty_rows()
        half = (201 + start + end) // 2 - start  # rows of the first thread
        share = float(csr.crow[half] / csr.crow[-1])
    finally:
        torch.set_num_threads(before)
    if threads != 2:
        assert start == end == 0
    elif heavy != "nowhere":
        assert (start > 0) == (heavy == "first")
        assert abs(share - 0.5) < 0.2 < abs(float(csr.crow[100] / csr.crow[-1]) - 0.5)
