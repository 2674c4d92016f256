"""Tables that commands write as results: in the form of their suffix, with what they are of."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.errors import InputError
from graphrec.files import (
    cannot_be_written,
    check_regular,
    sha256_of,
    write_atomically,
    write_parquet,
    write_text,
)

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""What is between the fields of the text forms."""
TABLES = (".parquet", *DELIMITERS, ".json", ".jsonl")
"""Suffixes that a table can be written as."""


def source_of(checkpoint: str | Path | None, split_sha256: str) -> dict[Any, str]:
    """Tell what a result is of: file and SHA-256 of the checkpoint, and the fingerprint of the split.

    A table keeps it as `DataFrame.attrs`, which Parquet files hold and pandas reads back.

    Args:
        checkpoint: The file; None of a model that was not loaded from one.
        split_sha256: `Split.sha256`.
    """
    split = {"split_sha256": split_sha256}
    if checkpoint is None or not Path(checkpoint).is_file():
        return split
    return {"checkpoint": Path(checkpoint).name, "checkpoint_sha256": sha256_of(checkpoint), **split}


def check_table_path(path: str | Path, option: str = "--out") -> None:
    """Refuse the name of a table that could not be written, before any work is done for it.

    Args:
        path: The file; its suffix says the format.
        option: Where the name was given, for the message.

    Raises:
        InputError: If the path is no regular file, lies below a file, or its suffix tells no known format.
    """
    target = Path(path)
    check_regular(target, option)
    try:
        above = next(parent for parent in target.absolute().parents if parent.exists())
    except OSError as error:
        raise cannot_be_written(target, error) from error
    if target.suffix.lower() not in TABLES:
        what = f"a table cannot be written as '{target.suffix}'" if target.suffix else "the suffix is missing"
        hint = f"end the name with one of {', '.join(TABLES)}"
        raise InputError(what, file=target, column=option, hint=hint)
    if not above.is_dir():
        raise InputError(f"{above} is no folder", file=target, column=option, hint="choose another folder")


def check_no_input(target: str | Path, inputs: Iterable[Any], option: str = "--out") -> None:
    """Refuse to write a result over what the command reads.

    Args:
        target: The file to write.
        inputs: What may name a file or folder that is read; anything else in it is passed over.
        option: Where the target was given, for the message.

    Raises:
        InputError: If the target is one of the files, or lies in one of the folders and is no result of ours.
    """
    target = Path(target)
    if not target.exists():
        return
    named = [one for one in inputs if isinstance(one, str | Path) and one]
    for given in [*named, *(file for one in named for file in glob.glob(str(one), recursive=True))]:
        try:
            is_read = os.path.samefile(target, given)
            is_read = is_read or (
                os.path.samefile(target.absolute().parent, given) and not _is_result(target)
            )
        except (OSError, ValueError):  # no name of a file
            continue
        if is_read:
            what = "this file is read here: the result would overwrite it"
            raise InputError(what, file=target, column=option, hint="choose another name")


def _is_result(path: Path) -> bool:
    """Tell whether a table says what it is of, as those that `write_table` wrote do."""
    if path.suffix.lower() != ".parquet":
        return bool(told_of(path))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"split_sha256" in (pq.read_schema(path).metadata or {}).get(b"PANDAS_ATTRS", b"")
    except (OSError, pa.ArrowException):
        return False


def write_table(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table without its index, as the suffix says: Parquet, text with commas or tabs, or JSON.

    JSON is a list of rows (``.json``) or a row on each line (``.jsonl``); a missing value is null. What a
    table keeps in `DataFrame.attrs` is in the Parquet file. For the other forms it lies beside it, by the
    name that W3C's "CSV on the Web" gives: ``items.csv-metadata.json``.

    Raises:
        InputError: If the suffix tells no known format, or the path cannot be written.
    """
    check_table_path(path)
    suffix = Path(path).suffix.lower()
    if suffix == ".parquet":
        return write_parquet(frame, path)
    about = _about(path)
    check_regular(about)
    write = _write_delimited if suffix in DELIMITERS else _write_json
    written = write_atomically(path, lambda temporary: write(frame, temporary, suffix))
    if frame.attrs:
        content = {"url": written.name, "sha256": sha256_of(written), **frame.attrs}
        write_text(about, json.dumps(content, indent=1) + "\n")
    return written


def _write_delimited(frame: pd.DataFrame, file: Path, suffix: str) -> None:
    frame.to_csv(file, sep=DELIMITERS[suffix], index=False, encoding="utf-8", lineterminator="\n")


def _write_json(frame: pd.DataFrame, file: Path, suffix: str) -> None:
    """Write rows as objects, numbers with all the digits that pandas writes."""
    frame.to_json(
        file,
        orient="records",
        lines=suffix == ".jsonl",
        double_precision=15,
        force_ascii=False,
        date_format="iso",
    )


def _about(path: str | Path) -> Path:
    """Name the file that tells what a text table is of."""
    return Path(f"{path}-metadata.json")


def told_of(path: str | Path) -> dict[Any, Any]:
    """Read what `write_table` wrote beside a table; empty if there is none or it is of another table."""
    try:
        content = json.loads(_about(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("sha256") != sha256_of(path):
        return {}
    return {key: value for key, value in content.items() if key not in ("url", "sha256")}
