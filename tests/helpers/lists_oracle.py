"""The measures of lists by pandas alone, beside which those of graphrec are held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def read(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, dtype={"user_id": str, "item_id": str})


def values(
    lists: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, cutoffs: tuple[int, ...]
) -> pd.DataFrame:
    """A row per user with test items and a column per measure and cut-off."""
    by, rising = ("rank", True) if "rank" in lists else ("score", False)
    lists = lists.sort_values(["user_id", by], ascending=[True, rising], kind="stable")
    lists = lists.assign(place=lists.groupby("user_id").cumcount() + 1)
    test, train = (part[["user_id", "item_id"]].drop_duplicates() for part in (test, train))
    users = pd.Index(sorted(test["user_id"].unique()))
    wanted = test.groupby("user_id").size().reindex(users)
    hits = lists.merge(test, on=["user_id", "item_id"])
    buyers = train.groupby("item_id")["user_id"].nunique()
    everybody = len({*train["user_id"], *test["user_id"]})
    popular = buyers.sort_values(ascending=False)
    found: dict[str, pd.Series] = {}
    for k in cutoffs:
        own = hits[hits["place"] <= k].sort_values(["user_id", "place"])
        by_user = own.groupby("user_id")
        count = by_user.size().reindex(users).fillna(0.0)
        gain = (1 / np.log2(own["place"] + 1)).groupby(own["user_id"]).sum().reindex(users).fillna(0.0)
        ideal = wanted.clip(upper=k).map(lambda most: sum(1 / np.log2(np.arange(2, most + 2))))
        precision = ((by_user.cumcount() + 1) / own["place"]).groupby(own["user_id"]).sum()
        shown = lists[(lists["place"] <= k) & lists["user_id"].isin(users)]
        bits = -np.log2(shown["item_id"].map(buyers).fillna(1.0) / everybody)
        found |= {
            f"precision_{k}": count / k,
            f"recall_{k}": count / wanted,
            f"ndcg_{k}": gain / ideal,
            f"hit_ratio_{k}": (count > 0).astype(float),
            f"mrr_{k}": (1 / by_user["place"].min()).reindex(users).fillna(0.0),
            f"map_{k}": precision.reindex(users).fillna(0.0) / wanted.clip(upper=k),
            f"novelty_{k}": bits.groupby(shown["user_id"]).mean().reindex(users).fillna(0.0),
        }
        if popular.iloc[k - 1] > popular.iloc[k]:  # else ties decide what is expected
            surprising = own[~own["item_id"].isin(popular.index[:k])].groupby("user_id").size()
            found[f"serendipity_{k}"] = surprising.reindex(users).fillna(0.0) / k
    return pd.DataFrame(found)


def bounds(found: pd.DataFrame, replicates: int = 1000) -> pd.DataFrame:
    """The 95 % bootstrap interval of each mean, rows ``low`` and ``high``."""
    rng, table = np.random.default_rng(0), found.to_numpy()
    drawn = [table[rng.integers(len(table), size=len(table))].mean(axis=0) for _ in range(replicates)]
    ends = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    return pd.DataFrame(ends, index=["low", "high"], columns=found.columns)
