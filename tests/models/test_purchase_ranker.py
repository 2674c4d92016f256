from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import PurchaseRanker
from graphrec.models.purchase_features import (
    DECAYS,
    PAIR_FACTS,
    GraphScores,
    Purchases,
    item_facts,
    known_and_new,
    pair_facts,
    user_facts,
)

USERS, ITEMS, WEEKS = 12, 9, 20


def random_log(seed: int = 0, rows: int = 260) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {"user": USERS - 1, "item": ITEMS - 1, "week": WEEKS}
    frame = pd.DataFrame({name: rng.integers(size, size=rows) for name, size in columns.items()})
    return frame.drop_duplicates().sort_values(["user", "item", "week"], ignore_index=True)


def purchases(frame: pd.DataFrame, last: int = WEEKS - 1) -> Purchases:
    return Purchases(*(frame[name].to_numpy() for name in ("user", "item", "week")), USERS, ITEMS, last)


def test_facts_of_pairs_agree_with_a_loop():
    frame, last = random_log(), WEEKS - 1
    log = purchases(frame)
    facts = pair_facts(log)
    assert facts.shape == (len(log.pairs), PAIR_FACTS)
    for pair, found in zip(log.pairs, facts, strict=True):
        own = frame[(frame["user"] == pair // ITEMS) & (frame["item"] == pair % ITEMS)]["week"].tolist()
        of_user = frame[frame["user"] == pair // ITEMS]["week"].nunique()
        recency, first, weeks = last - max(own), last - min(own), len(own)
        gap = (first - recency) / (weeks - 1) if weeks > 1 else 99
        sums = [sum(np.exp(-(last - week) / decay) for week in own) for decay in DECAYS]
        expected = [weeks, *sums, recency, first, gap, recency / max(gap, 1), weeks / of_user]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_facts_of_users_and_items_agree_with_a_loop():
    frame, last = random_log(), WEEKS - 1
    log = purchases(frame)
    users, items = user_facts(log), item_facts(log)
    for user in range(USERS - 1):
        own = frame[frame["user"] == user]
        late = own[own["week"] > last - 8]
        expected = [len(own), len(late), len(own) / own["item"].nunique(), last - own["week"].max()]
        expected += [own["week"].nunique(), late["week"].nunique()]
        np.testing.assert_allclose(users[user], expected, rtol=1e-6)
    for item in range(ITEMS - 1):
        own = frame[frame["item"] == item]
        sold = [int((own["week"] > last - span).sum()) for span in (1, 2, 4, 8, 16)]
        fresh = int((own.groupby("user")["week"].min() > last - 4).sum())
        expected = [own["user"].nunique(), len(own) / own["user"].nunique(), *sold, fresh, sold[2] / sold[4]]
        np.testing.assert_allclose(items[item], expected, rtol=1e-6)
    assert users[USERS - 1, 0] == items[ITEMS - 1, 0] == 0, "who never bought has facts, too"


def test_a_week_ahead_changes_nothing():
    """What is known at a week does not depend on what comes after it."""
    frame = random_log()
    early = frame[frame["week"] <= 11]
    for cut, alone in zip(
        known_and_new(purchases(frame).until(11), 4), known_and_new(purchases(early, 11), 4), strict=True
    ):
        np.testing.assert_array_equal(cut.pairs, alone.pairs)
        np.testing.assert_array_equal(cut.columns, alone.columns)


def test_new_candidates_are_new_and_the_columns_theirs():
    log = purchases(random_log(rows=90))
    known, new = known_and_new(log, 3)
    np.testing.assert_array_equal(known.pairs, log.pairs)
    assert not np.isin(new.pairs, log.pairs).any()
    assert len(np.unique(new.pairs)) == len(new.pairs)
    left = ITEMS - np.bincount(log.pairs // ITEMS, minlength=USERS)
    assert (np.bincount(new.pairs // ITEMS, minlength=USERS) >= np.minimum(left, 3)).all()
    scores = GraphScores(log)
    links = scores.of(np.arange(USERS)).reshape(scores.count, -1)
    np.testing.assert_allclose(new.columns[:, : scores.count], links[:, new.pairs].T, rtol=1e-5, atol=1e-6)
    facts = item_facts(log)[new.pairs % ITEMS]
    np.testing.assert_array_equal(new.columns[:, -facts.shape[1] :], facts)


def shop(weeks: int = 24) -> BipartiteGraph:
    """Items 0-9 are bought every fourth week, items 10-19 by everybody once; each user knows five of each."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(300):
        for item in rng.choice(10, 5, replace=False):
            rows += [(user, item, week) for week in range(int(rng.integers(4)), weeks, 4)]
        for item in rng.choice(np.arange(10, 20), 5, replace=False):
            first = int(rng.integers(weeks - 4))
            rows += [(user, item, first + more) for more in range(4)]  # a month of it, and never again
    frame = pd.DataFrame(rows, columns=["user", "item", "week"])
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(300)), IdMap(np.arange(20))))


@pytest.fixture(scope="module")
def ranker() -> PurchaseRanker:
    model = PurchaseRanker(windows=3, depth=5, trees=40)
    model.fit(shop())
    return model


def test_the_rhythm_of_a_pair_is_learned(ranker):
    """Frequency and recency cannot tell a habit from a month of trying; the weeks after both can."""
    ranking = ranker.recommend(torch.arange(300), 5, "repeat")
    habits = (ranking.items < 10).float().mean()
    assert habits > 0.95
    graph = ranker.graph
    counts = torch.zeros(300, 20).index_put_(
        (graph.history_user, graph.history_item),
        torch.exp(-(23 - graph.history_week.float()) / 3),
        accumulate=True,
    )
    counted = counts.topk(5, dim=1).indices
    assert (counted < 10).float().mean() < habits - 0.03, "a weighted count is fooled by the last month"


def test_scores_are_log_odds_that_hold(ranker):
    """As many purchases happen in the four weeks as the probabilities promise."""
    known = ranker.known_score.sigmoid()
    habit = ranker.graph.edge_item < 10
    assert known[habit].mean() == pytest.approx(1.0, abs=0.1)
    assert known[~habit].mean() < 0.35


def test_it_needs_weeks():
    frame = pd.DataFrame({"user": [0, 1], "item": [0, 1]})
    graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(2)), IdMap(np.arange(2))))
    with pytest.raises(InputError, match="PurchaseRanker needs a log with times"):
        PurchaseRanker().fit(graph)
