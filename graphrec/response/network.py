"""A response network: from what is known of a user and an item to a curve that rises with the discount."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphrec.errors import check_at_least
from graphrec.response.splines import KNOTS, check_knots, num_shapes, response_shapes

TYPICAL_ELASTICITY = 1.0
"""What the weight of ``-log(1 - d)`` starts from; the median of Complete Journey's products is 1.5."""


class ResponseNetwork(nn.Module):
    """``logit p(d) = a(x) + Σ_k w_k(x) h_k(d)`` with ``w_k = softplus(...) >= 0``.

    Monotone in the rate by construction, and the rate adds nothing at ``d = 0``. Two perceptrons read the
    features, one for the base logit ``a`` and one for the weights. Each group (product, category, ...) adds
    an effect of its own to both. The effects start at 0 and `pooling` charges their squares. So a group with
    little data keeps to what the features and its parent group say: partial pooling.

    Args:
        num_features: Number of features ``F``.
        group_sizes: Number of groups at each of ``G`` levels, for example of products and of categories.
        hidden: Widths of the hidden layers of the base logit.
        slope_hidden: Widths of the hidden layers of the weights; none makes them linear before softplus.
        knots: Rates between which a curve may bend, ``K`` of them.
        dropout: Share of hidden values dropped in training.
    """

    centre: Tensor
    scale: Tensor

    def __init__(
        self,
        num_features: int,
        group_sizes: Sequence[int] = (),
        hidden: Sequence[int] = (64, 32),
        slope_hidden: Sequence[int] = (16,),
        knots: Sequence[float] = KNOTS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_at_least(1, num_features=num_features)
        self.knots = check_knots(knots)
        shapes = num_shapes(self.knots)
        self.base = _perceptron(num_features, hidden, 1, dropout)
        self.slopes = _perceptron(num_features, slope_hidden, shapes, dropout)
        # the last row of each table is for groups that were never seen; it stays 0
        self.effects = nn.ModuleList(
            nn.Embedding(size + 1, 1 + shapes, padding_idx=size) for size in group_sizes
        )
        self.register_buffer("centre", torch.zeros(num_features))
        self.register_buffer("scale", torch.ones(num_features))
        self._start(shapes)

    @torch.no_grad()
    def _start(self, shapes: int) -> None:
        """Begin at one constant elasticity for everybody and no group effects."""
        last = self.slopes[-1]
        assert isinstance(last, nn.Linear)
        last.weight.mul_(0.1)
        last.bias.fill_(-3.0)
        last.bias[0] = math.log(math.expm1(TYPICAL_ELASTICITY))
        for table in self.effects:
            assert isinstance(table, nn.Embedding)
            table.weight.zero_()

    @torch.no_grad()
    def standardise(self, features: Tensor, base_rate: float | None = None) -> None:
        """Learn mean and spread of the features, which stay with the network, and where the base starts.

        Args:
            features: Features of the training rows. Shape ``[n, F]``.
            base_rate: Share of purchases in training, in (0, 1); the base logit starts there.
        """
        spread, mean = torch.std_mean(features, dim=0, correction=0)
        self.centre.copy_(mean)
        self.scale.copy_(torch.where(spread > 0, spread, 1.0))
        if base_rate is not None:
            last = self.base[-1]
            assert isinstance(last, nn.Linear)
            last.bias.fill_(math.log(base_rate / (1.0 - base_rate)))

    def curve_parameters(self, features: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what makes the curve of each pair.

        Args:
            features: Shape ``[B, F]``.
            groups: Codes at each level; a code outside its table is a group never seen. Shape ``[B, G]``.

        Returns:
            Base logits ``[B]`` and weights ``[B, K]``, the latter at least 0.
        """
        x = (features - self.centre) / self.scale
        base, raw = self.base(x).squeeze(-1), self.slopes(x)
        for level, table in enumerate(self.effects):
            assert isinstance(table, nn.Embedding)
            effect = table(_known(groups[:, level], table.num_embeddings - 1))
            base, raw = base + effect[:, 0], raw + effect[:, 1:]
        return base, functional.softplus(raw)

    def forward(self, features: Tensor, groups: Tensor, rate: Tensor) -> Tensor:
        """Compute logits of a purchase.

        Args:
            features: Shape ``[B, F]``.
            groups: Shape ``[B, G]``.
            rate: One rate in [0, 1) per pair ``[B]``, or several ``[B, R]``.

        Returns:
            Shape of `rate`.
        """
        base, weights = self.curve_parameters(features, groups)
        shapes = response_shapes(rate, self.knots)
        if rate.dim() == 1:
            return base + (weights * shapes).sum(-1)
        return base[:, None] + torch.einsum("bk,brk->br", weights, shapes)

    def pooling(self) -> Tensor:
        """Add up the squared group effects: it pulls a product to its category and both to the features."""
        squares = [effect.square().sum() for effect in self.effects.parameters()]
        return torch.stack(squares).sum() if squares else self.centre.new_zeros(())

    def curvature(self, weights: Tensor) -> Tensor:
        """Average the squared second difference of the spline weights ``[B, K]``.

        Equal weights over equally spaced knots make a straight rise, so this charges bends. The logarithm and
        the first spline, the step from no offer to an offer, are left out.
        """
        if weights.shape[1] < 5:
            return weights.new_zeros(())
        return weights[:, 2:].diff(n=2, dim=1).square().sum(dim=1).mean()


def _perceptron(inputs: int, hidden: Sequence[int], outputs: int, dropout: float) -> nn.Sequential:
    widths, layers = [inputs, *hidden], []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.SiLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def _known(codes: Tensor, size: int) -> Tensor:
    """Give codes outside the table the code of its last row."""
    return torch.where((codes >= 0) & (codes < size), codes, size)
