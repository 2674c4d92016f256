from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chisquare

from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph
from graphrec.sampling import (
    _first_without_hit,
    log_probability,
    pair_negatives,
    shared_negatives,
    step_generator,
    step_randomness,
)

CPU = torch.device("cpu")


def graph_of(pairs: list[tuple[int, int]], users: int, items: int) -> BipartiteGraph:
    frame = pd.DataFrame(pairs, columns=["user", "item"])
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(users)), IdMap(np.arange(items))))


def test_pair_negatives_avoid_what_the_user_bought():
    """User 0 bought 2 of 100 items: four draws leave one in six million on a bought item."""
    graph = graph_of([(0, 3), (0, 99), (1, 0)], users=3, items=100)
    users = torch.tensor([0, 2, 0, 1] * 500)
    negatives = pair_negatives(graph, users, 5, step_generator(0, 0, CPU))
    assert negatives.shape == (2000, 5)
    assert not graph.seen_mask(users).gather(1, negatives).any()


def test_pair_negatives_are_uniform_over_the_rest():
    graph = graph_of([(0, item) for item in (0, 4, 7)] + [(1, 1)], users=2, items=20)
    drawn = pair_negatives(
        graph, torch.zeros(40_000, dtype=torch.long), 1, step_generator(1, 0, CPU), tries=12
    )
    counts = torch.bincount(drawn.flatten(), minlength=20).numpy()
    assert counts[[0, 4, 7]].sum() == 0
    assert chisquare(np.delete(counts, [0, 4, 7])).pvalue > 1e-3


def test_pair_negatives_end_where_the_user_bought_everything():
    graph = graph_of([(0, 0), (0, 1), (1, 0)], users=2, items=2)
    negatives = pair_negatives(graph, torch.tensor([0, 1] * 50), 3, step_generator(0, 0, CPU))
    assert negatives.min() >= 0
    assert negatives.max() <= 1
    # the other user bought one of two items: each redraw halves what is left on it
    hits = (negatives[1::2] == 0).float().mean()
    assert hits < 0.25


def test_pair_negatives_are_those_of_redrawing_everything():
    """What is looked up again is only what was hit; the numbers are those of the plain rule."""
    half_of_all = [(user, item) for user in range(9) for item in range(user, 20, 2)]
    graph = graph_of(half_of_all, users=10, items=20)
    users = torch.arange(10).repeat(30)
    generator = step_generator(5, 0, CPU)
    expected = torch.randint(20, (300, 4), generator=generator)
    for _ in range(3):
        hit = graph.seen_mask(users).gather(1, expected)
        expected = torch.where(hit, torch.randint(20, (300, 4), generator=generator), expected)
    assert torch.equal(pair_negatives(graph, users, 4, step_generator(5, 0, CPU)), expected)


def test_negatives_drawn_at_once_follow_the_same_rule():
    """As a GPU does it: the first of four draws that is no hit, or the last."""
    graph = graph_of([(user, item) for user in range(9) for item in range(user, 20, 2)], users=10, items=20)
    users = torch.arange(10).repeat(30)
    drawn = torch.randint(20, (300, 4, 6), generator=step_generator(5, 0, CPU))
    hit = graph.seen_mask(users).gather(1, drawn.flatten(1)).view(drawn.shape)
    expected = drawn[:, 3]
    for choice in (2, 1, 0):
        expected = torch.where(hit[:, choice], expected, drawn[:, choice])
    ours = _first_without_hit(graph, users, 6, step_generator(5, 0, CPU), tries=3)
    assert torch.equal(ours, expected)
    assert hit[:, :3].all(dim=1).any()


def test_shared_negatives_are_uniform():
    graph = graph_of([(0, 0)], users=1, items=25)
    drawn = shared_negatives(graph, 50_000, step_generator(0, 0, CPU))
    assert drawn.shape == (50_000,)
    assert chisquare(torch.bincount(drawn, minlength=25).numpy()).pvalue > 1e-3


def test_generator_depends_on_seed_and_step_alone():
    def draw(seed: int, step: int) -> list[int]:
        return torch.randint(1 << 40, (4,), generator=step_generator(seed, step, CPU)).tolist()

    first = draw(3, 17)
    torch.manual_seed(99)  # the global state has no part in it
    assert draw(3, 17) == first
    drawn = {tuple(draw(seed, step)) for seed in (0, 1, 2**32 - 1) for step in range(50)}
    assert len(drawn) == 150


def test_steps_are_independent():
    """The same place of consecutive steps is as uniform as one long draw."""
    first = [int(torch.randint(10, (1,), generator=step_generator(0, step, CPU))) for step in range(5000)]
    assert chisquare(np.bincount(first, minlength=10)).pvalue > 1e-3
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.06


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_shared_negatives_follow_a_power_of_popularity(power):
    graph = graph_of([(0, 0), *((user, 1) for user in range(4)), *((user, 2) for user in range(9))], 9, 4)
    drawn = shared_negatives(graph, 50_000, step_generator(0, 0, CPU), power)
    share = np.array([1.0, 1.0, 1.0, 1.0]) if power == 0 else np.array([1.0, 4.0, 9.0, 0.0]) ** power
    share /= share.sum()
    np.testing.assert_allclose(log_probability(graph, power).exp(), share, rtol=1e-5)
    counts, bought = torch.bincount(drawn, minlength=4).numpy(), share > 0
    assert chisquare(counts[bought], 50_000 * share[bought]).pvalue > 1e-3
    assert not counts[~bought].any()


def test_what_a_model_draws_in_a_step_depends_on_seed_and_step_alone():
    def draw(seed: int, step: int) -> list[float]:
        with step_randomness(seed, step, CPU):
            return torch.rand(4).tolist()

    first = draw(3, 17)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert draw(3, 17) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert len({tuple(draw(seed, step)) for seed in (0, 1, 2**32 - 1) for step in range(50)}) == 150
    assert torch.rand(4, generator=step_generator(3, 17, CPU)).tolist() != first, "negatives have their own"
