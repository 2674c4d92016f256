"""The rest of a budget, after the dual: single moves to better levels while any fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch import Tensor

if TYPE_CHECKING:
    from graphrec.offers.allocation import GroupBudget, UserCap

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MOVES = 20_000
"""Pairs that are tried in one round; beyond these a move is worth next to nothing."""
ROUNDS = 20


class _Room:
    """What is left: in all, in each group, and offers of each user."""

    def __init__(
        self,
        level: IntArray,
        spent: FloatArray,
        total: float,
        families: Sequence[GroupBudget],
        cap: UserCap | None,
    ) -> None:
        self.total, self.families, self.cap = total - math.fsum(spent), families, cap
        self.groups = [
            family.budget - np.bincount(family.group + 1, spent, len(family.budget) + 1)[1:]
            for family in families
        ]
        self.offers = None
        if cap is not None:
            users = int(cap.user.max(initial=-1)) + 1
            most = np.full(users, cap.offers) if isinstance(cap.offers, int) else cap.offers[:users]
            self.offers = most - np.bincount(cap.user, level > 0, users)

    def of(self, pair: IntArray, level: IntArray) -> FloatArray:
        """Money that each of some pairs may still take; below 0 if it may not move at all."""
        room = np.full(len(pair), self.total)
        for family, left in zip(self.families, self.groups, strict=True):
            room = np.minimum(room, np.append(left, np.inf)[family.group[pair]])
        if self.cap is not None and self.offers is not None:
            full = (level[pair] == 0) & (self.offers[self.cap.user[pair]] <= 0)
            room = np.where(full, -1.0, room)
        return room

    def take(self, pair: int, cost: float, first: bool) -> None:
        """Book a move."""
        self.total -= cost
        for family, left in zip(self.families, self.groups, strict=True):
            if family.group[pair] >= 0:
                left[family.group[pair]] -= cost
        if self.cap is not None and self.offers is not None and first:
            self.offers[self.cap.user[pair]] -= 1


def spend_leftover(
    level: IntArray,
    value: Tensor,
    spend: Tensor,
    total: float,
    families: Sequence[GroupBudget],
    cap: UserCap | None,
) -> IntArray:
    """Move pairs to better levels, most value per spend first; never over a budget.

    Args:
        level: Where each pair stands. Shape ``[P]``.
        value: Shape ``[P, R]``.
        spend: Shape ``[P, R]``.
        total: Budget of all.
        families: Budgets of groups.
        cap: Offers per user.

    Returns:
        Levels. Shape ``[P]``.
    """
    values, spends = value.cpu().numpy(), spend.cpu().numpy()
    pairs, level = np.arange(len(level)), level.copy()
    room = _Room(level, spends[pairs, level].astype(np.float64), total, families, cap)
    for _ in range(ROUNDS):
        limit = room.of(pairs, level)
        open_pairs = np.flatnonzero(limit > 0)
        if not len(open_pairs) or not _round(open_pairs, level, values, spends, room, limit):
            break
    _repair(level, spends, total, families)
    return level


def _round(
    open_pairs: IntArray,
    level: IntArray,
    values: FloatArray,
    spends: FloatArray,
    room: _Room,
    limit: FloatArray,
) -> bool:
    """One move at most for each pair; says whether there was any."""
    here = level[open_pairs]
    gain = values[open_pairs] - values[open_pairs, here][:, None]
    cost = spends[open_pairs] - spends[open_pairs, here][:, None]
    useful = (gain > 0) & (cost <= limit[open_pairs][:, None])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = np.where(useful, np.where(cost > 0, gain / cost, np.inf), -np.inf)
    target = ratio.argmax(axis=1)
    steepness = ratio[np.arange(len(target)), target]
    order = np.argsort(-steepness, kind="stable")[: min(MOVES, int(useful.any(axis=1).sum()))]
    moved = False
    for index in order:
        pair, price = int(open_pairs[index]), float(cost[index, target[index]])
        if price <= room.of(open_pairs[index : index + 1], level)[0]:
            room.take(pair, price, first=level[pair] == 0 and target[index] > 0)
            level[pair], moved = target[index], True
    return moved


def _repair(level: IntArray, spends: FloatArray, total: float, families: Sequence[GroupBudget]) -> None:
    """Take back the dearest offers while the exactly rounded sum of a running sum's last bits is over."""
    every = np.ones(len(level), dtype=bool)
    budgets = [(every, total)]
    budgets += [
        (family.group == index, float(b)) for family in families for index, b in enumerate(family.budget)
    ]
    for member, budget in budgets:
        pairs = np.flatnonzero(member)
        while len(pairs) and math.fsum(spends[pairs, level[pairs]].astype(np.float64)) > budget:
            level[pairs[spends[pairs, level[pairs]].argmax()]] = 0
