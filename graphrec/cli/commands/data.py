"""``graphrec data describe|check``: look at a table before training on it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from graphrec.cli.table_options import add_table_options, column_mapping
from graphrec.errors import InputError

EXAMPLE = """examples:
  graphrec data describe complete_journey
  graphrec data check purchases.csv --columns user_id=customer item_id=sku timestamp=date
  graphrec data check purchases.csv --columns columns.yaml --test later.csv
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "data",
        help="describe or check a table of interactions",
        description="describe: what is in it and what cleaning does to it. check: every problem at once.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("action", choices=["describe", "check"])
    add("file", metavar="FILE", help="a CSV, TSV or Parquet file, or complete_journey")
    add("--users", type=Path, help="table of user attributes")
    add("--items", type=Path, help="table of item attributes")
    add("--test", type=Path, help="table of later interactions, the test part")
    add("--names", nargs="+", metavar="NAME", help="columns of a log without a header, in their order")
    add_table_options(parser, "these files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Describe or check."""
    columns = column_mapping(options.columns)
    if options.file == "complete_journey":
        _check_alone(options)
    elif options.action == "check":
        _check(options, columns)
    _describe(options, columns)


def _check_alone(options: argparse.Namespace) -> None:
    """Raise `InputError` for an option about files, where none is read."""
    for name in ("columns", "users", "items", "test", "names", "delimiter", "encoding"):
        if getattr(options, name):
            mend = "leave it out, or name a file"
            raise InputError("complete_journey is no file", column=f"--{name}", mend=mend)


def _check(options: argparse.Namespace, columns: dict[str, str | None]) -> None:
    from graphrec.data.tables import TextFormat, check_table

    text = TextFormat(options.delimiter, encoding=options.encoding)
    of_log = replace(text, names=tuple(options.names) if options.names else None)
    problems = check_table(options.file, columns, text=of_log)
    problems += check_table(options.test, columns, text=of_log) if options.test else []
    for table, kind in ((options.users, "users"), (options.items, "items")):
        problems += check_table(table, columns, kind=kind, text=text) if table else []  # type: ignore[arg-type]
    for problem in problems:
        print(f"graphrec: {problem}", file=sys.stderr)
    if problems:
        sys.exit(2)


def _describe(options: argparse.Namespace, columns: dict[str, str | None]) -> None:
    from graphrec.cli.terminal import print_frame
    from graphrec.data import describe, sources
    from graphrec.data.splits import Given

    if options.file == "complete_journey":
        raw = sources.complete_journey()
    else:
        raw = sources.table(
            options.file,
            columns,
            users=options.users,
            items=options.items,
            test_path=options.test,
            delimiter=options.delimiter,
            encoding=options.encoding,
            names=options.names,
        )
    if options.test:
        Given(val_fraction=0.0)(raw.log)
    print_frame(describe.describe(raw), f"{raw.name}")
    print_frame(describe.describe_columns(raw), "Columns")
    print_frame(describe.cleaning_report(raw.steps), "Cleaning")
