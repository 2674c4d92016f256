"""Logs in Parquet that the tests of the engine share, and what both engines are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.data.engine import facts
from graphrec.data.engine.backends import Engine
from graphrec.data.engine.codes import codes
from graphrec.data.engine.edges import edges
from graphrec.data.engine.opened import opened
from graphrec.data.engine.rows import prepared
from graphrec.data.features.options import FeatureOptions
from graphrec.data.weights import EdgeWeights, Event, Quantity, Rating, Recency
from graphrec.data.weights.graph_rows import weighed_rows

ALL = FeatureOptions(
    ["interest", "behaviour", "interest_recency", "interest_trend", "habits", "times", "events"],
    ["base", "reviews", "price_history", "promotion", "ratings", "events"],
    pca=None,
    min_variance=0.0,
)


def grocer(seed: int = 0, rows: int = 1200) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twelve weeks with prices, baskets, events, ratings and gaps; ids of several alphabets."""
    rng = np.random.default_rng(seed)
    item, week = rng.integers(0, 20, rows), np.sort(rng.integers(1, 13, rows))
    hours = 7 * 24 * (week - 1) + rng.integers(0, 168, rows)
    log = pd.DataFrame(
        {
            "user_id": [f"顾客 {code:02}" for code in rng.integers(0, 30, rows)],
            "item_id": [f"{code:03}" for code in item],
            "week": week,
            "timestamp": pd.Timestamp("2024-01-01 00:00:30") + pd.to_timedelta(hours, unit="h"),
            "basket_id": rng.integers(0, rows // 3, rows),
            "quantity": rng.integers(1, 4, rows).astype(float),
            "regular_price": 1.0 + item / 5,
            "rating": rng.choice([1.0, 3.0, 5.0], rows),
            "event": rng.choice(["view", "purchase"], rows),
        }
    )
    log["shelf_price"] = log["regular_price"] * rng.choice([1.0, 0.8], rows)
    log["price"] = (log["shelf_price"] * rng.choice([1.0, 0.9], rows)).where(rng.random(rows) < 0.95)
    items = pd.DataFrame({"item_id": [f"{code:03}" for code in range(20)]})
    return log.drop_duplicates(), items.assign(department=[f"d{code % 4}" for code in range(20)])


def write_parts(log: pd.DataFrame, folder: Path, parts: int = 2) -> Path:
    """Write a log as a folder such as Spark writes, in folders by year."""
    for part, rows in enumerate(np.array_split(np.arange(len(log)), parts)):
        (folder / f"year={2024 + part}").mkdir(parents=True)
        log.iloc[rows].to_parquet(folder / f"year={2024 + part}" / "part-0.parquet", index=False)
    (folder / "_SUCCESS").touch()
    return folder


def frames(engine: Engine, case: str, path: Path) -> dict[str, pd.DataFrame]:
    """Every table of facts that one of three logs gives, its rows in order; see `CASES`."""
    columns, weights = CASES[case]
    log = opened(path, columns, engine).drop_null(["user_id", "item_id"])
    if weights is not None:
        log, _ = weighed_rows(log, weights, engine, str(path))
    ids = codes(log, "user_id")
    rows = engine.named(prepared(log.rename(user="user_id", item="item_id"), 1.72e9))
    found = {
        "ids": ids,
        "span": facts.span(rows),
        "users": facts.sums(rows, "user"),
        "items": facts.sums(rows, "item"),
    }
    middle = 6.0 if "week" in rows.columns else None
    pairs = edges(rows, "sum" if weights is None else weights.per_edge, middle)
    found |= {"edges": pairs, "breadth": facts.breadth(pairs, "item")}
    found["company"] = facts.company(pairs, "user", "item", "others", found["breadth"])
    if middle is not None:
        levels = rows.select("item", level=rows.item.cast("string").substr(0, 1)).distinct()
        found |= {"trips": facts.trips(rows), "weeks": facts.weeks_of_users(rows)}
        found |= {"pair_weeks": facts.weeks_of_pairs(rows), "tastes": facts.tastes(pairs, levels, 12.0)}
    if "seconds" in rows.columns:
        found["times"] = facts.shares_of_time(rows, "user", True)
    if "event" in rows.columns:
        found["events"] = facts.events(rows, "item")
    if "regular_price" in rows.columns:
        weekly = facts.weekly_items(rows)
        found |= {"history": facts.price_history(weekly), "promotion": facts.promotion(weekly)}
    fetched = {name: engine.fetched(table).to_pandas() for name, table in found.items()}
    return {name: sorted_rows(frame) for name, frame in fetched.items()}


def sorted_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Put rows in the order of their keys, which are unique."""
    keys = [name for name in ("id", "user", "item", "level", "event") if name in frame]
    return frame.sort_values(keys, ignore_index=True) if keys else frame


def logs() -> dict[str, pd.DataFrame]:
    """The three logs: all columns; pairs alone, with numbers as ids; times without weeks, and ratings."""
    rng = np.random.default_rng(5)
    pairs = pd.DataFrame({"customer": rng.integers(8, 13, 90), "sku": rng.integers(-2, 9, 90)})
    rated = grocer(3, 300)[0][["user_id", "item_id", "timestamp", "rating"]]
    return {"grocer": grocer()[0], "pairs": pairs, "rated": rated}


CASES = {
    "grocer": ({}, EdgeWeights([Event({"view": 0.2, "purchase": 1.0}), Recency(3), Quantity()])),
    "pairs": ({"user_id": "customer", "item_id": "sku"}, None),
    "rated": ({}, EdgeWeights([Rating(scale=0.2, zero_below=3.0)], "last")),
}
"""Columns and weights of each."""
