"""Events weigh what their rows would weigh in a log, and numbers of the log come in as text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from unfitted import built, keep, models

from graphrec.cli.experiment.exports import export
from graphrec.cli.experiment.live import load_live
from graphrec.data.choice.history import History
from graphrec.data.choice.items import ItemFiles
from graphrec.data.weights.happened import Happened
from graphrec.data.weights.rows import Event as EventWeight
from graphrec.data.weights.rows import Quantity, Rating, Recency
from graphrec.serving.live.answers import Filter, Shopper
from graphrec.serving.request import Request
from graphrec.serving.state.events import Event

KINDS = {"view": 0.1, "cart": 0.3, "purchase": 1.0, "gone": 0.0}
START = pd.Timestamp("2024-01-01")
WEIGHTS = "graphrec.data.weights."


def log() -> pd.DataFrame:
    """Ids that are numbers; views, carts and purchases."""
    rng = np.random.default_rng(3)
    rows = [
        (user, item, START + pd.Timedelta(days=int(rng.integers(0, 175))), kind, int(rng.integers(1, 5)))
        for user in range(40)
        for item in rng.choice(25, 8, replace=False)
        for kind in rng.choice(["view", "cart", "purchase"], int(rng.integers(1, 4)))
    ]
    names = ["user_id", "item_id", "timestamp", "event", "quantity"]
    return pd.DataFrame(rows, columns=names).drop_duplicates(names[:4])


def entry(name: str, **arguments):
    return {"class_path": WEIGHTS + name, "init_args": arguments}


ROWS = [entry("Event", weights=KINDS), entry("Recency", half_life=4), entry("Quantity")]


@pytest.fixture(scope="module", params=["sum", "max", "last"])
def loaded(request, tmp_path_factory):
    """A model of weighed edges: what was fitted, and the live one."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("weighed")
        patch.chdir(folder)
        log().to_csv("log.csv", index=False)
        log().drop_duplicates("item_id")[["item_id"]].to_csv("items.csv", index=False)
        weights = {"rows": ROWS, "per_edge": request.param}
        task, data, config = built("item_cf", models()["item_cf"], weights=weights)
        keep(task, data, config, folder / "best.ckpt")
        export(folder / "best.ckpt", task, data, folder / "model.zip", trusted=False)
        yield task, data, load_live(folder / "model.zip")


def event(user, item: int, kind: str, day: int, quantity: float = 1.0) -> Event:
    time = (START + pd.Timedelta(days=day)).timestamp()
    return Event(f"{item}{kind}{day}", user, str(item), kind, time, quantity)


def test_edges_weigh_what_the_whole_log_says(loaded):
    """The oracle weighs the rows of training and the events as one log of that shopper."""
    _, data, live = loaded
    user, train = 7, data.split.train.frame
    last = int((pd.to_datetime(train["timestamp"]).max() - START).days)
    mine = train[train["user_id"].astype(str) == str(user)]
    mine = mine.assign(item_id=mine["item_id"].astype(int))
    known = int(mine["item_id"].iloc[0])
    events = (
        event("7", known, "view", last + 3), event("7", known, "purchase", last + 20, 3.0),
        event("7", 24, "cart", last + 9), event("7", 23, "gone", last + 30),
        event("7", 22, "stolen", last + 40),
    )  # fmt: skip
    basket = live._scoring.person(Shopper("7", events)).basket
    counted = [one for one in events if one.kind in ("view", "cart", "purchase")]
    rows = pd.concat(
        [
            mine[["item_id", "timestamp", "event", "quantity"]],
            pd.DataFrame(
                {
                    "item_id": [int(one.item) for one in counted],
                    "timestamp": pd.to_datetime([one.time for one in counted], unit="s"),
                    "event": [one.kind for one in counted],
                    "quantity": [one.quantity for one in counted],
                }
            ),
        ],
        ignore_index=True,
    )
    latest = pd.Timestamp(max(one.time for one in events if one.kind in KINDS), unit="s")
    age = (latest - pd.to_datetime(rows["timestamp"])).dt.total_seconds() / (7 * 86_400)
    weight = rows["event"].map(KINDS) * 2.0 ** (-age / 4) * np.log1p(rows["quantity"])
    by_item = rows.assign(weight=weight).sort_values("timestamp", kind="stable").groupby("item_id")["weight"]
    wanted = getattr(by_item, data.weights.per_edge)()
    ids = data.split.items.ids[basket.items].astype(int)
    ours = pd.Series(basket.weight, index=ids)
    np.testing.assert_allclose(ours, wanted.reindex(ids), rtol=1e-5)
    assert set(wanted.index) == set(ids)
    answer = live.recommend([Shopper("7", events)], 25, Filter())[0]
    listed = {one.item for one in answer.items}
    assert "24" in listed  # in a cart, and new still
    assert str(known) not in listed


