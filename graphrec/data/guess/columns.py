"""Which column of a table is which, by its name and then by its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from graphrec.data.guess.values import as_numbers, dates_in, is_number, known
from graphrec.data.guess.words import COLUMN_WORDS, PURCHASE, TOTAL, event_kind, fit, plain
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import DISCOUNT, DISCOUNT_PCT, INTERACTION_ID, LIST_PRICE

_MONEY = (
    *(Columns.PRICE, LIST_PRICE, Columns.REGULAR_PRICE, Columns.SHELF_PRICE),
    *(DISCOUNT, DISCOUNT_PCT, TOTAL),
)
_NUMBERS = (*_MONEY, Columns.QUANTITY, Columns.RATING, Columns.WEEK)
_ABOUT = ("name", "title", "text", "description", "bezeichnung", "beschreibung", "titel", "nom", "nombre")
_ABOUT_TOO = (
    "名称",
    "标题",
    "描述",
    "category",
    "kategorie",
    "group",
    "gruppe",
    "类别",
    "brand",
    "marke",
    "品牌",
)
"""Words of what describes an item or a user and is no id of one."""
_MOST_EVENTS = 30


@dataclass(frozen=True)
class Found:
    """A column of the file and what it was taken for.

    Args:
        ours: Our name.
        theirs: The name in the file.
        why: The reason.
    """

    ours: str
    theirs: str
    why: str


@dataclass
class Guessed:
    """Columns of a log as far as they were found.

    Args:
        found: Our name → the column.
        doubts: What could not be decided.
    """

    found: dict[str, Found] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def theirs(self, ours: str) -> str | None:
        """Name the column of the file that is ours, if there is one."""
        return self.found[ours].theirs if ours in self.found else None


def guess_columns(frame: pd.DataFrame, decimal: str | None) -> Guessed:
    """Take each column for what its name and its values fit best.

    Args:
        frame: All columns of the file, as text or in the types of a Parquet file.
        decimal: Decimal sign of its numbers.
    """
    guessed = Guessed()
    fits = {
        (ours, str(name)): fit(str(name), words) - _is_about(str(name), ours)
        for ours, words in COLUMN_WORDS.items()
        for name in frame
    }
    order = sorted((pair for pair in fits if fits[pair] > 0), key=lambda pair: -fits[pair])
    for ours, theirs in order:
        taken = [one.theirs for one in guessed.found.values()]
        if theirs in taken or not _holds(ours, frame[theirs], decimal):
            continue
        if ours in guessed.found:
            if fits[ours, theirs] == fits[ours, guessed.found[ours].theirs] == 3:
                doubt = f"'{theirs}' may be {ours} as well as '{guessed.found[ours].theirs}', which was taken"
                guessed.doubts.append(f"columns: {doubt}")
            continue
        guessed.found[ours] = Found(ours, theirs, f"by its name{_VALUES.get(ours, '')}")
    _by_values(frame, guessed, decimal)
    return guessed


def _is_about(name: str, ours: str) -> int:
    """Take points off an id whose name says that it describes something."""
    if ours not in (Columns.USER, Columns.ITEM, Columns.BASKET):
        return 0
    said = plain(name)
    return 2 if any(word in said for word in (*_ABOUT, *_ABOUT_TOO)) else 0


_VALUES = {
    Columns.TIMESTAMP: ", and its values are times",
    Columns.QUANTITY: ", and its values are whole numbers",
    INTERACTION_ID: ", and no value occurs twice",
    Columns.EVENT: ", and one of its few values is a purchase",
    **dict.fromkeys((*_MONEY, Columns.RATING, Columns.WEEK), ", and its values are numbers"),
}
"""What the values of a kind have to be, for the reason."""


def _holds(ours: str, values: pd.Series[str], decimal: str | None) -> bool:
    """Tell whether values can be what a name says."""
    if not len(known(values)):
        return False
    if ours in _NUMBERS:
        return is_number(values, decimal) and _is_of(ours, as_numbers(values, decimal).dropna())
    return ours not in _TESTS or _TESTS[ours](values)


def _is_of(ours: str, numbers: pd.Series[float]) -> bool:
    if ours in (Columns.QUANTITY, Columns.WEEK):
        return bool((numbers % 1 == 0).mean() > 0.5) and (
            ours != Columns.WEEK or numbers.abs().max() < 10_000
        )
    if ours == Columns.RATING:
        return bool(numbers.nunique() <= 101 and numbers.max() <= 100)
    return True


def _is_time(values: pd.Series[str]) -> bool:
    return dates_in(values) is not None


def _is_event(values: pd.Series[str]) -> bool:
    distinct = known(values).unique()
    return len(distinct) <= _MOST_EVENTS and any(event_kind(one) == PURCHASE for one in distinct)


def _is_unique(values: pd.Series[str]) -> bool:
    return bool(values.notna().all() and values.is_unique)


def _names_parts(values: pd.Series[str]) -> bool:
    return set(known(values).unique()) <= {"train", "valid", "test"}


_TESTS: dict[str, Callable[[pd.Series[str]], bool]] = {
    Columns.TIMESTAMP: _is_time,
    Columns.EVENT: _is_event,
    INTERACTION_ID: _is_unique,
    Columns.PART: _names_parts,
}


def _by_values(frame: pd.DataFrame, guessed: Guessed, decimal: str | None) -> None:
    """Find times, users and items by their values alone, where no name tells them."""
    left = [str(name) for name in frame if str(name) not in {one.theirs for one in guessed.found.values()}]
    if Columns.TIMESTAMP not in guessed.found and Columns.WEEK not in guessed.found:
        for name in left:
            if frame[name].nunique() > 5 and not is_number(frame[name], decimal) and _is_time(frame[name]):
                why = "its values are times; its name does not tell"
                guessed.found[Columns.TIMESTAMP] = Found(Columns.TIMESTAMP, name, why)
                left.remove(name)
                break
    missing = [ours for ours in (Columns.USER, Columns.ITEM) if ours not in guessed.found]
    ids = [name for name in left if _is_id(frame[name])]
    for ours, name in zip(missing, ids, strict=False):
        why = "its values repeat as ids do; its name does not tell"
        guessed.found[ours] = Found(ours, name, why)
        guessed.doubts.append(f"columns: only the order of the columns says that '{name}' is {ours}")


def _is_id(values: pd.Series[str]) -> bool:
    """Tell whether values repeat, are not too few, and are no numbers with decimals."""
    text = known(values)
    distinct = text.nunique()
    whole = not text.str.contains(r"^\d+[.,]\d+$").any()
    return bool(len(text) > 0.5 * len(values) and 1 < distinct < 0.9 * len(text) and whole)


def events_in(values: pd.Series[str]) -> dict[str, str | None]:
    """Find which kind each value of a column of events is, None for one that no word tells."""
    return {value: event_kind(value) for value in sorted(known(values).unique())}
