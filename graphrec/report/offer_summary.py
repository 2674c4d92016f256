"""The offers table, summed up for the report: what each policy gives away and is expected to bring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from graphrec.errors import InputError
from graphrec.results import DELIMITERS, TABLES, told_of

REFERENCE = "none"
SUMS = {
    "units": "expected_units",
    "revenue": "expected_revenue",
    "profit": "expected_profit",
    "spend": "spend",
}
ENDS = ("gain_low", "gain_high")
SAMPLE = [
    *("user_id", "item_id", "score", "probability", "rate", "probability_at_rate", "price"),
    *("expected_profit", "promotion", "reason"),
]
WORDS = ("title", "name", "product_type", "product_category", "category")
_TEXTS = ("user_id", "item_id", "promotion", "reason", "policy", "scenario")
_NUMBERS = sorted({*SUMS.values(), *SAMPLE} - set(_TEXTS))
_NEEDED = sorted({*SUMS.values(), *SAMPLE, "policy", "scenario"})


def read_offers(path: Path) -> pd.DataFrame:
    """Read an offers table and what it says about its assumptions (`attrs`).

    Raises:
        InputError: The file is missing, unreadable, empty or lacks a column.
    """
    if not path.is_file():
        raise InputError(
            "there is no such file", file=path, hint="write it with `graphrec offers --out FILE.parquet`"
        )
    try:
        offers = _read(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        form = _form(path)
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"not a {form} file ({reason})", file=path, hint="write it with `graphrec offers`"
        ) from error
    check_offers(offers, path)
    return offers


def _form(path: Path) -> str:
    """Name the form of a table for messages; what is no other is taken for Parquet."""
    suffix = path.suffix.lower()
    return suffix.removeprefix(".").upper() if suffix in TABLES and suffix != ".parquet" else "Parquet"


def _read(path: Path) -> pd.DataFrame:
    """Read a table as `graphrec.results.write_table` writes it, by its suffix."""
    types = {**dict.fromkeys(_TEXTS, "str"), **dict.fromkeys(_NUMBERS, "float64")}
    suffix = path.suffix.lower()
    if suffix in DELIMITERS:
        offers = _read_delimited(path, DELIMITERS[suffix], types)
    elif suffix in (".json", ".jsonl"):
        offers = pd.read_json(path, lines=suffix == ".jsonl", dtype=types, convert_dates=False)
    else:
        return pd.read_parquet(path)
    offers.attrs = told_of(path)
    return offers


def _read_delimited(path: Path, delimiter: str, types: dict[str, str]) -> pd.DataFrame:
    offers = pd.read_csv(path, sep=delimiter, dtype=types, encoding="utf-8")
    for name in ("user_id", "item_id"):  # NA is an id
        ids = pd.read_csv(path, sep=delimiter, usecols=[name], dtype="str", keep_default_na=False)
        offers[name] = ids[name]
    return offers


def check_offers(offers: pd.DataFrame, file: Path | None = None) -> None:
    """Raise an `InputError` when a table lacks rows or a column that the report needs."""
    missing = [column for column in _NEEDED if column not in offers]
    if missing:
        hint = "write the table with `graphrec offers`"
        raise InputError("the offers table lacks a column", file=file, column=missing[0], hint=hint)
    texts = [column for column in _NUMBERS if not pd.api.types.is_numeric_dtype(offers[column])]
    if texts:
        hint = "write the table with `graphrec offers`"
        raise InputError("this column holds no numbers", file=file, column=texts[0], hint=hint)
    if offers.empty:
        raise InputError(
            "the offers table has no rows", file=file, hint="leave it out, or offer to more users"
        )


def policy_totals(offers: pd.DataFrame) -> pd.DataFrame:
    """Add up the expected effect of each policy over all its (user, item) pairs.

    Returns:
        One row per scenario and policy, `none` first: pairs, offers (rate > 0), mean_rate (of those),
        units, revenue, profit, spend (expected sums; money in the log's currency) and gain: the
        profit beyond that of policy `none` in the same scenario, missing where that is. gain_low and
        gain_high are its ends where the table tells them.
    """
    sums = SUMS | {name: name for name in ENDS if name in offers}
    groups = offers.assign(given=offers["rate"].where(offers["rate"] > 0)).groupby(["scenario", "policy"])
    totals = groups.agg(
        pairs=("rate", "size"),
        offers=("given", "count"),
        mean_rate=("given", "mean"),
        **{name: (column, _whole_sum) for name, column in sums.items()},
    ).reset_index()
    reference = totals[totals["policy"] == REFERENCE].set_index("scenario")["profit"]
    totals["gain"] = totals["profit"] - totals["scenario"].map(reference)
    first = (totals["policy"] != REFERENCE).astype(int)
    return totals.assign(first=first).sort_values(["scenario", "first", "policy"]).drop(columns="first")


def _whole_sum(values: pd.Series[Any]) -> float:
    """Add up, missing where one is."""
    return float(values.sum(skipna=False))


def offers_sample(
    offers: pd.DataFrame, policy: str, rows: int = 12, more: Sequence[str] = ()
) -> pd.DataFrame:
    """Pick the offers of a policy that are expected to earn the most, at most two for one user.

    Args:
        offers: Offers table.
        policy: Its name.
        rows: How many.
        more: Columns besides, where the table has them.

    Returns:
        Columns `SAMPLE` and `more`, rate > 0, largest expected profit first.
    """
    columns = [*SAMPLE, *(name for name in more if name in offers)]
    given = offers[(offers["policy"] == policy) & (offers["rate"] > 0)]
    ranked = given.sort_values("expected_profit", ascending=False, kind="stable")
    return ranked[ranked.groupby("user_id").cumcount() < 2][columns].head(rows).reset_index(drop=True)


def examples(offers: pd.DataFrame, items: pd.DataFrame | None, rows: int = 8) -> pd.DataFrame:
    """Pick the last policy's offers that are expected to add most sales, one per user, with items' words.

    Args:
        offers: Offers table.
        items: Attributes by ``item_id``; the most telling one is shown.
        rows: How many.
    """
    last = offers[offers["policy"] == offers["policy"].iloc[-1]]
    given = last[last["rate"] > 0]
    added = (given["probability_at_rate"] - given["probability"]) * given["price"]
    best = given.assign(added=added).sort_values("added", ascending=False, kind="stable")
    best = best.drop_duplicates("user_id").head(rows)
    table: pd.DataFrame = best[["user_id", "item_id"]].copy()
    word = next((one for one in WORDS if items is not None and one in items), None)
    if items is not None and word is not None and (best["promotion"] != "threshold").all():
        table[word] = best["item_id"].map(items.set_index("item_id")[word])
    for column in ("price", "threshold", "amount", "median_basket"):
        if best[column].notna().any():
            table[column] = best[column].map("{:,.2f}".format)
    table["rate"] = best["rate"].map("{:.1%}".format)
    for column in ("probability", "probability_at_rate"):
        table[column] = best[column].map("{:.3f}".format)
    table["reason"] = best["reason"]
    return table
