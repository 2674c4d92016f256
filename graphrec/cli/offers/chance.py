"""What ``graphrec offers`` leaves to chance, and what it tells of that for ``graphrec feedback``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphrec.offers.candidates.table import Candidates
from graphrec.offers.exploration import Exploration
from graphrec.offers.levels import AMOUNTS, LEVELS
from graphrec.offpolicy.loop.weeks import LEFT_TO_CHANCE, Terms
from graphrec.response.curves import reference

if TYPE_CHECKING:
    import pandas as pd

    from graphrec.cli.offers.request import Request

NOT_KEPT = ("max_offers_per_user", "campaign_budgets", "max_spread")
"""Limits over several pairs, which a policy is judged without: `feedback` says so."""


def exploration(request: Request, pairs: pd.DataFrame, week: int | None) -> Exploration | None:
    """Read how much is left to chance, and what it tries; nothing if nothing is.

    Args:
        request: The options.
        pairs: Candidates with their reference, see `with_reference`.
        week: That is decided for.
    """
    options, serving = request.options, request.serving
    if options.explore is None:
        return None
    challenger = None if serving is None else serving.challenger.response(pairs)
    return Exploration(options.explore, options.explore_seed or 0, week or 0, challenger)


def with_reference(candidates: Candidates) -> Candidates:
    """Write beside each pair where its curve starts and how it rises, before anything learnt is added."""
    known = reference(candidates.pairs().response)
    return replace(candidates, frame=candidates.frame.assign(**known))


def left_to_chance(request: Request) -> dict[Any, Any]:
    """Tell what the offers were decided with, if chance took a hand."""
    options = request.options
    if options.explore is None:
        return {}
    own: tuple[float, ...] = getattr(request.policies[0], "levels", LEVELS)
    levels = request.scenario.levels or own
    if options.promotion == "amount":
        levels = (0.0, *sorted(set(options.amounts))) if options.amounts else AMOUNTS
    terms = Terms(
        options.explore,
        tuple(levels),
        request.scenario,
        options.budget,
        0 if request.serving is None else request.serving.version,
        tuple(f"--{name}" for name in NOT_KEPT if getattr(options, name) is not None),
        options.promotion,
        options.product_set,
    )
    return {LEFT_TO_CHANCE: terms.written()}
