"""Shapley values by their definition: the mean over all orders of what a player adds when it comes."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from graphrec.models.reasons.coalitions import EXACT, coalitions


def by_definition(players: int, value) -> np.ndarray:
    found = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        there = np.zeros(players, dtype=bool)
        for player in order:
            before = value(there)
            there[player] = True
            found[player] += value(there) - before
    return found / len(orders)


def curved(members: np.ndarray) -> float:
    """A game in which players need and hinder each other."""
    weight = np.arange(1, len(members) + 1)
    return float(np.exp(-(((members * weight).sum() - 4) ** 2) / 9) + 2 * members[:2].all())


@pytest.mark.parametrize("players", [1, 2, 3, 5])
def test_few_players_get_their_values(players):
    asked = coalitions(players)
    parts = asked.weights @ np.array([curved(row) for row in asked.members])
    np.testing.assert_allclose(parts, by_definition(players, curved), atol=1e-12)


@pytest.mark.parametrize("players", [0, 1, EXACT, EXACT + 1, 40])
def test_parts_sum_to_all_less_none(players):
    asked = coalitions(players)
    values = np.random.default_rng(0).normal(size=len(asked.members))
    assert not asked.members[0].any()
    assert asked.members[-1].all()
    np.testing.assert_allclose((asked.weights @ values).sum(), values[-1] - values[0], atol=1e-9)


def test_where_nobody_needs_another_drawn_orders_give_the_values():
    worth = np.random.default_rng(1).normal(size=25)
    asked = coalitions(25)
    np.testing.assert_allclose(asked.weights @ (asked.members @ worth + 3), worth, atol=1e-9)


def test_drawn_orders_come_near_the_values():
    """Pairs that need each other share what they bring, whatever orders are drawn: forwards and backwards."""
    asked = coalitions(12)
    parts = asked.weights @ asked.members.reshape(-1, 6, 2).all(axis=2).sum(axis=1).astype(float)
    np.testing.assert_allclose(parts, np.full(12, 0.5), atol=1e-9)
