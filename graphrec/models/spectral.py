"""Spectral filters of the item graph, ``score = signal · g(P)``: closed forms, no training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.polynomial import Chebyshev
from torch import Tensor
from torch.nn.functional import embedding_bag

from graphrec.errors import MOST_ROUNDS, check_at_least, check_between, check_seed
from graphrec.graph import BipartiteGraph
from graphrec.kernels.eigenvectors import Decomposition, decompose, rank_for
from graphrec.kernels.sparse import SparseMatrix
from graphrec.kernels.sparse_rows import add_product, product
from graphrec.models.answers.one_item import one_item_baskets
from graphrec.models.base import ClosedForm, Scores
from graphrec.models.filter_responses import DOMAIN, FilterResponse, PowerLaw
from graphrec.models.filters.normalised import interactions
from graphrec.models.filters.series import apply

_MOST_NEIGHBOURS = 3e8
"""Bound of the entries of the item graph, 8 bytes each; they are a third as many on Gowalla."""
_NARROWEST = 1e-3
"""Interval below which the spectrum outside the decomposition counts as the point 0."""


class _Part(NamedTuple):
    """``x D^-power V (ideal + correction) Vᵀ D^power_after h(P)``, with or without the correction."""

    corrects: bool
    ideal: float
    power: float
    power_after: float
    after: Chebyshev


class Spectral(ClosedForm):
    """Scores ``x_u S`` for the users asked for, ``S`` being the filter of a `FilterResponse`.

    The response ``g`` is split into a polynomial ``q`` of low degree and a correction, of rank `rank`:
    ``g(P) ≈ q(P) + V (g(Λ) − q(Λ)) Vᵀ``. ``q`` is fitted to the spectrum below the `rank` leading
    eigenvalues ``Λ`` and applied by sparse products. This is exact inside ``V``; outside, it is wrong by at
    most `tail_error`. Most responses are nearly straight where the many small eigenvalues are, so a line will
    do.

    Args:
        response: ``IdealLowPass``, ``GFCF``, ``BSPM``, ``ChebyCF`` or ``PowerLaw``, which it is if missing.
        rank: Eigenvectors to keep, at most one for each user or item. With null a sixty-fourth of the users
            or of the items, whichever are fewer, but from 64 to 512: fewer pairs tell fewer directions.
        degree: Degree of ``q``; each costs two sparse products per batch of users. With null all of ``g``
            is applied by sparse products, which is exact and slower.
        recency: Rate ``ρ`` at which a user's older items count less: the signal of an edge is
            ``exp(-ρ (1 - place))``, place being that in the user's history, from 0 to 1 (`BipartiteGraph`).
            It takes a log with times, or a source that says that its lists are in their order.
        oversampling: Further columns of the randomised decomposition.
        iterations: Its rounds; more take time and lower `decomposition_error`.
        seed: Of its random start.
    """

    item_degree: Tensor
    user_factor: Tensor
    item_factor: Tensor
    tail: Tensor
    errors: Tensor
    reads_weights: ClassVar[bool] = True

    def __init__(
        self,
        response: FilterResponse | None = None,
        rank: int | None = None,
        degree: int | None = 1,
        recency: float = 0.0,
        oversampling: int = 32,
        iterations: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, rank=1 if rank is None else rank)
        check_at_least(0, recency=recency, oversampling=oversampling)
        check_between(0, MOST_ROUNDS, degree=degree or 0, iterations=iterations)
        check_seed(seed=seed)
        self.response = response or PowerLaw()
        self.rank, self.degree, self.recency, self.seed = rank, degree, recency, seed
        self.oversampling, self.iterations = oversampling, iterations

    @property
    def decomposition_error(self) -> float:
        """``‖P V − V Λ‖_F / ‖Λ‖_F`` of the eigenvectors in use, computed after the decomposition."""
        return float(self.errors[0])

    @property
    def tail_error(self) -> float:
        """Largest ``|g − q|`` below the eigenvalues in use, relative to the largest ``|g|``."""
        return float(self.errors[1])

    def prepare(self, graph: BipartiteGraph) -> None:
        """Make room for the fitted state, so that a checkpoint can be loaded without a fit."""
        if self.recency:
            graph.check_order("recency")
        self.graph = graph
        self._kept_powers: tuple[Tensor, Tensor] | None = None
        for kept in ("_item_products", "_item_sides"):
            vars(self).pop(kept, None)
        device = graph.edge_item.device
        matrix = interactions(graph, *self.response.normalisation)
        self.operator = SparseMatrix(matrix).to(device)
        self.register_buffer("item_degree", graph.strength()[graph.num_users :], persistent=False)
        self._kept = rank_for(self.rank, graph.num_users, graph.num_items)
        columns = len(self._parts()) * self._kept
        terms = len(self._smooth().coef) if self._exact() else 1 + (self.degree or 0)
        sizes = {
            "user_factor": (graph.num_users, columns),
            "item_factor": (graph.num_items, columns),
            "tail": (terms,),
            "errors": (2,),
        }
        for name, size in sizes.items():
            self.register_buffer(name, torch.zeros(size, device=device))

    @torch.no_grad()
    def fit(self, graph: BipartiteGraph) -> None:
        """Decompose the item graph and compute the factors of the scores."""
        self.prepare(graph)
        tail, errors = self._smooth(), (0.0, 0.0)
        if self._parts():
            found = decompose(self.operator, self._kept, self.oversampling, self.iterations, self.seed)
            tail, tail_error = self._fit_tail(float(found.values[-1]))
            errors = (found.relative_error, tail_error)
            left, right = self._factors(found, tail)
            self.user_factor.copy_(self._signal_product(graph, left))
            self.item_factor.copy_(right)
        self.tail.copy_(torch.from_numpy(tail.coef))
        self.errors.copy_(torch.tensor(errors))

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Take the factors as they were, if they are those of as many eigenvectors."""
        self.prepare(graph)
        if {key: value.shape for key, value in state.items()} == {
            key: value.shape for key, value in self.state_dict().items()
        }:
            self.load_state_dict(dict(state))
        else:
            self.fit(graph)

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Filter the signals of these users. Shape ``[B, I]``."""
        return self._filtered(self.graph, users, self.user_factor[users], self.item_factor)

    @torch.no_grad()
    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Filter the signals of the baskets, which meet the same eigenvectors of the items."""
        if self.recency:
            baskets.check_order("recency")
        user, right = self.item_factor.new_zeros(baskets.num_users, 0), self.item_factor[:, :0]
        if self._parts():
            left, right = self._item_sides
            signals = self._signals(baskets, torch.arange(baskets.num_edges, device=left.device))
            of = (baskets.edge_item, left, baskets.seen.start)
            user = embedding_bag(*of, mode="sum", per_sample_weights=signals, include_last_offset=True)
        return lambda users: self._filtered(baskets, users, user[users], right)

    @cached_property
    def _item_sides(self) -> tuple[Tensor, Tensor]:
        """Decompose the graph again, since a checkpoint keeps what the eigenvectors made of its users."""
        found = decompose(self.operator, self._kept, self.oversampling, self.iterations, self.seed)
        return self._factors(found, self._fit_tail(float(found.values[-1]))[0])

    def _powers(self) -> tuple[Tensor, Tensor]:
        """Raise the degrees to what a signal is divided by and scores multiplied with, once. ``[I]`` each."""
        degree, response = self.item_degree, self.response
        if self._kept_powers is None or self._kept_powers[0].device != degree.device:
            self._kept_powers = degree**response.power, degree**response.power_after
        return self._kept_powers

    def alike(self) -> Scores:
        """Take rows of the filter: the scores of who bought that item alone."""
        return self.fold_in(one_item_baskets(self.graph))

    @torch.no_grad()
    def _filtered(self, graph: BipartiteGraph, users: Tensor, factor: Tensor, right: Tensor) -> Tensor:
        """Multiply the factors and add what the polynomial makes of the users' signals. ``[B, I]``."""
        if not self.tail.any():
            return factor @ right.T
        rows, edges = graph.seen.places(users)
        items, signals = graph.edge_item[edges], self._signals(graph, edges)
        before, after = self._powers()
        if self.item_graph is not None and len(self.tail) <= 2:
            scores = factor @ right.T
            self._add_line(scores, rows, items, signals / before[items], after)
            return scores
        signal = torch.zeros(self.operator.columns, len(users), device=users.device)
        signal[items, rows] = signals / before[items]
        filtered = after[:, None] * apply(self.operator, self.tail.tolist(), signal)
        return torch.addmm(filtered.T, factor, right.T)

    @property
    def item_graph(self) -> sp.csr_array | None:
        """``P`` itself, on the CPU and if it is small: a user's few items then meet their neighbours only."""
        return self._item_products if self.item_degree.is_cpu else None

    @cached_property
    def _item_products(self) -> sp.csr_array | None:
        degree = self.graph.seen.counts(torch.arange(self.graph.num_users)).double()
        if float(degree.square().sum()) > _MOST_NEIGHBOURS:
            return None
        operator = self.operator
        arrays = tuple(part.numpy() for part in (operator.values, operator.col, operator.crow))
        matrix = sp.csr_array(arrays, shape=(operator.rows, operator.columns))
        return product(matrix.T.tocsr(), matrix)

    def _add_line(self, scores: Tensor, rows: Tensor, items: Tensor, signals: Tensor, after: Tensor) -> None:
        """Add ``x D^-power q(P) D^power_after`` for a line ``q``, in place. Scores of shape ``[B, I]``."""
        constant, slope = ([*self.tail.tolist(), 0.0])[:2]
        assert self.item_graph is not None
        weighted = (2 * slope * signals).numpy()
        signal = sp.csr_array((weighted, (rows.numpy(), items.numpy())), shape=scores.shape)
        if bool((after == 1).all()):
            add_product(scores, signal, self.item_graph)
        else:
            scores += add_product(torch.zeros_like(scores), signal, self.item_graph).mul_(after)
        # T_1 = 2 λ - 1: what is left of the line multiplies the signal itself
        scores[rows, items] += (constant - slope) * signals * after[items]

    def _signals(self, graph: BipartiteGraph, edges: Tensor) -> Tensor:
        """Compute what the edges weigh in their users' signals."""
        return graph.relative(edges) * (-self.recency * (1 - graph.places(edges))).exp()

    def _smooth(self) -> Chebyshev:
        """Make the response ``g`` without leading zeros, so that its degree can be read."""
        return self.response.smooth().trim()

    def _exact(self) -> bool:
        """Tell whether ``q`` is ``g``."""
        return self.degree is None or self.degree >= self._smooth().degree()

    def _parts(self) -> list[_Part]:
        """List the products that the scores need beside the tail; known before the fit."""
        response, bent = self.response, not self._exact()
        if response.joined():
            both = (response.power, response.power_after)
            parts = [_Part(bent, response.ideal_weight, *both, Chebyshev([1.0], DOMAIN))]
        else:
            smooth = (response.power, response.power_after)
            ideal = (response.ideal_power, response.ideal_power_after)
            parts = [
                _Part(bent, 0.0, *smooth, Chebyshev([1.0], DOMAIN)),
                _Part(False, response.ideal_weight, *ideal, response.after_ideal()),
            ]
        return [part for part in parts if part.corrects or part.ideal]

    def _fit_tail(self, below: float) -> tuple[Chebyshev, float]:
        """Fit the polynomial ``q`` to ``g`` on ``[0, below]``, and find its largest relative error there."""
        smooth = self._smooth()
        if self.degree is None or self._exact():
            return smooth, 0.0
        domain, slope = (0.0, max(below, _NARROWEST)), self.response.tail_slope
        if slope is not None and self.degree == 1:
            near = Chebyshev([0.5 * slope, 0.5 * slope], DOMAIN)
        else:
            near = Chebyshev.interpolate(smooth, self.degree, domain=domain)
            near = near.convert(kind=Chebyshev, domain=DOMAIN)
        inside, everywhere = np.linspace(*domain, 1001), np.linspace(*DOMAIN, 1001)
        largest = np.abs(smooth(everywhere)).max()
        return near, float(np.abs(smooth(inside) - near(inside)).max() / largest)

    def _factors(self, found: Decomposition, tail: Chebyshev) -> tuple[Tensor, Tensor]:
        """Compute the ``[I, columns]`` factors, so that the low-rank part is ``x left rightᵀ``."""
        values = found.values.double().cpu().numpy()
        correction = torch.from_numpy(self._smooth()(values) - tail(values)).to(found.vectors)
        left, right = [], []
        for part in self._parts():
            before, after = (self.item_degree[:, None] ** power for power in (part.power, part.power_after))
            left.append(found.vectors / before * (part.ideal + part.corrects * correction))
            right.append(apply(self.operator, part.after.coef.tolist(), found.vectors * after))
        return torch.cat(left, dim=1), torch.cat(right, dim=1)

    def _signal_product(self, graph: BipartiteGraph, left: Tensor) -> Tensor:
        """Compute ``X left``, with the signals ``X`` of all users of a graph. Shape ``[U, columns]``."""
        edges = torch.arange(graph.num_edges, device=left.device)
        entries = (self._signals(graph, edges).cpu().numpy(), graph.edge_item.cpu().numpy())
        shape = (graph.num_users, graph.num_items)
        signals = sp.csr_array((*entries, graph.seen.start.cpu().numpy()), shape=shape)
        product: Tensor = SparseMatrix(signals).to(left.device)(left)
        return product

    def extra_repr(self) -> str:
        """Show what was fitted and how well."""
        fitted = (
            f", decomposition_error={self.decomposition_error:.2g}, tail_error={self.tail_error:.2g}"
            if hasattr(self, "errors")
            else ""
        )
        return f"response={type(self.response).__name__}, rank={self.rank}, degree={self.degree}{fitted}"
