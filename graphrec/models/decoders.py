"""From two vectors to a raw score."""

from __future__ import annotations

import math
from abc import abstractmethod
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphrec.capabilities import written_for
from graphrec.errors import InputError, check_above, check_at_least
from graphrec.kernels.inner_products import inner_products
from graphrec.kernels.memory import check_room
from graphrec.models.base import Decoder, Factored


class InnerProduct(Decoder):
    """A score that is an inner product of something made of each side."""

    @property
    def by_factors(self) -> Factored | None:
        """This decoder, unless a subclass has a `forward` or `matrix` that `factors` was not written for."""
        return self if written_for(type(self), "factors", "forward", "matrix") else None

    @abstractmethod
    def factors(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Make what is multiplied: ``[..., D]`` and ``[..., D]`` to two of the same shapes."""

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Compute ``Σ_d`` over the factors."""
        left, right = self.factors(user, item)
        return (left * right).sum(-1)

    def matrix(self, user: Tensor, item: Tensor) -> Tensor:
        """Compute the same of every pair."""
        return inner_products(*self.factors(user, item))


class Dot(InnerProduct):
    """Inner product ``Σ_d u_d i_d``."""

    static_step: ClassVar[bool] = True
    plain_product: ClassVar[bool] = True

    def factors(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Take the vectors as they are."""
        return user, item


class Cosine(InnerProduct):
    """Cosine similarity divided by a temperature, ``cos(u, i) / τ``.

    Args:
        temperature: The smaller, the more a softmax looks at the hardest negatives.
    """

    static_step: ClassVar[bool] = True
    scores_directions: ClassVar[bool] = True

    def __init__(self, temperature: float = 0.2) -> None:
        super().__init__()
        check_above(0, temperature=temperature)
        self.temperature = temperature

    def factors(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Bring the vectors to length 1, the user's divided by the temperature."""
        return functional.normalize(user, dim=-1) / self.temperature, functional.normalize(item, dim=-1)


class CosineTrained(Cosine):
    """Cosine over a temperature in training, inner product in ranking.

    The lengths of the vectors are not trained directly, and propagation gives popular items longer ones;
    taking them into account in ranking is what Wu et al. (SSM, TOIS 2024; BSL, ICDE 2024) do.

    Args:
        temperature: The smaller, the more a softmax looks at the hardest negatives.
    """

    static_step: ClassVar[bool] = True

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__(temperature)

    def factors(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Make those of the cosine in training, else take the vectors as they are."""
        return super().factors(user, item) if self.training else (user, item)


class ScaledCosine(InnerProduct):
    """Cosine times a scale that is trained with the vectors, up to a bound.

    So nobody has to choose a temperature for a log: training begins where the user's own taste counts little,
    and the scale grows as it is learnt. That a temperature may be learnt is from Radford et al., "Learning
    transferable visual models" (CLIP), ICML 2021; without a bound it outgrows what a sparse log can tell.

    Args:
        scale: Where it begins; the inverse of a temperature. With 1, what every item has from the start
            (`RankingTask`'s ``prior``) outweighs it.
        most: The bound.

    Raises:
        InputError: If it does not begin between 0 and the bound.
    """

    static_step: ClassVar[bool] = True
    scores_directions: ClassVar[bool] = True
    rate: ClassVar[float] = 4.0
    """So many times as fast as a number of a vector moves the scale's logit."""

    def __init__(self, scale: float = 1.0, most: float = 7.0) -> None:
        super().__init__()
        check_above(0, scale=scale, most=most)
        if scale >= most:
            raise InputError(f"{scale} is not below most, {most}", column="scale", hint="give a smaller one")
        self.most = most
        self.weight = nn.Parameter(torch.tensor(self._logit(scale / most)))

    def _logit(self, share: float) -> float:
        return math.log(share / (1 - share)) / self.rate

    @torch.no_grad()
    def hold(self) -> str:
        """Hold the scale at five sevenths of the bound."""
        self.weight.fill_(self._logit(5 / 7)).requires_grad_(False)
        return f"the scale of the cosine is held at {5 / 7 * self.most:g}"

    def factors(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Bring the vectors to length 1, the user's times the scale."""
        scale = self.most * (self.rate * self.weight).sigmoid()
        return functional.normalize(user, dim=-1) * scale, functional.normalize(item, dim=-1)


class MLP(Decoder):
    """A perceptron on the concatenated vectors, Linear-ReLU-…-Linear(·, 1).

    The first layer is linear in both halves. So a whole score matrix needs it once per user and once per
    item, not once per pair. Sizes are taken from the first input, which must come before the optimiser is
    built; `RankingTask` sees to that.

    Args:
        hidden: Widths of the hidden layers. The articles' network is ``[10]`` on two inputs.
    """

    static_step: ClassVar[bool] = True

    def __init__(self, hidden: list[int] | None = None) -> None:
        super().__init__()
        widths = [64] if hidden is None else hidden
        if not widths:
            raise InputError("there is no hidden layer", column="hidden", hint="give one width or more")
        for width in widths:
            check_at_least(1, hidden=width)
        check_room(4 * sum(one * other for one, other in pairwise([1, *widths, 1])), hidden=max(widths))
        self.user = nn.LazyLinear(widths[0])
        self.item = nn.LazyLinear(widths[0], bias=False)
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths, [*widths[1:], 1], strict=True):
            layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
        self.rest = nn.Sequential(*layers)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Score pairs."""
        score: Tensor = self.rest(self.user(user) + self.item(item))
        return score.squeeze(-1)

    def matrix(self, user: Tensor, item: Tensor) -> Tensor:
        """Score every pair, a few users at a time to bound memory."""
        item_part = self.item(item)
        rows = [self.rest(part[:, None] + item_part) for part in self.user(user).split(16)]
        return torch.cat(rows).squeeze(-1)
