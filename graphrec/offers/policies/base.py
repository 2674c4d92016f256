"""What a policy is: from pairs of user and item, and a budget, to a rate and a reason for each pair.

The command line, the front door, the studies and the simulator all call `Policy.rates`. What a policy may not
do is seen to afterwards by `graphrec.offers.decide`: no policy can cross a limit or a budget.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget
from graphrec.offers.decision import Chosen, Decision
from graphrec.offers.levels import LEVELS, check_levels

if TYPE_CHECKING:  # they bring pandas along, which the command line's help does without
    from graphrec.offers.choices import Choices
    from graphrec.offers.pairs import Pairs


class Policy(Protocol):
    """How rates are chosen; anybody's class with these two.

    A policy is called once for all pairs and must give the same rates each time: the offers table says that
    its propensity is 1. It may also have

    - ``choose(choices, budget) -> Chosen``, as a `LevelPolicy`: it then chooses thresholds of baskets too;
    - ``follows_objective = False``, if it does not look at what an offer is worth.
    """

    @property
    def name(self) -> str:
        """Its name in the offers table."""

    def rates(self, pairs: Pairs, budget: Budget) -> Decision:
        """Choose a rate for each pair.

        Args:
            pairs: What may be known of them. ``P`` pairs.
            budget: What they may cost together.
        """


@dataclass(frozen=True)
class LevelPolicy(ABC):
    """Chooses one of a few levels for each decision; what a decision is depends on the kind of promotion.

    Args:
        levels: Allowed rates, increasing, the first one 0; a scenario or a promotion may have its own.

    Raises:
        InputError: If the levels are not that.
    """

    levels: tuple[float, ...] = LEVELS
    name: ClassVar[str]

    def __post_init__(self) -> None:
        """Check the levels."""
        check_levels(self.levels)

    @abstractmethod
    def choose(self, choices: Choices, budget: Budget) -> Chosen:
        """Choose a level for each decision within the budget.

        Args:
            choices: What each level brings and costs. ``D`` decisions.
            budget: What they may cost together.
        """

    def rates(self, pairs: Pairs, budget: Budget) -> Decision:
        """Choose among the levels that the promotion has for each pair."""
        choices = pairs.choices(self.levels)
        return choices.decision(self.choose(choices, choices.pooled(budget)), budget)


def check_rate(rate: float, key: str) -> float:
    """Refuse what is no rate.

    Raises:
        InputError: If it is outside of [0, 1).
    """
    if not 0.0 <= rate < 1.0:
        raise InputError(f"{rate} is not a rate in 0..1", column=key, hint="give a share, as 0.1 for 10 %")
    return rate
