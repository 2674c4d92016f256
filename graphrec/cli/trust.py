"""The option ``--trust`` of every command that takes a checkpoint."""

from __future__ import annotations

import argparse

TRUST = "--trust"
HELP = "let the checkpoint name code that is not graphrec's, such as a model of your own; that code will run"


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the option to a light command."""
    parser.add_argument(TRUST, action="store_true", help=HELP)
