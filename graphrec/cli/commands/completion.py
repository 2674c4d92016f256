"""``graphrec completion``: a script with which a shell completes graphrec's commands, options and values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.shipped import ALL, names
from graphrec.cli.start_up import importing

if TYPE_CHECKING:
    from graphrec.cli.experiment.option_names import OptionName

SHELLS = ("bash", "zsh", "fish")
EXAMPLE = """examples; each takes effect in the next shell:
  graphrec completion bash > ~/.local/share/bash-completion/completions/graphrec
  graphrec completion zsh > ~/.zfunc/_graphrec       # a folder of $fpath; before compinit in ~/.zshrc
  graphrec completion fish > ~/.config/fish/completions/graphrec.fish
"""
_FILES = (
    "file",
    "users",
    "items",
    "ITEM",
    "valid",
    "test",
    "columns",
    "scenario",
    "log",
    "past",
    "salt",
    "stock",
    "exposure",
    "costs",
)
"""Arguments of light commands that are a file, and no `Path` yet."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "completion",
        help=COMMANDS["completion"],
        description="Print a script that completes commands, options and values: for fit, validate, test and"
        " predict also the names of models, losses, splits and sources, and the arguments of all of them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="for which shell")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> str:
    """Print the script."""
    from graphrec.cli.main import parser

    text = script(options.shell, parser())
    print(text)
    return text


def script(shell: str, whole: argparse.ArgumentParser) -> str:
    """Make the script of a shell.

    Args:
        shell: One of `SHELLS`.
        whole: The parser of everything; it is changed.
    """
    with importing():
        import shtab

        from graphrec.cli.experiment.option_names import option_names
    (subcommands,) = (one for one in whole._actions if isinstance(one, argparse._SubParsersAction))
    for command, parser in subcommands.choices.items():
        if command in COMMANDS:
            _name_values(command, parser)
        else:
            _add_options(parser, option_names(command))
    text: str = shtab.complete(whole, shell)
    return text


def _add_options(parser: argparse.ArgumentParser, options: list[OptionName]) -> None:
    """Give the empty parser of an experiment command the options that Lightning's has."""
    for option in options:
        written = [name for name in option.names if not name.endswith("+")]  # zsh reads the plus
        about = option.help.replace("%", "%%")
        if not option.takes_value:
            parser.add_argument(*written, action="store_true", help=about)
            continue
        action = parser.add_argument(*written, choices=option.values or None, help=about, metavar="VALUE")
        if not option.values and option.names[-1] in ("--config", "--trainer", "--run", "--ckpt_path"):
            _complete_files(action)


def _name_values(command: str, parser: argparse.ArgumentParser) -> None:
    """Say what files and names a light command takes."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _name_values(command, below)
        elif listed := _LISTED.get((command, action.dest)):
            action.choices = listed()
        elif action.choices is None and (action.type is Path or action.dest in _FILES):
            _complete_files(action)


def _complete_files(action: argparse.Action) -> None:
    import shtab

    action.complete = shtab.FILE  # type: ignore[attr-defined]


def _shipped() -> list[str]:
    """List what can be copied: all, a folder, a file."""
    found = names()
    return [ALL, *sorted({name.partition("/")[0] for name in found if "/" in name}), *found]


def _rows() -> list[str]:
    from graphrec.cli.reproduce.rows import read_rows

    return list(read_rows())


def _policies() -> list[str]:
    from graphrec.offers.policies.named import POLICIES

    return list(POLICIES)


_LISTED: dict[tuple[str, str], Callable[[], list[str]]] = {
    ("experiments", "name"): _shipped,
    ("offers", "policy"): _policies,
    ("reproduce", "name"): _rows,
}
"""Command and argument → its values."""
