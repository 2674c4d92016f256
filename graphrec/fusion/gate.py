"""The gate of a fusion, learned on validation: weights that differ between users."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from rich.progress import track
from torch import Tensor

from graphrec.fusion.model import UserGate
from graphrec.fusion.weights import NO_CANDIDATE, MemberScores, find_weights, is_better

_STEPS, _CHECK, _RATE = 200, 10, 0.05
_LEAST = 0.02  # weight from which a member without one starts; a softmax cannot leave 0


@dataclass(frozen=True)
class GateFit:
    """What came of learning a gate.

    Args:
        gate: Learned from all users; none if it did not beat the same weights for everybody.
        held_out: NDCG of the gate learned from one half of the users, on the other half.
        held_out_fixed: NDCG of the weights found on the same half, on the other half.
        steps: Steps of the optimiser that the other half chose.
    """

    gate: UserGate | None
    held_out: float
    held_out_fixed: float
    steps: int


def fit_gate(candidates: MemberScores, habits: Tensor, seed: int = 0) -> GateFit:
    """Learn a gate from one half of the users; keep it if it is better for the other half.

    It is better if its mean NDCG there is larger by more than a standard error than that of fixed weights
    from the same half. The gate is then learned anew from everybody, for as many steps.

    Args:
        candidates: Of the validation users ``n``.
        habits: Of the same users, `graphrec.fusion.model.user_habits`. Shape ``[n, 2]``.
        seed: Of the halves and the search.
    """
    users = len(candidates.users)
    generator = torch.Generator().manual_seed(seed)
    halves = torch.split(torch.randperm(users, generator=generator).to(habits.device), (users + 1) // 2)
    if len(halves) < 2:
        return GateFit(None, 0.0, 0.0, 0)
    learn, choose = (candidates.of(half) for half in halves)
    fixed = find_weights(learn, seed)
    gates = _learn(learn, habits[halves[0]], fixed, _STEPS)
    with torch.no_grad():
        values = [choose.ndcg(gate(habits[halves[1]])) for gate in gates]
    best = max(range(len(values)), key=lambda one: float(values[one].mean()))
    without, steps = choose.ndcg(fixed), (best + 1) * _CHECK
    held_out, held_out_fixed = float(values[best].mean()), float(without.mean())
    if not is_better(values[best], without):
        return GateFit(None, held_out, held_out_fixed, steps)
    gate = _learn(candidates, habits, find_weights(candidates, seed), steps)[-1]
    return GateFit(gate.requires_grad_(False), held_out, held_out_fixed, steps)


def _learn(candidates: MemberScores, habits: Tensor, weights: Tensor, steps: int) -> list[UserGate]:
    """Learn gates, one after every few steps of Adam on the softmax loss of whole lists."""
    gate = UserGate(len(weights)).to(habits.device)
    gate.start(weights.clamp_min(_LEAST), habits)
    findable = candidates.of(candidates.relevant.any(dim=1).nonzero().flatten())
    own = habits[candidates.relevant.any(dim=1)]
    spread = candidates.fused(weights)[candidates.scores[0] > NO_CANDIDATE].std()
    sharpness = (1.0 / spread.clamp_min(1e-6)).log().requires_grad_()
    optimizer = torch.optim.Adam([*gate.parameters(), sharpness], lr=_RATE)
    trail = []
    for step in track(range(1, steps + 1), "Learning the gate", transient=True):
        optimizer.zero_grad()
        loss = list_loss(findable.fused(gate(own)) * sharpness.exp(), findable.relevant)
        torch.autograd.backward(loss)
        optimizer.step()
        if step % _CHECK == 0:
            kept = UserGate(len(weights)).to(habits.device)
            kept.load_state_dict(gate.state_dict())
            trail.append(kept)
    return trail


def list_loss(scores: Tensor, relevant: Tensor) -> Tensor:
    """Average ``-Σ_{i relevant} log softmax(s)_i / |relevant|`` over users (ListNet, Cao et al., 2007).

    Args:
        scores: Shape ``[n, C]``.
        relevant: At least one in each row. Shape ``[n, C]``, bool.
    """
    logs = scores.log_softmax(dim=1).masked_fill(~relevant, 0.0)
    return -(logs.sum(dim=1) / relevant.sum(dim=1)).mean()
