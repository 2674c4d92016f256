"""An offer in one sentence for the shopper: what is offered, and nothing about them."""

from __future__ import annotations

from graphrec.offers.economics import percent


def sentence(name: str, rate: float, weeks: int) -> str | None:
    """Say an offer; None where there is no discount.

    Args:
        name: Of the item.
        rate: Share of the price taken off.
        weeks: How long the horizon is.
    """
    if rate <= 0:
        return None
    when = "this week" if weeks == 1 else f"within {weeks} weeks"
    return f"{percent(rate)} off {name} {when}."
