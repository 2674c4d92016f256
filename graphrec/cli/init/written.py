"""The YAML files of a table: each line with what it does, or why it was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from graphrec.data.interactions import Columns

if TYPE_CHECKING:
    from graphrec.cli.init.reading import Plan

_WIDE = 44
"""Column in which the reasons stand."""
_TOLD = {
    "path": "the log, from the folder that commands are run in",
    "users": "attributes, one row per user",
    "items": "attributes, one row per item",
}


def scalar(value: Any) -> str:
    """Write a value in one line, as YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return text.strip().removesuffix("...").strip()


def _line(text: str, why: str) -> str:
    told = " ".join(why.split())
    return f"{text.ljust(_WIDE)} # {told}" if told else text


def data_yaml(plan: Plan, command: str) -> str:
    """Write the file of the data: how the log is read, cleaned and cut."""
    lines = [
        f"# {command}",
        "# wrote this. Behind each line stands what it does, or why it was chosen. Change what is wrong, and",
        "# try it: `graphrec data check` with the name of this file.",
        *(f"# Not sure: {_plain(doubt)}" for doubt in plan.guess.doubts),
        "class_path: RecommenderData",
        "init_args:",
        "  source:",
        "    class_path: graphrec.data.sources.table",
        "    init_args:",
        *(f"      {line}" for line in _source(plan)),
        _line(f"  split: {scalar(plan.split.written)}", plan.split.rules[-1].reason),
        *_judged(plan),
        *_weights(plan),
    ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _source(plan: Plan) -> Iterator[str]:
    """Write the arguments of the source."""
    guess, arguments = plan.guess, plan.arguments
    for name, value in arguments.items():
        if name == "columns":
            yield _line("columns:", "our name: the name in the file; null leaves a column out")
            for ours, theirs in value.items():
                why = guess.columns[ours].why if ours in guess.columns else "not read"
                yield _line(f"  {ours}: {scalar(theirs)}", why)
        else:
            why = guess.options[name][1] if name in guess.options else _TOLD.get(name, "")
            yield _line(f"{name}: {scalar(value)}", why)
    if guess.cleaning:
        yield _line("cleaning:", "in this order; what each step did is printed and counted")
        for entry, why in guess.cleaning:
            yield _line(f"  - {scalar(entry)}", why)


def _judged(plan: Plan) -> Iterator[str]:
    """Say which items are ranked in evaluation."""
    from graphrec.data.profile.coded import CodedLog

    if float(CodedLog.of(plan.raw.log).repeats.mean()) > 0.05:
        yield _line("  item_sets: [all, repeat, new]", "all items; bought before; never bought by the user")
    else:
        yield _line("  item_sets: [new]", "hardly anything is bought again")


def _weights(plan: Plan) -> Iterator[str]:
    """Say what each event weighs."""
    if not plan.guess.events:
        return
    events = scalar(plan.guess.events)
    yield _line("  weights:", "what a row weighs in the graph; 0 leaves it out")
    yield "    rows:"
    yield _line("      - class_path: Event", "views say less than purchases")
    yield "        init_args:"
    yield f"          weights: {events}"
    yield _line(f"          target: {scalar(plan.guess.targets)}", "what is to be predicted")


def ranker_yaml(plan: Plan, name: str, file: str, model: str) -> str:
    """Write the file of the ranker.

    Args:
        plan: With the models that suit.
        name: Of the run.
        file: Of this YAML, for its first line.
        model: The shipped YAML of the model, as text.
    """
    body = [line for line in model.splitlines() if line.strip() and not line.startswith("#")]
    reasons = [rule for rule in plan.models.rules if rule.holds]
    others = ", ".join(plan.models.names[1:])
    head = [f"# graphrec fit -c {file}", f"# {plan.models.names[0]}: {_plain(reasons[0].reason)}."]
    data_file = str(Path(file).with_name("data.yaml"))
    if others:
        head.append(f"# Others to try: graphrec fit -m NAME --data {data_file}, with {others}.")
    data = _line("data: data.yaml", "beside this file")
    return "\n".join([*head, f"run: {{name: {scalar(name)}}}", data, *body, ""])


def response_yaml(plan: Plan, name: str, file: str) -> str:
    """Write the file of the response to discounts."""
    windows, varies = plan.response["windows"], plan.response["prices_vary"]
    source = [f"      {line}" for line in _source(plan)]
    lines = [
        f"# graphrec fit -c {file}",
        "# How likely a user buys on a week's visit, at the discount on the shelf: docs/concepts/response.md",
        f"run: {{name: {scalar(name)}, monitor: val_likelihood, patience: 3}}",
        "trainer: {max_epochs: 10}",
        "data:",
        "  class_path: ResponseData",
        "  init_args:",
        "    source:",
        "      class_path: graphrec.data.sources.table",
        "      init_args:",
        *(f"  {line}" for line in source),
        _line("    visits:", "which pairs and weeks make rows"),
        _line(
            f"      history_end: {windows.history_end}",
            "weeks up to here choose the pairs of user and item",
        ),
        _line(f"      last_week: {windows.last_week}", "the end of the test"),
        _line(
            f"      min_bought_weeks: {windows.min_bought_weeks}",
            "the user bought the item in so many of them",
        ),
        _line(f"      min_sold_weeks: {windows.min_sold_weeks}", "the item is sold in so many weeks of all"),
        _line(f"    train_end: {windows.train_end}", "last week of training"),
        _line(f"    val_end: {windows.val_end}", "last week of validation"),
        *_varying(varies),
        *_people(plan),
        "    groups: [item_id]",
        "model:",
        "  class_path: ResponseTask",
        "  init_args: {hidden: [32], slope_hidden: [16], learning_rate: 0.005}",
    ]
    return "\n".join(lines) + "\n"


def _varying(said: str) -> list[str]:
    """Say what is made of prices that vary from buyer to buyer."""
    offers = "    # offers: {path: offers.csv}"
    table = _line(offers, "personal discounts, where there are any: user_id, item_id, week, rate")
    if not said:
        return [table]
    return [table, _line("    prices_vary: accept", f"{said}; take this out if discounts are personal")]


def _people(plan: Plan) -> list[str]:
    """Name the attributes of users that could be features; whether they may be is for the shop to say."""
    if plan.raw.users is None:
        return []
    names = [str(name) for name in plan.raw.users if name != Columns.USER]
    why = "features of the response, where they may decide on a discount"
    return [_line(f"    # people: {scalar(names)}", why)]
