"""A small shop with the runs that commands need, and one command of it run with all that it left behind."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
import yaml

from graphrec.cli.main import console, main
from graphrec.serving.bundle import write_bundle

USERS, ITEMS, WEEKS, ROWS = 40, 25, 24, 900
_SECONDS, _RUN, _PATH = r"\d+(?:\.\d+)?(?:e-?\d+)? ?s\b", r"\d{8}-\d{6}-\w+", r"[\w./~-]*/[\w./~-]+"
_VOLATILE = re.compile("|".join((_SECONDS, _RUN, _PATH)))


def log() -> pd.DataFrame:
    """Purchases with prices on and off the shelf's discount: each shopper prefers a few items."""
    rng = np.random.default_rng(5)
    user = rng.integers(USERS, size=ROWS)
    liked = rng.random((USERS, ITEMS)) ** 4
    item = np.array([rng.choice(ITEMS, p=liked[u] / liked[u].sum()) for u in user])
    day = np.sort(rng.integers(7 * WEEKS, size=ROWS))
    regular = (1.5 + np.arange(ITEMS) * 0.37).round(2)[item]
    depth = rng.choice([0.0, 0.0, 0.1, 0.2, 0.3], size=ROWS)
    return pd.DataFrame(
        {
            "user_id": [f"u{i:03d}" for i in user],
            "item_id": [f"i{i:03d}" for i in item],
            "timestamp": pd.Timestamp("2023-01-02 09:00") + pd.to_timedelta(day, unit="D"),
            "price": (regular * (1 - depth)).round(2),
            "regular_price": regular,
            "shelf_price": (regular * (1 - depth)).round(2),
            "quantity": rng.integers(1, 4, size=ROWS),
            "basket_id": [f"u{u:03d}-{d}" for u, d in zip(user, day, strict=True)],
        }
    )


def config(model: dict[str, Any], name: str) -> dict[str, Any]:
    """A configuration of the shop, validated on weeks 18 to 20 and tested on the rest."""
    source = {"path": "log.csv", "users": "users.csv", "items": "items.csv"}
    return {
        "run": {"name": name, "id": "a"},
        "trainer": {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False},
        "data": {
            "class_path": "RecommenderData",
            "init_args": {
                "source": {"class_path": "graphrec.data.sources.table", "init_args": source},
                "split": {"class_path": "Temporal", "init_args": {"train_end": 17, "val_end": 20}},
                "item_sets": ["all", "repeat", "new"],
                "batch_size": 128,
            },
        },
        "model": model,
    }


FREQUENCY = {
    "class_path": "ClosedFormTask",
    "init_args": {"recommender": {"class_path": "TopFrequency", "init_args": {"decay_weeks": 10}}},
}
LIGHTGCN = {
    "class_path": "RankingTask",
    "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 8}}, "learning_rate": 0.05},
}


