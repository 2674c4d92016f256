"""MovieLens in its three formats: 100k (tab), 1M and 10M ('::'), and the later CSV files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from graphrec.data.attributes import attributes_of
from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.cleaning.declared import CleaningRule
from graphrec.data.cleaning.rules import UNREAD, apply_rules, still_told, to_be_cleaned, with_prices
from graphrec.data.interactions import Columns, RawData
from graphrec.data.purchases import PurchaseRules, hints, keep_purchases, with_week
from graphrec.data.tables.read import TextFormat, load_table
from graphrec.data.tables.times import parse_numbers
from graphrec.errors import InputError

_LOG = (Columns.USER, Columns.ITEM, Columns.RATING, Columns.TIMESTAMP)
_USER_ATTRIBUTES = ("age", "gender", "occupation")
_GENRES_100K = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
_ITEMS_100K = (Columns.ITEM, "title", "release_date", "video_release_date", "url", *_GENRES_100K)
_CSV_COLUMNS = {Columns.USER: "userId", Columns.ITEM: "movieId"}


@dataclass(frozen=True)
class _Format:
    """File names of one of the formats, and how to read them; titles are Latin-1 and hold stray quotes."""

    log: str
    log_text: TextFormat
    items: str
    items_text: TextFormat
    users: str | None = None
    users_text: TextFormat | None = None
    columns: dict[str, str] | None = None


def _plain(delimiter: str, *names: str) -> TextFormat:
    return TextFormat(delimiter, names=names, encoding="latin-1", quoted=False)


_FORMATS = (
    _Format(
        "u.data",
        _plain("\t", *_LOG),
        "u.item",
        _plain("|", *_ITEMS_100K),
        "u.user",
        _plain("|", Columns.USER, *_USER_ATTRIBUTES, "zip"),
    ),
    _Format(
        "ratings.dat",
        _plain("::", *_LOG),
        "movies.dat",
        _plain("::", Columns.ITEM, "title", "genres"),
        "users.dat",
        _plain("::", Columns.USER, "gender", "age", "occupation", "zip"),
    ),
    _Format("ratings.csv", TextFormat(","), "movies.csv", TextFormat(","), columns=_CSV_COLUMNS),
)
MOVIELENS_LOGS = tuple(form.log for form in _FORMATS)
"""Names of the files of ratings."""


def movielens(path: str, min_rating: float = 0.0, cleaning: list[CleaningRule] | None = None) -> RawData:
    """Read MovieLens: ``u.data`` (100k), ``ratings.dat`` (1M, 10M) or ``ratings.csv`` (later ones).

    Use it to compare with published numbers on ratings of films. Titles, genres and what is known of the
    users are read from the files beside the ratings, where they exist; post codes are left out.

    Args:
        path: The folder, or the file of ratings in it.
        min_rating: Ratings below this are removed: 4 keeps what was liked, 0 keeps what was seen.
        cleaning: As in the source ``table``.

    Returns:
        A log without times, in the order of the file, where the ratings have none.

    Raises:
        InputError: If no such file is found, or a value in it cannot be used.
    """
    form, folder = _format_of(Path(path))
    file = folder / form.log
    read = load_table(file, form.columns, text=form.log_text, cleaned=to_be_cleaned(cleaning))
    rules = PurchaseRules(min_rating, equal_rows="drop")  # a film is rated once
    read.frame.attrs["file"] = str(file)
    read.frame.attrs[UNREAD] = read.unread
    log, declared = apply_rules(read.frame, with_prices(read.frame, cleaning or ()))
    log, steps = keep_purchases(log, rules)
    log = with_week(log)
    log.attrs["times"] = read.times
    users, user_steps = _users(form, folder, log)
    items, item_steps = _items(form, folder, log)
    return RawData(
        name="movielens",
        log=log,
        users=users,
        items=items,
        steps=(*read.steps, *declared, *steps, *user_steps, *item_steps),
        file=str(file),
        hints=hints(log, rules, still_told(cleaning or (), read.unread)),
        rules=tuple(cleaning or ()),
        kept=rules,
    )


def _format_of(path: Path) -> tuple[_Format, Path]:
    for form in _FORMATS:
        if path.is_dir() and (path / form.log).is_file():
            return form, path
        if path.name == form.log:
            return form, path.parent
    expected = ", ".join(MOVIELENS_LOGS)
    raise InputError(
        "no ratings of MovieLens here", file=path, hint=f"name a folder with, or one of, {expected}"
    )


def _users(
    form: _Format, folder: Path, log: pd.DataFrame
) -> tuple[pd.DataFrame | None, tuple[CleaningStep, ...]]:
    if form.users is None or not (folder / form.users).is_file():
        return None, ()
    file = folder / form.users
    users = load_table(file, kind="users", text=form.users_text)
    kept = replace(users, frame=users.frame[[Columns.USER, *_USER_ATTRIBUTES]])
    return attributes_of(log, kept, "users", file)


def _items(
    form: _Format, folder: Path, log: pd.DataFrame
) -> tuple[pd.DataFrame | None, tuple[CleaningStep, ...]]:
    if not (folder / form.items).is_file():
        return None, ()
    file = folder / form.items
    items = load_table(file, form.columns, kind="items", text=form.items_text)
    frame = items.frame
    if form.log == "u.data":
        frame = frame.assign(genres=_joined_genres(frame))
    known = [name for name in (Columns.ITEM, "title", "genres") if name in frame]
    return attributes_of(log, replace(items, frame=frame[known]), "items", file)


def _joined_genres(items: pd.DataFrame) -> list[str]:
    """Join the 19 columns of 0 and 1 of u.item as the later formats write them: ``Action|Comedy``."""
    flags = items[list(_GENRES_100K)].apply(parse_numbers).to_numpy(dtype=float) > 0
    return [
        "|".join(name for name, flag in zip(_GENRES_100K, row, strict=True) if flag) for row in flags.tolist()
    ]
