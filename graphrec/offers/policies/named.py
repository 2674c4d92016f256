"""All policies by name, and the check of anybody's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphrec.errors import InputError
from graphrec.offers.policies.base import Policy
from graphrec.offers.policies.by_value import ExpectedProfit, GreedyROI, Knapsack
from graphrec.offers.policies.rules import Affinity, Inverse, LinearRate, NoDiscount, Uniform

_KINDS: tuple[type[Policy], ...] = (
    NoDiscount,
    Uniform,
    LinearRate,
    Inverse,
    Affinity,
    GreedyROI,
    ExpectedProfit,
    Knapsack,
)
POLICIES: dict[str, type[Policy]] = {kind().name: kind for kind in _KINDS}
"""The one to compare with first. The oracle exists in the simulator alone."""


def policy_named(name: str) -> Policy:
    """Make the policy of that name with its default parameters.

    Raises:
        InputError: If there is none.
    """
    if name not in POLICIES:
        hint = f"choose one of {', '.join(POLICIES)}"
        raise InputError(f"there is no policy '{name}'", column="policy", hint=hint)
    return POLICIES[name]()


def made_policy(kind: Any, arguments: Mapping[str, Any], place: str) -> Policy:
    """Make a policy of a class with some arguments.

    Args:
        kind: The class.
        arguments: By name; a list is a tuple.
        place: What to call it in an error.

    Raises:
        InputError: If it cannot be made so.
    """
    if not callable(kind):
        raise InputError(f"a {type(kind).__name__} takes no arguments", column=place, hint="name a class")
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    try:
        return checked_policy(kind(**given), place)
    except TypeError as error:
        hint = "give init_args that its __init__ takes; every other argument needs a default"
        raise InputError(f"it cannot be made ({error})", column=place, hint=hint) from error


def checked_policy(found: Any, place: str) -> Policy:
    """Take a policy, or make one of a class that needs no arguments.

    Args:
        found: What was named.
        place: What to call it in an error.

    Raises:
        InputError: If it is no policy, or has the name of one of graphrec's.
    """
    if isinstance(found, type):
        return made_policy(found, {}, place)
    name = getattr(found, "name", None)
    if not callable(getattr(found, "rates", None)) or not isinstance(name, str) or not name:
        hint = "a policy has a `name` and a method `rates(pairs, budget)`"
        raise InputError(f"a {type(found).__name__} is no policy", column=place, hint=hint)
    if name in POLICIES and type(found) is not POLICIES[name]:
        raise InputError(f"'{name}' is a policy of graphrec's", column=place, hint="give yours another name")
    policy: Policy = found
    return policy


def follows_objective(policy: Policy) -> bool:
    """Tell whether a policy looks at what an offer is worth, as far as it says."""
    return bool(getattr(policy, "follows_objective", True))
