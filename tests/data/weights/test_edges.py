"""From rows to edges: sums, what leaves the graph, and that only training decides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.data.interactions import Columns, RawData
from graphrec.data.module import RecommenderData
from graphrec.data.splits import Given, LeaveLast, Random, Temporal
from graphrec.data.weights.edges import EdgeWeights
from graphrec.data.weights.rows import Event, Quantity, Rating, Recency
from graphrec.errors import InputError

EVENTS = Event({"view": 0.25, "cart": 0.5, "purchase": 1.0, "return": 0.0})


def shop(seed: int = 0, rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{code:02}" for code in rng.integers(15, size=rows)],
            "item_id": [f"i{code:02}" for code in rng.integers(12, size=rows)],
            "week": rng.integers(1, 13, size=rows),
            "rating": rng.integers(1, 6, size=rows).astype(float),
            "quantity": rng.integers(1, 9, size=rows).astype(float),
            "event": rng.choice(["view", "cart", "purchase", "return"], size=rows),
            "part": rng.choice(["train", "train", "valid", "test"], size=rows),
        }
    )
    return frame.assign(line=np.arange(rows) + 2)


def by_hand(rows: pd.DataFrame, weight: list[float], how: str) -> dict[tuple[str, str], float]:
    """Go through the rows in the order of their weeks and put each weight where it belongs."""
    found: dict[tuple[str, str], list[float]] = {}
    order = np.argsort(rows["week"].to_numpy(), kind="stable")
    for place in order:
        key = (rows["user_id"].iloc[place], rows["item_id"].iloc[place])
        found.setdefault(key, []).append(weight[place])
    return {
        key: {"sum": sum, "max": max, "last": lambda all_: all_[-1]}[how](all_) for key, all_ in found.items()
    }


@pytest.mark.parametrize("how", ["sum", "max", "last"])
def test_an_edge_is_the_product_of_the_weights_put_together_over_its_rows(how):
    log = shop().drop(columns="part")
    weights = EdgeWeights([EVENTS, Recency(3), Rating(scale=0.2), Quantity()], how)
    train = Temporal(train_end=9, val_end=10)(log, weights=weights).train
    rows = log[(log["week"] <= 9) & (log["event"] != "return")]
    one = rows["event"].map(EVENTS.weights) * 0.5 ** ((9 - rows["week"]) / 3) * rows["rating"] / 5
    expected = by_hand(rows, (one * np.log1p(rows["quantity"])).tolist(), how)
    pairs = [(train.users.ids[u], train.items.ids[i]) for u, i in train.pairs()]
    assert set(pairs) == expected.keys()
    np.testing.assert_allclose(train.edge_weight, [expected[pair] for pair in pairs], rtol=1e-6)


def test_without_weights_nothing_is_weighed():
    log = shop().drop(columns="part")
    split = Temporal(train_end=9, val_end=10)(log)
    assert split.train.edge_weight is None
    assert not {Columns.TARGET, Columns.WEIGHT} & set(split.train.frame)
    assert split.train.targets() is split.train
    assert split.train.weights_sha256() is None


def test_rows_of_weight_zero_leave_the_graph_and_are_counted():
    log = shop().drop(columns="part")
    split = Temporal(train_end=9, val_end=10)(log, weights=EdgeWeights([EVENTS]))
    gone = (log["event"] == "return") & (log["week"] <= 9)
    assert split.dropped["train: rows of weight 0"] == gone.sum() > 0
    assert not (split.train.frame["event"] == "return").any()
    later = log[log["week"] == 10]
    assert split.dropped["valid: rows of other events"] == (later["event"] != "purchase").sum() > 0
    assert set(split.val.frame["event"]) == set(split.test.frame["event"]) == {"purchase"}


def test_an_item_that_weighs_nothing_is_not_known():
    log = pd.DataFrame(
        {"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"], "week": [1, 1, 2], "rating": [5, 1, 4]}
    )
    split = Temporal(train_end=1, val_end=1)(log, weights=EdgeWeights([Rating(zero_below=3)]))
    assert split.items.ids.tolist() == ["x"]


@pytest.mark.parametrize(
    "splitter",
    [
        Temporal(train_end=6, val_end=8),
        LeaveLast(),
        Random(),
        Given(drop_cold_items=True, drop_cold_users=True),
    ],
    ids=lambda one: type(one).__name__,
)
def test_nothing_after_training_decides_a_weight(splitter):
    """Scrambling ratings, quantities and times of the later rows changes no weight of the training graph."""
    log = shop(rows=600)
    log = log if isinstance(splitter, Given) else log.drop(columns="part")
    weights = EdgeWeights([EVENTS, Recency(3), Rating(), Quantity()])
    part = splitter.parts(weights.marked(log), 0)
    later = (part != "train").to_numpy()
    assert later.sum() > 30
    changed = log.copy()
    changed.loc[later, "rating"] = 1 + (log["rating"] % 5)[later]
    changed.loc[later, "quantity"] = 77.0
    if isinstance(splitter, Given | Random):  # the others cut by time
        changed.loc[later, "week"] = 99
    first, second = (splitter(one, weights=weights).train for one in (log, changed))
    assert first.sha256() == second.sha256()
    assert first.weights_sha256() == second.weights_sha256()


def test_the_weights_tell_two_logs_apart_that_have_the_same_pairs():
    log = shop().drop(columns="part")
    weights = EdgeWeights([Rating()])
    first, second = (
        Temporal(train_end=9, val_end=10)(one, weights=weights).train
        for one in (log, log.assign(rating=6 - log["rating"]))
    )
    assert first.sha256() == second.sha256()
    assert first.weights_sha256() != second.weights_sha256()


def test_a_refit_weighs_training_and_validation():
    log = shop().drop(columns="part")
    weights, split = EdgeWeights([EVENTS, Recency(2)]), Temporal(train_end=8, val_end=10)
    refit = split(log, refit=True, weights=weights).train
    longer = Temporal(train_end=10, val_end=11)(log, weights=weights).train
    assert refit.sha256() == longer.sha256()
    np.testing.assert_array_equal(refit.edge_weight, longer.edge_weight)


def test_leave_last_holds_the_last_purchases_out_and_nothing_after_them_is_trained_on():
    log = shop(rows=900).drop(columns="part").assign(timestamp=pd.Timestamp("2024-01-01"))
    log["timestamp"] += pd.to_timedelta(np.random.default_rng(1).permutation(len(log)), "h")
    split = LeaveLast(num_val=1, num_test=2)(log, weights=EdgeWeights([EVENTS]))
    bought = log[log["event"] == "purchase"].sort_values("timestamp").groupby("user_id")
    for user, rows in bought:
        assert len(rows) > 3
        test = split.test.frame[split.test.frame["user_id"] == user]
        assert set(test["line"]) == set(rows["line"].iloc[-2:])
        valid = split.val.frame[split.val.frame["user_id"] == user]
        assert set(valid["line"]) == {rows["line"].iloc[-3]}
        trained = split.train.frame[split.train.frame["user_id"] == user]
        assert trained["timestamp"].max() < rows["timestamp"].iloc[-3]


def test_what_was_only_viewed_is_no_target():
    log = shop().drop(columns="part")
    train = Temporal(train_end=9, val_end=10)(log, weights=EdgeWeights([EVENTS])).train
    bought = log[(log["week"] <= 9) & (log["event"] == "purchase")]
    ids = {(train.users.ids[u], train.items.ids[i]) for u, i in train.targets().pairs()}
    assert ids == set(zip(bought["user_id"], bought["item_id"], strict=True))
    assert len(ids) < len(train.pairs())


def test_a_row_of_next_to_no_weight_counts_as_none():
    log = pd.DataFrame({"user_id": "a", "item_id": ["x", "y"], "week": [1, 200]})
    weighed = EdgeWeights([Recency(1)]).weighed(log)
    assert weighed[Columns.WEIGHT].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EdgeWeights([]), "no weight is named"),
        (lambda: EdgeWeights([Rating(), Rating(2)]), "Rating is given twice"),
        (lambda: EdgeWeights([Rating()], "mean"), "'mean' is none"),
        (lambda: EdgeWeights([Rating(zero_below=9)]).weighed(shop()), "every training row weighs 0"),
        (lambda: EdgeWeights([Rating(scale=1e10)]).weighed(shop()), "a row would weigh"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


def data(**options) -> RecommenderData:
    log = shop().drop(columns="part")
    return RecommenderData(RawData("shop", log), Temporal(train_end=8, val_end=10), **options)


def test_a_line_says_how_the_edges_were_weighed(capsys):
    data(weights=EdgeWeights([EVENTS, Recency(4)])).report()
    said = capsys.readouterr().err
    assert "train: rows of weight 0" in said
    assert "weights Event × Recency, sum per edge:" in said
    assert "warning" not in said


def test_events_that_nothing_tells_apart_get_a_warning(capsys):
    data().report()
    data(weights=EdgeWeights([Rating()])).report()
    said = capsys.readouterr().err
    assert (
        said.count("every row counts as a purchase, whatever its event (cart, purchase, return, view)") == 2
    )


def test_strict_lets_a_weight_of_zero_pass_for_it_was_asked_for():
    assert len(data(weights=EdgeWeights([EVENTS]), strict=True).split.train)
