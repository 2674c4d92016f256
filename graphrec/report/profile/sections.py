"""The sections of the page on a log: what was measured, drawn and beside it in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.profile import calendar, money, shape
from graphrec.data.profile.advice import weeks_of
from graphrec.data.profile.attributes import describe_attributes
from graphrec.data.profile.whole import Profile
from graphrec.report.charts.columns import columns
from graphrec.report.charts.degrees import degree_curves
from graphrec.report.profile.shown import Panel, Section, numbers

_NAMES = ("name", "title", "product_name", "product_type", "description", "product_category", "category")
"""Attributes that say in words which item it is, the best first."""


def sections(found: Profile) -> list[Section]:
    """Make the sections in their order; one says so where the log has no columns for it."""
    made: Sequence[Callable[[Profile], Section]] = (
        *(_degrees, _time, _season, _repeats),
        *(_money, _opinions, _attributes),
    )
    return [make(found) for make in made]


def _shares(title: str, table: pd.DataFrame, across: str, of: str, hint: str = "") -> Panel:
    """Draw the shares of a table by its first column, with the table beside."""
    labels, shares = table.iloc[:, 0].astype("str").tolist(), table["share"].tolist()
    chart = columns(labels, shares, title, across, f"share of the {of}", share=True)
    return Panel(title, chart, numbers(table, title), hint)


def _degrees(found: Profile) -> Section:
    log, title = found.log, "Users and items by how many they have"
    curves = {
        "items of a user": shape.at_least(log.items_of_user),
        "users of an item": shape.at_least(log.users_of_item),
    }
    table = shape.degrees(log)
    tops = [str(name) for name in table if str(name).startswith("top ")]
    turned = table.drop(columns=[*tops, "with_one"]).set_index("of").T.reset_index(names="quantile")
    for side in ("users", "items"):
        turned[side] = [f"{value:,.1f}".removesuffix(".0") for value in turned[side]]
    heads = {"users": "Items of a user", "items": "Users of an item"}
    spread = numbers(turned, "Quantiles", heads, right=("users", "items"))
    few = {"of": "", "with_one": "With one alone", **{name: f"Pairs in the {name}" for name in tops}}
    held = numbers(table[["of", "with_one", *tops]], "Shares of all pairs", few)
    top = shape.most_bought(log)
    top = top.assign(**{Columns.ITEM: _with_words(found, top[Columns.ITEM])})
    most = numbers(top, "Items", {Columns.ITEM: "Item", "share": "Share of all users"}, bars=True)
    hint = "Both axes are logarithmic. A straight line is a long tail: few have very many, most have few."
    panels = [
        Panel(title, degree_curves(curves, title, "distinct items, or users"), spread, hint),
        Panel("How much the largest hold", None, held),
        Panel("Items with the most users", None, most),
    ]
    return Section("degrees", "Users and items", panels)


def _with_words(found: Profile, ids: pd.Series[str]) -> list[str]:
    """Add to ids what the items are called, where their table has a name."""
    table = found.tables.get("items")
    word = next((one for one in _NAMES if table is not None and one in table), None)
    if table is None or word is None:
        return ids.tolist()
    named = table.dropna(subset=[word]).assign(**{Columns.ITEM: table[Columns.ITEM].astype("str")})
    called = dict(named.drop_duplicates(Columns.ITEM)[[Columns.ITEM, word]].to_numpy().tolist())
    return [f"{called[one]} ({one})" if one in called else one for one in ids]


def _time(found: Profile) -> Section:
    table = calendar.weeks(found.log)
    if table.empty:
        return Section("time", "Time", none="The log has no times: nothing can be cut by time.")
    width = calendar.weeks_in_a_bar(found.log)
    each = "week" if width == 1 else f"{width} weeks"
    title = f"Rows in each {each}"
    chart = columns(table["week"].astype("str").tolist(), table["rows"].tolist(), title, each, "rows")
    newcomers = "Share of the items sold that were never sold before"
    new = table[["week", "items", "new_items"]]
    new = new.assign(share=new["new_items"] / new["items"].clip(lower=1))
    hint = (
        "A model knows what it was trained on. Where this stays high, much of a later test is unknown to it."
    )
    panels = [Panel(title, chart, numbers(table, title)), _shares(newcomers, new, each, "items sold", hint)]
    empty = int((table["rows"] == 0).sum())
    facts = [("Weeks", f"{weeks_of(found.log):,}"), (f"Of {len(table):,} bars without a row", f"{empty:,}")]
    return Section("time", "Time", panels, facts=facts)


def _season(found: Profile) -> Section:
    log = found.log
    tables = {
        "Rows by weekday": ("day", calendar.weekdays(log)),
        "Rows by hour": ("hour", calendar.hours(log)),
        "Rows by month": ("month", calendar.months(log)),
    }
    panels = [_shares(name, table, what, "rows") for name, (what, table) in tables.items() if not table.empty]
    hint = (
        "Hours and days as the log has them; times with a zone were turned to UTC. Of a log that is no whole"
        " number of years, some months are counted more often than others."
    )
    return Section(
        "season", "Season", panels, hint if panels else "", none="" if panels else "There are no dates."
    )


def _repeats(found: Profile) -> Section:
    log, title = found.log, "Pairs of user and item by the number of their rows"
    panels = [_shares(title, shape.times_bought(log), "rows of a pair", "pairs")]
    baskets = shape.basket_sizes(log)
    if not baskets.empty:
        panels.append(_shares("Baskets by the number of their items", baskets, "distinct items", "baskets"))
    again = f"{int(log.repeats.sum()):,} ({log.repeats.mean():.1%})"
    facts = [("Rows that repeat an earlier pair", again), *_returns(found)]
    return Section("repeats", "Repeats, baskets and returns", panels, facts=facts)


def _returns(found: Profile) -> list[tuple[str, str]]:
    """Say how many rows were returns, which cleaning took out."""
    steps = [step for step in found.raw.steps if step.table == "log"]
    rows = len(found.log) + sum(step.removed for step in steps)
    back = [step for step in steps if "return" in step.step or "cancel" in step.step]
    if not back:
        told = Columns.QUANTITY in found.log.frame or Columns.BASKET in found.log.frame
        return [("Returns", "none" if told else "cannot be told: there is neither a quantity nor a receipt")]
    taken = sum(step.removed for step in back)
    return [("Rows taken out as returns or cancellations", f"{taken:,} of {rows:,} ({taken / rows:.1%})")]


def _money(found: Profile) -> Section:
    log, title = found.log, "Prices and discounts"
    if not money.prices_there(log):
        return Section("money", title, none="The log has no prices.")
    deep = money.depth(log)
    hint = "A price is known only where somebody bought. Between, a response carries the last one on."
    changes = numbers(money.price_changes(log), "Prices", {"what": "", "value": ""})
    moves = Panel("How prices move", None, changes, hint)
    if deep is None:
        return Section(
            "money", title, [moves], none="One price is known for each row: no discount can be told."
        )
    kinds = numbers(money.discounts(log), "Kinds of discounts", bars=True)
    panels = [
        Panel("How often there is a discount", None, kinds),
        _shares("Discounted rows by depth", money.depths(deep), "depth", "discounted rows"),
    ]
    weekly = money.weekly_discounts(log, deep)
    if len(weekly) > 1:
        panels.append(_shares("Rows with a discount, in each four weeks", weekly, "from week", "rows"))
    return Section("money", title, [*panels, moves])


def _opinions(found: Profile) -> Section:
    frame, panels = found.log.frame, []
    if Columns.RATING in frame:
        panels.append(_shares("Rows by rating", money.kinds_of(frame[Columns.RATING]), "rating", "rows"))
    if Columns.EVENT in frame:  # its names may be in any script, which charts have no letters for
        table = numbers(money.kinds_of(frame[Columns.EVENT]), "Events", {"value": "Event"}, bars=True)
        panels.append(Panel("Rows by event", None, table))
    none = "" if panels else "The log has neither ratings nor events: every row is a purchase."
    return Section("opinions", "Ratings and events", panels, none=none)


def _attributes(found: Profile) -> Section:
    sides = {"users": (Columns.USER, found.log.user_ids), "items": (Columns.ITEM, found.log.item_ids)}
    panels = []
    for side, (key, ids) in sides.items():
        if side in found.tables:
            table = describe_attributes(found.tables[side], key, ids)
            heads = {"known": f"Known for {side} of the log"}
            panels.append(Panel(f"Attributes of {side}", None, numbers(table, side, heads)))
    none = "" if panels else "No tables of users or items were given (--users, --items)."
    return Section("attributes", "Attributes", panels, none=none)
