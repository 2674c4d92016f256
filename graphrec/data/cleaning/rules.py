"""All rules of cleaning that a YAML may name, and what a source asks of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from graphrec.data.cleaning.declared import CleaningRule, apply_rules
from graphrec.data.cleaning.duplicates import Duplicates
from graphrec.data.cleaning.ignore import UNREAD, Ignore
from graphrec.data.cleaning.missing import Missing
from graphrec.data.cleaning.outliers import Outliers
from graphrec.data.cleaning.prices import KINDS, Prices
from graphrec.data.cleaning.returns import Returns
from graphrec.data.cleaning.rows import Guests, ZeroQuantities
from graphrec.data.tables.read import NOT_CLEANED, Cleaned
from graphrec.errors import InputError

__all__ = [
    "UNREAD",
    "CleaningRule",
    "Duplicates",
    "Guests",
    "Ignore",
    "Missing",
    "Outliers",
    "Prices",
    "Returns",
    "ZeroQuantities",
    "apply_rules",
]


def to_be_cleaned(rules: Sequence[object] | None) -> Cleaned:
    """Say what reading has to leave to the rules, and what to read for them.

    Raises:
        InputError: If something else stands among them.
    """
    if not rules:
        return NOT_CLEANED
    steps = [rule for rule in rules if isinstance(rule, CleaningRule)]
    if len(steps) < len(rules):
        other = next(rule for rule in rules if rule not in steps)
        hint = "give objects of graphrec.data.cleaning.rules: cleaning=[Returns(), Guests()]"
        raise InputError(f"{other!r} is no step of cleaning", column="cleaning", hint=hint)
    columns = [column for rule in steps for column in rule.reads]
    return Cleaned(tuple(columns), tuple(column for rule in steps for column in rule.mends))


def with_prices(log: pd.DataFrame, rules: Sequence[CleaningRule]) -> list[CleaningRule]:
    """Derive prices at the end where the log has list prices or discounts and no rule does so."""
    derived = any(isinstance(rule, Prices) for rule in rules)
    return [*rules, *([] if derived or not any(kind in log for kind in KINDS) else [Prices()])]


def still_told(rules: Sequence[CleaningRule], unread: tuple[str, ...]) -> tuple[str, ...]:
    """Say which columns that nothing reads are still news to a person."""
    for rule in rules:
        unread = rule.unread(unread)
    return unread
