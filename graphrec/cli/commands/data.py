"""``graphrec data describe|check|profile``: look at a table before training on it."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.cli.cleaning_option import Written, rules_of, suggested, written_in
from graphrec.cli.commands import COMMANDS
from graphrec.cli.profiling import write_page
from graphrec.cli.table_options import add_table_options, check_page, column_mapping, text_of
from graphrec.errors import InputError

if TYPE_CHECKING:
    from graphrec.data.interactions import RawData

EXAMPLE = """examples:
  graphrec data describe complete_journey
  graphrec data check purchases.csv --columns user_id=customer item_id=sku timestamp=date
  graphrec data check purchases.csv --columns columns.yaml --test later.csv
  graphrec data check purchases.csv --time_format %d/%m/%Y --min_rating 4 --strict
  graphrec data check purchases.csv --cleaning '[Guests, {class_path: Returns, init_args: {how: net}}]'
  graphrec data check my.yaml
  graphrec data describe ml-1m
  graphrec data profile purchases.csv --columns user_id=customer item_id=sku timestamp=date --out profile.html
"""
_ARGUMENTS = {"valid": "valid_path", "test": "test_path"}
"""Options whose name differs from the argument of the source."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "data",
        help=COMMANDS["data"],
        description="describe: what is in it and what cleaning does to it. check: every problem at once."
        " profile: a page with plots, what may leak, and which split and models suit. The options are the"
        " arguments of the source, as in a YAML file.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("action", choices=["describe", "check", "profile"])
    add(
        "file",
        metavar="FILE",
        help="a CSV, TSV, Parquet or .inter file, a folder of MovieLens or of LightGCN's text files,"
        " complete_journey, or a YAML file of data",
    )
    add("--users", help="table of user attributes")
    add("--items", help="table of item attributes")
    add("--valid", "--valid_path", help="table of the validation part")
    add("--test", "--test_path", help="table of later interactions, the test part")
    add("--names", nargs="+", metavar="NAME", help="columns of a log without a header, in their order")
    add("--name", help="name of the data set; the file's name if missing")
    _add_cleaning(parser.add_argument_group("what counts as a purchase").add_argument)
    cold = "leave out later rows of {} that the training part does not know"
    add("--drop_cold_items", action="store_true", help=cold.format("items"))
    add("--drop_cold_users", action="store_true", help=cold.format("users"))
    add("--strict", action="store_true", help="make the loss of any row of the log an error")
    add("--out", type=Path, metavar="PAGE", help="page that profile writes (default profile.html)")
    add_table_options(parser, "these files")
    parser.set_defaults(run=run)


def _add_cleaning(add: Callable[..., Any]) -> None:
    number: dict[str, Any] = {"type": _number_or_null, "default": argparse.SUPPRESS, "metavar": "NUMBER"}
    add("--min_rating", help="rows rated below this are none; null keeps all (default 0)", **number)
    what = "medians of its item above which a quantity or price is lowered; null for none (default 20)"
    add("--outlier_factor", help=what, **number)
    what = "rows equal to an earlier one: by default kept where no time, basket or id tells purchases apart"
    add("--equal_rows", choices=["drop", "keep"], help=what)
    what = "how timestamp is written: days, excel, seconds, ... or a pattern such as %%d/%%m/%%Y"
    add("--time_format", metavar="FORMAT", help=what)
    what = "steps of cleaning, as YAML or a file of it: '[Guests, Returns]' (docs/how-to/table.md)"
    add("--cleaning", metavar="YAML", help=what)


def _number_or_null(text: str) -> float | None:
    try:
        return None if text == "null" else float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, and not null") from error


def run(options: argparse.Namespace) -> None:
    """Describe or check."""
    from graphrec.data import sources

    if options.action != "profile" and options.out is not None:
        raise InputError(
            f"{options.action} writes no page", column="--out", hint="leave it out, or say profile"
        )
    check_page(options.out)
    written = written_in(options.file) if options.file.endswith((".yaml", ".yml")) else None
    if written is not None:
        source = written.source
        arguments = {**written.arguments, **_arguments(options, source)}
    else:
        source = sources.source_of(options.file)
        arguments = _arguments(options, source)
        arguments |= {"path": options.file} if "path" in inspect.signature(source).parameters else {}
    if options.action == "check" and source in (sources.table, sources.recbole):
        _check(arguments)
    raw = source(**arguments)
    _describe(raw, options)
    if written is not None and written.beside:
        _apply(written, raw, options)
    if options.action == "profile":
        write_page(raw, arguments, options)


