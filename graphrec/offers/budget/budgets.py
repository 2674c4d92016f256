"""Budgets and caps that a choice of offers has to keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphrec.arrays import FloatArray, IntArray
from graphrec.errors import InputError


@dataclass(frozen=True)
class GroupBudget:
    """Budgets of groups that do not overlap, as campaigns or categories.

    Args:
        group: Group of each pair, -1 for none. Shape ``[P]``.
        budget: Most that each group may spend, in money. Shape ``[G]``.
    """

    group: IntArray
    budget: FloatArray

    def __post_init__(self) -> None:
        """Check every budget."""
        for budget in self.budget:
            check_budget(float(budget), "group_budgets")
        if len(self.group) and (self.group.min() < -1 or self.group.max() >= len(self.budget)):
            raise ValueError("every group needs a budget")


@dataclass(frozen=True)
class UserCap:
    """At most so many offers per user.

    Args:
        user: Code of each pair's user. Shape ``[P]``.
        offers: The most offers above level 0: a number, or one for each user code, shape ``[U]``.
    """

    user: IntArray
    offers: int | IntArray


def check_budget(budget: float, column: str = "budget") -> None:
    """Refuse a negative or missing budget.

    Raises:
        InputError: If it is one.
    """
    if not budget >= 0.0:
        raise InputError(
            f"{budget} is not a budget", column=column, hint="give an amount of money, 0 or more"
        )


@dataclass(frozen=True)
class Budget:
    """What all offers may cost together, and how many a user may get.

    Args:
        total: Most that may be spent, in money; no bound if missing.
        groups: Budgets of campaigns, categories or groups of users below it.
        cap: At most so many offers per user; no bound if missing.
    """

    total: float | None = None
    groups: tuple[GroupBudget, ...] = ()
    cap: UserCap | None = None

    @property
    def is_money(self) -> bool:
        """Whether it bounds what is spent, and not only how many offers are made."""
        return self.total is not None or bool(self.groups)

    def beside(self, groups: tuple[GroupBudget, ...]) -> Budget:
        """Add some more budgets of groups."""
        return replace(self, groups=(*self.groups, *groups))
