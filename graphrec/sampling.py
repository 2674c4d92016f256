"""Negative items, drawn on the device the batch lives on, without a Python loop."""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.graph import BipartiteGraph


def step_generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """A generator that depends on the seed and the step alone.

    A resumed run draws what the unbroken one would have drawn, with no state to save.
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) % (1 << 63)
    return torch.Generator(device=device).manual_seed(mixed)


def shared_negatives(graph: BipartiteGraph, count: int, generator: torch.Generator) -> Tensor:
    """One set of uniform items for the whole batch. Shape ``[K]``."""
    return torch.randint(graph.num_items, (count,), generator=generator, device=generator.device)


def pair_negatives(
    graph: BipartiteGraph, users: Tensor, count: int, generator: torch.Generator, tries: int = 3
) -> Tensor:
    """Uniform items per user, redrawn where they hit a training edge. Shape ``[B, K]``.

    Args:
        graph: Tells which items each user bought.
        users: User codes. Shape ``[B]``.
        count: Negatives per user ``K``.
        generator: Source of randomness, on the device of `users`.
        tries: Redraws at most; the few hits left after that are kept, as in the LightGCN code.
    """
    size = (len(users), count)
    negatives = torch.randint(graph.num_items, size, generator=generator, device=users.device)
    for _ in range(tries):
        hit = graph.seen.contains(users, negatives)
        fresh = torch.randint(graph.num_items, size, generator=generator, device=users.device)
        negatives = torch.where(hit, fresh, negatives)
    return negatives