def _apply(written: Written, raw: RawData, options: argparse.Namespace) -> None:
    """Cut and weigh the log as its YAML says, where it is checked; else say that this is not looked at."""
    from graphrec.data.interactions import Columns
    from graphrec.data.ledger import split_line
    from graphrec.notices import note

    if options.action != "check":
        said = " and ".join(written.beside)
        note(f"{options.file}: this is of the log itself; {said} of the file change nothing here")
        return
    cut = written.cut(raw)
    if Columns.PART not in raw.log:  # a split that the log brings is told already
        note(split_line(cut.split, cut.splitter, raw.log))
    if cut.weights is not None:
        note(cut.weights.line(cut.split.train))


def _arguments(options: argparse.Namespace, source: Callable[..., RawData]) -> dict[str, Any]:
    """Find the arguments of a source that a command line gives.

    Raises:
        InputError: If the source does not take one of them.
    """
    own = ("run", "command", "action", "file", "out", "strict", "drop_cold_items", "drop_cold_users")
    given = {
        name: value
        for name, value in vars(options).items()
        if name not in own and (value or name in ("min_rating", "outlier_factor"))
    }
    given |= {"columns": column_mapping(options.columns)} if options.columns else {}
    if given.get("cleaning"):
        given["cleaning"] = rules_of(given["cleaning"])
    known = inspect.signature(source).parameters
    found: dict[str, Any] = {}
    for name, value in given.items():
        if (argument := _ARGUMENTS.get(name, name)) not in known:
            what = "is no file" if source.__name__ == "complete_journey" else "does not take this"
            hint = "leave it out, or name another file"
            raise InputError(f"{source.__name__} {what}", column=f"--{name}", hint=hint)
        found[argument] = value
    return found


def _check(arguments: dict[str, Any]) -> None:
    """Print all problems of all files and exit with code 2, if there are any."""
    from graphrec.data.cleaning.rules import to_be_cleaned
    from graphrec.data.sources import tables_of
    from graphrec.data.tables.read import check_table

    text = text_of(arguments)
    names, columns = arguments.get("names"), arguments.get("columns")
    of_log = replace(text, names=tuple(names) if names else None)
    time_format, cleaned = arguments.get("time_format"), to_be_cleaned(arguments.get("cleaning"))
    problems = []
    for file, kind in tables_of(arguments):
        if kind == "log":
            problems += check_table(file, columns, text=of_log, time_format=time_format, cleaned=cleaned)
        else:
            problems += check_table(file, columns, kind=kind, text=text)
    for problem in problems:
        print(f"graphrec: {problem}", file=sys.stderr)
    if problems:
        sys.exit(2)


def _describe(raw: RawData, options: argparse.Namespace) -> None:
    from graphrec.cli.terminal import print_frame
    from graphrec.data import describe
    from graphrec.data.interactions import Columns
    from graphrec.data.ledger import cold_line, refuse_loss, report_reading, split_line
    from graphrec.data.splits import Given
    from graphrec.notices import note

    split = None
    given = Given(
        val_fraction=0.0, drop_cold_items=options.drop_cold_items, drop_cold_users=options.drop_cold_users
    )
    if Columns.PART in raw.log:
        split = given(raw.log)
    for option in ("drop_cold_items", "drop_cold_users"):
        if split is None and getattr(options, option):
            hint = "add --test, map a column to part, or leave it out"
            raise InputError("the log has no later part", column=f"--{option}", hint=hint)
    if options.strict:
        refuse_loss(raw, split)
    report_reading(raw)
    if split is not None:
        note(split_line(split, given, raw.log))
        if line := cold_line(split):
            note(line)
    print_frame(describe.describe(raw), f"{raw.name}")
    print_frame(describe.describe_columns(raw), "Columns")
    print_frame(describe.cleaning_report(raw.steps), "Cleaning")
    if entries := suggested(raw.steps):
        note("this was done without being asked; to declare it, with a count and examples, add to the source")
        print(entries)
