"""Matrix factorisation by alternating least squares over the whole catalogue (iALS)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from rich.progress import track
from torch import Tensor

from graphrec.errors import MOST_ROUNDS, InputError, check_at_least, check_between, check_seed
from graphrec.graph import BipartiteGraph, ItemLists
from graphrec.kernels.memory import check_room
from graphrec.models.base import ClosedForm

_CHUNK = 4_000_000
"""Numbers in the padded vectors of a group of rows: 16 MB."""

_WASTE = 1.2
"""A group holds rows of up to this many times its smallest degree."""


class IALS(ClosedForm):
    """Implicit alternating least squares, ``s(u, i) = <w_u, h_i>``.

    Minimises ``Σ_{(u,i) ∈ S} (s(u,i) − 1)² + α Σ_u Σ_i s(u,i)²`` plus ``λ Σ_u (|I_u| + α I)^ν |w_u|²`` and
    the same of the items, ``λ Σ_i (|U_i| + α U)^ν |h_i|²`` (Hu, Koren and Volinsky, ICDM 2008; form and
    frequency-scaled regularisation of Rendle et al., "Revisiting the performance of iALS on item
    recommendation benchmarks", RecSys 2022, eqs. 1–4). Each half step is exact.

    Args:
        dim: Dimension ``D``.
        unobserved: Weight ``α`` of every pair of the catalogue.
        regularisation: ``λ``.
        scaling: ``ν``: 0 regularises all nodes alike, 1 in proportion to what is summed for them.
        epochs: Passes over users and items.
        init_std: The vectors begin as normal numbers of this standard deviation over ``sqrt(D)``.
        seed: Of those numbers.
    """

    user: Tensor
    item: Tensor

    def __init__(
        self,
        dim: int = 128,
        unobserved: float = 0.1,
        regularisation: float = 0.003,
        scaling: float = 1.0,
        epochs: int = 16,
        init_std: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, dim=dim)
        check_between(1, MOST_ROUNDS, epochs=epochs)
        check_at_least(0, unobserved=unobserved, scaling=scaling)
        check_at_least(1e-12, regularisation=regularisation, init_std=init_std)
        check_seed(seed=seed)
        self.dim, self.unobserved, self.regularisation = dim, float(unobserved), regularisation
        self.scaling, self.epochs, self.init_std, self.seed = scaling, epochs, init_std, seed

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
        sides = self._lists(graph)
        for _ in track(range(self.epochs), "iALS", transient=True):
            user = self._half_step(sides[0], item)
            item = self._half_step(sides[1], user)
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
    def _lists(graph: BipartiteGraph) -> tuple[ItemLists, ItemLists]:
        """List the items of each user and the users of each item."""
        pairs = torch.stack([graph.edge_item, graph.edge_user], dim=1)
        by_item = pairs[pairs[:, 0].argsort(stable=True)].cpu().numpy()
        transposed = ItemLists(by_item, graph.num_items, graph.num_users)
        return graph.seen, transposed.to(graph.edge_user.device)

    def _half_step(self, lists: ItemLists, fixed: Tensor) -> Tensor:
        """Solve for the best vectors of one side, given those of the other.

        In the basis of the eigenvectors of ``α HᵀH`` the part of the normal equations that all rows share
        is diagonal, which `solve` makes use of.

        Args:
            lists: What each row is joined to. Of ``n`` rows.
            fixed: Vectors of the other side ``H``. Shape ``[m, D]``.

        Returns:
            Shape ``[n, D]``; zeros for a row without edges.
        """
        shared, basis = torch.linalg.eigh(self.unobserved * (fixed.T @ fixed).double())
        rotated = torch.cat([fixed @ basis.float(), fixed.new_zeros(1, self.dim)])  # the last row pads
        degree = lists.start.diff()
        ridge = self.regularisation * (degree + self.unobserved * len(fixed)) ** self.scaling
        result = fixed.new_zeros(len(degree), self.dim)
        for rows in groups(degree, self.dim):
            joined = padded(lists, rows, len(fixed))
            diagonal = shared.clamp_min(0.0).float() + ridge[rows, None]
            result[rows] = solve(rotated[joined], joined < len(fixed), diagonal)
        solved: Tensor = result @ basis.T.float()
        return solved

    def score(self, users: Tensor) -> Tensor:
        """Compute inner products. Shape ``[B, I]``."""
        return self.user[users] @ self.item.T


def groups(degree: Tensor, dim: int) -> Iterator[Tensor]:
    """Group rows with edges by similar degree, so that their padded vectors take a bounded memory."""
    order = degree.argsort(stable=True)
    ordered = degree[order].tolist()
    start = next((place for place, count in enumerate(ordered) if count), len(ordered))
    while start < len(ordered):
        end, smallest = start, ordered[start]
        while end < len(ordered) and ordered[end] <= _WASTE * smallest:
            if end > start and (end + 1 - start) * ordered[end] * dim > _CHUNK:
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


def solve(vectors: Tensor, present: Tensor, diagonal: Tensor) -> Tensor:
    """Solve for ``(M + VᵀV)⁻¹ Vᵀ1`` of each row, where ``M`` is diagonal.

    With fewer vectors than dimensions the same is ``M⁻¹Vᵀ (I + V M⁻¹ Vᵀ)⁻¹ 1``, a smaller system.

    Args:
        vectors: ``V``, zeros where padded. Shape ``[B, d, D]``.
        present: False where padded. Shape ``[B, d]``.
        diagonal: Of ``M``, positive. Shape ``[B, D]``.

    Returns:
        Shape ``[B, D]``.
    """
    transposed = vectors.transpose(1, 2)
    target = present.to(vectors.dtype)[..., None]
    if vectors.shape[1] < vectors.shape[2]:
        scaled = vectors / diagonal[:, None]
        system = scaled @ transposed
        system.diagonal(dim1=1, dim2=2).add_(1.0)
        return (scaled.transpose(1, 2) @ _positive_solve(system, target)).squeeze(-1)
    system = transposed @ vectors
    system.diagonal(dim1=1, dim2=2).add_(diagonal)
    return _positive_solve(system, transposed @ target).squeeze(-1)


def _positive_solve(system: Tensor, target: Tensor) -> Tensor:
    factor, info = torch.linalg.cholesky_ex(system)
    if info.any():
        what, hint = "the equations are singular in single precision", "raise it, or lower init_std"
        raise InputError(what, column="regularisation", hint=hint)
    return torch.cholesky_solve(target, factor)
