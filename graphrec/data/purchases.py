"""What of a log is a purchase: the rules that the sources table, recbole and movielens share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np
import pandas as pd

from graphrec.data.cleaning.account import POSITION, Cleaner, CleaningStep, clean, keep_rows
from graphrec.data.cleaning.mending import (
    clip_above_group_median,
    drop_duplicates,
    drop_missing,
    fill_by_group_median,
)
from graphrec.data.interactions import Columns
from graphrec.data.splitting import PARTS
from graphrec.data.tables.kinds import INTERACTION_ID, MONEY
from graphrec.data.week_numbers import SLIPS, check_order, check_weeks, odd_times
from graphrec.errors import InputError

TIMES = (Columns.TIMESTAMP, Columns.WEEK)
_TELLING = (*TIMES, Columns.BASKET, INTERACTION_ID)
"""Columns that tell a purchase from another of the same item by the same user."""
EqualRows = Literal["drop", "keep"]


@dataclass(frozen=True)
class PurchaseRules:
    """Which rows are purchases; the other rules need no choice.

    Args:
        min_rating: Rows rated below this are no purchases; None keeps all.
        outlier_factor: Medians of its item above which a quantity or price is lowered; None for none.
        equal_rows: What to do with a row that equals an earlier one in all columns. If missing they are
            dropped where a time, a basket or an id tells purchases apart, and else kept.

    Raises:
        InputError: If a value is out of its range.
    """

    min_rating: float | None = 0.0
    outlier_factor: float | None = None
    equal_rows: EqualRows | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        factor, rating = self.outlier_factor, self.min_rating
        if factor is not None and not 1 < factor < np.inf:
            hint = "give 20, or null for none"
            raise InputError(f"{factor} must be > 1", column="outlier_factor", hint=hint)
        if rating is not None and not np.isfinite(rating):
            hint = "give the lowest rating that is a purchase, or null for all"
            raise InputError(f"{rating} is no rating", column="min_rating", hint=hint)
        if self.equal_rows not in (None, *get_args(EqualRows)):
            raise InputError(f"'{self.equal_rows}' is neither", column="equal_rows", hint="give drop or keep")

    def keeps_equal(self, log: pd.DataFrame) -> bool:
        """Tell whether rows that equal an earlier one stay."""
        if self.equal_rows is None:
            return not any(column in log for column in _TELLING)
        return self.equal_rows == "keep"


def keep_purchases(log: pd.DataFrame, rules: PurchaseRules) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
    """Drop what is no purchase, fill and lower side values, and count it all.

    Raises:
        InputError: If `rules` ask for a rating and the log has none.
    """
    if rules.min_rating and Columns.RATING not in log:
        hint = "map the column of ratings to rating, or leave min_rating out"
        raise InputError("there are no ratings", file=log.attrs.get("file"), column="min_rating", hint=hint)
    return clean(log, [*_droppers(log, rules), *_menders(log, rules.outlier_factor)])


def _declared_by(entry: str, cleaner: Cleaner) -> Cleaner:
    """Let the step of a cleaner say which entry of ``cleaning:`` declares the like."""

    def cleaned(log: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
        log, step = cleaner(log)
        return log, replace(step, entry=entry)

    return cleaned


def _droppers(log: pd.DataFrame, rules: PurchaseRules) -> Iterator[Cleaner]:
    nameless = partial(drop_missing, columns=[Columns.USER, Columns.ITEM])
    guests = Columns.USER in log and log[Columns.USER].isna().any()
    yield _declared_by("Guests" if guests else "", nameless)
    for column in TIMES:
        if column in log:
            yield partial(drop_missing, columns=[column])
    if not rules.keeps_equal(log):
        yield _declared_by("Duplicates", drop_duplicates)
    if Columns.QUANTITY in log:
        yield _declared_by("{class_path: Returns, init_args: {how: net}}", _drop_returns)
        yield _declared_by("ZeroQuantities", _drop_zero)
    elif Columns.BASKET in log:
        yield _declared_by("{class_path: Returns, init_args: {how: net, prefix: C}}", _drop_cancelled)
    if rules.min_rating is not None and Columns.RATING in log:
        if rules.min_rating:  # what nobody rated is not known to be liked
            yield partial(drop_missing, columns=[Columns.RATING])
        yield partial(_drop_disliked, lowest=rules.min_rating)


def _drop_returns(log: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
    """Drop returns, which are no purchases; the purchase that one undoes stays."""
    return keep_rows(log, ~(log[Columns.QUANTITY] < 0), "returns (quantity below 0)")


def _drop_zero(log: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
    return keep_rows(log, ~(log[Columns.QUANTITY] == 0), "rows of quantity 0")


def _drop_cancelled(log: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
    """Drop cancelled baskets: many tills number one C536379 where receipts are 536379."""
    basket = log[Columns.BASKET].astype("str")
    cancelled = basket.str.fullmatch(r"[cC]\d+").to_numpy(dtype=bool, na_value=False)
    receipts = basket[~cancelled].str.fullmatch(r"\d+").to_numpy(dtype=bool, na_value=False)
    are_receipts = len(receipts) > 0 and receipts.mean() > 0.5
    return keep_rows(log, ~(cancelled & are_receipts), "rows of cancelled baskets (C and a number)")


def _drop_disliked(log: pd.DataFrame, lowest: float) -> tuple[pd.DataFrame, CleaningStep]:
    below = log[Columns.RATING] < lowest
    return keep_rows(log, ~below, f"ratings below {lowest:g}", asked=lowest != 0)


def _menders(log: pd.DataFrame, outlier_factor: float | None) -> Iterator[Cleaner]:
    measures = [column for column in (Columns.QUANTITY, *MONEY) if column in log]
    of_event = (Columns.QUANTITY, Columns.RATING)  # a view has none, and not that of the item's purchases
    for column in (*measures, *([Columns.RATING] if Columns.RATING in log else [])):
        if column in of_event and Columns.EVENT in log:
            continue
        entry = f"{{class_path: Missing, init_args: {{column: {column}, how: median, group: [item_id]}}}}"
        fill = partial(fill_by_group_median, column=column, group=Columns.ITEM)
        yield _declared_by(entry, partial(_fill_rating, fill) if column == Columns.RATING else fill)
    if outlier_factor is not None:
        for column in measures:
            yield partial(clip_above_group_median, column=column, group=Columns.ITEM, factor=outlier_factor)


def _fill_rating(fill: Cleaner, log: pd.DataFrame) -> tuple[pd.DataFrame, CleaningStep]:
    """Fill ratings and mark where none was given: what nobody said is no opinion to learn from."""
    missing = log[Columns.RATING].isna()
    log, step = fill(log)
    return (log.assign(**{Columns.RATING_MISSING: missing.astype("int64")}) if missing.any() else log), step


def check_same_times(logs: Mapping[str, pd.DataFrame], files: Mapping[str, str]) -> None:
    """Raise `InputError` if one file of a given split has times and another has none."""
    for column in TIMES:
        without = [part for part, log in logs.items() if column not in log]
        if without and len(without) < len(logs):
            other = next(files[part] for part in logs if part not in without)
            raise InputError(
                f"this file has no times, and {other} has",
                file=files[without[0]],
                column=column,
                hint=f"add the column, or leave it out of the other file too: columns: {{{column}: null}}",
            )


def hints(log: pd.DataFrame, rules: PurchaseRules, unread: Sequence[str]) -> tuple[str, ...]:
    """List what a reader should know of the rows that stay, as lines."""
    return (
        *_equal_rows(log, rules),
        *_unread(log, unread),
        *_ratings(log, rules),
        *_prices(log),
        *shared_rows(log),
        *odd_times(log),
    )


def _equal_rows(log: pd.DataFrame, rules: PurchaseRules) -> Iterator[str]:
    if rules.equal_rows is None and rules.keeps_equal(log):
        _, step = drop_duplicates(log)
        if step.removed:
            yield (
                f"{step.removed:,} rows equal an earlier one and count as further purchases, as no time,"
                " basket or interaction_id tells them apart; equal_rows: drop takes them out"
            )


def shared_rows(log: pd.DataFrame) -> Iterator[str]:
    """Say how many rows of a later part equal one of an earlier part, which is trained on."""
    if Columns.PART not in log:
        return
    said = [column for column in log.columns if column not in (Columns.PART, *POSITION)]
    content = pd.util.hash_pandas_object(log[said], index=False)
    earlier = content[log[Columns.PART] == PARTS[0]]
    for part in PARTS[1:]:
        later = content[log[Columns.PART] == part]
        if again := int(later.isin(earlier).sum()):
            yield (
                f"{again:,} of {len(later):,} {part} rows equal rows of an earlier part in {', '.join(said)};"
                " if they are the same purchases, take them out of one file"
            )
        earlier = pd.concat([earlier, later])


_LOOKS_LIKE = {
    Columns.QUANTITY: ("quantity", "qty", "units", "pieces", "menge", "anzahl", "count"),
    "cancellation": ("cancel", "return", "refund", "storno", "status", "void"),
    Columns.EVENT: ("event", "behavior", "behaviour", "action", "label"),
}


def _unread(log: pd.DataFrame, unread: Sequence[str]) -> Iterator[str]:
    """Name columns that were not read and by their name decide what is a purchase."""
    for what, words in _LOOKS_LIKE.items():
        found = [name for name in unread if any(word in name.lower() for word in words)]
        if not found or (what in (Columns.QUANTITY, Columns.EVENT) and what in log):
            continue
        yield f"column '{found[0]}' is not read, so every row counts as a purchase; {_advice(what, found[0])}"
    years = [name for name in unread if name.lower() in ("year", "yr", "jahr")]
    if years and Columns.WEEK in log and Columns.TIMESTAMP not in log:
        yield (
            f"column '{years[0]}' is not read; weeks that restart each year are taken for the same ones:"
            " number them on"
        )


def _advice(what: str, column: str) -> str:
    if what == Columns.QUANTITY:
        return f"if it tells returns, map it: columns: {{quantity: {column}}}"
    if what == Columns.EVENT:
        return f"if it tells views from purchases, map it, columns: {{event: {column}}}, and give weights"
    return "if it tells what is none, take those rows out of the file"


def _ratings(log: pd.DataFrame, rules: PurchaseRules) -> Iterator[str]:
    """Warn of ratings of two values, as 0 and 1, which tell a dislike from a purchase."""
    if Columns.RATING not in log or rules.min_rating:
        return
    values = np.sort(log[Columns.RATING].dropna().unique())
    if len(values) == 2:
        low, high = (f"{value:g}" for value in values)
        yield f"ratings are {low} or {high}, and both count as purchases; min_rating: {high} keeps the latter"


def _prices(log: pd.DataFrame) -> Iterator[str]:
    """Warn of a shop's own discount that is none because two columns are mapped the wrong way round."""
    if not {Columns.REGULAR_PRICE, Columns.SHELF_PRICE} <= set(log):
        return
    above = log[Columns.SHELF_PRICE] > log[Columns.REGULAR_PRICE] * (1 + SLIPS)
    if above.mean() > SLIPS:
        yield (
            f"shelf_price is above regular_price in {int(above.sum()):,} rows, which count as undiscounted;"
            " are the two mapped the wrong way round?"
        )


def with_week(log: pd.DataFrame) -> pd.DataFrame:
    """Give a log with times its weeks: 1 + whole weeks since its first day.

    Raises:
        InputError: If its own weeks cannot be numbers of weeks that go on.
    """
    if Columns.WEEK in log:
        check_weeks(log[Columns.WEEK], log.attrs.get("file"))
        if Columns.TIMESTAMP in log:
            check_order(log)
        return log.assign(**{Columns.WEEK: log[Columns.WEEK].astype("int64")})
    if Columns.TIMESTAMP not in log or log.empty:
        return log
    first_day = log[Columns.TIMESTAMP].min().normalize()
    return log.assign(**{Columns.WEEK: 1 + (log[Columns.TIMESTAMP] - first_day).dt.days // 7})
