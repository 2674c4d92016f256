"""Matrix factorisation by alternating least squares over the whole catalogue (iALS)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar, Literal, NamedTuple, TypeAlias, get_args

import torch
from rich.progress import track
from torch import Tensor

from graphrec.errors import MOST_ROUNDS, InputError, check_at_least, check_between, check_seed
from graphrec.graph import BipartiteGraph, ItemLists
from graphrec.kernels.memory import check_room
from graphrec.models.answers.alike import cosines_of
from graphrec.models.base import ClosedForm, Scores

_CHUNK = 4_000_000
"""Numbers in the padded vectors of a group of rows: 16 MB."""

_CHUNK_OF_STEPS = 1_000_000
"""The same where they are read in several steps: 4 MB, more of which stays in the cache meanwhile."""

_WASTE = 1.2
"""A group holds rows of up to this many times its smallest degree."""

Solver: TypeAlias = Literal["cg", "exact"]


class IALS(ClosedForm):
    """Implicit alternating least squares, ``s(u, i) = <w_u, h_i>``.

    Minimises ``Σ_{(u,i) ∈ S} (s(u,i) − 1)² + α Σ_u Σ_i s(u,i)²`` plus ``λ Σ_u (|I_u| + α I)^ν |w_u|²`` and
    the same of the items, ``λ Σ_i (|U_i| + α U)^ν |h_i|²`` (Hu, Koren and Volinsky, ICDM 2008; form and
    frequency-scaled regularisation of Rendle et al., "Revisiting the performance of iALS on item
    recommendation benchmarks", RecSys 2022, eqs. 1–4). A weight ``w_ui`` of an edge multiplies its first term
    and counts in ``|I_u|`` and ``|U_i|``. So an edge has the confidence ``1 + w / α`` of an unobserved pair,
    as in Hu et al.

    A half step solves for one side, given the other. It does so exactly, or by a few steps of conjugate
    gradients from the vectors of the epoch before (Takács, Pilászy and Tikk, RecSys 2011).

    Args:
        dim: Dimension ``D``.
        unobserved: Weight ``α`` of every pair of the catalogue.
        regularisation: ``λ``.
        scaling: ``ν``: 0 regularises all nodes alike, 1 in proportion to what is summed for them.
        epochs: Passes over users and items.
        init_std: The vectors begin as normal numbers of this standard deviation over ``sqrt(D)``.
        seed: Of those numbers.
        solver: ``cg`` for conjugate gradients, ``exact`` for a Cholesky factor of each row's equations.
        steps: Of conjugate gradients in a half step; as many as `dim` are exact but for rounding.
    """

    user: Tensor
    item: Tensor
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        dim: int = 128,
        unobserved: float = 0.1,
        regularisation: float = 0.003,
        scaling: float = 1.0,
        epochs: int = 16,
        init_std: float = 0.1,
        seed: int = 0,
        solver: Solver = "cg",
        steps: int = 3,
    ) -> None:
        super().__init__()
        check_at_least(1, dim=dim)
        check_between(1, MOST_ROUNDS, steps=steps)
        if solver not in get_args(Solver):
            raise InputError(f"{solver!r} is no solver", column="solver", hint="give cg or exact")
        check_between(1, MOST_ROUNDS, epochs=epochs)
        check_at_least(0, unobserved=unobserved, scaling=scaling)
        check_at_least(1e-12, regularisation=regularisation, init_std=init_std)
        check_seed(seed=seed)
        self.dim, self.unobserved, self.regularisation = dim, float(unobserved), regularisation
        self.scaling, self.epochs, self.init_std, self.seed = scaling, epochs, init_std, seed
        self.solver, self.steps = solver, steps
        self._of_items: tuple[Tensor, int, tuple[Tensor, Tensor, Tensor]] | None = None

    def fit(self, graph: BipartiteGraph) -> None:
        """Solve for the users and for the items in turn.

        Raises:
            InputError: If the vectors do not fit into the memory.
        """
        check_room(4 * self.dim * (graph.num_nodes + self.dim), dim=self.dim)
        self.graph = graph
        generator = torch.Generator().manual_seed(self.seed)
        item = torch.randn(graph.num_items, self.dim, generator=generator) * self.init_std / self.dim**0.5
        item = item.to(graph.edge_user.device)
        item[graph.item_degree() == 0] = 0.0  # where every half step would put them
        sides, user = self._lists(graph), item.new_zeros(graph.num_users, self.dim)
        for _ in track(range(self.epochs), "iALS", transient=True):
            user = self._half_step(sides[0], item, user)
            item = self._half_step(sides[1], user, item)
        self.keep("user", user)
        self.keep("item", item)

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the vectors as they were."""
        if not {"user", "item"} <= state.keys():
            self.fit(graph)
            return
        self.graph = graph
        for name in ("user", "item"):
            self.keep(name, state[name].to(graph.edge_user.device))

    @staticmethod
    def _lists(graph: BipartiteGraph) -> tuple[Joined, Joined]:
        """List the items of each user and the users of each item, with their weights."""
        pairs = torch.stack([graph.edge_item, graph.edge_user], dim=1)
        order, weight = pairs[:, 0].argsort(stable=True), graph.edge_weight
        transposed = ItemLists(pairs[order].cpu().numpy(), graph.num_items, graph.num_users)
        by_item = Joined(transposed.to(graph.edge_user.device), None if weight is None else weight[order])
        return Joined(graph.seen, weight), by_item

    def _half_step(
        self, joined: Joined, fixed: Tensor, before: Tensor, solver: Solver | None = None
    ) -> Tensor:
        """Solve for the best vectors of one side, given those of the other.

        All rows share a part of the normal equations. It is diagonal in the basis of the eigenvectors of
        ``α HᵀH``, which `solve` and `approach` make use of.

        Args:
            joined: What each row is joined to. Of ``n`` rows.
            fixed: Vectors of the other side ``H``. Shape ``[m, D]``.
            before: What was found in the epoch before. Shape ``[n, D]``.
            solver: How; the model's if missing.

        Returns:
            Shape ``[n, D]``; zeros for a row without edges.
        """
        shared, basis, rotated = self._shared(fixed)
        degree = joined.lists.start.diff()
        ridge = self.regularisation * (joined.totals() + self.unobserved * len(fixed)) ** self.scaling
        exact = (solver or self.solver) == "exact"
        start, result = before @ basis, fixed.new_zeros(len(degree), self.dim)
        for rows in groups(degree, self.dim, _CHUNK if exact else _CHUNK_OF_STEPS):
            codes = padded(joined.lists, rows, len(fixed))
            vectors = rotated.index_select(0, codes.flatten()).view(*codes.shape, self.dim)
            target = (codes < len(fixed)).to(vectors.dtype)
            if joined.weight is not None:
                target[codes < len(fixed)] = joined.weight[joined.lists.places(rows)[1]].sqrt()
                vectors = vectors * target[..., None]
            way = solve if exact else partial(approach, start=start[rows], steps=self.steps)
            result[rows] = way(vectors, target, shared + ridge[rows, None])
        solved: Tensor = result @ basis.T
        return solved

    def _shared(self, fixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decompose what all rows share, ``[D]`` and ``[D, D]``, and turn ``H`` to it; kept for the items."""
        kept, same = self._of_items, fixed is vars(self)["_buffers"].get("item")
        if same and kept is not None and kept[0] is fixed and kept[1] == fixed._version:
            return kept[2]
        shared, basis = torch.linalg.eigh(self.unobserved * (fixed.T @ fixed).double())
        shared, basis = shared.clamp_min(0.0).float(), basis.float()
        found = shared, basis, torch.cat([fixed @ basis, fixed.new_zeros(1, self.dim)])  # the last row pads
        self._of_items = (fixed, fixed._version, found) if same else None
        return found

    def score(self, users: Tensor) -> Tensor:
        """Compute inner products. Shape ``[B, I]``."""
        return self.user[users] @ self.item.T

    @torch.no_grad()
    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Solve for the users of the baskets exactly, given the items."""
        before = self.item.new_zeros(baskets.num_users, self.dim)
        user = self._half_step(Joined(baskets.seen, baskets.edge_weight), self.item, before, "exact")
        return lambda users: user[users] @ self.item.T

    def alike(self) -> Scores:
        """Take cosines of the items' vectors."""
        return cosines_of(self.item)


class Joined(NamedTuple):
    """What each of ``n`` rows is joined to, and the weights in the same order; all 1 if missing."""

    lists: ItemLists
    weight: Tensor | None

    def totals(self) -> Tensor:
        """Sum the weights of each row. Shape ``[n]``."""
        degree = self.lists.start.diff()
        if self.weight is None:
            return degree
        rows = torch.arange(len(degree), device=degree.device).repeat_interleave(degree)
        total = torch.zeros(len(degree), dtype=torch.float64, device=degree.device)
        return total.index_add_(0, rows, self.weight.double()).float()


def groups(degree: Tensor, dim: int, chunk: int) -> Iterator[Tensor]:
    """Group rows with edges by similar degree, so that their padded vectors take a bounded memory."""
    order = degree.argsort(stable=True)
    ordered = degree[order].tolist()
    start = next((place for place, count in enumerate(ordered) if count), len(ordered))
    while start < len(ordered):
        end, smallest = start, ordered[start]
        while end < len(ordered) and ordered[end] <= _WASTE * smallest:
            if end > start and (end + 1 - start) * ordered[end] * dim > chunk:
                break
            end += 1
        yield order[start:end]
        start = end


def padded(lists: ItemLists, rows: Tensor, padding: int) -> Tensor:
    """List what each row is joined to, with a padding code where a row has fewer. Shape ``[B, d]``."""
    row, place = lists.places(rows)
    counts = lists.counts(rows)
    column = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
    result = torch.full((len(rows), int(counts.max())), padding, device=row.device)
    result[row, column] = lists.items[place]
    return result


def solve(vectors: Tensor, target: Tensor, diagonal: Tensor) -> Tensor:
    """Solve for ``(M + VᵀV)⁻¹ Vᵀt`` of each row, where ``M`` is diagonal.

    With fewer vectors than dimensions the same is ``M⁻¹Vᵀ (I + V M⁻¹ Vᵀ)⁻¹ t``, a smaller system. Where edges
    have weights, both ``V`` and ``t`` hold their roots as factors.

    Args:
        vectors: ``V``, zeros where padded. Shape ``[B, d, D]``.
        target: ``t``, 0 where padded. Shape ``[B, d]``.
        diagonal: Of ``M``, positive. Shape ``[B, D]``.

    Returns:
        Shape ``[B, D]``.
    """
    transposed = vectors.transpose(1, 2)
    target = target.to(vectors.dtype)[..., None]
    if vectors.shape[1] < vectors.shape[2]:
        scaled = vectors / diagonal[:, None]
        system = scaled @ transposed
        system.diagonal(dim1=1, dim2=2).add_(1.0)
        return (scaled.transpose(1, 2) @ _positive_solve(system, target)).squeeze(-1)
    system = transposed @ vectors
    system.diagonal(dim1=1, dim2=2).add_(diagonal)
    return _positive_solve(system, transposed @ target).squeeze(-1)


def approach(vectors: Tensor, target: Tensor, diagonal: Tensor, start: Tensor, steps: int) -> Tensor:
    """Take steps of conjugate gradients towards what `solve` finds, with ``M⁻¹`` as preconditioner.

    ``M⁻¹`` undoes what all rows share. So a row with ``d`` vectors is exact after ``d`` steps. Arguments are
    those of `solve`.

    Args:
        vectors: ``V``, zeros where padded. Shape ``[B, d, D]``.
        target: ``t``, 0 where padded. Shape ``[B, d]``.
        diagonal: Of ``M``, positive. Shape ``[B, D]``.
        start: Where to begin. Shape ``[B, D]``.
        steps: How many.

    Returns:
        Shape ``[B, D]``.
    """
    missing = target.to(vectors.dtype) - _row_products(start, vectors.transpose(1, 2))
    residual = _row_products(missing, vectors) - diagonal * start
    result, direction = start, residual / diagonal
    length = (residual * direction).sum(dim=1, keepdim=True)
    for step in range(steps):
        along = _row_products(_row_products(direction, vectors.transpose(1, 2)), vectors)
        along += diagonal * direction
        curved = (direction * along).sum(dim=1, keepdim=True)
        size = torch.where(curved > 0, length / curved, 0.0)  # 0 where the solution has been reached
        result = torch.addcmul(result, size, direction)
        if step + 1 < steps:
            residual = torch.addcmul(residual, size, along, value=-1)
            turned, before = residual / diagonal, length
            length = (residual * turned).sum(dim=1, keepdim=True)
            direction = turned + torch.where(before > 0, length / before, 0.0) * direction
    return result


def _row_products(rows: Tensor, matrices: Tensor) -> Tensor:
    """Multiply each row by its own matrix: ``[B, n]`` and ``[B, n, m]`` to ``[B, m]``."""
    return torch.bmm(rows[:, None], matrices).squeeze(1)


def _positive_solve(system: Tensor, target: Tensor) -> Tensor:
    factor, info = torch.linalg.cholesky_ex(system)
    if info.any():
        what, hint = "the equations are singular in single precision", "raise it, or lower init_std"
        raise InputError(what, column="regularisation", hint=hint)
    return torch.cholesky_solve(target, factor)
