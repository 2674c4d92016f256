from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphrec.kernels import private
from graphrec.kernels.sparse_rows import LargestOfRows, add_product, arrays, product, product_of_rows


@pytest.mark.parametrize("count", [1, 7, 60])
@pytest.mark.parametrize("seed", range(3))
def test_largest_of_rows_are_those_of_a_sort(seed, count):
    """Against Python's sort of (value, place in the order); values are few, so that most are tied."""
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((80, 50), density=0.3, rng=rng, format="csr", dtype=np.float32)
    matrix.data[:] = rng.integers(-2, 6, size=matrix.nnz)
    order = rng.permutation(50)
    place = np.argsort(order)
    values, columns = LargestOfRows(order).find(arrays(matrix), count)
    assert values.shape == columns.shape == (80, count)
    for row in range(80):
        entries = slice(matrix.indptr[row], matrix.indptr[row + 1])
        pairs = zip(matrix.data[entries], matrix.indices[entries], strict=True)
        best = sorted((-value, place[column], column) for value, column in pairs if value > 0)[:count]
        assert values[row].tolist() == [-value for value, _, _ in best] + [0] * (count - len(best))
        assert columns[row, : len(best)].tolist() == [column for _, _, column in best]


def test_product_of_rows_is_that_of_dense_matrices(monkeypatch):
    rng = np.random.default_rng(0)
    left = sp.random_array((30, 20), density=0.2, rng=rng, format="csr")
    right = sp.random_array((20, 25), density=0.2, rng=rng, format="csr", dtype=np.float32)
    expected = left.toarray()[5:17] @ right.toarray()
    quick = product_of_rows(left, 5, 17, right).toarray()
    monkeypatch.setattr(private, "CSR_PRODUCT", None)
    np.testing.assert_allclose(quick, expected, rtol=1e-5)
    np.testing.assert_allclose(product_of_rows(left, 5, 17, right).toarray(), expected, rtol=1e-5)


@pytest.mark.parametrize("mkl", [True, False])
def test_products_are_those_of_dense_matrices(mkl, monkeypatch):
    if not mkl:
        monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    monkeypatch.setattr("graphrec.kernels.sparse_rows._BLOCK", 7)
    rng = np.random.default_rng(1)
    left = sp.random_array((30, 20), density=0.2, rng=rng, format="csr", dtype=np.float32)
    right = sp.random_array((20, 25), density=0.2, rng=rng, format="csr", dtype=np.float32)
    left.data[left.indptr[4] : left.indptr[6]] = 0.0
    expected = left.toarray() @ right.toarray()
    np.testing.assert_allclose(product(left, right).toarray(), expected, rtol=1e-5)
    total = torch.from_numpy(rng.random((30, 25)).astype(np.float32))
    expected = total.numpy() + expected
    assert add_product(total, left, right) is total
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    nothing = sp.csr_array((30, 20), dtype=np.float32)
    np.testing.assert_allclose(add_product(total, nothing, right), expected, rtol=1e-5)
