"""Training losses: functions of the scores of bought and not bought items, or of vectors, without state.

A loss of scores takes ``positive`` of shape ``[B]`` and ``negative`` of shape ``[B, K]``, raw scores. It
returns a scalar. So a YAML can name any of them: ``loss: graphrec.losses.bpr``. A negative score of −inf is
that of the bought item itself, where a batch's other items are sampled, and must cost nothing.
`catalogue_squares` needs no sample: its second argument is a sum over the whole catalogue, which
`total_square` gives exactly.

`info_nce`, `alignment` and `uniformity` are of vectors; the tasks that use them are in `graphrec.training`.

A loss may say what it is by attributes. ``static_step``: it does the same operations in each step and never
waits, so that a GPU may replay it. ``takes_sum``: its second argument is the sum over the whole catalogue.
``takes_many``: it is meant for many negatives, which a batch then shares. One that says nothing is computed
step by step, and tried with what its sampling gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional

from graphrec.capabilities import written_for
from graphrec.errors import check_above, check_between
from graphrec.kernels.inner_products import log_sum_products

_OfScores = Callable[[Tensor, Tensor], Tensor]


def _declared(*, takes_sum: bool = False, takes_many: bool = False) -> Callable[[_OfScores], _OfScores]:
    """Let a loss of scores say what it takes, and that its step is static."""

    def declare(loss: _OfScores) -> _OfScores:
        vars(loss).update(static_step=True, takes_sum=takes_sum, takes_many=takes_many)
        return loss

    return declare


@_declared()
def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Compute Bayesian personalised ranking, ``-log σ(s⁺ - s⁻)`` (Rendle et al., UAI 2009)."""
    return functional.softplus(negative - positive[:, None]).mean()


@_declared()
def bce(positive: Tensor, negative: Tensor) -> Tensor:
    """Compute binary cross-entropy, bought and sampled, each side averaged (He et al., NCF, WWW 2017)."""
    return functional.softplus(-positive).mean() + functional.softplus(negative).mean()


@_declared(takes_many=True)
def sampled_softmax(positive: Tensor, negative: Tensor) -> Tensor:
    """Compute the softmax of the bought item against the sampled ones, ``-s⁺ + log(e^{s⁺} + Σ e^{s⁻})``.

    Wu et al., "On the effectiveness of sampled softmax loss for item recommendation", TOIS 2024. Where
    negatives are uniform, no popularity correction is due; for others, see `RankingTask`'s ``log_q``.
    """
    return (torch.logaddexp(positive, negative.logsumexp(1)) - positive).mean()


class OfLogSum(Protocol):
    """A loss that only needs ``log Σ e^{s⁻}`` of the negatives, which is to be had without their scores."""

    def of_log_sum(self, positive: Tensor, log_sum: Tensor) -> Tensor:
        """Compute the loss, ``[B]`` and ``[B]`` to a scalar."""


def by_log_sum(loss: object) -> OfLogSum | None:
    """Give the loss, if its `of_log_sum` was written for its ``__call__``; None for all others."""
    return cast(OfLogSum, loss) if written_for(type(loss), "of_log_sum", "__call__") else None


