"""Fusion of recommenders: the weighted sum of what several models say about the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender, Scores

Combine = Literal["score", "rank"]
"""What is summed: each user's standardised scores, or reciprocal ranks."""

HABITS = 2
"""Features of a user that a gate sees: activity and repeat habit."""

_RANK_OFFSET = 60.0  # the constant of Cormack et al.
_ROUNDING = 1e-6  # a deviation this small against the mean is rounding of equal numbers in float32


class UserGate(nn.Module):
    """Weights of the members for each user: a softmax of a linear function of the user's habits.

    The habits are standardised with the mean and the deviation of the users it learned from. They are cut
    off at three deviations, so that nobody is weighed far outside of what was learned.

    Args:
        num_members: Number of members ``M``.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, num_members: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(num_members))
        self.slope = nn.Parameter(torch.zeros(num_members, HABITS))
        self.register_buffer("centre", torch.zeros(HABITS))
        self.register_buffer("scale", torch.ones(HABITS))

    @torch.no_grad()
    def start(self, weights: Tensor, habits: Tensor) -> None:
        """Begin with the same weights for everybody, which must not be zero, and scale to these users.

        Args:
            weights: Weights of the members. Shape ``[M]``.
            habits: Of the users to learn from. Shape ``[n, 2]``.
        """
        self.bias.copy_(weights.log())
        self.slope.zero_()
        self.centre.copy_(habits.mean(dim=0))
        deviation = habits.std(dim=0, correction=0)
        self.scale.copy_(deviation.where(deviation > _ROUNDING, torch.ones_like(deviation)))

    def forward(self, habits: Tensor) -> Tensor:
        """Compute weights that sum to 1 for each user. ``[B, 2]`` to ``[B, M]``."""
        standard = ((habits - self.centre) / self.scale).clamp(-3.0, 3.0)
        return (self.bias + standard @ self.slope.T).softmax(dim=1)


class Fusion(Recommender):
    """Ranks by ``s(u, i) = Σ_m w_m(u) z_m(u, i)``, the sum over members of comparable scores.

    With ``score``, ``z_m`` are the member's scores with mean 0 and standard deviation 1 over the catalogue
    of each user: Fox and Shaw, "Combination of multiple searches", TREC 1994, with z-scores. With ``rank``,
    ``z_m = 1 / (60 + rank)`` (Cormack, Clarke and Büttcher, "Reciprocal rank fusion", SIGIR 2009); items
    with equal scores share the mean of their ranks. A member that scores all items alike has no say.

    Args:
        graph: The graph of all members.
        members: The recommenders ``M``, ready to score.
        weights: Weight of each member, 0 or more; made to sum to 1.
        combine: What is summed.
        gate: Gives each user weights of their own, in place of `weights`.

    Raises:
        InputError: If there is not one weight for each member, or no weight is above 0.
    """

    habits: Tensor
    weights: Tensor

    def __init__(
        self,
        graph: BipartiteGraph,
        members: Sequence[Recommender],
        weights: Sequence[float],
        combine: Combine = "score",
        gate: UserGate | None = None,
    ) -> None:
        super().__init__()
        _check_weights(weights, len(members))
        self.graph, self.combine, self.gate = graph, combine, gate
        self.members = nn.ModuleList(members)
        total = torch.tensor(list(weights), dtype=torch.float32)
        self.register_buffer("weights", total / total.sum(), persistent=False)
        self.register_buffer("habits", user_habits(graph), persistent=False)

    def weigh(self, users: Tensor) -> Tensor:
        """Weigh the members for each user. ``[B]`` to ``[B, M]``; rows sum to 1."""
        if self.gate is None:
            return self.weights.expand(len(users), -1)
        weights: Tensor = self.gate(self.habits[users])
        return weights

    def comparable(self, users: Tensor, member: int) -> Tensor:
        """Compute what a member says on the common scale, ``z_m``. ``[B]`` to ``[B, I]``."""
        recommender = self.members[member]
        assert isinstance(recommender, Recommender)
        return self._on_scale(recommender.score(users))

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Add the members up by their weights. Shape ``[B, I]``."""
        return self._sum(self.weigh(users), lambda member: self.comparable(users, member))

    @property
    def folds_in(self) -> bool:
        """Whether all members do."""
        return all(member.folds_in for member in self._recommenders())

    @property
    def fold_in_note(self) -> str:  # type: ignore[override]  # those of the members
        """What the members say of it."""
        return "; ".join(dict.fromkeys(one.fold_in_note for one in self._recommenders() if one.fold_in_note))

    @torch.no_grad()
    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Add up what the members make of the baskets, whose habits the gate weighs."""
        members, habits = [one.fold_in(baskets) for one in self._recommenders()], user_habits(baskets)

        def scores(users: Tensor) -> Tensor:
            weights = self.weights.expand(len(users), -1) if self.gate is None else self.gate(habits[users])
            return self._sum(weights, lambda member: self._on_scale(members[member](users)))

        return scores

    def _recommenders(self) -> list[Recommender]:
        return [member for member in self.members if isinstance(member, Recommender)]

    def _on_scale(self, scores: Tensor) -> Tensor:
        return standardised(scores) if self.combine == "score" else reciprocal_ranks(scores)

    def _sum(self, weights: Tensor, comparable: Callable[[int], Tensor]) -> Tensor:
        """Add up members on the common scale by weights of each user. ``[B, M]`` to ``[B, I]``."""
        scores = torch.zeros(len(weights), self.graph.num_items, device=weights.device)
        for member in range(len(self.members)):
            if weights[:, member].any():
                scores += comparable(member).mul_(weights[:, member, None])
        return scores


def standardised(scores: Tensor) -> Tensor:
    """Bring each row to mean 0 and standard deviation 1, in place; a row of equal scores becomes zeros.

    ``[B, I]`` to ``[B, I]``.
    """
    mean = scores.mean(dim=1, keepdim=True)
    scores -= mean
    deviation = scores.norm(dim=1, keepdim=True) / max(scores.shape[1], 1) ** 0.5
    scores *= torch.where(deviation <= _ROUNDING * mean.abs(), 0.0, 1.0 / deviation)
    return scores


def reciprocal_ranks(scores: Tensor) -> Tensor:
    """Compute ``1 / (60 + rank)``, the best item having rank 1, equal scores the mean of their ranks.

    ``[B, I]`` to ``[B, I]``; a score that is not a number stays so, for the evaluation to complain about.
    """
    ordered, items = scores.sort(dim=1, descending=True)
    size = scores.shape[1]
    place = torch.arange(1, size + 1, device=scores.device, dtype=scores.dtype).expand_as(scores)
    changes = ordered[:, 1:] != ordered[:, :-1]
    edge = torch.ones_like(scores[:, :1], dtype=torch.bool)
    first = place.where(torch.cat([edge, changes], dim=1), 0.0).cummax(dim=1).values
    ends = place.where(torch.cat([changes, edge], dim=1), size + 1.0)
    last = ends.flip(1).cummin(dim=1).values.flip(1)
    ranks = torch.empty_like(scores).scatter_(1, items, (first + last) / 2)
    return (1.0 / (_RANK_OFFSET + ranks)).masked_fill(scores.isnan(), torch.nan)


def user_habits(graph: BipartiteGraph) -> Tensor:
    """Measure activity and repeat habit of every user, from the training part. Shape ``[U, 2]``.

    Activity is the logarithm of 1 + the number of items. Repeat habit is the part of the history in which
    the user bought what they bought in another week too. The history has a row per user, item and week;
    without one the habit is 0.
    """
    items = graph.seen.counts(torch.arange(graph.num_users, device=graph.edge_item.device))
    rows = torch.bincount(graph.history_user, minlength=graph.num_users)
    repeated = 1.0 - items / rows.clamp_min(1)
    return torch.stack([items.float().log1p(), repeated.where(rows > 0, 0.0)], dim=1)


def _check_weights(weights: Sequence[float], members: int) -> None:
    what = None
    if not members:
        what, hint = "there is nothing to fuse", "give at least one member"
    elif len(weights) != members:
        what, hint = f"{len(weights)} weights for {members} members", "give one for each"
    elif not all(0 <= weight < float("inf") for weight in weights):
        what, hint = f"{list(weights)} are no weights", "give numbers of 0 or more"
    elif not any(weights):
        what, hint = "all weights are 0", "give one above 0"
    if what is not None:
        raise InputError(what, column="weights", hint=hint)
