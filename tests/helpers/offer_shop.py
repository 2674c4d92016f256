"""A small shop with odd ids, sparse prices and gaps, fitted by a closed form, and offers made for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.main import main, parser
from graphrec.cli.offers.decide import make
from graphrec.cli.offers.request import Request

TRAIN_END, WEEKS = 12, 18


def shop(users: int, items: int, seed: int) -> pd.DataFrame:
    """A log with ids such as 007, NA and 'Käse 5 %', with items that have no price, and prices that move."""
    rng = np.random.default_rng(seed)
    names = [["007", "NA", "a,b", "Käse 5 %", "1e5"][i] if i < 5 else f"{i:04d}" for i in range(items)]
    rows = 25 * users
    user = np.concatenate([np.arange(users), rng.integers(users, size=rows - users)])
    item = np.concatenate([np.arange(items), rng.integers(items, size=rows - items)])
    regular = rng.lognormal(0.7, 0.9, items).round(2) + 0.1
    regular[rng.random(items) < 0.15] = np.nan
    depth = rng.choice([0, 0, 0.1, 0.25, 0.4], size=rows)
    week = rng.integers(1, WEEKS + 1, size=rows)
    return pd.DataFrame(
        {
            "user_id": [f"{u:03d}" for u in user],
            "item_id": [names[i] for i in item],
            "week": week,
            "regular_price": regular[item],
            "shelf_price": (regular[item] * (1 - depth)).round(2),
            "price": (regular[item] * (1 - depth)).round(2),
            "basket_id": [
                f"{u}-{w}-{k}" for u, w, k in zip(user, week, rng.integers(2, size=rows), strict=True)
            ],
        }
    )


class Shop:
    """A fitted closed form and its tables."""

    def __init__(self, users: int, items: int, seed: int) -> None:
        rng = np.random.default_rng(seed + 100)
        self.log = shop(users, items, seed)
        self.log.to_csv("log.csv", index=False)
        ids = self.log["item_id"].unique()
        sets = rng.choice(["dairy", "bread", "soap"], len(ids)).astype(object)
        sets[rng.random(len(ids)) < 0.15] = ""
        campaign = np.where(pd.Series(sets).isin(["dairy", ""]), "food", "rest")
        self.items = pd.DataFrame({"item_id": ids, "product_category": sets, "department": campaign})
        self.items.to_csv("items.csv", index=False)
        people = self.log["user_id"].unique()
        self.users = pd.DataFrame(
            {"user_id": people, "income": rng.choice(["low", "high", "unknown"], len(people))}
        )
        self.users.to_csv("users.csv", index=False)
        source = {"path": "log.csv", "items": "items.csv", "users": "users.csv"}
        config = {
            "run": {"name": f"shop{seed}", "id": "a"},
            "trainer": {"enable_progress_bar": False, "enable_model_summary": False},
            "data": {
                "class_path": "RecommenderData",
                "init_args": {
                    "source": {"class_path": "graphrec.data.sources.table", "init_args": source},
                    "split": {"class_path": "Temporal", "init_args": {"train_end": TRAIN_END, "val_end": 15}},
                },
            },
            "model": {
                "class_path": "ClosedFormTask",
                "init_args": {
                    "recommender": {"class_path": "TopFrequency", "init_args": {"decay_weeks": 10}}
                },
            },
        }
        Path("c.yaml").write_text(yaml.safe_dump(config))
        main(["fit", "-c", "c.yaml"])
        self.task, self.data = load_run(Path(f"runs/shop{seed}/a/checkpoints/best.ckpt"))
        self.train = self.log[self.log["week"] <= TRAIN_END]

    def offers(self, words: str) -> pd.DataFrame:
        """What `graphrec offers` writes, without loading the checkpoint again."""
        options = parser().parse_args(["offers", "--ckpt", "x.ckpt", "--out", "o.parquet", *words.split()])
        make(Request.of(options), self.task, self.data)
        return pd.read_parquet("o.parquet")

    def depth(self) -> pd.Series:
        """The third-deepest discount of each item in training, by hand; a till rounds per cents to cents."""
        priced = self.train[self.train["regular_price"] > 0]
        off = (1 - priced["shelf_price"] / priced["regular_price"]).round(4)
        for percent in range(1, 96):
            asked = priced["regular_price"] * (1 - percent / 100)
            off = off.mask((asked - priced["shelf_price"]).abs() <= 0.005 + 1e-9, percent / 100)
        third = off.groupby(priced["item_id"]).apply(lambda one: sorted(one)[-3] if len(one) > 2 else 0.0)
        return third.clip(0)
