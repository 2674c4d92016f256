"""The rest of a budget, after the dual: single moves to better levels while any fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from graphrec.arrays import FloatArray, IntArray

if TYPE_CHECKING:
    from graphrec.offers.budget.budgets import GroupBudget, UserCap


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
        """Find the money that each of some pairs at a level may still take; below 0 if it may not move."""
        room = np.full(len(pair), self.total)
        for family, left in zip(self.families, self.groups, strict=True):
            room = np.minimum(room, np.append(left, np.inf)[family.group[pair]])
        if self.cap is not None and self.offers is not None:
            full = (level == 0) & (self.offers[self.cap.user[pair]] <= 0)
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
    near: IntArray,
) -> IntArray:
    """Move pairs to better levels, most value per spend first; never over a budget.

    Args:
        level: Where each pair stands. Shape ``[P]``.
        value: Shape ``[P, R]``.
        spend: Shape ``[P, R]``.
        total: Budget of all.
        families: Budgets of groups.
        cap: Offers per user.
        near: Pairs that may move.

    Returns:
        Levels. Shape ``[P]``.
    """
    values, spends = value.cpu().numpy(), spend.cpu().numpy()
    level = level.copy()
    spent = spends[np.arange(len(level)), level].astype(np.float64)
    room = _Room(level, spent, total, families, cap)
    for _ in range(ROUNDS):
        # Room only shrinks: who could not move in one round cannot in the next
        near = near[room.of(near, level[near]) > 0]
        near = _round(near, level, values[near], spends[near], room)
        if not len(near):
            break
    _repair(level, spends, total, families)
    return level


def _round(near: IntArray, level: IntArray, values: FloatArray, spends: FloatArray, room: _Room) -> IntArray:
    """Make at most one move for each pair; return the pairs that still could."""
    rows, here = np.arange(len(near)), level[near]
    gain = values - values[rows, here][:, None]
    cost = spends - spends[rows, here][:, None]
    useful = (gain > 0) & (cost <= room.of(near, here)[:, None])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = np.where(useful, np.where(cost > 0, gain / cost, np.inf), -np.inf)
    target = ratio.argmax(axis=1)
    movable = np.flatnonzero(useful.any(axis=1))
    moved = False
    for row in movable[np.argsort(-ratio[movable, target[movable]], kind="stable")]:
        pair, price = near[row : row + 1], float(cost[row, target[row]])
        if price <= room.of(pair, level[pair])[0]:
            room.take(int(pair[0]), price, first=level[pair[0]] == 0 and target[row] > 0)
            level[pair], moved = target[row], True
    return near[movable] if moved else near[:0]


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
