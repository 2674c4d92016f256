"""Decide offers in Python: the options, checks and steps of ``graphrec offers``, frames in and out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.main import parser
from graphrec.cli.offers.decide import offers_of, prepared, print_assumptions
from graphrec.cli.offers.request import Request
from graphrec.data.places.frames import Frame
from graphrec.errors import InputError
from graphrec.front.arguments import check_kind
from graphrec.front.asking import given_table, users_file
from graphrec.front.runs import Run
from graphrec.offers.policies.base import Policy

_ELSEWHERE = {
    "out": "the offers are returned",
    "ckpt_path": "the run has its checkpoint",
    "ckpt": "the run has its checkpoint",
    "strict": "give it to gr.load",
    "trust": "give it to gr.Run.of",
}


def offers(
    run: Run,
    policy: str | Policy | Sequence[str | Policy] | None = None,
    budget: float | None = None,
    *,
    users: Any = None,
    stock: str | Path | Frame | None = None,
    exposure: str | Path | Frame | None = None,
    costs: str | Path | Frame | Sequence[str | Path | Frame] | None = None,
    response: Run | str | Path | None = None,
    seed: int | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Decide which of the best items of each user get a discount, and at which rate.

    What is assumed, and the week that is decided for, is printed.

    Args:
        run: A ranker.
        policy: One or more of the policies of ``graphrec offers``, or of your own
            (`graphrec.offers.policies.base.Policy`); ``expected_profit`` if missing.
        budget: The most the retailer may spend on discounts, in the money of the log, for each policy.
        users: Ids, a frame or a file with a column ``user_id``; all users if missing.
        stock: File or frame with ``item_id`` and ``stock`` in units.
        exposure: File or frame of past offers: ``user_id``, ``item_id``, ``week``, or what this returned.
        costs: Files or frames of what the shop knows: ``item_id``, or an attribute of the items, perhaps
            ``week``, with ``cost`` (money per unit) or ``margin``, ``funded_share``, ``max_rate``,
            ``min_margin``, ``stock``. The most specific holds, and what is assumed elsewhere.
        response: Run or checkpoint of a learned response; assumed elasticities if missing.
        seed: Which of several models ranks; the first if missing.
        options: The other options of ``graphrec offers`` by their names: ``scenario``, ``objective``,
            ``promotion``, ``k``, ``week``, ``date``, ``weeks``, ``max_rate``, ``campaign_budgets`` …

    Returns:
        A row per pair of user and item and policy, see `graphrec.offers.table`: ``rate`` (share of the price
        taken off, 0 for no offer); ``probability`` and ``probability_at_rate`` (of a purchase within the
        horizon); ``expected_units``, ``expected_revenue``, ``expected_profit`` and ``spend`` (units and money
        of the log over the horizon); ``reason`` and more.

    Raises:
        InputError: If an option is wrong, or the run was trained on its validation part.
    """
    check_kind(run, (Run,), "run", "run", "give what gr.fit or gr.Run.of returns")
    with run.at_work("offers"):
        given = _options({"budget": budget, **options}, run.checkpoint(seed))
        named = list(policy) if isinstance(policy, list | tuple) else [policy]
        given.policy = None if policy is None else named
        given.users, given.trust = users_file(users), run.is_trusted
        given.stock, given.exposure = given_table(stock, "stock"), given_table(exposure, "exposure")
        several = costs if isinstance(costs, list | tuple) else [] if costs is None else [costs]
        given.costs = [given_table(one, "costs") for one in several] or None
        given.response = response.checkpoint() if isinstance(response, Run) else _path(response)
        request = Request.of(given)
        task, data = run.ranker(seed)
        request, week = prepared(request, data)
        found = offers_of(request, task, data, week)
        print(week)
        print_assumptions(request)
    return found


def _options(given: Mapping[str, Any], checkpoint: Path) -> argparse.Namespace:
    """Parse options as the command line would have.

    Raises:
        InputError: If there is no such option, or a value is of the wrong type.
    """
    words = ["offers", f"--ckpt_path={checkpoint}", "--out=offers.parquet"]
    for name, value in given.items():
        if name in _ELSEWHERE:
            raise InputError("this is no option here", column=name, hint=_ELSEWHERE[name])
        if value is not None and value is not False:
            words += _words(name, value)
    return parser().parse_args(words)


def _words(name: str, value: Any) -> list[str]:
    """Write an option as words of a command line."""
    if name == "k":
        return ["-k", str(value)]
    if value is True:
        return [f"--{name}"]
    if isinstance(value, Mapping):
        return [f"--{name}", *(f"{key}={'' if one is None else one}" for key, one in value.items())]
    if isinstance(value, list | tuple):
        return [f"--{name}", *map(str, value)]
    return [f"--{name}={value}"]


def _path(given: Any) -> Path | None:
    if given is None or isinstance(given, str | Path):
        return None if given is None else Path(given)
    hint = "give a path, or a frame of pandas, Polars or Arrow where a table is meant"
    raise InputError(f"a {type(given).__name__} is no file", hint=hint)
