"""Read a log as it was guessed, and choose its split, its model and its response."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.errors import InputError

if TYPE_CHECKING:
    from graphrec.data.guess.whole import Guess
    from graphrec.data.interactions import RawData
    from graphrec.data.profile.advice import ModelAdvice, SplitAdvice

_ORDER = ("Ignore", "Guests", "Duplicates", "ZeroQuantities", "Returns", "Prices", "Missing")
"""Steps of cleaning in the order in which they run."""
_LEAST_WEEKS = 8


@dataclass
class Plan:
    """What is written.

    Args:
        guess: What the log was taken for.
        arguments: Of the source ``table``, without cleaning.
        raw: The log, read so.
        split: The split that suits.
        models: The models that suit.
        response: Arguments of ``ResponseData``; empty where no response can be learnt.
        notes: What was left out, and why.
    """

    guess: Guess
    arguments: dict[str, Any]
    raw: RawData
    split: SplitAdvice
    models: ModelAdvice
    response: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def plan_for(path: Path, attributes: dict[str, Path]) -> Plan:
    """Guess what a log is, read it so, and choose what suits it.

    Args:
        path: The log.
        attributes: Tables of ``users`` and ``items``, where there are any.

    Raises:
        InputError: If the log cannot be read, as it was guessed.
    """
    from graphrec.cli.cleaning_option import steps_of
    from graphrec.data.guess.whole import guess_table
    from graphrec.data.interactions import Columns
    from graphrec.data.profile.advice import models_for, split_for
    from graphrec.data.profile.coded import CodedLog
    from graphrec.data.sources import table

    guess = guess_table(path)
    arguments: dict[str, Any] = {
        "path": str(path),
        **{name: value for name, (value, _) in guess.options.items()},
    }
    notes: list[str] = []
    arguments |= {"columns": _mapping(guess, path)} | _beside(guess, attributes, notes)
    arguments = {name: value for name, value in arguments.items() if value}
    raw = table(**arguments, cleaning=steps_of([entry for entry, _ in guess.cleaning]))
    guess.cleaning = _with_suggested(guess.cleaning, raw)
    raw = table(**arguments, cleaning=steps_of([entry for entry, _ in guess.cleaning]))
    frame = raw.log
    if guess.events:
        frame = frame[frame[Columns.EVENT].isin(guess.targets)]
    log = CodedLog.of(frame)
    plan = Plan(guess, arguments, raw, split_for(log), models_for(raw, log), notes=notes)
    _plan_response(plan)
    return plan


def _mapping(guess: Guess, path: Path) -> dict[str, str | None]:
    """Name the columns that differ, those that are read only by name, and those that are not to be read."""
    from graphrec.data.tables.header import header_of
    from graphrec.data.tables.kinds import KINDS, LOG_COLUMNS

    if "names" in guess.options:
        return {}
    by_mapping = KINDS["log"].by_mapping
    found = {ours: one.theirs for ours, one in guess.columns.items()}
    mapping: dict[str, str | None] = {
        ours: theirs for ours, theirs in found.items() if ours != theirs or ours in by_mapping
    }
    header = header_of(path, guess.text).fields
    for name in header:
        if name in LOG_COLUMNS and name not in by_mapping and name not in found:
            mapping[name] = None
            if name not in found.values():
                guess.doubts.append(
                    f"columns: '{name}' has one of our names and other values; it is not read"
                )
    return mapping


def _beside(guess: Guess, attributes: dict[str, Path], notes: list[str]) -> dict[str, str]:
    """Choose the tables of attributes that the reader can join, and say why another cannot be."""
    from graphrec.data.guess.form import form_of
    from graphrec.data.interactions import Columns
    from graphrec.data.tables.header import header_of

    keys = {"users": Columns.USER, "items": Columns.ITEM}
    found = {}
    for kind, path in attributes.items():
        form, key = form_of(path).text, keys[kind]
        wanted = guess.columns[key].theirs
        for option in ("delimiter", "encoding"):
            if getattr(form, option) not in (None, getattr(guess.text, option)):
                what = f"it is written with another {option} than the log ({getattr(form, option)!r})"
                raise InputError(what, file=path, column=f"--{kind}", hint="save it as the log is saved")
        fields = header_of(path, guess.text).fields
        if wanted not in fields:
            what = f"there is no column '{wanted}', which is {key} in the log; it has {', '.join(fields)}"
            raise InputError(
                what, file=path, column=f"--{kind}", hint=f"rename its column of ids to {wanted}"
            )
        found[kind] = str(path)
    return found


def _with_suggested(steps: list[tuple[Any, str]], raw: RawData) -> list[tuple[Any, str]]:
    """Add the steps that cleaning took without being asked, in the order in which they run."""
    import yaml

    more = {
        step.entry: (yaml.safe_load(step.entry), f"{step.removed + step.filled:,} {step.step}")
        for step in raw.steps
        if step.entry and step.removed + step.filled
    }
    return sorted([*steps, *more.values()], key=lambda step: _ORDER.index(_class(step[0])))


def _class(entry: Any) -> str:
    return str(entry["class_path"] if isinstance(entry, dict) else entry)


def _plan_response(plan: Plan) -> None:
    """Choose weeks and pairs of a response; say why there is none."""
    from graphrec.data.interactions import Columns
    from graphrec.data.profile.advice import weeks_of
    from graphrec.data.profile.coded import CodedLog
    from graphrec.data.profile.money import SMALLEST, depth

    log = CodedLog.of(plan.raw.log)
    deep = depth(log)
    needed = {Columns.REGULAR_PRICE, Columns.SHELF_PRICE} <= set(plan.raw.log)
    if deep is None or not needed or not (deep > SMALLEST).any():
        return
    if plan.guess.events or Columns.PART in plan.raw.log or weeks_of(log) < _LEAST_WEEKS:
        why = (
            "each row would count as a purchase"
            if plan.guess.events
            else f"it needs {_LEAST_WEEKS} weeks or more"
        )
        plan.notes.append(f"there are discounts, and no response.yaml: {why}")
        return
    plan.response = _response(plan.raw)
    if not plan.response:
        what = "no user bought an item in two weeks of the first half, and had a visit later"
        plan.notes.append(f"there are discounts, and no response.yaml: {what}")
    elif said := plan.response["prices_vary"]:
        plan.guess.doubts.append(f"{said}. If they are personal, response.yaml needs a table of offers")


def _response(raw: RawData) -> dict[str, Any]:
    """Choose weeks and pairs that make rows in each part, and look at the prices; empty if there are none."""
    from graphrec.response.personal.prices import how_prices_vary
    from graphrec.response.visits import VisitOptions, Windows

    windows = Windows.of(raw.log, VisitOptions())
    if not windows.fits(raw.log):
        return {}
    return {"windows": windows, "prices_vary": how_prices_vary(raw.log)}
