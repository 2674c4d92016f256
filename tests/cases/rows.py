"""Cases of rows that are no purchases, of rows that must not be lost, and of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cases.shop import Shell, config, edges, log, pairs, recommended, temporal


def b06b_day_number_leavelast(shell: Shell) -> None:
    """Days as numbers are not seconds since 1970: recognised or refused, never week 1 for all."""
    frame = log()[["user_id", "item_id", "timestamp"]]
    frame["timestamp"] = 1 + (frame["timestamp"] - frame["timestamp"].min()).dt.days
    frame.to_csv("log.csv", index=False)
    said = shell("data check log.csv")
    if said.code:
        said.refused("timestamp")
        return
    from graphrec.data.sources import table

    weeks = table("log.csv").log["week"]
    assert weeks.max() - weeks.min() == (frame["timestamp"].max() - frame["timestamp"].min()) // 7


def b10_tz_train_end(shell: Shell) -> None:
    """A bound with a time zone works."""
    frame = log()
    frame.to_csv("log.csv", index=False)
    bounds = {"column": "timestamp", "train_end": "2023-04-30T23:59:59+00:00", "val_end": "2023-05-15"}
    config(split=temporal(**bounds))
    shell("fit -c c.yaml").done()
    from graphrec.data.sources import table
    from graphrec.data.splits import Temporal

    split = Temporal(**bounds)(table("log.csv").log)
    early = frame["timestamp"] <= pd.Timestamp("2023-04-30 23:59:59")
    middle = ~early & (frame["timestamp"] < pd.Timestamp("2023-05-16"))
    assert len(split.train.frame) == early.sum()
    assert len(split.val.frame) == middle.sum() - sum(
        count for name, count in split.dropped.items() if name.startswith("valid")
    )


def b13b_beyond_end(shell: Shell) -> None:
    """A test part that is empty is told in fit and in test."""
    log().to_csv("log.csv", index=False)
    config(split=temporal(column="timestamp", train_end="2023-05-15", val_end="2024-04-30"))
    shell("fit -c c.yaml").says("graphrec: ", "test part", "empty")
    shell("test -c c.yaml").refused()
    config(split=temporal(column="timestamp", train_end="2024-05-15", val_end="2024-06-30"))
    shell("fit -c c.yaml").refused("empty")


def c01_returns_unmapped(shell: Shell) -> None:
    """A column that looks like quantities and is not mapped is named; returns are no purchases."""
    frame = log()
    returned = frame.iloc[::9].assign(quantity=-1)
    only = returned.iloc[::2]
    frame = pd.concat([frame[~frame.index.isin(only.index)], returned]).sort_values("timestamp")
    number = [f"{'C' if q < 0 else ''}536{i:03d}" for i, q in enumerate(frame["quantity"])]
    raw = pd.DataFrame(
        {
            "InvoiceNo": number,
            "CustomerID": frame["user_id"],
            "StockCode": frame["item_id"],
            "InvoiceDate": frame["timestamp"],
            "UnitPrice": frame["price"],
            "Quantity": frame["quantity"],
        }
    )
    raw.to_csv("log.csv", index=False)
    columns = {
        "user_id": "CustomerID",
        "item_id": "StockCode",
        "timestamp": "InvoiceDate",
        "price": "UnitPrice",
    }
    mapped = " ".join(f"{ours}={theirs}" for ours, theirs in columns.items())
    shell(f"data check log.csv --columns {mapped}").says("Quantity")
    config(columns=columns)
    shell("fit -c c.yaml").says("Quantity")
    with_quantity = {**columns, "quantity": "Quantity"}
    bought = pairs(frame[frame["quantity"] > 0])
    assert edges(columns=with_quantity) == bought
    assert pairs(only).isdisjoint(bought)
    config(columns=with_quantity)
    shell("fit -c c.yaml").done().says(str(len(returned)))
    basket = {**columns, "basket_id": "InvoiceNo"}
    assert edges(columns=basket) == bought


def c02_quantity_zero(shell: Shell) -> None:
    """A line of quantity 0 is no purchase, and is counted."""
    frame = log()
    frame.loc[::5, "quantity"] = 0
    frame.to_csv("log.csv", index=False)
    shell("data check log.csv").done().says(str(int((frame["quantity"] == 0).sum())), "quantity")
    assert edges() == pairs(frame[frame["quantity"] > 0])


def c08_negative_ratings(shell: Shell) -> None:
    """Dislikes are no purchases without a word; table and recbole take a threshold."""
    frame = log().assign(rating=np.where(np.arange(480) % 4 == 0, -1, 1))
    frame.to_csv("log.csv", index=False)
    shell("data check log.csv").done().says("rating", "120")
    assert edges() == pairs(frame[frame["rating"] > 0])
    frame["rating"] = 1 + np.arange(480) % 5
    frame.to_csv("log.csv", index=False)
    assert edges(min_rating=4) == pairs(frame[frame["rating"] >= 4])
    seconds = frame["timestamp"].astype("int64") // 10**6
    atomic = frame.assign(timestamp=seconds)[["user_id", "item_id", "rating", "timestamp"]]
    atomic.columns = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
    atomic.to_csv("log.inter", index=False, sep="\t")
    from graphrec.data.sources import recbole

    assert pairs(recbole("log.inter", min_rating=4).log) == pairs(frame[frame["rating"] >= 4])


def _ratings() -> pd.DataFrame:
    frame = log()
    return pd.DataFrame(
        {
            "userId": frame["user_id"].str[1:].astype(int) + 1,
            "movieId": frame["item_id"].str[1:].astype(int) + 1,
            "rating": 1 + np.arange(480) % 5,
            "timestamp": frame["timestamp"].astype("datetime64[s]").astype("int64"),
        }
    )


def _movielens(frame: pd.DataFrame) -> None:
    Path("ml").mkdir(exist_ok=True)
    frame.to_csv("ml/ratings.csv", index=False)
    config(kind="movielens", path="ml")


def e02b_missing_user_id(shell: Shell) -> None:
    """A row without user in a file of MovieLens is dropped and counted."""
    frame = _ratings().astype({"userId": "Int64"})
    frame.loc[::16, "userId"] = pd.NA
    _movielens(frame)
    said = shell("fit -c c.yaml")
    if said.code:
        said.refused("userId")
        return
    said.says("30")
    assert set(recommended(shell)["user_id"].astype(str)) == set(frame["userId"].dropna().astype(str))


def e02c_ratings_without_timestamp(shell: Shell) -> None:
    """A file of ratings without time is one line, or a log without time."""
    _movielens(_ratings().drop(columns="timestamp"))
    said = shell("fit -c c.yaml")
    if said.code:
        said.refused("timestamp")
    else:
        assert recommended(shell)["user_id"].nunique() == 40


def e05_movielens_missing_times(shell: Shell) -> None:
    """Rows without time are dropped and counted; scores stay finite."""
    frame = _ratings().astype({"timestamp": "Int64"})
    frame.loc[::6, "timestamp"] = pd.NA
    _movielens(frame)
    shell("fit -c c.yaml").done().says("80")
    shell("test -c c.yaml").done()
    assert np.isfinite(recommended(shell)["score"]).all()
    from graphrec.data.sources import movielens

    read = movielens("ml").log
    day = pd.to_datetime(frame["timestamp"].dropna().astype("int64"), unit="s")
    assert len(read) == 400
    assert read["week"].max() == 1 + (day.max() - day.min().normalize()).days // 7


def n05_test_without_time(shell: Shell) -> None:
    """A test file without times is used as given, or one line; never an empty test."""
    frame = log()
    frame.iloc[:400].to_csv("log.csv", index=False)
    later = frame.iloc[400:][["user_id", "item_id"]]
    later.to_csv("test.csv", index=False)
    config(split={"class_path": "Given"}, test_path="test.csv")
    said = shell("fit -c c.yaml")
    if said.code:
        said.refused("test.csv")
        return
    shell("test -c c.yaml").done()
    from graphrec.data.sources import table
    from graphrec.data.splits import Given

    split = Given()(table("log.csv", test_path="test.csv").log)
    assert len(split.test.frame) == len(later)
