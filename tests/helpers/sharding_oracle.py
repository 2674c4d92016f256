"""What each process of test_sharded.py checks: in a file of its own, for processes that start quickly."""

from __future__ import annotations

from pathlib import Path

import scipy.sparse as sp
import torch
from torch import distributed

from graphrec.kernels.polynomial import polynomial, polynomial_rows
from graphrec.kernels.sharded import ShardedMatrix, sharded_polynomial, sharded_polynomial_rows, whole_table
from graphrec.kernels.shards import Shard
from graphrec.kernels.sparse import SparseMatrix

COEFFICIENTS = ([0.7], [0.5, 0.5], [0.1, -0.3, 0.7], [0.25, 0.25, 0.25, 0.25])


def against_one_process(rank: int, size: int, nodes: int, dim: int) -> None:
    """Products, polynomials and gradients of a process's share against those of the whole."""
    half = sp.random_array((nodes, nodes), density=0.2, rng=nodes, dtype="float32")
    matrix = sp.csr_array(half + half.T)
    matrix /= matrix.sum(axis=1).max()  # as an adjacency is normalised, so that all numbers are near one
    whole, sharded = SparseMatrix(matrix, symmetric=True), ShardedMatrix(matrix, Shard(rank, size))
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(2, nodes, dim, generator=generator)
    held = slice(sharded.nodes.start, sharded.nodes.stop)
    full, own = x.clone().requires_grad_(), x[held].clone().requires_grad_()
    torch.testing.assert_close(sharded.product(own.detach()), whole(x)[held], rtol=1e-5, atol=1e-5)
    for coefficients in COEFFICIENTS:
        expected = polynomial(whole, full, coefficients)
        found = whole_table(sharded, sharded_polynomial(sharded, own, coefficients))
        assert_same(found, expected, own, full, held, weight)
        some = torch.randperm(nodes, generator=generator)[: nodes // 2]
        for rows in (some, torch.arange(nodes), sharded.own(some)[0][:0]):
            filtered, signal_at = polynomial_rows(whole, full, coefficients, rows)
            expected = torch.cat([filtered, signal_at()])
            found = torch.cat(sharded_polynomial_rows(sharded, own, coefficients, rows))
            assert_same(found, expected, own, full, held, torch.cat([weight[rows], weight[rows].cos()]))


def assert_same(found, expected, own, full, held, weight) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    (gradient,) = torch.autograd.grad((weight * expected.square()).sum(), full)
    (here,) = torch.autograd.grad((weight * found.square()).sum(), own)
    torch.testing.assert_close(here, gradient[held], rtol=1e-5, atol=1e-5)


def worker(rank: int, folder: str) -> None:
    """Groups of one, two and three of the same processes, one after another."""
    torch.set_num_threads(1)
    for size in (1, 2, 3):
        if rank < size:
            store = f"file://{folder}/{size}"
            distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=size)
            for nodes, dim in ((37, 70), (4, 5)):  # of 4 nodes, the third process holds none
                against_one_process(rank, size, nodes, dim)
            Path(folder, f"done-{size}-{rank}").touch()
            distributed.destroy_process_group()