def build(folder: Path) -> dict[str, str]:
    """Write the shop into the current folder `folder`, fit and test two models.

    Returns:
        What the words in braces of `option_table` stand for.
    """
    whole = log()
    whole.to_csv("log.csv", index=False)
    whole.to_csv("semicolons.csv", index=False, sep=";")
    whole.tail(60).to_csv("later.csv", index=False)
    weeks_on = whole.assign(timestamp=whole["timestamp"] + pd.Timedelta(weeks=WEEKS))
    weeks_on["item_id"] = whole["item_id"].to_numpy()[::-1]  # pairs that are new
    weeks_on.head(90).to_csv("new_weeks.csv", index=False)
    weeks_on.head(50).to_csv("next_week.csv", index=False)
    pairs = whole[["user_id", "item_id"]].drop_duplicates()
    for name, seed in (("lists", 1), ("more_lists", 2)):
        drawn = pairs.sample(frac=0.5, random_state=seed)
        drawn.assign(rank=drawn.groupby("user_id").cumcount() + 1).to_csv(f"{name}.csv", index=False)
    damaged = whole.to_csv(index=False).splitlines()
    Path("damaged.csv").write_text("\n".join([*damaged[:9], *damaged[7:9], *damaged[9:]]) + "\n")
    with_commas = whole["price"].map("{:.2f}".format).str.replace(".", ",")
    one_price = whole.drop(columns=["regular_price", "shelf_price"])
    one_price.assign(price=with_commas).to_csv("commas.csv", index=False)
    Path("cleaning.yaml").write_text("cleaning: [Duplicates]\n")
    ids = [f"i{i:03d}" for i in range(ITEMS)]
    people = [f"u{i:03d}" for i in range(USERS)]
    income = ["low" if i % 2 else "high" for i in range(USERS)]
    pd.DataFrame({"user_id": people, "income": income}).to_csv("users.csv", index=False)
    pd.DataFrame(
        {
            "item_id": ids,
            "department": ["GROCERY" if i % 3 else "PRODUCE" for i in range(ITEMS)],
            "product_category": [f"c{i % 5}" for i in range(ITEMS)],
        }
    ).to_csv("items.csv", index=False)
    pd.DataFrame({"user_id": people[:7]}).to_csv("some_users.csv", index=False)
    german = pd.DataFrame({"kunde": people[:5], "straße": "Höhe"})
    german.to_csv("german.csv", index=False, encoding="latin-1")
    pd.DataFrame({"user_id": people[:5]}).to_csv("utf16.csv", index=False, encoding="utf-16-le")
    whole.assign(town="Orléans").to_csv("latin.csv", index=False, encoding="latin-1")
    whole[["user_id", "item_id", "timestamp"]].to_csv("headerless.csv", index=False, header=False)
    pd.DataFrame({"item_id": ids, "stock": [i % 2 for i in range(ITEMS)]}).to_csv("stock.csv", index=False)
    whole.head(20).assign(user_id="stranger").to_csv("strangers.csv", index=False)
    pd.DataFrame({"user_id": ["nobody"], "income": ["low"]}).to_csv("newcomers.csv", index=False)
    costs = {"item_id": ids[::2], "cost": 1.2, "funded_share": 1.0, "max_rate": 0.15, "min_margin": 0.1}
    pd.DataFrame(costs).to_csv("costs.csv", index=False)
    pd.DataFrame({"item_id": ids[:4]}).to_csv("few_items.csv", index=False)
    _decisions()
    pd.DataFrame({"item_id": ["new"], "category": ["beer"]}).to_csv("unseen_items.csv", index=False)
    pd.DataFrame({"item_id": ids[4:6], "boost": [100, 50]}).to_csv("boosts.csv", index=False)
    pairs = [(u, i, 20) for u in people for i in ids[::2]]
    pd.DataFrame(pairs, columns=["user_id", "item_id", "week"]).to_csv("exposure.csv", index=False)
    for name, model in (("frequency", FREQUENCY), ("lightgcn", LIGHTGCN)):
        Path(f"{name}.yaml").write_text(yaml.safe_dump(config(model, name)))
        main(["fit", "-c", f"{name}.yaml"])
        main(["test", "-c", f"{name}.yaml"])
    main(["fit", "-c", "lightgcn.yaml", "--run.id", "b", "--seed_everything", "5"])
    apart = config(FREQUENCY, "apart")
    apart["data"]["init_args"]["split"]["init_args"]["train_end"] = 16
    Path("apart.yaml").write_text(yaml.safe_dump(apart))
    main(["fit", "-c", "apart.yaml"])
    main(["test", "-c", "apart.yaml"])
    lossy = config(FREQUENCY, "lossy")
    lossy["data"]["init_args"]["source"]["init_args"]["path"] = "damaged.csv"
    Path("lossy.yaml").write_text(yaml.safe_dump(lossy))
    main(["fit", "-c", "lossy.yaml"])
    _own_model("runs/frequency/a", "runs/own/a")
    for tracked in Path("runs").glob("*/*/wandb"):  # with it, each of a hundred offers takes a second more
        shutil.rmtree(tracked)
    main(["offers", "--ckpt", "runs/frequency/a/checkpoints/best.ckpt", "--out", "offers.parquet"])
    write_bundle("any.zip", {}, {"weights": b""})
    for name in ("frequency", "lightgcn"):
        main(["export", f"runs/{name}/a", "--out", f"{name}.zip"])
    _loop()
    _experiments(Path("experiments"))
    Path("experiments/written").mkdir()
    Path("experiments/written/data.yaml").write_text("{}\n")
    _sweeps()
    files = (
        "log",
        "later",
        "new_weeks",
        "next_week",
        "lists",
        "more_lists",
        "users",
        "items",
        "some_users",
        "stock",
        "costs",
        "few_items",
        "unseen_items",
        "strangers",
        "newcomers",
        "boosts",
        "exposure",
        "semicolons",
        "german",
        "utf16",
        "latin",
        "headerless",
        "decisions",
        "known",
        "outcomes",
        "sold",
        "few_sold",
        "verkauft",
    )
    runs = {"best_run": "runs/frequency/a", "other_run": "runs/lightgcn/a"}
    runs |= {"again_run": "runs/lightgcn/b", "apart_run": "runs/apart/a", "lossy_run": "runs/lossy/a"}
    runs |= {"own_run": "runs/own/a"}
    checkpoints = {
        key.removesuffix("_run"): f"{folder}/checkpoints/best.ckpt" for key, folder in runs.items()
    }
    return {
        **{name: f"{name}.csv" for name in files},
        **runs,
        **checkpoints,
        "own_last": "runs/own/a/checkpoints/last.ckpt",
        "loop": "loop",
        "any_export": "any.zip",
        "best_export": "frequency.zip",
        "other_export": "lightgcn.zip",
        "sent": "sent.parquet",
        "config": "lightgcn.yaml",
        "closed": "frequency.yaml",
        "damaged": "damaged.csv",
        "commas": "commas.csv",
        "cleaning": "cleaning.yaml",
        "offers": "offers.parquet",
        "folder": "experiments",
    }