def test_ids_that_are_numbers_come_as_text(loaded):
    live = loaded[2]
    assert live.knows("7")
    assert not live.knows("07")
    assert all(isinstance(one.item, str) for one in live.recommend([Shopper("7")], 3, Filter())[0].items)


@pytest.mark.parametrize(
    "weight", [EventWeight(KINDS), Quantity(), Quantity(form="as_is"), Recency(4), Recency(9, "days")]
)
def test_an_event_weighs_as_its_row(weight):
    rows = log().iloc[:50]
    rows = rows.assign(timestamp=pd.to_datetime(rows["timestamp"]))
    age = (rows["timestamp"].max() - rows["timestamp"]).dt.total_seconds() / 86_400
    happened = [Happened(*one) for one in zip(rows["event"], rows["quantity"], age, strict=True)]
    np.testing.assert_allclose([weight.of_event(one) for one in happened], weight.of_rows(rows), rtol=1e-9)


def test_kinds_that_are_read_are_those_that_weigh(loaded):
    told = {
        kind for kind in ("view", "cart", "purchase", "gone", "stolen", "return") if loaded[2].reads(kind)
    }
    assert told == {"view", "cart", "purchase", "return"}


def test_nobody_rates_an_event():
    assert Rating().of_event(Happened("purchase", 1.0, 0.0)) == 1.0


def test_a_weighed_model_folds_in_as_the_batch_and_alike_in_any_company(tmp_path, monkeypatch):
    """LightGCN reads weights relative to those of training: of one shopper alone, and beside another."""
    monkeypatch.chdir(tmp_path)
    log().to_csv("log.csv", index=False)
    log().drop_duplicates("item_id")[["item_id"]].to_csv("items.csv", index=False)
    weights = {"rows": [entry("Event", weights=KINDS), entry("Quantity", form="as_is")]}
    task, data, config = built("lightgcn", models()["lightgcn"], weights=weights)
    keep(task, data, config, tmp_path / "best.ckpt")
    export(tmp_path / "best.ckpt", task, data, tmp_path / "model.zip", trusted=False)
    live = load_live(tmp_path / "model.zip")
    events = {
        "a": (event("a", 1, "purchase", 170, 9.0), event("a", 2, "view", 171)),
        "b": (event("b", 3, "cart", 170, 2.0), event("b", 4, "view", 172)),
    }
    rows = pd.DataFrame(
        [
            {
                "user_id": user, "item_id": one.item, "event": one.kind, "quantity": one.quantity,
                "timestamp": pd.Timestamp(one.time, unit="s"), "week": 24,
            }
            for user, mine in events.items() for one in mine
        ]
    )  # fmt: skip
    for known in (rows, rows[rows["user_id"] == "a"]):
        request = Request(None, History("h", known), None, None, None, ItemFiles({}, {}))
        theirs = request.lists(task, data, 9, "new")[0]
        for user, mine in theirs.groupby("user_id"):
            ours = live.recommend([Shopper(user, events[user])], 9, Filter())[0]
            assert [one.item for one in ours.items] == mine["item_id"].tolist()
            np.testing.assert_allclose([one.score for one in ours.items], mine["score"], rtol=2e-5)
