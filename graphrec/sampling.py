"""What is drawn in training, on the device the batch lives on: negative items, and the seed of a step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from graphrec.graph import BipartiteGraph


def step_generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """Make a generator that depends on the seed and the step alone.

    A resumed run draws what the unbroken one would have drawn, with no state to save.
    """
    return torch.Generator(device=device).manual_seed(_mixed(seed, step))


@contextmanager
def step_randomness(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Let what a model draws by itself, such as dropout and noise, depend on the seed and the step alone.

    All processes then draw the same for the whole graph, and a resumed run what the unbroken one would have
    drawn. Afterwards the generators are as before.
    """
    mixed = _mixed(seed, step, stream=1)
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if on_gpu else []):
        # torch.manual_seed takes a millisecond: a stack trace for each kind of GPU, in use or not
        if device.type in ("cpu", "cuda"):
            torch.default_generator.manual_seed(mixed)
        else:
            torch.manual_seed(mixed)
        if on_gpu:
            torch.cuda.default_generators[_index(device)].manual_seed(mixed)
        yield


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index


def _mixed(seed: int, step: int, stream: int = 0) -> int:
    mixed = seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB
    return (mixed + stream * 0xD6E8FEB86659FD93) % (1 << 63)


def shared_negatives(
    graph: BipartiteGraph, count: int, generator: torch.Generator, popularity: float = 0.0
) -> Tensor:
    """Draw one set of items for the whole batch. Shape ``[K]``.

    Args:
        graph: Tells how many buyers each item has.
        count: Negatives ``K``, drawn with replacement.
        generator: Source of randomness.
        popularity: Power of the number of buyers that items are drawn in proportion to; 0 is uniform.
    """
    if popularity == 0.0:
        return torch.randint(graph.num_items, (count,), generator=generator, device=generator.device)
    # by hand, since torch.multinomial stops at 2^24 items
    reached = log_probability(graph, popularity).double().exp().cumsum(0)
    drawn = torch.rand(count, generator=generator, device=generator.device, dtype=torch.float64) * reached[-1]
    return torch.searchsorted(reached, drawn, right=True).clamp_max(graph.num_items - 1)


def log_probability(graph: BipartiteGraph, popularity: float) -> Tensor:
    """Compute the log of each item's share of draws in proportion to a power of its buyers. ``[I]``."""
    if popularity == 0.0:
        return torch.zeros(graph.num_items, device=graph.edge_item.device) - math.log(graph.num_items)
    weights = popularity * graph.item_degree().double().log()
    return torch.log_softmax(weights, dim=0).float()


def pair_negatives(
    graph: BipartiteGraph, users: Tensor, count: int, generator: torch.Generator, tries: int = 3
) -> Tensor:
    """Draw uniform items per user, again where they hit a training edge. Shape ``[B, K]``.

    Args:
        graph: Tells which items each user bought.
        users: User codes. Shape ``[B]``.
        count: Negatives per user ``K``.
        generator: Source of randomness, on the device of `users`.
        tries: Redraws at most; the few hits left after that are kept, as in the LightGCN code.
    """
    if not users.is_cpu:
        return _first_without_hit(graph, users, count, generator, tries)
    size = (len(users), count)
    negatives = torch.randint(graph.num_items, size, generator=generator, device=users.device)
    rows, columns = graph.seen.contains(users, negatives).nonzero(as_tuple=True)
    for _ in range(tries):
        if not len(rows):
            break
        fresh = torch.randint(graph.num_items, size, generator=generator, device=users.device)
        negatives[rows, columns] = redrawn = fresh[rows, columns]
        again = graph.seen.contains(users[rows], redrawn[:, None])[:, 0]
        rows, columns = rows[again], columns[again]
    return negatives


def _first_without_hit(
    graph: BipartiteGraph, users: Tensor, count: int, generator: torch.Generator, tries: int
) -> Tensor:
    """Draw the same with all redraws at once: a GPU need not be asked in between whether any is due."""
    size = (len(users), tries + 1, count)
    drawn = torch.randint(graph.num_items, size, generator=generator, device=users.device)
    hit = graph.seen.contains(users, drawn.flatten(1)).view(size)
    hit[:, -1] = False
    return drawn.gather(1, hit.int().argmin(1, keepdim=True))[:, 0]
