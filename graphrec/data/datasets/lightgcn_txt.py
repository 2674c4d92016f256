"""The text files of the LightGCN line of papers: ``user item item ...``, one line per user."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.arrays import AnyArray, BoolArray
from graphrec.data.cleaning.account import clean
from graphrec.data.cleaning.mending import drop_duplicates
from graphrec.data.interactions import Columns, RawData
from graphrec.data.purchases import shared_rows
from graphrec.errors import InputError

_SPACE, _NEWLINE, _RETURN, _TAB = 32, 10, 13, 9
_MAX_DIGITS = 18
"""Longer numbers do not fit in 64 bits."""


def lightgcn_txt(
    path: str,
    train_on_valid: bool = False,
    validate_on_last: float | None = None,
    in_time_order: bool = False,
) -> RawData:
    """Read a folder with ``train.txt``, ``test.txt`` and, where there is one, ``valid.txt``.

    Use it to compare with published numbers on Gowalla, Yelp2018 or Amazon-Book in the papers' own split.
    There is no time in these files: choose the split ``Given``. A user without items is legal.

    These files promise no order. The lists of Gowalla's ``train.txt`` are in the order of time all the same,
    and its test part goes on where they end. But ``valid.txt`` was drawn from all of the list: what wins
    there need not win on the test part. With `validate_on_last` the ends of the lists are the validation
    part, which is as far from training as the test part is.

    Args:
        path: The folder.
        train_on_valid: Put the validation part into the training part, as these papers do.
        validate_on_last: Share of each list of ``train.txt``, at its end, that becomes the validation part;
            ``valid.txt`` then belongs to the training part. It takes the lists to be in the order of time.
        in_time_order: Whether each list of ``train.txt`` runs from the oldest item to the newest. Say so only
            if you know it: models that give recent items more weight go by it.

    Returns:
        A log with integer ids, ``part`` and ``line``. If the lists are in the order of time, also ``order``,
        the place in the list of ``train.txt``.

    Raises:
        InputError: If a file is missing, or holds anything but whole numbers ≥ 0, or the share is not one.
    """
    files = _files(Path(path))
    logs = {part: read_lists(file) for part, file in files.items()}
    joined = train_on_valid or validate_on_last is not None
    named = {part: "train" if joined and part == "valid" else part for part in files}
    if in_time_order or validate_on_last is not None:
        place = logs["train"].groupby(Columns.USER).cumcount()
        logs["train"] = logs["train"].assign(**{Columns.ORDER: place.astype(np.float64)})
    log = pd.concat(
        [frame.assign(**{Columns.PART: named[part]}) for part, frame in logs.items()], ignore_index=True
    )
    if validate_on_last is not None:
        log.loc[_ends(log, validate_on_last), Columns.PART] = "valid"
    log, steps = clean(log, [drop_duplicates])
    log.attrs.update({"file" if part == "train" else part: str(file) for part, file in files.items()})
    name, hints = Path(path).resolve().name, tuple(shared_rows(log))
    return RawData(name, log, steps=steps, file=str(files["train"]), hints=hints)


def _ends(log: pd.DataFrame, share: float) -> BoolArray:
    """Mark the last part of each list with a known order; a lone row stays where it is."""
    if not 0 < share < 1:
        hint = "give a share between 0 and 1, as 0.2"
        raise InputError(f"{share} is not such a share", column="validate_on_last", hint=hint)
    length = log.groupby(Columns.USER)[Columns.ORDER].transform("count")
    held_out = (share * length).round().clip(lower=1).where(length > 1, 0)
    return (log[Columns.ORDER] >= length - held_out).to_numpy()


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(
            "this is not a directory", file=folder, hint="name the folder that holds train.txt and test.txt"
        )
    files = {part: folder / f"{part}.txt" for part in ("train", "valid", "test")}
    for part in ("train", "test"):
        if not files[part].is_file():
            hint = f"put it beside the other files of {folder}"
            raise InputError("there is no such file", file=files[part], hint=hint)
    return {part: file for part, file in files.items() if file.is_file()}


def read_lists(file: Path) -> pd.DataFrame:
    """Read the pairs of one file, without a loop: 720,000 pairs in a quarter of a second.

    Returns:
        ``user_id``, ``item_id`` (whole numbers) and ``line``, in the order of the file.

    Raises:
        InputError: If the file holds anything but whole numbers ≥ 0, or no pair.
    """
    data = file.read_bytes().removeprefix(codecs.BOM_UTF8) + b"\n"
    symbols = np.frombuffer(data, dtype=np.uint8)
    digit = (symbols >= ord("0")) & (symbols <= ord("9"))
    _refuse(~digit & ~np.isin(symbols, [_SPACE, _NEWLINE, _RETURN, _TAB]), symbols, data, file)
    before = np.concatenate([[False], digit[:-1]])
    starts = np.flatnonzero(digit & ~before)
    _refuse_long(starts, np.flatnonzero(~digit & before), symbols, data, file)
    newlines = np.flatnonzero(symbols == _NEWLINE)
    line = np.searchsorted(newlines, starts) + 1
    numbers = np.array(data.split(), dtype=np.int64)
    is_user = np.concatenate([[True], line[1:] != line[:-1]])[: len(line)]
    users = numbers[is_user][np.cumsum(is_user) - 1]
    frame = pd.DataFrame({Columns.USER: users, Columns.ITEM: numbers, "line": line})[~is_user]
    if frame.empty:
        raise InputError(
            "the file holds no pair of user and item", file=file, hint="write lines 'user item item ...'"
        )
    return frame.reset_index(drop=True)


def _refuse_long(
    starts: AnyArray, ends: AnyArray, symbols: npt.NDArray[np.uint8], data: bytes, file: Path
) -> None:
    long = np.zeros(len(symbols), dtype=bool)
    long[starts[ends - starts > _MAX_DIGITS]] = True
    _refuse(long, symbols, data, file)


def _refuse(bad: BoolArray, symbols: npt.NDArray[np.uint8], data: bytes, file: Path) -> None:
    """Name the line and the word of the first symbol that may not stand there."""
    if not bad.any():
        return
    place = int(bad.argmax())
    row = int((symbols[:place] == _NEWLINE).sum()) + 1
    line = data[data.rfind(b"\n", 0, place) + 1 : data.find(b"\n", place)]
    offset = place - data.rfind(b"\n", 0, place) - 1
    word = line[:offset].split(b" ")[-1] + line[offset:].split(b" ")[0]
    said = word.decode("utf-8", errors="replace").strip()[:40]
    raise InputError(
        f"{said!r} is not a whole number from 0 to 10^{_MAX_DIGITS}",
        file=file,
        row=row,
        hint="write 'user item item ...', numbers with spaces between",
    )
