"""What `graphrec recommend` and `graphrec similar` are asked for, read before the checkpoint is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from graphrec.cli.frames import read_users
from graphrec.cli.recommending.named import ids_as_file
from graphrec.cli.table_options import reading
from graphrec.data.choice.history import HistoryFile
from graphrec.data.choice.items import FILES, ItemFiles
from graphrec.data.interactions import Columns
from graphrec.data.tables.read import load_table
from graphrec.errors import InputError
from graphrec.serving.request import Request
from graphrec.serving.similar import SimilarRequest


def read_request(options: argparse.Namespace, ids: Sequence[str]) -> Request:
    """Read the files that the options name.

    Args:
        options: Of the command.
        ids: Users that the command line names.

    Raises:
        InputError: If a file cannot be used, or an option would change nothing.
    """
    kinds = {"users": "user_list", "history": "log", "user_table": "users", "new_items": "items", **FILES}
    columns, text = reading(options, kinds)
    if options.name_column is not None and not options.explain:
        what, hint = "names stand in reasons, which are not asked for", "give --explain, or leave it out"
        raise InputError(what, column="--name_column", hint=hint)
    if options.time_format is not None and options.history is None:
        what, hint = "no history is given that this holds for", "give it with --history"
        raise InputError(what, column="--time_format", hint=hint)
    table, times, new = options.user_table, options.time_format, options.new_items
    return Request(
        read_users(ids_as_file(ids, Columns.USER) if ids else options.users, columns, text),
        None if options.history is None else HistoryFile(options.history, columns, text, times),
        options.segment,
        None if table is None else load_table(table, columns, kind="users", text=text),
        table,
        ItemFiles.read({name: getattr(options, name) for name in FILES}, options.where, columns, text),
        None if new is None else load_table(new, columns, kind="items", text=text),
        new or "",
        options.explain,
        options.name_column,
    )


def read_similar(options: argparse.Namespace, ids: Sequence[str]) -> SimilarRequest:
    """Read the files that the options name.

    Args:
        options: Of the command.
        ids: Items that the command line names.

    Raises:
        InputError: If a file cannot be used.
    """
    columns, text = reading(options, {"asked": "item_list", **FILES})
    given = ids_as_file(ids, Columns.ITEM) if ids else options.asked
    table = None if given is None else load_table(given, columns, kind="item_list", text=text)
    files = {name: getattr(options, name) for name in FILES}
    items = ItemFiles.read(files, options.where, columns, text)
    items.check_for_everybody()
    return SimilarRequest(table, "ITEM" if ids else str(options.asked), items)
