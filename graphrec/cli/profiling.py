"""``graphrec data profile``: the page on a log and its summary on the terminal."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.cli.start_up import importing
from graphrec.cli.table_options import text_of
from graphrec.notices import note

if TYPE_CHECKING:
    import pandas as pd

    from graphrec.data.interactions import RawData
    from graphrec.data.profile.whole import Profile

_PAGE = Path("profile.html")


def write_page(raw: RawData, arguments: Mapping[str, Any], options: argparse.Namespace) -> Path:
    """Measure a log, write its page and print what it comes to.

    Args:
        raw: What the source returned.
        arguments: Those of the source.
        options: The command line, with ``out``.
    """
    with importing():
        from graphrec.data.profile.whole import profile
        from graphrec.report.profile.page import write_profile

    found = profile(raw, _tables(arguments))
    written = write_profile(found, options.out or _PAGE, _command(options))
    _print(found)
    print(f"page: {written}")
    return written


def _command(options: argparse.Namespace) -> str:
    """Write the command line again, from what was read of it."""
    words = ["graphrec", options.command, options.action, options.file]
    for name, value in vars(options).items():
        if name in ("run", "command", "action", "file") or value in (None, False, []):
            continue
        given = value if isinstance(value, list) else [] if value is True else [value]
        words += [f"--{name}", *map(str, given)]
    return shlex.join(words)


def _tables(arguments: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Read the tables of attributes as they stand, also the rows that the log has no use for."""
    from graphrec.data.tables.read import Kind, load_table

    text = text_of(arguments)
    kinds: tuple[Kind, ...] = ("users", "items")
    return {
        kind: load_table(arguments[kind], arguments.get("columns"), kind=kind, text=text).frame
        for kind in kinds
        if isinstance(arguments.get(kind), str)
    }


def _print(found: Profile) -> None:
    """Print what may mislead, the split and the models."""
    for trap in found.traps:
        note(trap.line)
    print(f"split that suits: {found.split.name} ({found.split.rules[-1].reason})")
    print(f"  {found.split.line}")
    print(f"models to begin with: {', '.join(found.models.names)}")
    for line in found.models.notes:
        print(f"  {line}")