class BilateralSoftmax:
    """Softmax with a power on the side of the negatives, ``-s⁺ + w log Σ e^{s⁻}``.

    Wu et al., "BSL: Understanding and improving softmax loss for recommendation", ICDE 2024. ``w`` is the
    ratio of the temperatures of the two sides. With 1 it is the softmax loss of that paper, in which the
    bought item is not among its own negatives. Scores are those of `CosineTrained`.

    Args:
        weight: ``w``; below 1 a noisy positive costs less.
    """

    static_step: ClassVar[bool] = True
    takes_sum: ClassVar[bool] = False
    takes_many: ClassVar[bool] = True

    def __init__(self, weight: float = 1.0) -> None:
        check_above(0, weight=weight)
        self.weight = weight

    def __call__(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Compute the loss, ``[B]`` and ``[B, K]`` to a scalar; −inf stands for a negative left out."""
        return self.of_log_sum(positive, negative.logsumexp(1))

    def of_log_sum(self, positive: Tensor, log_sum: Tensor) -> Tensor:
        """Compute the loss, ``[B]`` and ``log Σ e^{s⁻}`` of shape ``[B]`` to a scalar."""
        return (self.weight * log_sum - positive).mean()


@_declared()
def mse(positive: Tensor, negative: Tensor) -> Tensor:
    """Compute squared error to 1 for bought and 0 for sampled items: the loss of the articles' network."""
    sampled = negative.masked_fill(negative.isneginf(), 0.0)
    return (positive - 1).square().mean() + sampled.square().mean()


class CosineContrastive:
    """Cosines of bought items near 1, of others below a margin, ``1 − s⁺ + w / K Σ max(0, s⁻ − m)``.

    Mao et al., "SimpleX: a simple and strong baseline for collaborative filtering", CIKM 2021, eq. 1: most
    sampled items are below the margin and cost nothing, so many may be drawn. Scores are those of ``Cosine``
    with a temperature of 1.

    Args:
        margin: ``m``, from −1 to 1.
        weight: ``w``, of the negatives.
    """

    static_step: ClassVar[bool] = True
    takes_sum: ClassVar[bool] = False
    takes_many: ClassVar[bool] = True

    def __init__(self, margin: float = 0.9, weight: float = 150.0) -> None:
        check_between(-1, 1, margin=margin)
        check_above(0, weight=weight)
        self.margin, self.weight = margin, weight

    def __call__(self, positive: Tensor, negative: Tensor) -> Tensor:
        """Compute the loss, ``[B]`` and ``[B, K]`` to a scalar; −inf stands for a negative left out."""
        return (1 - positive).mean() + self.weight * (negative - self.margin).clamp_min(0).mean()


@_declared(takes_sum=True)
def catalogue_squares(positive: Tensor, square: Tensor) -> Tensor:
    """Compute the squared error over every pair of the catalogue, without sampling.

    ``Σ_edges (1 - s)² + α Σ_{all u,i} s²``, per edge (Hu et al., "Collaborative filtering for implicit
    feedback datasets", ICDM 2008, with constant weights; Chen et al., "Efficient non-sampling", TOIS 2020).

    Args:
        positive: Scores of edges. Shape ``[B]``.
        square: ``α Σ s² / E`` over all pairs, a scalar; see `total_square`.
    """
    return (1 - positive).square().mean() + square


def total_square(user: Tensor, item: Tensor) -> Tensor:
    """Compute ``Σ_{u,i} (u · i)²`` of all pairs, as ``⟨UᵀU, IᵀI⟩``: O((U + I) D²), not O(U I D).

    ``[U, D]`` and ``[I, D]`` to a scalar.
    """
    return ((user.T @ user) * (item.T @ item)).sum()


def info_nce(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Contrast each first view with all second views: ``-log(e^{c_nn / τ} / Σ_m e^{c_nm / τ})``.

    ``c_nm`` is the cosine of node n's first and node m's second view (van den Oord et al., 2018; Yu et al.,
    SimGCL, SIGIR 2022). The mean over nodes.

    Args:
        first: One view of some distinct nodes. Shape ``[n, D]``.
        second: Another view of the same nodes. Shape ``[n, D]``.
        temperature: ``τ``.
    """
    left, right = functional.normalize(first, dim=1) / temperature, functional.normalize(second, dim=1)
    return (log_sum_products(left, right) - (left * right).sum(1)).mean()


def alignment(user: Tensor, item: Tensor) -> Tensor:
    """Average the squared distance of an edge's two ends, in length 1. ``[B, D]`` each to a scalar.

    Wang et al., "Towards representation alignment and uniformity in collaborative filtering" (DirectAU), KDD
    2022.
    """
    return (functional.normalize(user, dim=1) - functional.normalize(item, dim=1)).square().sum(1).mean()


def uniformity(vectors: Tensor) -> Tensor:
    """Compute ``log mean e^{-2 ‖x - y‖²}`` over the pairs of a batch, in length 1. ``[B, D]`` to a scalar.

    DirectAU too: the users of a batch's edges, or the items, as often as they come in it. Taken from the
    cosines, ``‖x - y‖² = 2 - 2 cos``. A lone vector has no pair and gives 0.
    """
    unit = functional.normalize(vectors, dim=1)
    count = len(unit)
    if count < 2:
        return 0.0 * unit.sum()
    sums = log_sum_products(4 * unit, unit, torch.arange(count, device=unit.device))
    return sums.logsumexp(0) - 4 - math.log(count * (count - 1))
