"""A shop in which each scenario has something to offer: items fade or are new, trips fall, tastes differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from offer_shop import Shop

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.main import main, parser
from graphrec.cli.offers.decide import offers_of, prepared
from graphrec.cli.offers.request import Request

USERS, WEEKS, TRAIN_END, VAL_END = 48, 38, 30, 34
FADING, NEW, RARER = range(4), (4, 5, 6, 7, 14, 15, 16, 17), range(12)
"""Items whose sales stop, items that come late, users whose trips fall; by number."""
NAMES = ["007", "NA", "a,b", "Käse 5 %", "1e5", "豆腐", "新茶", "00x"] + [f"{i:04d}" for i in range(8, 30)]
CATEGORIES = ["tea", "bread", "fish", "fruit", "salt", "soap", "pens", "shoes", "toys", "books"]
"""Of items 0 to 9, and so on; the first half is food."""
MONDAY = pd.Timestamp("2026-02-02")
"""First day of week 1."""


def log() -> pd.DataFrame:
    """Purchases over 38 weeks: two tastes of five categories each, some at a discount."""
    rng = np.random.default_rng(7)
    regular = rng.lognormal(0.9, 0.6, len(NAMES)).round(2) + 0.2
    rows = []
    for user in range(USERS):
        for week in range(1, WEEKS + 1):
            rare = user in RARER and week > 21
            for trip in range(int(rng.random() < (0.15 if rare else 0.9)) * (1 + int(rng.random() < 0.3))):
                for item in _basket(rng, user, week):
                    rows.append((user, item, week, trip, rng.choice([0, 0, 0.1, 0.2, 0.3, 0.4])))
    frame = pd.DataFrame(rows, columns=["user", "item", "week", "trip", "depth"]).drop_duplicates(
        ["user", "item", "week", "trip"], ignore_index=True
    )
    price = regular[frame["item"]]
    paid = (price * (1 - frame["depth"])).round(2)
    return pd.DataFrame(
        {
            "user_id": [f"{user:03d}" for user in frame["user"]],
            "item_id": [NAMES[item] for item in frame["item"]],
            "week": frame["week"].to_numpy(),
            "timestamp": MONDAY + pd.to_timedelta(7 * (frame["week"] - 1) + frame["user"] % 7, unit="D"),
            "regular_price": np.asarray(price),
            "shelf_price": paid.to_numpy(),
            "price": paid.to_numpy(),
            "basket_id": frame["user"].astype(str)
            + "-"
            + frame["week"].astype(str)
            + "-"
            + frame["trip"].astype(str),
        }
    )


def _basket(rng: np.random.Generator, user: int, week: int) -> set[int]:
    """Items of a trip, of three of the five categories of the user's taste, which is every second item."""
    taste, found = user % 2, set()
    groups = [(user // 2 + step) % 5 for step in (0, 1, 3)]
    for _ in range(int(rng.integers(1, 6))):
        item = 10 * int(rng.integers(3)) + 2 * int(rng.choice(groups)) + taste
        sold = 0.15 if item in NEW else 0.25 if item in FADING and week > 20 else 1.0
        if not (item in NEW and week < 25) and rng.random() < sold:
            found.add(item)
    return found or {10 + 2 * groups[0] + taste}


def settings() -> dict[str, Any]:
    """A closed form on the tables of the current folder."""
    source = {"path": "log.csv", "items": "items.csv", "users": "users.csv"}
    parts = {"train_end": TRAIN_END, "val_end": VAL_END}
    frequency = {"class_path": "TopFrequency", "init_args": {"decay_weeks": 10}}
    return {
        "run": {"name": "seasonal", "id": "a"},
        "trainer": {"enable_progress_bar": False, "enable_model_summary": False},
        "data": {
            "class_path": "RecommenderData",
            "init_args": {
                "source": {"class_path": "graphrec.data.sources.table", "init_args": source},
                "split": {"class_path": "Temporal", "init_args": parts},
            },
        },
        "model": {"class_path": "ClosedFormTask", "init_args": {"recommender": frequency}},
    }


class Seasonal(Shop):
    """The shop, fitted."""

    def __init__(self) -> None:
        self.log = log()
        self.log.to_csv("log.csv", index=False)
        number = np.arange(len(NAMES))
        category = np.array(CATEGORIES)[number % 10]
        self.items = pd.DataFrame(
            {
                "item_id": NAMES,
                "product_category": category,
                "department": np.where(np.isin(category, CATEGORIES[:5]), "food", "rest"),
                "name": [f"Nr. {one} {NAMES[one]}" for one in number],
            }
        )
        self.items.to_csv("items.csv", index=False)
        people = sorted(self.log["user_id"].unique())
        income = [("low", "high", "unknown")[place // 2 % 3] for place in range(len(people))]
        self.users = pd.DataFrame({"user_id": people, "income": income})
        self.users.to_csv("users.csv", index=False)
        Path("seasonal.yaml").write_text(yaml.safe_dump(settings()))
        main(["fit", "-c", "seasonal.yaml"])
        self.task, self.data = load_run(Path("runs/seasonal/a/checkpoints/best.ckpt"))
        self.train = self.log[self.log["week"] <= TRAIN_END]

    def decided(self, words: str) -> pd.DataFrame:
        """What `graphrec offers` would write, which is neither written nor printed."""
        options = parser().parse_args(["offers", "--ckpt", "x.ckpt", "--out", "o.parquet", *words.split()])
        request = Request.of(options)
        request, week = prepared(request, self.data)
        return offers_of(request, self.task, self.data, week)

    def faded(self) -> set[str]:
        """Items of ten lines before the last eight weeks of training whose lines a week fell below half."""
        old, late = self.train[self.train["week"] <= 22], self.train[self.train["week"] > 22]
        lines, now = old.groupby("item_id").size(), late.groupby("item_id").size()
        weeks = 22 - old.groupby("item_id")["week"].min() + 1
        share = (now.reindex(lines.index).fillna(0) / 8) / (lines / weeks)
        return set(lines.index[(lines >= 10) & (share < 0.5)])

    def rarer(self) -> set[str]:
        """Users with at least four trips in weeks 15 to 22 and less than 70 % of them in the next eight."""
        trips = self.train.drop_duplicates(["user_id", "basket_id"])
        old = trips[trips["week"].between(15, 22)].groupby("user_id").size()
        now = trips[trips["week"] > 22].groupby("user_id").size().reindex(old.index).fillna(0)
        return set(old.index[(old >= 4) & (now < 0.7 * old)])


def fit_other(name: str, model: dict[str, Any]) -> tuple[Any, Any]:
    """Fit another model on the shop of the current folder, and load it: the task and its data."""
    given = settings()
    given["run"]["name"], given["trainer"]["max_epochs"], given["model"] = name, 3, model
    Path(f"{name}.yaml").write_text(yaml.safe_dump(given))
    main(["fit", "-c", f"{name}.yaml"])
    return load_run(Path(f"runs/{name}/a/checkpoints/best.ckpt"))


GRAPH = {
    "class_path": "RankingTask",
    "init_args": {"encoder": {"class_path": "HeteroGCN", "init_args": {"dim": 16}}, "learning_rate": 0.05},
}
"""A model that reads attributes."""
NEIGHBOURS = {
    "class_path": "ClosedFormTask",
    "init_args": {"recommender": {"class_path": "ItemCF", "init_args": {"neighbours": 10}}},
}
"""A model that has an account of its scores."""


RESPONSE = "runs/response/a/checkpoints/best.ckpt"


def fit_response() -> str:
    """Fit a response to the log of the current folder, once; returns its checkpoint."""
    if Path(RESPONSE).is_file():  # tests of one process share the folder
        return RESPONSE
    source = {"path": "log.csv", "items": "items.csv", "users": "users.csv"}
    visits = {"history_end": 12, "last_week": 38, "min_bought_weeks": 1, "min_sold_weeks": 5}
    data = {
        "source": {"class_path": "graphrec.data.sources.table", "init_args": source},
        "visits": visits,
        "train_end": 30,
        "val_end": 34,
        "groups": ["item_id"],
        "prices_vary": "accept",
        "batch_size": 256,
    }
    given = {
        "run": {"name": "response", "id": "a", "monitor": "val_likelihood"},
        "trainer": {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False},
        "data": {"class_path": "ResponseData", "init_args": data},
        "model": {"class_path": "ResponseTask", "init_args": {"hidden": [8], "slope_hidden": []}},
    }
    Path("response.yaml").write_text(yaml.safe_dump(given))
    main(["fit", "-c", "response.yaml"])
    return RESPONSE
