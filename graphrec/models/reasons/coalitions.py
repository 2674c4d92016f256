"""Shapley values: what each player adds to a value, from the values of coalitions."""

from __future__ import annotations

from itertools import product
from math import factorial
from typing import NamedTuple

import numpy as np

from graphrec.arrays import BoolArray, FloatArray

EXACT = 9
"""Players up to which all coalitions are asked, which gives the values themselves."""
ORDERS = 16
"""Orders that are drawn for more players; each is gone through forwards and backwards."""


class Coalitions(NamedTuple):
    """Coalitions to ask for their values, and how the parts of the players follow from these.

    Whatever the values are, the parts sum to that of all players less that of none.

    Args:
        members: Who is in which; the first has nobody. Shape ``[n, M]``.
        weights: Of each coalition's value in each player's part. Shape ``[M, n]``.
    """

    members: BoolArray
    weights: FloatArray


def coalitions(players: int, seed: int = 0) -> Coalitions:
    """List the coalitions to ask.

    Args:
        players: How many there are, ``M``.
        seed: Of the orders that are drawn for more than `EXACT` players.
    """
    return _all(players) if players <= EXACT else _drawn(players, seed)


def _all(players: int) -> Coalitions:
    """Weigh a coalition by the share of orders in which it comes first (Shapley, 1953)."""
    members = np.array(list(product([False, True], repeat=players)), dtype=bool).reshape(2**players, players)
    size = members.sum(axis=1)
    shares = [
        [_share(int(count) - 1, players) if inside else -_share(int(count), players) for inside in row]
        for row, count in zip(members, size, strict=True)
    ]
    return Coalitions(members, np.array(shares, dtype=np.float64).reshape(2**players, players).T)


def _share(before: int, players: int) -> float:
    return factorial(before) * factorial(players - before - 1) / factorial(players)


def _drawn(players: int, seed: int) -> Coalitions:
    """Let the players come in drawn orders, each forwards and backwards."""
    draw = np.random.default_rng(seed)
    orders = [draw.permutation(players) for _ in range(ORDERS)]
    orders += [order[::-1] for order in orders]
    steps = np.concatenate([_grown(order) for order in orders])
    members, place = np.unique(steps, axis=0, return_inverse=True)
    place = place.reshape(len(orders), players + 1)
    weights = np.zeros((players, len(members)))
    for order, row in zip(orders, place, strict=True):
        np.add.at(weights, (order, row[1:]), 1 / len(orders))
        np.add.at(weights, (order, row[:-1]), -1 / len(orders))
    return Coalitions(members, weights)


def _grown(order: np.ndarray) -> BoolArray:
    """Mark who is there before each comes, and at the end. Shape ``[M + 1, M]``."""
    grown = np.zeros((len(order) + 1, len(order)), dtype=bool)
    for step, player in enumerate(order):
        grown[step + 1 :, player] = True
    return grown
