"""At most so many offers per user: which of a user's pairs may have one at a price of budget."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphrec.arrays import IntArray
from graphrec.offers.budget.hull import Steps

BISECTIONS = 40


@dataclass(frozen=True)
class UserOrder:
    """Where each user's pairs are.

    Args:
        place: Pairs of each user, filled up with -1. Shape ``[U, K]``.
        offers: The most offers of each user. Shape ``[U]``.
    """

    place: Tensor
    offers: Tensor

    def best(self, worth: Tensor) -> Tensor:
        """Find each user's best pairs, as many as allowed; the first of equals. ``[P]`` to ``[P]``."""
        padded = torch.where(self.place >= 0, worth[self.place], -math.inf)
        most = min(int(self.offers.max()) if len(self.offers) else 0, padded.shape[1])
        best = padded.argsort(dim=1, descending=True, stable=True)[:, :most]
        inside = torch.arange(most, device=best.device) < self.offers[:, None]
        pairs = self.place.gather(1, best)
        chosen = torch.zeros_like(worth, dtype=torch.bool)
        chosen[pairs[inside & (pairs >= 0)]] = True
        return chosen


def order_by_user(user: IntArray, offers: int | IntArray, device: torch.device) -> UserOrder:
    """Lay the pairs out by user.

    Args:
        user: Code of each pair's user. Shape ``[P]``.
        offers: The most offers: a number, or one for each code.
        device: Where the tables are wanted.
    """
    codes, row, count = np.unique(user, return_inverse=True, return_counts=True)
    order = np.argsort(row, kind="stable")
    column = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    place = np.full((len(codes), count.max(initial=0)), -1)
    place[row[order], column] = order
    most = np.full(len(codes), offers) if isinstance(offers, int) else np.asarray(offers)[codes]
    return UserOrder(torch.as_tensor(place, device=device), torch.as_tensor(most, device=device))


def choose_pairs(steps: Steps, order: UserOrder, budget: float) -> Tensor:
    """Choose the pairs that may get an offer at the price where the budget is just kept. Shape ``[P]``.

    Args:
        steps: Of all pairs.
        order: Of the users.
        budget: Upper bound of the total spend; may be infinite.
    """
    slopes = steps.slope[steps.taken]
    price = slopes.new_zeros(())
    chosen = order.best(steps.reduced(price))
    if not len(slopes) or _spend(steps, chosen, price) <= budget:
        return chosen
    # Slopes differ by orders of magnitude: first to the right pair of quantiles, then between them
    marks = slopes[:: max(1, len(slopes) // 4096)].sort().values
    low, high = 0, len(marks)
    while low < high:
        middle = (low + high) // 2
        trial = order.best(steps.reduced(marks[middle]))
        fits = _spend(steps, trial, marks[middle]) <= budget
        low, high = (low, middle) if fits else (middle + 1, high)
    below = marks[low - 1] if low else price
    above = marks[low] if low < len(marks) else slopes.max()
    for _ in range(BISECTIONS):
        middle_price = (below + above) / 2
        if not below < middle_price < above:
            break
        trial = order.best(steps.reduced(middle_price))
        fits = _spend(steps, trial, middle_price) <= budget
        below, above = (below, middle_price) if fits else (middle_price, above)
    return order.best(steps.reduced(above))


def _spend(steps: Steps, chosen: Tensor, price: Tensor) -> float:
    """Sum what the chosen pairs spend at a price."""
    return float((steps.cost * (chosen & (steps.slope > price))).sum(dtype=torch.float64))
