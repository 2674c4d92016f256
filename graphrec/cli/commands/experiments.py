"""``graphrec experiments list|copy``: the experiments that come with graphrec, to read and to change."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.shipped import ALL, EXPERIMENTS, chosen, names
from graphrec.errors import InputError
from graphrec.files import check_regular, write_text

EXAMPLE = """examples:
  graphrec experiments list
  graphrec experiments copy complete_journey/lightgcn.yaml      # with the YAML files that it names
  graphrec experiments copy all --to experiments
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "experiments",
        help=COMMANDS["experiments"],
        description="list: name each file, as `graphrec fit -c NAME` takes it. copy: write a file, a folder"
        " of them or all into a folder, to be changed there. A file that differs is never written over.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["list", "copy"])
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"what to copy: a file, a folder or {ALL}")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="folder to copy into (default experiments)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> list[str]:
    """List or copy; return the names."""
    if options.action == "list":
        _check_unused(options)
        found = names()
        print("\n".join(found))
        return found
    if options.name is None:
        raise InputError("no experiment is named", hint=f"see `graphrec experiments list`, or give {ALL}")
    return _copy(chosen(options.name), options.to or Path("experiments"))


def _check_unused(options: argparse.Namespace) -> None:
    for value, what in ((options.name, "NAME"), (options.to, "--to")):
        if value is not None:
            raise InputError("list names all files", column=what, hint="leave it out")


def _copy(found: list[str], folder: Path) -> list[str]:
    """Write what is not there yet; nothing is written if one file is there with another content."""
    content = {name: (EXPERIMENTS / name).read_text(encoding="utf-8") for name in found}
    new = [name for name in found if not _is_there(folder / name, content[name])]
    for name in new:
        write_text(folder / name, content[name])
    kept = len(found) - len(new)
    print(f"{len(new)} files copied to {folder}" + (f", {kept} were there" if kept else ""))
    return found


def _is_there(file: Path, text: str) -> bool:
    """Tell whether a file has this content.

    Raises:
        InputError: If it has another one.
    """
    check_regular(file, "--to")
    if not file.exists():
        return False
    if file.read_bytes() != text.encode():
        hint = "copy into another folder: --to FOLDER"
        raise InputError("is there with another content", file=file, column="--to", hint=hint)
    return True
