"""The light commands: each module adds its parser and runs it; heavy imports happen inside."""

from __future__ import annotations

import argparse

from graphrec.cli.commands import compare, data, demo, fuse, offers, recommend, refit, reproduce


def add_parsers(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add every light command."""
    for command in (refit, fuse, recommend, offers, compare, reproduce, data, demo):
        command.add_parser(subcommands)
