"""``graphrec init``: look at a table and write the YAML files for it."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.errors import InputError
from graphrec.notices import note, warn

if TYPE_CHECKING:
    from graphrec.cli.init.reading import Plan

EXAMPLE = """examples:
  graphrec init purchases.csv
  graphrec init laden.csv --items artikel.csv --out experiments/laden
  graphrec init purchases.parquet --users people.parquet --force
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "init",
        help=COMMANDS["init"],
        description="Guess delimiter, encoding, decimal sign, dates and columns of a log, say why, and write"
        " data.yaml, ranker.yaml and, where there are discounts, response.yaml. Nothing is asked. What"
        " cannot be decided is said.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="the log: CSV, TSV or Parquet, packed or not, or a folder")
    add("--items", type=Path, metavar="TABLE", help="table of item attributes")
    add("--users", type=Path, metavar="TABLE", help="table of user attributes")
    add("--out", type=Path, metavar="FOLDER", help="folder of the YAML files (default experiments/NAME)")
    add("--force", action="store_true", help="write over files that are there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Path]:
    """Guess, read, write, and say what was found and what to do next.

    Returns:
        The file of each kind: ``data``, ``ranker`` and perhaps ``response``.
    """
    from graphrec.cli.init.reading import plan_for

    name = options.file.resolve().name.partition(".")[0]
    folder = options.out or Path("experiments") / name
    _check_free(folder, options.force)
    beside = {kind: path for kind in ("users", "items") if (path := getattr(options, kind)) is not None}
    plan = plan_for(options.file, beside)
    files = _write(plan, folder, name, options)
    _tell(plan, files, name)
    return files


def _check_free(folder: Path, force: bool) -> None:
    """Raise `InputError` if a file would be written over."""
    names = ("data.yaml", "ranker.yaml", "response.yaml")
    there = [folder / name for name in names if (folder / name).exists()]
    if there and not force:
        hint = "give --force to write over it, or another folder: --out"
        raise InputError("this file is there already", file=there[0], column="--out", hint=hint)
    if folder.exists() and not folder.is_dir():
        raise InputError("this is no folder", file=folder, column="--out", hint="give another one")


def _write(plan: Plan, folder: Path, name: str, options: argparse.Namespace) -> dict[str, Path]:
    from graphrec.cli.init.written import data_yaml, ranker_yaml, response_yaml
    from graphrec.cli.short import model_file
    from graphrec.files import write_text

    words = ["graphrec", "init", str(options.file)]
    words += [
        word
        for kind in ("items", "users")
        if (path := getattr(options, kind))
        for word in (f"--{kind}", str(path))
    ]
    files = {kind: folder / f"{kind}.yaml" for kind in ("data", "ranker")}
    model = model_file(plan.models.names[0]).read_text(encoding="utf-8")
    texts = {
        "data": data_yaml(plan, shlex.join(words)),
        "ranker": ranker_yaml(plan, f"{name}-{plan.models.names[0]}", str(files["ranker"]), model),
    }
    if plan.response:
        files["response"] = folder / "response.yaml"
        texts["response"] = response_yaml(plan, f"{name}-response", str(files["response"]))
    folder.mkdir(parents=True, exist_ok=True)
    for kind, text in texts.items():
        write_text(files[kind], text)
    return files


def _tell(plan: Plan, files: dict[str, Path], name: str) -> None:
    """Print what was found, what is not sure, and the next commands."""
    import pandas as pd

    from graphrec.cli.terminal import print_frame
    from graphrec.data.ledger import reading_line

    rows = [(option, str(value), why) for option, (value, why) in plan.guess.options.items()]
    rows += [(ours, one.theirs, one.why) for ours, one in plan.guess.columns.items()]
    print_frame(pd.DataFrame(rows, columns=["what", "is", "why"]), f"{plan.arguments['path']}: what it is")
    note(reading_line(plan.raw))
    for doubt in plan.guess.doubts:
        warn(f"not sure: {doubt}")
    for line in plan.notes:
        note(line)
    print(f"written: {', '.join(map(str, files.values()))}")
    print("next:")
    print(f"  graphrec data profile {shlex.quote(str(files['data']))} --out {shlex.quote(name)}.html")
    for kind in ("ranker", "response"):
        if kind in files:
            print(f"  graphrec fit -c {shlex.quote(str(files[kind]))}")
    print(f"  graphrec test -c {shlex.quote(str(files['ranker']))}")
