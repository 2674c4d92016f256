"""The gate, and what it is told of drift, against planted models, shares and chances."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import t

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.evaluation.probability.calibration import Calibrator
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender
from graphrec.models.encoders.warm import Learnt
from graphrec.offers.candidates.calibration import Calibration
from graphrec.serving.renewal.foretold import foretold
from graphrec.serving.renewal.gate import AsServed, judge
from graphrec.serving.renewal.population import population_of

USERS, ITEMS = 80, 30


class Given(Recommender):
    """Scores that stand in a table."""

    def __init__(self, graph, scores):
        super().__init__()
        self.graph, self.scores = graph, scores

    def score(self, users):
        return self.scores[users].clone()


def shop(seed=0, users=USERS, items=ITEMS):
    """Training pairs of all users and items, and what each user buys next."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(users, items))
    past = np.argsort(-taste - rng.gumbel(size=taste.shape), axis=1)[:, :4]
    pairs = [(f"u{u:03d}", f"i{i:02d}") for u in range(users) for i in past[u]]
    pairs += [(f"u{i % users:03d}", f"i{i:02d}") for i in range(items)]
    log = pd.DataFrame(pairs, columns=["user_id", "item_id"])
    ids = IdMap.from_values(log["user_id"]), IdMap.from_values(log["item_id"])
    train = Interactions.encode(log, *ids)
    noise = (
        rng.gumbel(size=taste.shape) - 1e9 * BipartiteGraph(train).bought.mask(torch.arange(users)).numpy()
    )
    later = np.argsort(-taste - noise, axis=1)[:, :2]
    later = pd.DataFrame(
        [(f"u{u:03d}", f"i{i:02d}") for u in range(users) for i in later[u]], columns=log.columns
    )
    return train, Interactions.encode(later, *ids), torch.from_numpy(taste).float()


def verdict_of(renewed, served, train, later, users=None, items=None):
    graph = BipartiteGraph(train)
    before = Learnt(Given(graph, served), users or train.users, items or train.items)
    old = AsServed(before, graph, train.users, train.items)
    return judge(Given(graph, renewed), old, later, 16, "week 9")


def test_the_same_model_is_let_through():
    train, later, taste = shop()
    verdict = verdict_of(taste, taste, train, later)
    assert verdict.opens
    assert verdict.new == verdict.old > 0.3
    assert (verdict.low, verdict.high, verdict.newcomers) == (0, 0, 0)


def test_a_model_of_noise_stays_outside_and_the_other_way_round():
    train, later, taste = shop()
    noise = torch.randn(taste.shape, generator=torch.Generator().manual_seed(1))
    worse, better = verdict_of(noise, taste, train, later), verdict_of(taste, noise, train, later)
    assert not worse.opens
    assert better.opens
    assert worse.high == pytest.approx(-better.low)
    assert better.low > 0


def test_the_interval_is_that_of_paired_differences():
    """By hand: NDCG of each user, and Student's t on the differences."""
    train, later, taste = shop(3)
    other = taste + torch.randn(taste.shape, generator=torch.Generator().manual_seed(2))
    verdict, graph = verdict_of(other, taste, train, later), BipartiteGraph(train)
    differences = []
    for user in range(USERS):
        wanted = set(later.frame["item"][later.frame["user"] == user])
        seen = graph.bought.mask(torch.tensor([user]))[0]
        values = []
        for scores in (other, taste):
            order = scores[user].masked_fill(seen, -torch.inf).argsort(descending=True)[:20].tolist()
            gain = sum(1 / np.log2(place + 2) for place, item in enumerate(order) if item in wanted)
            values.append(gain / sum(1 / np.log2(place + 2) for place in range(len(wanted))))
        differences.append(values[0] - values[1])
    half = t.ppf(0.975, USERS - 1) * np.std(differences, ddof=1) / USERS**0.5
    assert verdict.new - verdict.old == pytest.approx(np.mean(differences), abs=1e-9)
    assert (verdict.low, verdict.high) == pytest.approx(
        (np.mean(differences) - half, np.mean(differences) + half)
    )


def test_what_serves_lists_nothing_that_it_does_not_know():
    train, _, taste = shop()
    graph, known = BipartiteGraph(train), IdMap(train.items.ids[::2])
    users = IdMap(train.users.ids[3:])
    before = Learnt(Given(graph, taste[3:, ::2].contiguous()), users, known)
    old = AsServed(before, graph, train.users, train.items)
    ranking = old.recommend(torch.arange(USERS), 20, "all")
    listed = ranking.items[ranking.items >= 0]
    assert (listed % 2 == 0).all()
    assert (ranking.items[:3] == -1).all()
    assert not old.knows(torch.arange(3)).any()
    expected = taste[7].masked_fill(torch.arange(ITEMS) % 2 == 1, -torch.inf).argsort(descending=True)[:15]
    assert torch.equal(ranking.items[7][:15], expected)


