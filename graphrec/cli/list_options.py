"""Options of the commands that write what a checkpoint says: which one, where to, and what is an error."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.errors import InputError

OUT = "file: .parquet, .csv, .tsv, .json or .jsonl"
STRICT = "make the loss of any row of the log an error"


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint."""
    known = "best.ckpt or last.ckpt of a run, or what `graphrec export` wrote"
    parser.add_argument("--ckpt_path", "--ckpt", type=Path, required=True, help=known)


def check_length(k: int) -> None:
    """Raise `InputError` if lists cannot be that long."""
    if k < 1:
        raise InputError(f"{k} is not a number of items", column="-k", hint="give 1 or more")
