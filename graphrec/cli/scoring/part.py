"""One part: its users scored and its file written, the same wherever that happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from graphrec.files import sha256_of, write_atomically
from graphrec.serving.bulk import list_table, offer_table, without_rows
from graphrec.serving.live.answers import Answers


@dataclass(frozen=True)
class Work:
    """What is done with each part.

    Args:
        model: The export, as an absolute path.
        version: What it held when the work began.
        out: The folder of the parts, as an absolute path.
        k: Items of each user.
        offers: Whether offers are made, or lists.
        trust: Whether the export may name code that is not graphrec's.
    """

    model: str
    version: str
    out: str
    k: int
    offers: bool
    trust: bool = False


@dataclass(frozen=True)
class Part:
    """What a part came to.

    Args:
        number: Its place, from 0.
        users: How many were scored.
        without: How many of them have no row.
        rows: Of the file.
        spend: Of all its discounts, in money.
        sha256: Of the file.
    """

    number: int
    users: int
    without: int
    rows: int
    spend: float
    sha256: str


def name_of(number: int) -> str:
    """Name the file of a part."""
    return f"part-{number:05d}.parquet"


def scored(model: Answers, work: Work, number: int, users: Sequence[str]) -> Part:
    """Score the users of a part and write its file.

    Args:
        model: The one of the work.
        work: What is asked for.
        number: Of the part.
        users: Ids.

    Raises:
        InputError: If the file cannot be written.
    """
    with _one_thread():
        table = (offer_table if work.offers else list_table)(model, users, work.k)
    file = Path(work.out) / name_of(number)
    write_atomically(file, lambda temporary: _write(table, temporary))
    spend = float(pc.sum(table.column("spend")).as_py() or 0.0) if work.offers else 0.0
    return Part(number, len(users), without_rows(table, users), table.num_rows, spend, sha256_of(file))


def _write(table: pa.Table, file: Path) -> None:
    with file.open("wb") as opened:  # pyarrow takes no path that is not UTF-8
        pq.write_table(table, opened)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch add in one order, whatever the machine, so that all engines write the same numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
