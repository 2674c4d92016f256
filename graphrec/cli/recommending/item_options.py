"""Options that say which items may be recommended."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.table_options import table_file
from graphrec.errors import InputError

if TYPE_CHECKING:
    from graphrec.models.base import ItemSet

ITEM_SETS: tuple[ItemSet, ...] = ("all", "repeat", "new")


def add_item_options(parser: argparse.ArgumentParser) -> None:
    """Add those that `recommend` and `similar` share; ``--items`` each adds itself."""
    add = parser.add_argument_group("which items").add_argument
    what = "table of item_id of what is never listed; with user_id, for that user alone"
    add("--exclude", type=table_file, metavar="FILE", help=what)
    what = "SQL condition on the table of items: \"category = 'beer' and stock > 0\""
    add("--where", metavar="CONDITION", help=what)
    what = "table of items that --where is about; the one of the data if missing"
    add("--item_table", type=table_file, metavar="FILE", help=what)
    what = "table of item_id and boost, a number added to the item's score for everybody"
    add("--boost", type=table_file, metavar="FILE", help=what)


def split_items(given: list[str] | None) -> tuple[ItemSet, Path | None]:
    """Tell the name of a set of items from a file of them.

    Args:
        given: Words of ``--items``: one of `ITEM_SETS`, a file, or both.

    Raises:
        InputError: If there are two of a kind.
    """
    words = given or []
    sets = [name for name in ITEM_SETS if name in words]
    files = [word for word in words if word not in ITEM_SETS]
    if len(words) > len(sets[:1]) + len(files[:1]):
        what = f"{' '.join(words)} are two {'files' if len(files) > 1 else 'sets of items'}"
        hint = "give one of all, repeat and new, or one file, or one of each"
        raise InputError(what, column="--items", hint=hint)
    return (sets or ["new"])[0], Path(files[0]) if files else None
