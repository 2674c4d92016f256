"""Results of several processes put together; with one process, nothing is touched.

Each process ranks its own users, so every user comes back exactly once. What is gathered is what one process
would have found, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from graphrec.evaluation.ranking import UserMetrics
from graphrec.models.base import ItemSet, Ranking

Part = TypeVar("Part")


def gather_parts(part: Part) -> list[Part]:
    """Gather what every process holds, in the order of their ranks; all of them must call this.

    Args:
        part: Anything that can be pickled, with its tensors on the CPU.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return [part]
    parts: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(parts, part)
    return parts


def gather_metrics(metrics: dict[ItemSet, UserMetrics]) -> dict[ItemSet, UserMetrics]:
    """Gather the values of the users of all processes, sorted by user code.

    Raises:
        ValueError: If a user was ranked by two processes.
    """
    parts = gather_parts(metrics)
    if len(parts) == 1:
        return metrics
    return {items: _joined([part[items] for part in parts]) for items in metrics}


def _joined(parts: Sequence[UserMetrics]) -> UserMetrics:
    users, order = _sorted_users([part.users for part in parts])
    # a process without users may not know the names of the measures
    names = dict.fromkeys(name for part in parts for name in part.values)
    return replace(
        parts[0],
        users=users,
        values={
            name: torch.cat([part.values[name] for part in parts if name in part.values])[order]
            for name in names
        },
        items=torch.cat([part.items for part in parts])[order],
    )


def gather_rankings(rankings: Sequence[Ranking]) -> list[Ranking]:
    """Gather the lists of the users of all processes as one, sorted by user code.

    Args:
        rankings: What this process predicted, batch by batch; may be empty.

    Raises:
        ValueError: If a user was ranked by two processes.
    """
    parts = gather_parts([Ranking(*(column.cpu() for column in ranking)) for ranking in rankings])
    if len(parts) == 1:
        return list(rankings)
    users, items, scores = (torch.cat(column) for column in zip(*chain(*parts), strict=True))
    users, order = _sorted_users([users])
    return [Ranking(users, items[order], scores[order])]


def _sorted_users(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Sort all users, and tell where each of them was. Two tensors of the same length."""
    users, order = torch.cat(list(parts)).sort(stable=True)
    if bool((users[1:] == users[:-1]).any()):
        raise ValueError(
            "a user was ranked by two processes: the data module shares the users out itself, so give the"
            " trainer use_distributed_sampler=False"
        )
    return users, order
