"""Dispatch: the experiment commands go to Lightning, the light ones start without it."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from graphrec import __version__
from graphrec.cli import commands
from graphrec.cli.errors.boundary import mistakes_told
from graphrec.cli.start_up import keep_freed_memory, let_waiting_threads_sleep, own_process
from graphrec.cli.table_options import check_not_read
from graphrec.errors import InputError

LIGHTNING = {
    "fit": "train a model, or fit a closed-form one, and keep the best checkpoint",
    "validate": "rank the validation part with a checkpoint",
    "test": "rank the test part, once, with a checkpoint",
    "predict": "write the best items of every user into the run's folder",
}
EXAMPLES = """examples:
  graphrec demo --out runs/demo
  graphrec fit -m lightgcn --data purchases.csv --columns user_id=customer item_id=sku timestamp=date
  graphrec fit -c experiments/complete_journey/lightgcn.yaml
  graphrec fit -c experiments/complete_journey/lightgcn.yaml --model.init_args.learning_rate 0.01
  graphrec fit -c experiments/complete_journey/lightgcn.yaml --ckpt_path last      # go on after a kill
  graphrec test -c experiments/complete_journey/lightgcn.yaml                      # newest run of that name
  graphrec fuse runs/shop-lightgcn runs/shop-lowpass --name shop-fusion           # the newest run of each
  graphrec recommend --ckpt_path runs/.../checkpoints/best.ckpt -k 20 --out items.parquet
  graphrec similar 1008714 --ckpt_path runs/.../checkpoints/best.ckpt -k 10 --out similar.json
  graphrec offers --ckpt_path runs/.../checkpoints/best.ckpt --policy expected_profit --out offers.parquet
  graphrec evaluate --recommendations lists.csv --test test.csv --train train.csv
  graphrec compare runs/complete_journey-* --out runs/comparison
  graphrec report runs/complete_journey-lightgcn --out lightgcn.html
  graphrec reproduce gowalla-chebycf --data FOLDER --out runs/reproduce/chebycf
  graphrec data check purchases.csv --columns user_id=customer item_id=sku timestamp=date
"""


class Parser(argparse.ArgumentParser):
    """argparse, with one line instead of the usage where an option is wrong, and no guess at half a name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """Raise `InputError`; argparse would print the usage and exit."""
        found = re.match(r"argument ([\w./-]+): invalid choice: '?(.*?)'? \(choose from (.*)\)", message)
        hint = f"see `{self.prog} --help`"
        others = message.removeprefix("unrecognized arguments: ").split()
        if len(others) < len(message.split()) and all(os.path.isfile(one) for one in others):
            hint = f"quote a pattern of files, as 'sales/*.csv'; {hint}"
        if found is None:
            raise InputError(message, hint=hint)
        known = [name.strip("' ") for name in found[3].split(",")]
        close = difflib.get_close_matches(found[2], known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
        raise InputError(f"there is no {found[1].lower()} '{found[2]}'", hint=hint)


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Make the parser of everything but Lightning's own options.

    Args:
        command: The command that is run: the others then have a name and no options. None makes all whole.
    """
    root: argparse.ArgumentParser = Parser(
        prog="graphrec",
        description="From a log of purchases to ranked items and the discount each shopper"
        " should be offered.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"graphrec {__version__}")
    subcommands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in LIGHTNING.items():
        subcommands.add_parser(name, help=text, add_help=False)
    commands.add_parsers(subcommands, command)
    return root


def main(args: list[str] | None = None) -> Any:
    """Run a command; raise on mistakes, so that notebooks and tests see them.

    Returns:
        The LightningCLI object for an experiment command (``.model``, ``.trainer``, ``.datamodule``), what
        the light command returns otherwise.

    Raises:
        InputError: What the user can fix, its cause being the error of another library, if it was one.
    """
    given = list(sys.argv[1:] if args is None else args)
    with mistakes_told(given):
        return _run(given)


def _run(given: list[str]) -> Any:
    if given and given[0] in LIGHTNING:
        from graphrec.cli.experiment.command import run_experiment

        return run_experiment(given)
    named = next((word for word in given if not word.startswith("-")), "")
    options = parser(named).parse_args(given)
    check_not_read(options)
    run: Callable[[argparse.Namespace], Any] = options.run
    return run(options)


def console(args: list[str] | None = None) -> None:
    """Run the program: one line and exit code 2 for the user's mistake, a traceback and 1 for ours."""
    given = list(sys.argv[1:] if args is None else args)
    let_waiting_threads_sleep()
    keep_freed_memory()
    own_process.set(args is None)
    try:
        main(given)
        sys.stdout.flush()
    except BrokenPipeError:
        _end_unread()
    except InputError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        print("graphrec: interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def _end_unread() -> None:
    """End as other programs do when the reader of their output is gone, such as ``head``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def _stop(message: str) -> None:
    print(f"graphrec: {message}", file=sys.stderr)
    sys.exit(2)