def _decisions() -> None:
    """A log of decisions with three arms, and the outcomes of an experiment with two."""
    rng = np.random.default_rng(11)
    n = 600
    age, arm = rng.integers(20, 60, n), rng.choice(["none", "ten", "twenty"], n)
    reward = rng.gamma(2, 4, n) + 3.0 * ((arm == "ten") & (age > 40))
    cost = np.where(arm == "none", 0.0, 0.5)
    people = [f"p{number % 300:03d}" for number in range(n)]
    log = {"user_id": people, "arm": arm, "reward": reward, "cost": cost, "age": age}
    log |= {"rule": np.where(age > 40, "ten", "none"), "points": rng.random(n), "chance": 1 / 3}
    pd.DataFrame(log).to_csv("decisions.csv", index=False)
    known = {"user_id": [f"new{number}" for number in range(40)], "age": rng.integers(20, 60, 40)}
    pd.DataFrame(known).to_csv("known.csv", index=False)
    before, offered = rng.gamma(2, 5, n), rng.random(n) < 0.5
    outcome = {
        "user_id": [f"p{number:03d}" for number in range(n)],
        "arm": np.where(offered, "offer", "none"),
    }
    outcome |= {"spend": before + rng.gamma(1, 5, n) + offered, "bought": rng.integers(0, 2, n)}
    outcome |= {"before": before, "city": rng.choice(["Bern", "Basel"], n), "survey": rng.integers(1, 6, n)}
    pd.DataFrame(outcome).to_csv("outcomes.csv", index=False)


def _own_model(run: str, copy: str) -> None:
    """A run whose checkpoint names a model that is not graphrec's."""
    Path("ours.py").write_text(
        "from graphrec.models import TopFrequency\nclass Ours(TopFrequency):\n    pass\n"
    )
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("wandb"))
    for file in (Path(copy) / "checkpoints").glob("*.ckpt"):
        content = torch.load(file, weights_only=True)
        record = content["graphrec"]
        record["config"] = record["config"].replace("graphrec.models.TopFrequency", "ours.Ours")
        torch.save(content, file)


def _sweeps() -> None:
    """Sweep files of the closed form: of one setting and of two, and one of a model of somebody's own."""
    key = "model.init_args.recommender.init_args.decay_weeks"
    said = {"method": "random", "metric": {"name": "val_ndcg_20", "goal": "maximize"}}
    for name, config_file, values in (
        ("sweep", "frequency.yaml", [2, 20]),
        ("sweep_all", "frequency.yaml", [2]),
        ("sweep_own", "own.yaml", [2]),
    ):
        command = ["graphrec", "fit", "-c", config_file, "${args}"]
        content = {**said, "command": command, "parameters": {key: {"values": values}}}
        Path(f"{name}.yaml").write_text(yaml.safe_dump(content))
    own = {"class_path": "ClosedFormTask", "init_args": {"recommender": {"class_path": "ours.Ours"}}}
    Path("own.yaml").write_text(yaml.safe_dump(config(own, "own")))


