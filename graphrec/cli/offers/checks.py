"""Options of ``graphrec offers`` that are out of range, or that would change nothing: one line for each.

An option that is left out is None here, so that one that was given and can do nothing is told from it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphrec.data.week_numbers import MOST_WEEKS
from graphrec.errors import MOST_WHOLE, InputError
from graphrec.notices import note
from graphrec.offers.limits.exposure import PAST_HINT, PAST_IS_NOTHING
from graphrec.offers.policies.base import Policy
from graphrec.offers.policies.named import POLICIES, follows_objective
from graphrec.offers.policies.rules import Uniform
from graphrec.offers.scenarios import Scenario

MOST_HORIZON = 104
"""Weeks that an offer may be for; two years is more than any log tells of."""
FOLLOW_AN_OBJECTIVE = [name for name, kind in POLICIES.items() if follows_objective(kind())]


@dataclass(frozen=True)
class Range:
    """What an option's number may be.

    Args:
        low: Smallest value.
        high: Largest value; it must be finite in any case.
        inside: Whether the two bounds themselves are refused.
        below: Whether the upper bound itself is refused.
        hint: What to give instead.
    """

    low: float
    high: float = math.inf
    inside: bool = False
    below: bool = False
    hint: str = "give a share, as 0.3 for 30 %"

    def holds(self, value: float) -> bool:
        """Tell whether the value is inside; what is no number is not."""
        if isinstance(value, int) and abs(value) > MOST_WHOLE:
            return False
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return False
        return not (value == self.high and (self.below or self.inside)) and not (
            value == self.low and self.inside
        )

    def __str__(self) -> str:
        """Write the range in words."""
        if self.high == math.inf:
            return f"a number of {self.low:g} or more"
        if self.inside:
            return f"between {self.low:g} and {self.high:g}"
        return f"from {self.low:g} to " + (f"less than {self.high:g}" if self.below else f"{self.high:g}")


RANGES = {
    "k": Range(1, hint="give 1 or more items for each user"),
    "budget": Range(0, hint="give an amount of money, 0 or more"),
    "rate": Range(0, 1, below=True, hint="give a share, as 0.1 for 10 %"),
    "margin": Range(0, 1, inside=True),
    "funded_share": Range(0, 1, hint="give the retailer's share of a discount, as 0.5"),
    "max_rate": Range(0, 1, below=True),
    "min_margin": Range(-10, 1, below=True),
    "max_spread": Range(0, 1),
    "max_parity_gap": Range(0),
    "max_offers_per_user": Range(0, hint="give 0 or more"),
    "window_weeks": Range(1, hint="give 1 or more"),
    "cool_down_weeks": Range(0, hint="give 0 or more"),
    "explore": Range(0, 1, inside=True, hint="give a share, as 0.05"),
    "explore_seed": Range(0, hint="give a whole number of 0 or more"),
    "week": Range(-MOST_WEEKS, MOST_WEEKS, hint="give a week as the log numbers them"),
    "weeks": Range(1, MOST_HORIZON, hint="give 1 or more weeks, as 4"),
}


@dataclass(frozen=True)
class Need:
    """An option that does something only beside another.

    Args:
        met: Whether the rest of the command line, and the policies that it names, have what it needs.
        what: Why it would change nothing.
        hint: What to do about it.
    """

    met: Callable[[argparse.Namespace, Sequence[Policy]], bool]
    what: str
    hint: str


def _past_counts(options: argparse.Namespace, policies: Sequence[Policy]) -> bool:
    """Tell whether past offers can change anything; in a window of a week those that go on in it do."""
    return bool(options.cool_down_weeks) or options.max_offers_per_user is not None


NEEDS = {
    "rate": Need(
        lambda options, policies: Uniform.name in [policy.name for policy in policies],
        "only the policy uniform has a rate of its own",
        "add --policy uniform, or leave it out",
    ),
    "exposure": Need(
        _past_counts,
        PAST_IS_NOTHING,
        PAST_HINT,
    ),
    "window_weeks": Need(
        lambda options, policies: options.exposure is not None and options.max_offers_per_user is not None,
        "a window counts past offers towards a cap",
        "add --exposure and --max_offers_per_user, or leave it out",
    ),
    "cool_down_weeks": Need(
        lambda options, policies: options.exposure is not None or not options.cool_down_weeks,
        "a cool-down needs past offers",
        "add --exposure, or leave it out",
    ),
    "amounts": Need(
        lambda options, policies: options.promotion == "amount",
        "only the promotion amount is money off",
        "add --promotion amount, or leave it out",
    ),
    "campaign": Need(
        lambda options, policies: options.campaign_budgets is not None,
        "campaigns matter to budgets of theirs alone",
        "add --campaign_budgets, or leave it out",
    ),
    "name_column": Need(
        lambda options, policies: options.sentences,
        "names stand in sentences, which are not asked for",
        "add --sentences, or leave it out",
    ),
    "product_set": Need(
        lambda options, policies: options.promotion == "coupon",
        "only coupons are valid for sets of products",
        "add --promotion coupon, or leave it out",
    ),
    "explore_seed": Need(
        lambda options, policies: options.explore is not None,
        "nothing is drawn without exploration",
        "add --explore, or leave it out",
    ),
    "max_parity_gap": Need(
        lambda options, policies: options.parity is not None,
        "a parity gap needs groups",
        "name the user attribute with --parity",
    ),
    "objective": Need(
        lambda options, policies: (
            options.objective == "scenario"
            or options.explore is not None  # it is what will be learnt
            or any(map(follows_objective, policies))
        ),
        "no policy that was named follows an objective",
        f"add one of {', '.join(FOLLOW_AN_OBJECTIVE)}, or leave it out",
    ),
}

NOT_BY_CHANCE = {
    "promotion": ("threshold", "chance draws levels of items, and a threshold is on a whole basket"),
    "max_parity_gap": (None, "chance cannot keep a gap between groups"),
}
"""Options that do not go with --explore: the value that does not, any if None, and why."""

OF_ITEMS = {
    "k": "number of items",
    "items": "set of items",
    "serving": "response of items",
    "stock": "stock of items",
    "depths": "history of discounts",
    "max_spread": "spread of rates on one item",
    "campaign_budgets": "campaign",
}
"""Options that are about items, and what a threshold on a whole basket does not have of them."""


def check_ranges(options: argparse.Namespace) -> None:
    """Raise `InputError` for the first option that is out of range."""
    for name, allowed in RANGES.items():
        value = getattr(options, name)
        if value is None or allowed.holds(value):
            continue
        digits = len(str(value))
        what = f"{value} is not {allowed}" if digits < 16 else f"a number of {digits} digits is out of range"
        raise _refusal(name, what, allowed.hint)


def check_needs(options: argparse.Namespace, policies: Sequence[Policy]) -> None:
    """Raise `InputError` for the first option that would change nothing, and for a policy named twice."""
    for amount in options.amounts or ():
        if not (math.isfinite(amount) and amount > 0):
            raise _refusal("amounts", f"{amount:g} is no money above 0", "list amounts, as 50 100 200")
    if options.explore is not None:
        _check_chance(options, policies)
    names = [policy.name for policy in policies]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _refusal("policy", f"{twice[0]} is named twice", "name each policy once")
    if options.promotion == "threshold":
        _check_threshold(options)
    for name, need in NEEDS.items():
        if getattr(options, name) is not None and not need.met(options, policies):
            raise _refusal(name, need.what, need.hint)


def _check_chance(options: argparse.Namespace, policies: Sequence[Policy]) -> None:
    if len(policies) > 1:
        what = "chance draws for the policy whose offers are sent, and several are named"
        raise _refusal("explore", what, "name one policy")
    for name, (value, what) in NOT_BY_CHANCE.items():
        given = getattr(options, name)
        if given is not None and value in (None, given):
            raise _refusal("explore", what, f"leave it or --{name} out")


def _check_threshold(options: argparse.Namespace) -> None:
    for name, what in OF_ITEMS.items():
        if getattr(options, name) is not None:
            hint = "leave it out, or choose another promotion"
            raise _refusal(name, f"a threshold is on a whole basket, which has no {what}", hint)


CONTRARY = {"new": "repeat", "seen": "new"}
"""Set of items that leaves nothing of the pairs that a scenario is for."""


def check_scenario(scenario: Scenario, options: argparse.Namespace) -> None:
    """Raise `InputError` for what another option leaves nothing of, or cannot follow."""
    if options.items is not None and CONTRARY.get(scenario.pairs) == options.items:
        what = f"the scenario is for {scenario.pairs} items, and {options.items} ones leave none of them"
        raise _refusal("items", what, "leave it out, or choose another scenario")
    if scenario.launch is not None and options.response is not None:
        what = "a learned response knows only what was sold, and the scenario launches what never was"
        raise _refusal("response", what, "leave it out: elasticities are assumed")
    if options.promotion == "threshold":
        _check_of_baskets(scenario)
    if options.promotion == "amount" and scenario.levels is not None:
        note("amounts off are chosen from sums of money; the scenario's levels are rates and are not used")


ITEM_RULES = ("clearance", "launch", "cross_sell")
OF_SINGLE_ITEMS = ("include", "exclude", "launch", "overstock", "salvage")
"""Rules and keys of scenarios that are about single items."""


def _check_of_baskets(scenario: Scenario) -> None:
    """Refuse what chooses items: a threshold counts whatever is in the basket."""
    reason = None
    if scenario.rule in ITEM_RULES:
        reason = f"the scenario {scenario.name} chooses items"
    elif scenario.pairs != "all" and scenario.rule != "retention":
        reason = f"pairs: {scenario.pairs} chooses items"
    else:
        given = [key for key in OF_SINGLE_ITEMS if getattr(scenario, key) is not None]
        reason = f"{given[0]} is about single items" if given else None
    if reason is not None:
        what = f"a threshold is on a whole basket, and {reason}"
        raise _refusal("scenario", what, "choose the scenario promotion or retention, or another promotion")
    if scenario.worth > 0:
        note("a threshold fills baskets of trips that are made anyway: the worth of a trip counts nothing")


def campaign_budgets(given: list[str] | None) -> dict[str, float] | None:
    """Read ``NAME=MONEY`` as a mapping.

    Raises:
        InputError: If one has another form, is no amount of money, or a campaign is named twice.
    """
    if given is None:
        return None
    budgets: dict[str, float] = {}
    for text in given:
        name, equals, money = text.rpartition("=")
        amount = _number(money)
        if not equals or not name or amount is None or not RANGES["budget"].holds(amount):
            hint = "give NAME=MONEY with an amount of 0 or more, as GROCERY=400"
            raise _refusal("campaign_budgets", f"'{text}' is no budget", hint)
        if name in budgets:
            raise _refusal("campaign_budgets", f"'{name}' is named twice", "give one budget for each")
        budgets[name] = amount
    return budgets


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _refusal(name: str, what: str, hint: Any) -> InputError:
    return InputError(what, column="-k" if name == "k" else f"--{name}", hint=hint)
