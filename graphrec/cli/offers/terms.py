"""What ``graphrec offers`` knows besides the candidates: attributes, campaigns, groups and past offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.candidates.table import Candidates
from graphrec.offers.limits.parity import UNKNOWN
from graphrec.offers.limits.terms import Terms
from graphrec.offers.policies.rules import NoDiscount

if TYPE_CHECKING:
    from graphrec.cli.offers.request import Request
    from graphrec.data.module import RecommenderData

CAMPAIGN = "department"
"""Item attribute that tells campaigns."""


def item_attribute(items: pd.DataFrame | None, column: str, data: RecommenderData) -> pd.Series[Any]:
    """Find an attribute by ``item_id``, missing where it is not known: 'unknown' is no campaign and no set.

    Args:
        items: Attributes of the items.
        column: The attribute.
        data: What they are of, for messages.

    Raises:
        InputError: If the items have none of that name.
    """
    values = _attribute(items, column, Columns.ITEM, data)
    return values.where(~values.str.lower().isin([UNKNOWN, ""]))


def user_groups(data: RecommenderData, column: str) -> pd.Series[Any]:
    """Find a demographic group by ``user_id``.

    Raises:
        InputError: If the users have no such attribute.
    """
    return _attribute(data.source.users, column, Columns.USER, data)


def _attribute(table: pd.DataFrame | None, column: str, key: str, data: RecommenderData) -> pd.Series[Any]:
    if table is None or column not in table:
        known = "none" if table is None else ", ".join(name for name in table.columns if name != key)
        what = "items" if key == Columns.ITEM else "users"
        file = data.source.file or data.source.name
        raise InputError(
            f"the {what} have no such attribute", file=file, column=column, hint=f"known: {known}"
        )
    return table.set_index(key)[column].astype("str")


def capped_groups(request: Request, data: RecommenderData) -> pd.Series[Any] | None:
    """Find the groups of the users where a gap between them is limited."""
    options = request.options
    return None if options.max_parity_gap is None else user_groups(data, options.parity)


def terms_of(
    request: Request,
    data: RecommenderData,
    items: pd.DataFrame | None,
    candidates: Candidates,
    week: int | None,
) -> Terms:
    """Gather campaigns, past offers and groups of these candidates.

    Args:
        request: The options, joined with the data.
        data: Log and split.
        items: Attributes of the items.
        candidates: Pairs that may get an offer.
        week: The week that is decided for.
    """
    options, campaign = request.options, None
    if request.campaign_budgets is not None:
        campaign = candidates.frame[Columns.ITEM].map(
            item_attribute(items, options.campaign or CAMPAIGN, data)
        )
    terms = Terms(
        frequency=request.frequency,
        exposure=request.exposure,
        week=week,
        campaign=campaign,
        campaign_budgets=request.campaign_budgets,
        groups=capped_groups(request, data),
        promotion=options.promotion,
        amounts=None if options.amounts is None else tuple(options.amounts),
    )
    if campaign is not None and request.campaign_budgets is not None:
        terms.family()  # refuses a campaign that nobody is in
        _tell_of_the_rest(campaign, request.campaign_budgets, options.budget)
    return terms


def _tell_of_the_rest(campaign: pd.Series[Any], budgets: dict[str, float], total: float | None) -> None:
    """Say what campaigns without a budget of their own, and items without a campaign, may spend."""
    rest = sorted(set(campaign.dropna().astype("str")) - set(budgets))
    if campaign.isna().any():
        rest.append("items without a campaign")
    if rest:
        named = ", ".join(rest[:5]) + (f" and {len(rest) - 5} more" if len(rest) > 5 else "")
        limit = "spend without a limit" if total is None else f"share the total budget of {total:g} alone"
        note(f"no budget was given for {named}: they {limit}")


def tell_of_parity(offers: pd.DataFrame) -> None:
    """Say which policies are left without an offer where a gap between groups is limited."""
    given = offers.groupby("policy", sort=False)["rate"].max() > 0
    none = [name for name in given.index[~given] if name != NoDiscount.name]
    if none:
        note(f"{', '.join(none)}: no offer within these limits; one group may get none, and then nobody does")
