"""The event of the weeks that are decided for, as the scenario's calendar has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from graphrec.data.week_numbers import first_day_of_week
from graphrec.offers.decided_week import Decided
from graphrec.offers.limits.calendar import event_in

if TYPE_CHECKING:
    from graphrec.cli.offers.request import Request
    from graphrec.data.module import RecommenderData


def in_its_event(request: Request, data: RecommenderData, week: Decided) -> tuple[Request, Decided]:
    """Take the rates and the budget of the weeks' event, where they have one, and say so.

    Args:
        request: The options.
        data: Has the log, which tells the days of a week.
        week: The weeks that are decided for.

    Raises:
        InputError: If it cannot be known which day or week it is, or the weeks have different events.
    """
    events, options = request.scenario.calendar, request.options
    if not events:
        return request, week
    in_days = any(isinstance(event.first, date) for event in events)
    starts = (
        first_day_of_week(data.source.log, week.week, "calendar")
        if in_days and week.week is not None
        else None
    )
    found = event_in(events, week.weeks, starts)
    if found.event is None:
        return request, replace(week, event=found.said)
    said = found.said
    if options.budget is not None and found.money is not None and options.budget != found.money:
        said += f" The lower of it and --budget {options.budget:g} holds."
    if options.max_rate is not None and found.event.rates(None)[0] is not None:
        said += f" --max_rate {options.max_rate:g} holds instead."
    return request.during(found.event, found.money), replace(week, event=said)
