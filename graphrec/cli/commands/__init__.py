"""The light commands: each module adds its parser and runs it; heavy imports happen inside."""

from __future__ import annotations

import argparse
from importlib import import_module

COMMANDS = {
    "refit": "fit again on train and validation, for the epochs that validation chose",
    "update": "take a run on to a log that has grown, if that is no worse",
    "fuse": "make one recommender of several runs, with weights found on validation",
    "tune": "find the best settings of a model, of several, or of all, on validation",
    "sweep": "run a sweep file of W&B here, without an account",
    "recommend": "write the best items of each user",
    "similar": "write the items that are most alike",
    "export": "pack a model into one file that needs no log",
    "score": "write the lists or offers of all users of an export, part by part",
    "consume": "keep the events of a stream in the store of a service",
    "serve": "answer lists, offers and events over HTTP",
    "offers": "decide the discount of each shopper's best items",
    "feedback": "learn from a week of offers, and say what serves next",
    "experiment": "plan a randomised experiment, or say what it brought",
    "policy": "judge policies by a log of decisions",
    "evaluate": "score the lists of any library with the same measures",
    "compare": "compare tested runs: comparison.csv, comparison.md, report.html",
    "benchmark": "fit models to data sets with seeds, test each once, rank them",
    "report": "write a page on one run: data, curves, measures, examples, cost",
    "reproduce": "make one row of docs/results.md from scratch, or list them",
    "experiments": "list the experiments that come with graphrec, or copy them to change them",
    "init": "look at a table and write the YAML files for it",
    "data": "describe, check or profile a table of interactions",
    "demo": "compare six recommenders on real data and decide offers",
    "completion": "print a script that completes commands and options in bash, zsh or fish",
}
"""Command, which is also the name of its module → its line in the help of all."""

_FITTED = ("consume", "export", "feedback", "recommend", "score", "serve", "similar", "update")
"""Commands whose modules are in the folder of that name."""


def add_parsers(
    subcommands: argparse._SubParsersAction[argparse.ArgumentParser], command: str | None = None
) -> None:
    """Add every light command.

    Args:
        subcommands: Of the root parser.
        command: The one that is run: of the others only the names are added, and their modules stay unread.
            None adds all of them whole.
    """
    for name, text in COMMANDS.items():
        if command in (None, name):
            folder = f"{__name__}.fitted" if name in _FITTED else __name__
            import_module(f"{folder}.{name}").add_parser(subcommands)
        else:
            subcommands.add_parser(name, help=text)