def test_users_of_the_new_model_alone_are_told_and_not_compared():
    train, later, taste = shop()
    verdict = verdict_of(taste, taste[20:], train, later, users=IdMap(train.users.ids[20:]))
    assert (verdict.users, verdict.newcomers) == (USERS - 20, 20)
    assert verdict.newcomers_ndcg > 0.2


def test_nobody_in_common_is_an_error():
    train, later, taste = shop()
    with pytest.raises(InputError, match="nobody that the run knows"):
        verdict_of(taste, taste, train, later, users=IdMap(np.array([f"x{u}" for u in range(USERS)])))


def log_of(weights, rows, weeks=10, seed=0, users=200):
    rng = np.random.default_rng(seed)
    item = rng.choice(len(weights), size=rows, p=np.array(weights) / sum(weights))
    ids = {"user_id": rng.integers(users, size=rows), "item_id": item}
    return pd.DataFrame(
        {key: value.astype(str) for key, value in ids.items()} | {"week": rng.integers(weeks, size=rows)}
    )


def test_shares_that_stay_have_an_index_of_chance_alone():
    before = log_of([5, 3, 2] * 20, 8_000)
    found = [population_of(before, log_of([5, 3, 2] * 20, 1_000, seed=seed)).items for seed in range(1, 13)]
    mean = np.mean([one.index for one in found])
    assert mean == pytest.approx(found[0].by_chance, rel=0.5)
    assert {one.said for one in found} == {"little"}


def test_shares_that_move_by_hand():
    """Ten items of equal shares; the first five are bought thrice as often now."""
    before, now = log_of([1] * 10, 50_000), log_of([3] * 5 + [1] * 5, 50_000, seed=1)
    found = population_of(before, now).items
    by_hand = 5 * ((0.15 - 0.1) * np.log(1.5) + (0.05 - 0.1) * np.log(0.5))
    assert found.index == pytest.approx(by_hand, rel=0.05)
    assert found.said == "much drift"
    assert found.groups["before"].sum() == pytest.approx(1)


def test_newcomers_are_counted():
    before = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"], "week": [1, 2, 2]})
    now = pd.DataFrame(
        {"user_id": ["a", "c", "c", "c"], "item_id": ["x", "x", "z", "z"], "week": [3, 3, 3, 3]}
    )
    counts = population_of(before, now).counts.set_index("of")
    assert counts.loc["users"].to_dict() == {"before": 2, "now": 2, "new": 1, "share_of_rows": 0.75}
    assert counts.loc["items"].to_dict() == {"before": 2, "now": 2, "new": 1, "share_of_rows": 0.5}


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_chances_beside_what_is_bought(factor):
    """Everybody buys what is listed with the chance that is foretold, or thrice as often."""
    train, _, taste = shop(users=400)
    graph, rng = BipartiteGraph(train), np.random.default_rng(0)
    model = Given(graph, taste)
    rows, seen = np.tile(np.linspace(-4, 4, 4000), 2), np.arange(8000) < 4000
    truth = np.where(seen, 0.2, 0.1) / (1 + np.exp(-rows))
    fitted = Calibrator.fit(rows, rng.random(8000) < truth, seen)
    calibration = Calibration(fitted, "here", 1.0)
    log = []
    for week in (11, 12):
        had = graph.bought.mask(torch.arange(400)).numpy().ravel()
        chance = fitted.probability(taste.numpy().ravel().astype(float), had)
        hit = (rng.random(taste.numel()) < factor * chance).reshape(taste.shape)
        log += [(f"u{u:03d}", f"i{i:02d}", week) for u, i in zip(*hit.nonzero(), strict=True)]
    log += [("new", "i01", 12), ("u001", "other", 12)]
    log = pd.DataFrame(log, columns=["user_id", "item_id", "week"])
    found = foretold(Learnt(model, train.users, train.items), calibration, log, (0.1, 0.2))
    assert found.rates["week"].tolist() == [11, 12]
    assert found.rates["ratio"].mean() == pytest.approx(factor, rel=0.1)
    assert ("drifted" in found.said) == (factor > 1)
    assert len(found.tenths) > 3
