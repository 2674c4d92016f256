"""``graphrec similar``: the items that are most alike, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.list_options import OUT, STRICT, add_checkpoint, check_length
from graphrec.cli.recommending.item_options import add_item_options
from graphrec.cli.recommending.named import split_ids
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out, table_file
from graphrec.cli.trust import add_trust
from graphrec.notices import note
from graphrec.results import write_table


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "similar",
        help=COMMANDS["similar"],
        description="Write item_id, similar_id, rank and score of the items that are most alike by a model.",
        epilog="example: graphrec similar 1008714 1012587 --ckpt_path runs/x/y/checkpoints/best.ckpt -k 10"
        " --out similar.json",
    )
    items = "ids, or a CSV or Parquet file with a column item_id; all items if missing"
    parser.add_argument("ITEM", nargs="*", help=items)
    add_checkpoint(parser)
    parser.add_argument("-k", type=int, default=10, help="similar items for each (default 10)")
    only = "file with a column item_id, of the only items that may be listed as similar"
    parser.add_argument("--items", type=table_file, metavar="FILE", help=only)
    parser.add_argument("--out", type=Path, required=True, help=OUT)
    add_item_options(parser)
    add_table_options(parser, "the files")
    parser.add_argument("--strict", action="store_true", help=STRICT)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Load, compare, write."""
    with importing():
        from graphrec.cli.experiment.loading import load_lister
        from graphrec.cli.recommending.request import read_similar
        from graphrec.data.choice.known import counted
        from graphrec.serving.lists import fewer

    options.asked, ids = split_ids(options.ITEM, "ITEM")
    check_out(options)
    check_length(options.k)
    request = read_similar(options, ids)
    task, data = load_lister(options.ckpt_path, options.strict, options.trust, options.out)
    frame, asked = request.lists(task, data, options.k)
    frame.attrs = data.result_source(options.ckpt_path)
    path = write_table(frame, options.out)
    items = frame["item_id"]
    print(f"{counted(len(frame), 'similar item')} of {counted(items.nunique(), 'item')}: {path}")
    if line := fewer(items, asked, options.k, "similar items", "item"):
        note(line)
    return path
