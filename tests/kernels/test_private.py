"""Functions that torch and SciPy do not make public, against naive ones and against the way without them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrec.kernels import private

NAMES = ("COO_TO_CSR", "CSR_PRODUCT", "CSR_ROWS", "CSR_TO_CSC", "INT_MM")
each_way = pytest.mark.parametrize("way", ["there", "missing"])


@pytest.fixture
def _way(way, monkeypatch):
    if way == "missing":
        for name in NAMES:
            monkeypatch.setattr(private, name, None)


@st.composite
def entries(draw):
    """Entries in any order, several of one place, and the size of their matrix."""
    size = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    count = draw(st.integers(0, 25))
    rows = draw(st.lists(st.integers(0, size[0] - 1), min_size=count, max_size=count))
    col = draw(st.lists(st.integers(0, size[1] - 1), min_size=count, max_size=count))
    return (
        np.array(rows, dtype=np.int32),
        np.array(col, dtype=np.int32),
        np.arange(count, dtype=np.float32),
        size,
    )


def by_row(rows, col, values, size):
    """Each row's entries in their order, from a plain loop."""
    return [
        [(int(c), float(v)) for r, c, v in zip(rows, col, values, strict=True) if r == row]
        for row in range(size)
    ]


def rows_of(crow, col, values):
    return [
        [(int(c), float(v)) for c, v in zip(col[a:b], values[a:b], strict=True)] for a, b in pairwise(crow)
    ]


def test_this_version_has_all_of_them():
    """Else the kernels are right but slow; then fix them, and drop the name from here."""
    assert [name for name in NAMES if getattr(private, name) is None] == []


def test_a_name_that_is_gone_is_none():
    assert private._found(torch, "_int_mm_of_old") is None
    assert private._found(torch, "nothing", "below") is None


@each_way
@pytest.mark.usefixtures("_way")
@given(entries(), st.lists(st.integers(0, 6), max_size=9))
def test_matrices_against_loops(way, found, wanted):
    rows, col, values, size = found
    matrix = private.coo_to_csr(rows, col, values, size)
    assert [array.dtype for array in matrix] == [np.int32, np.int32, np.float32]
    assert rows_of(*matrix) == by_row(rows, col, values, size[0])

    turned = private.csr_transposed(matrix, size[1])
    assert [array.dtype for array in turned] == [np.int32, np.int32, np.float32]
    order = np.argsort(rows, kind="stable")
    assert rows_of(*turned) == by_row(col[order], rows[order], values[order], size[1])

    chosen = np.array([row % size[0] for row in wanted], dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum(np.diff(matrix[0])[chosen])]).astype(np.int64)
    copies = private.csr_rows(matrix, chosen, starts)
    assert rows_of(starts, *copies) == [rows_of(*matrix)[row] for row in chosen]


@each_way
@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("dim", [8, 66, 2048])
def test_products_of_bytes_are_exact(way, dim):
    generator = torch.Generator().manual_seed(0)
    left, right = (
        torch.randint(-128, 128, size, generator=generator, dtype=torch.int8)
        for size in ((24, dim), (dim, 32))
    )
    left[0], right[:, 0] = -128, -128  # the largest sum that there is
    out = torch.empty(24, 32, dtype=torch.int32)
    private.byte_products(left, right, out)
    np.testing.assert_array_equal(out.numpy(), left.numpy().astype(np.int64) @ right.numpy().astype(np.int64))
