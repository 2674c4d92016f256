"""The offers table, summed up for the report: what each policy gives away and is expected to bring."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphrec.errors import InputError

REFERENCE = "none"
SUMS = {
    "units": "expected_units",
    "revenue": "expected_revenue",
    "profit": "expected_profit",
    "spend": "spend",
}
SAMPLE = [
    *("user_id", "item_id", "score", "probability", "rate", "probability_at_rate", "price"),
    *("expected_profit", "promotion", "reason"),
]
_NEEDED = sorted({*SUMS.values(), *SAMPLE, "policy", "scenario"})


def read_offers(path: Path) -> pd.DataFrame:
    """Reads an offers table and what it says about its assumptions (`attrs`).

    Raises:
        InputError: The file is missing, unreadable, empty or lacks a column.
    """
    if not path.is_file():
        raise InputError(
            "there is no such file", file=path, mend="write it with `graphrec offers --out FILE.parquet`"
        )
    try:
        offers = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"not a Parquet file ({error})", file=path, mend="write it with `graphrec offers`"
        ) from error
    check_offers(offers, path)
    return offers


def check_offers(offers: pd.DataFrame, file: Path | None = None) -> None:
    """Raises an `InputError` when a table lacks rows or a column that the report needs."""
    missing = [column for column in _NEEDED if column not in offers]
    if missing:
        mend = "write the table with `graphrec offers`"
        raise InputError("the offers table lacks a column", file=file, column=missing[0], mend=mend)
    if offers.empty:
        raise InputError(
            "the offers table has no rows", file=file, mend="leave it out, or offer to more users"
        )


def policy_totals(offers: pd.DataFrame) -> pd.DataFrame:
    """Adds up the expected effect of each policy over all its (user, item) pairs.

    Returns:
        One row per scenario and policy, `none` first: pairs, offers (rate > 0), mean_rate (of those),
        units, revenue, profit, spend (expected sums; money in the log's currency) and gain: the
        profit beyond that of policy `none` in the same scenario, missing where that is.
    """
    groups = offers.assign(given=offers["rate"].where(offers["rate"] > 0)).groupby(["scenario", "policy"])
    totals = groups.agg(
        pairs=("rate", "size"),
        offers=("given", "count"),
        mean_rate=("given", "mean"),
        **{name: (column, "sum") for name, column in SUMS.items()},
    ).reset_index()
    reference = totals[totals["policy"] == REFERENCE].set_index("scenario")["profit"]
    totals["gain"] = totals["profit"] - totals["scenario"].map(reference)
    first = (totals["policy"] != REFERENCE).astype(int)
    return totals.assign(first=first).sort_values(["scenario", "first", "policy"]).drop(columns="first")


def offers_sample(offers: pd.DataFrame, policy: str, rows: int = 12) -> pd.DataFrame:
    """The offers of a policy that are expected to earn the most, at most two for one user.

    Returns:
        Columns `SAMPLE`, rate > 0, largest expected profit first.
    """
    given = offers[(offers["policy"] == policy) & (offers["rate"] > 0)]
    ranked = given.sort_values("expected_profit", ascending=False, kind="stable")
    return ranked[ranked.groupby("user_id").cumcount() < 2][SAMPLE].head(rows).reset_index(drop=True)
