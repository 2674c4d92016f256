"""The kernel against dense products, whatever the width, the type and the shape."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.sparse.csgraph import reverse_cuthill_mckee

from graphrec.kernels import csr as module
from graphrec.kernels import memory
from graphrec.kernels import sparse as sparse_module
from graphrec.kernels.csr import BLOCK_BYTES, Csr
from graphrec.kernels.sparse import SparseMatrix, near_order

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


def test_entries_in_any_order_make_a_matrix():
    rows, columns = torch.tensor([2, 0, 2, 2]), torch.tensor([1, 3, 0, 1])
    matrix = Csr.of_entries(rows, columns, torch.tensor([1.0, 2.0, 3.0, 4.0]), (4, 5))
    x = torch.eye(5)
    expected = torch.zeros(4, 5)
    expected[0, 3], expected[2, 0], expected[2, 1] = 2.0, 3.0, 5.0
    assert torch.equal(matrix.product(x), expected)


def test_taken_rows_and_transpose():
    sparse = random_matrix()
    csr, dense = SparseMatrix(sparse).csr(), torch.from_numpy(sparse.toarray())
    rows = torch.tensor([7, 3, 0])
    assert torch.equal(csr.take(rows).tensor().to_dense(), dense[rows])
    assert torch.equal(csr.take(rows).transpose().tensor().to_dense(), dense[rows].T)
    assert csr.starts(rows).tolist() == [0, *(dense[rows] != 0).sum(1).cumsum(0).tolist()]


def test_a_matrix_shifted_by_the_identity_is_made_once_and_anew_for_other_numbers():
    half = sp.csr_array(random_matrix(30))
    matrix = SparseMatrix(half + half.T, symmetric=True)
    dense = matrix.tensor().to_dense()
    first = matrix.shifted(0.5, 2.0)
    torch.testing.assert_close(first.tensor().to_dense(), 0.5 * torch.eye(30) + 2 * dense)
    assert matrix.shifted(0.5, 2.0) is first
    torch.testing.assert_close(matrix.shifted(0.0, -1.0).tensor().to_dense(), -dense)
    assert torch.equal(matrix.tensor().to_dense(), dense)
    assert not matrix.state_dict()


def test_copies_share_nothing_and_move_with_their_module():
    matrix = SparseMatrix(random_matrix())
    twin = copy.deepcopy(matrix)
    matrix.values.zero_()
    x = torch.ones(30, 2)
    assert matrix(x).abs().sum() == 0 < twin(x).abs().sum()
    assert {buffer.device.type for buffer in twin.to("meta").buffers()} == {"meta"}


@pytest.mark.parametrize(("rows", "entries"), [(1, 1000), (7, 1000), (1000, 1), (1000, 40), (9, 13)])
def test_a_product_in_parts_is_the_same_wherever_it_is_put(rows, entries, monkeypatch):
    monkeypatch.setattr(memory, "_SMALL_BYTES", 0)  # so that whole products are in parts
    monkeypatch.setattr(module, "_ROWS", rows)
    monkeypatch.setattr(module, "_ENTRIES", entries)
    sparse = random_matrix().tolil()
    sparse[20], sparse[-1] = 1.0, 0.0  # one row longer than a part, and empty ones
    csr, x = SparseMatrix(sp.csr_array(sparse)).csr(), torch.randn(30, 6)
    expected = csr.product(x)
    assert torch.equal(csr.whole_product(x), expected)
    table = torch.full((40, 9), 5.0)
    result = csr.whole_product(x, table[:, 2:8])
    assert result.data_ptr() == table[:, 2:].data_ptr()
    assert torch.equal(table[:, 2:8], expected)
    assert (table[:, [0, 1, 8]] == 5).all()
    half = csr.whole_product(x, torch.empty(40, 6, dtype=torch.bfloat16))
    assert torch.equal(half, expected.bfloat16())


def test_a_small_product_is_the_same_wherever_it_is_put():
    csr, x = SparseMatrix(random_matrix()).csr(), torch.randn(30, 6)
    expected, table = csr.product(x), torch.full((40, 9), 5.0)
    assert torch.equal(csr.whole_product(x), expected)
    result = csr.whole_product(x, table[:, 2:8])
    assert result.data_ptr() == table[:, 2:].data_ptr()
    assert torch.equal(table[:, 2:8], expected)


def test_renumbered_nodes_have_the_same_neighbours_nearer(monkeypatch):
    monkeypatch.setattr(sparse_module, "_PIECES", 1)
    side = 40  # of a lattice whose nodes are numbered at random
    rng, path = np.random.default_rng(0), sp.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(side, side))
    lattice = sp.csr_array(sp.kronsum(path, path))
    lattice.data = rng.random(len(lattice.data))
    shuffled = rng.permutation(side * side)
    sparse = sp.csr_array((lattice + lattice.T)[shuffled][:, shuffled])
    matrix = SparseMatrix(sparse, symmetric=True)
    near, dense = matrix.renumbered(), matrix.tensor().to_dense()
    assert torch.equal(near.place.sort().values, torch.arange(side * side))
    assert torch.equal(near.matrix.tensor().to_dense()[near.place][:, near.place], dense)
    assert torch.equal(near.entering.tensor().to_dense()[near.place], dense)
    rows = torch.repeat_interleave(near.matrix.crow.diff())
    assert (rows - near.matrix.col).abs().max() < 3 * side
    assert matrix.renumbered() is near
    assert copy.deepcopy(matrix)._renumbered is None


@pytest.mark.parametrize("threads", [2, 4, 8])
def test_every_thread_has_about_as_many_entries(threads):
    """Of a log in which few users and few items have most of the purchases."""
    rng, (users, items) = np.random.default_rng(0), (9000, 3000)
    often, sold = rng.lognormal(0, 0.8, users), np.arange(1, items + 1.0) ** -0.6
    user = rng.choice(users, 12 * users, p=often / often.sum())
    item = rng.choice(items, 12 * users, p=sold / sold.sum())
    bought = sp.csr_array((np.ones(len(user), np.float32), (user, item)), shape=(users, items))
    adjacency = sp.csr_array(sp.block_array([[None, bought], [bought.T, None]]))

    def most(order):
        """The most that a thread has, over its even share."""
        entries = np.concatenate([[0], np.diff(adjacency.indptr)[order].cumsum()])
        ends = np.linspace(0, len(order), threads + 1).astype(int)
        return np.diff(entries[ends]).max() * threads / entries[-1]

    order = near_order(SparseMatrix(adjacency, symmetric=True).csr())
    assert sorted(order) == list(range(users + items))
    assert most(order) < 1.3 < most(reverse_cuthill_mckee(adjacency, symmetric_mode=True))


def test_parts_have_few_rows_and_few_entries(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 8)
    monkeypatch.setattr(module, "_ENTRIES", 20)
    csr = SparseMatrix(random_matrix(rows=100)).csr()
    cuts = np.array(csr._cuts())
    assert cuts[0] == 0
    assert cuts[-1] == 100
    assert np.diff(cuts).max() <= 8
    assert np.diff(csr.crow.numpy()[cuts]).max() < 20 + np.diff(csr.crow.numpy()).max()


def test_room_is_kept_and_lent_to_one_at_a_time(monkeypatch):
    matrix = SparseMatrix(random_matrix())
    with matrix.room(5, torch.float32) as tables:
        assert next(tables) is next(tables) is None  # what is small malloc keeps
    monkeypatch.setattr(memory, "_SMALL_BYTES", 0)
    with matrix.room(5, torch.float32):
        assert matrix._room is None  # nobody asked for a table
    with torch.inference_mode(), matrix.room(5, torch.float32) as tables:
        first, second, again = (next(tables) for _ in range(3))
        assert again is first
        first.zero_()
        second.fill_(1)
        with matrix.room(5, torch.float32) as others:
            next(others).fill_(2)
        assert first.sum() == 0
    with matrix.room(4, torch.float32) as tables:  # what was made in inference mode serves training too
        (narrow := next(tables)).add_(1)
        assert narrow.shape == (40, 4)
        assert narrow.is_contiguous()
    kept = matrix._room
    assert kept is not None
    assert copy.deepcopy(matrix)._room is None
    with matrix.room(4, torch.bfloat16) as tables:
        assert next(tables).dtype == torch.bfloat16
    assert matrix._room is not kept