ECHO = """\
import argparse, json, pathlib
parser = argparse.ArgumentParser()
for name in ("--out", "--seed", "--data"):
    parser.add_argument(name)
given = parser.parse_args()
content = {"seed_given": int(given.seed), "data_given": str(given.data), "name_of": __file__}
pathlib.Path(given.out, "metrics.json").write_text(json.dumps(content))
"""


def _loop() -> None:
    """Offers that chance decided in part, and a week in which all who had one bought it."""
    Path("two.yaml").write_text("{name: promotion, profit: 0, sold: 1.0, levels: [0, 0.2]}\n")
    sent = [
        "--policy",
        "none",
        "--scenario",
        "two.yaml",
        "--depths",
        "any",
        "--explore",
        "0.9",
        "--week",
        "30",
    ]
    main(["offers", "--ckpt", "runs/frequency/a/checkpoints/best.ckpt", *sent, "--out", "sent.parquet"])
    offers = pd.read_parquet("sent.parquet")
    sold = offers.loc[offers["rate"] > 0.06, ["user_id", "item_id", "week"]].assign(quantity=1)
    sold.to_csv("sold.csv", index=False)
    sold.rename(columns={"user_id": "kunde"}).to_csv("verkauft.csv", index=False)
    sold.head(40).to_csv("few_sold.csv", index=False, encoding="utf-16-le")
    main(["feedback", "--offers", "sent.parquet", "--log", "sold.csv", "--out", "loop"])


def _experiments(folder: Path) -> None:
    """Rows to reproduce and models for the demo, all on the shop."""
    (folder / "studies").mkdir(parents=True)
    rows: dict[str, Any] = {}
    for name in ("first", "second"):
        (folder / "studies" / f"{name}.py").write_text(ECHO)
        rows[name] = {"script": f"studies/{name}.py", "minutes": 1}
    (folder / "shop").mkdir()
    models = {"popularity": {**FREQUENCY, "init_args": {"recommender": {"class_path": "Popularity"}}}}
    models |= {"top_frequency": FREQUENCY, "mf": LIGHTGCN}
    for name, model in models.items():
        (folder / "shop" / f"{name}.yaml").write_text(yaml.safe_dump(config(model, f"shop-{name}")))
    expected = {"protocol": "honest", "recall_20": 0.1, "ndcg_20": 0.1, "minutes": 1}
    rows["ranked"] = {"config": "shop/popularity.yaml", **expected}
    (folder / "reproduce.yaml").write_text(yaml.safe_dump(rows, sort_keys=False))


@dataclass
class Ran:
    """What a command left behind."""

    place: Path
    returned: Any = None
    output: str = ""
    refused: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def contents(self) -> dict[str, Any]:
        """By file name below the command's own folder: a comparable form of what is in it."""
        found = sorted(path for path in self.place.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.place)): _content(path)
            for path in found
            if "wandb" not in path.relative_to(self.place).parts
        }

    def said(self) -> str:
        """What was printed, without what differs from run to run."""
        return _VOLATILE.sub("…", self.output.replace(str(self.place), ""))


def _content(path: Path) -> Any:
    if path.suffix == ".parquet" or path.read_bytes()[:4] == b"PAR1":
        return pd.read_parquet(path).to_csv(index=False)
    if path.suffix == ".json":
        return {
            key: value
            for key, value in json.loads(path.read_text()).items()
            if "seconds" not in key and "gb" not in key
        }
    return path.read_bytes() if path.suffix == ".ckpt" else path.read_text(errors="replace")


def execute(words: str, known: dict[str, str], place: Path, read: Callable[[], str]) -> Ran:
    """Run a command of words with braces in the shop.

    Args:
        words: The command line.
        known: What the words in braces stand for.
        place: The command's own folder, made anew.
        read: Returns what was printed since the last call.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    own = {"out": str(place / "out"), "dir": str(place)}
    args = [word.format(**known, **own) for word in words.split()]
    read()
    ran, module = Ran(place), sys.modules["graphrec.cli.main"]
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False

    def keep(given: list[str]) -> Any:
        ran.returned = main(given)
        return ran.returned

    code: Any = 0
    try:
        with mock.patch.object(module, "main", keep):
            console(args)
    except SystemExit as stop:
        code = stop.code
    ran.output = read()
    ran.refused = ran.output if code else None
    ran.more["flags"] = (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark)
    torch.use_deterministic_algorithms(False)
    return ran
