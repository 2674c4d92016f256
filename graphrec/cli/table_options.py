"""Options that say how to read the files of a command: names of columns, delimiter, encoding."""

from __future__ import annotations

import argparse
import codecs
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.errors import InputError
from graphrec.results import check_no_input, check_table_path

if TYPE_CHECKING:
    from graphrec.data.tables.kinds import Kind
    from graphrec.data.tables.read import TextFormat


def add_table_options(parser: argparse.ArgumentParser, files: str) -> None:
    """Add them.

    Args:
        parser: Of the command.
        files: Which files they hold for, for the help.
    """
    add = parser.add_argument_group(f"how to read {files}").add_argument
    what = "names that differ, or a YAML file of them; `part=` leaves a column out"
    add("--columns", nargs="+", metavar="OURS=THEIRS", default=[], help=what)
    add("--delimiter", help="between the fields of a text file; by the suffix if missing")
    add("--encoding", type=encoding, help="of a text file, as latin-1 (default: utf-8)")
    add("--decimal", metavar="SIGN", help="decimal sign of the text files, as a comma (default: a point)")


FORM = ("delimiter", "encoding", "decimal")
"""Options on the form of text files."""


def form_of(options: argparse.Namespace) -> dict[str, str]:
    """Take those on the form of text files that are given, by the names of a source's arguments."""
    return {name: value for name in FORM if (value := getattr(options, name)) is not None}


def text_of(given: Mapping[str, Any]) -> TextFormat:
    """Say how text files are to be read, by the options of a command or the arguments of a source."""
    from graphrec.data.tables.read import TextFormat

    return TextFormat(**{name: given.get(name) for name in FORM})


def table_file(text: str) -> Path | str:
    """Take a table that a command line names: a path, or the address of a database as it is."""
    return text if "://" in text else Path(text)


def check_out(options: argparse.Namespace) -> None:
    """Refuse an ``--out`` that cannot be written, or that another option of the command reads.

    Args:
        options: Of the command, with ``out``.

    Raises:
        InputError: See `check_table_path` and `check_no_input`.
    """
    check_table_path(options.out)
    given = (_each(given) for name, given in vars(options).items() if name != "out")
    check_no_input(options.out, (one for files in given for one in files))


def _each(given: Any) -> Sequence[Any]:
    """List what an option gives; nothing if it was left out."""
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def check_not_read(options: argparse.Namespace) -> None:
    """Refuse an ``--out`` that is the very file, or folder, that another option names.

    Args:
        options: Of any command.

    Raises:
        InputError: If it is so.
    """
    out = vars(options).get("out")
    if out is None or not Path(out).exists():
        return
    others = [value for name, value in vars(options).items() if name != "out"]
    given = [one for value in others for one in (value if isinstance(value, list) else [value])]
    for one in given:
        if isinstance(one, str | Path) and os.path.exists(one) and os.path.samefile(one, out):
            what = f"this {'file' if Path(out).is_file() else 'folder'} is read here"
            what += ": the result would overwrite it"
            raise InputError(what, file=out, column="--out", hint="choose another name")


def check_page(out: Path | None) -> None:
    """Refuse a page whose name does not say so.

    Raises:
        InputError: If it does not end with .html.
    """
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise InputError("is no name of a page", file=out, column="--out", hint="end it with .html")


def check_out_folder(out: Path | None, written: Iterable[str], read: Iterable[Any]) -> None:
    """Refuse an ``--out`` that is a file, or a folder in which a file of the command would be written over.

    Args:
        out: The folder; nothing is written without one.
        written: Names of the files that the command writes there.
        read: What the command reads.

    Raises:
        InputError: If it is so.
    """
    if out is None:
        return
    if out.exists() and not out.is_dir():
        raise InputError("this is a file, and --out is a folder", file=out, hint="name another")
    files = list(read)
    for name in written:
        check_no_input(out / name, files)


def encoding(name: str) -> str:
    """Take the name of an encoding.

    Raises:
        argparse.ArgumentTypeError: If Python knows none of that name.
    """
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise argparse.ArgumentTypeError(
            f"there is no encoding {name!r}; try utf-8, latin-1 or cp1252"
        ) from error
    return name


def reading(
    options: argparse.Namespace, files: Mapping[str, Kind]
) -> tuple[dict[str, str | None], TextFormat]:
    """Read the mapping of columns and the form of text that a command line gives.

    Args:
        options: The command line.
        files: Options that name files, and what those are.

    Raises:
        InputError: If one is given and no file that it could hold for.
    """
    from graphrec.data.tables.files import closest
    from graphrec.data.tables.kinds import KINDS
    from graphrec.data.tables.sheets import check_text_options

    columns = column_mapping(options.columns)
    given = [kind for name, kind in files.items() if getattr(options, name) is not None]
    hint = f"give it with {' or '.join(f'--{name}' for name in files)}"
    for name in ("columns", *FORM):
        if getattr(options, name) and not given:
            raise InputError("no file is given that this holds for", column=f"--{name}", hint=hint)
    known = [column for kind in given for column in KINDS[kind].known]
    any_name = any(KINDS[kind].by_attribute for kind in given)
    for ours in columns:
        if ours not in known and not any_name:
            hint = closest(ours, dict.fromkeys(known), "known are")
            raise InputError(f"{ours!r} is no column of these files", column="--columns", hint=hint)
    text = text_of(vars(options))
    if given:
        check_text_options(text, [file for name in files for file in _each(getattr(options, name))])
    return columns, text


def column_mapping(given: Sequence[str]) -> dict[str, str | None]:
    """Read ``ours=theirs`` pairs, or a YAML file that maps ours to theirs; ``ours=`` leaves a column out.

    Raises:
        InputError: If it is neither.
    """
    if len(given) == 1 and given[0].endswith((".yaml", ".yml")):
        return _mapping_in(Path(given[0]))
    wrong = [pair for pair in given if "=" not in pair]
    if wrong:
        raise InputError(f"{wrong[0]!r} is no pair", column="--columns", hint="write user_id=customer")
    pairs = [pair.split("=", 1) for pair in given]
    twice = [ours for place, (ours, _) in enumerate(pairs) if ours in dict(pairs[:place])]
    if twice:
        raise InputError(f"{twice[0]!r} is mapped twice", column="--columns", hint="name it once")
    return {ours: theirs or None for ours, theirs in pairs}


def _mapping_in(file: Path) -> dict[str, str | None]:
    import yaml

    if not file.is_file():
        raise InputError("there is no such file", file=file, column="--columns", hint="check the path")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(
            "not valid YAML", file=file, hint="write lines such as `user_id: customer`"
        ) from error
    if not isinstance(content, dict):
        raise InputError("holds no mapping", file=file, hint="write lines such as `user_id: customer`")
    return {str(ours): None if theirs is None else str(theirs) for ours, theirs in content.items()}
