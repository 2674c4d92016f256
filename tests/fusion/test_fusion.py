"""Fusion: what is summed, how weights are found and gates learned, on structure that is known."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
import torch
from recommender_suite import RecommenderSuite, checker_board
from torch import Tensor

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.fusion.gate import fit_gate, list_loss
from graphrec.fusion.model import Fusion, UserGate, reciprocal_ranks, standardised, user_habits
from graphrec.fusion.task import FusionTask
from graphrec.fusion.weights import collect_candidates, find_weights, is_better
from graphrec.graph import BipartiteGraph
from graphrec.models import ItemCF, LightGCN, UserKNN
from graphrec.models.base import Recommender
from graphrec.training import ClosedFormTask, RankingTask

USERS, ITEMS = 240, 90


class Given(Recommender):
    """Scores as they are in a table."""

    def __init__(self, graph: BipartiteGraph, table: Tensor) -> None:
        super().__init__()
        self.graph, self.table = graph, table

    def score(self, users: Tensor) -> Tensor:
        return self.table[users]


def shop(seed: int = 0) -> tuple[BipartiteGraph, np.ndarray]:
    """A graph in which the even users bought 2 items and the odd ones 20, and a truth of 3 new items each."""
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(ITEMS), (USERS, 1)), axis=1)
    counts = np.where(np.arange(USERS) % 2, 20, 2)
    bought = [(user, item) for user in range(USERS) for item in orders[user, : counts[user]]]
    ids = IdMap(np.arange(USERS)), IdMap(np.arange(ITEMS))
    frame = pd.DataFrame(bought, columns=["user", "item"])
    truth = [(user, item) for user in range(USERS) for item in np.sort(orders[user, 20:23])]
    return BipartiteGraph(Interactions(frame, *ids)), np.array(truth)


def noise(seed: int) -> Tensor:
    return torch.randn(USERS, ITEMS, generator=torch.Generator().manual_seed(seed))


def signal(truth: np.ndarray, strength: float, users: slice = slice(None)) -> Tensor:
    """Strength where some users bought."""
    table = torch.zeros(USERS, ITEMS)
    table[truth[:, 0], truth[:, 1]] = strength
    kept = torch.zeros(USERS, 1)
    kept[users] = 1.0
    return table * kept


@pytest.fixture(scope="module")
def partial():
    """Two members, each the truth behind noise of its own, on scales far apart; a third is noise only."""
    graph, truth = shop()
    tables = [
        5000 * (signal(truth, 1.6) + noise(1)) + 1e5,
        1e-3 * (signal(truth, 1.6) + noise(2)) - 1,
        noise(3),
    ]
    return graph, truth, [Given(graph, table) for table in tables]


def exact_ndcg(recommender: Recommender, truth: np.ndarray, items: str = "new") -> float:
    """NDCG@20 over the whole catalogue, by the evaluation of every other run."""
    evaluator = RankingEvaluator(recommender.graph, truth_lists(truth, recommender.graph), (20,), [items])
    evaluator.rank(torch.arange(USERS), recommender)
    return evaluator.compute()[items].means()["ndcg_20"]


def candidates_of(fusion: Fusion, truth: np.ndarray, items: str = "new", **options):
    return collect_candidates(fusion, truth_lists(truth, fusion.graph), items, **options)


# --- the suite of every recommender, which a fusion cannot enter by itself


def new_fusion_task(combine: str, gated: bool) -> FusionTask:
    members = [
        ClosedFormTask(ItemCF()),
        RankingTask(encoder=lambda graph: LightGCN(graph, dim=4)),
        ClosedFormTask(UserKNN()),
    ]
    return FusionTask(members, [0.5, 0.1, 0.4], combine, gated)


@pytest.fixture(scope="module", params=[("score", False), ("rank", False), ("score", True)], ids=str)
def task(request):
    torch.manual_seed(0)
    task = new_fusion_task(*request.param)
    task.bind(checker_board())
    if task.recommender.gate is not None:
        task.recommender.gate.start(torch.tensor([0.5, 0.1, 0.4]), task.recommender.habits)
        torch.nn.init.normal_(task.recommender.gate.slope, std=0.1)
        task.recommender.gate.requires_grad_(False)
    return task.eval()


class TestFusionOfBoards(RecommenderSuite):
    def test_moving_devices_changes_no_score(self, task):
        if task.combine == "rank" and torch.cuda.is_available():
            pytest.skip("what is equal on the CPU may differ in the last digit on a GPU, and ranks then jump")
        super().test_moving_devices_changes_no_score(task)

    def test_checkpoint_restores_the_scores(self, task, tmp_path):
        torch.save(task.state_dict(), tmp_path / "state.ckpt")
        torch.manual_seed(1)
        other = new_fusion_task(task.combine, task.gated)
        other.bind(checker_board())
        before = other.eval().recommender.score(self.users)
        assert not torch.equal(before, task.recommender.score(self.users))  # the tables differ
        other.load_state_dict(torch.load(tmp_path / "state.ckpt", weights_only=True))
        assert torch.equal(other.recommender.score(self.users), task.recommender.score(self.users))

    def test_checkpoint_holds_every_weight_once(self, task):
        tables = [name for name in task.state_dict() if name.endswith("encoder.weight")]
        assert len(tables) == 1


# --- what is summed


def test_standardised_rows():
    scores = torch.tensor([[1e4, 1e4 + 2, 1e4 + 4], [0.1, 0.1, 0.1], [3e-8, 0.0, 0.0]])
    expected = (scores[[0, 2]] - scores[[0, 2]].mean(1, keepdim=True)) / scores[[0, 2]].std(
        1, correction=0, keepdim=True
    )
    result = standardised(scores.clone())
    torch.testing.assert_close(result[[0, 2]], expected)
    assert (result[1] == 0).all()  # not the rounding of 0.1 blown up to a deviation of 1


def test_reciprocal_ranks_with_ties():
    scores = torch.tensor(
        [[5.0, 9.0, 5.0, 7.0, 1.0], [2.0, 2.0, 2.0, 2.0, 2.0], [0.0, math.nan, 1.0, 2.0, 3.0]]
    )
    result = reciprocal_ranks(scores)
    torch.testing.assert_close(
        1 / result[0] - 60, torch.tensor([3.5, 1.0, 3.5, 2.0, 5.0]), rtol=1e-4, atol=1e-4
    )
    assert (result[1] == 1 / 63).all()
    assert result[2].isnan().tolist() == [False, True, False, False, False]
    assert reciprocal_ranks(torch.tensor([[4.0]])).tolist() == [[pytest.approx(1 / 61)]]


def test_ranks_are_those_of_scipy():
    from scipy.stats import rankdata

    scores = torch.randint(0, 12, (20, 40), generator=torch.Generator().manual_seed(0)).float()
    expected = 1 / (60 + torch.from_numpy(rankdata(-scores.numpy(), axis=1)).double())
    torch.testing.assert_close(reciprocal_ranks(scores).double(), expected, rtol=1e-6, atol=0)


def test_the_scale_of_a_member_has_no_say(partial):
    graph, _, members = partial
    fusion = Fusion(graph, members, [1, 1, 0])
    users = torch.arange(USERS)
    by_hand = sum(
        (table - table.mean(1, keepdim=True)) / table.std(1, correction=0, keepdim=True)
        for table in (member.table.double() for member in members[:2])
    )
    torch.testing.assert_close(fusion.score(users).double(), by_hand / 2, rtol=1e-3, atol=1e-3)


def test_a_member_without_weight_is_not_asked():
    class Silent(Given):
        def score(self, users: Tensor) -> Tensor:
            raise AssertionError

    graph, _ = shop()
    fusion = Fusion(graph, [Given(graph, noise(0)), Silent(graph, noise(1))], [3.0, 0.0])
    torch.testing.assert_close(fusion.score(torch.arange(4)), standardised(noise(0)[:4]))


def test_habits():
    frame = pd.DataFrame({"user": [0, 0, 0, 0, 2, 2], "item": [5, 5, 5, 6, 1, 2], "week": [1, 2, 3, 3, 1, 1]})
    graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(4)), IdMap(np.arange(8))))
    expected = [[math.log(3), 0.5], [0, 0], [math.log(3), 0], [0, 0]]
    torch.testing.assert_close(user_habits(graph), torch.tensor(expected))


def test_gate_weights_sum_to_one_and_stay_in_reach():
    gate = UserGate(3)
    gate.start(torch.tensor([0.7, 0.2, 0.1]), torch.tensor([[0.0, 0.5], [2.0, 0.5]]))
    torch.testing.assert_close(gate(torch.randn(5, 2)), torch.tensor([[0.7, 0.2, 0.1]]).expand(5, 3))
    torch.nn.init.normal_(gate.slope)
    torch.testing.assert_close(gate(torch.randn(5, 2) * 100).sum(1), torch.ones(5))
    assert torch.equal(gate(torch.tensor([[4.0, 0.5]])), gate(torch.tensor([[4000.0, 0.5]])))


@pytest.mark.parametrize(
    ("members", "weights", "message"),
    [
        (0, [], "nothing to fuse"),
        (2, [1.0], "1 weights for 2 members"),
        (2, [1.0, -0.5], "no weights"),
        (2, [1.0, math.nan], "no weights"),
        (2, [0.0, 0.0], "all weights are 0"),
    ],
)
def test_wrong_weights(members, weights, message):
    graph, _ = shop()
    with pytest.raises(InputError, match=message):
        Fusion(graph, [Given(graph, noise(0))] * members, weights)


def test_a_score_that_is_not_a_number_is_an_error(partial):
    graph, truth, members = partial
    broken = noise(0)
    broken[3, 4] = math.nan
    for combine in ("score", "rank"):
        fusion = Fusion(graph, [members[0], Given(graph, broken)], [1, 1], combine)
        with pytest.raises(ValueError, match="not a number"):
            candidates_of(fusion, truth)


def test_a_fusion_is_not_fitted():
    with pytest.raises(InputError, match="graphrec fuse"):
        new_fusion_task("score", False).configure_optimizers()


# --- weights


@pytest.mark.parametrize("combine", ["score", "rank"])
def test_two_partial_members_are_better_than_each_and_noise_leaves(partial, combine):
    graph, truth, members = partial
    weights = find_weights(candidates_of(Fusion(graph, members, [1, 1, 1], combine), truth))
    assert weights[2] == 0
    assert weights.sum() == pytest.approx(1)
    assert 0.25 < weights[0] < 0.75
    fused = exact_ndcg(Fusion(graph, members, weights.tolist(), combine), truth)
    alone = [exact_ndcg(member, truth) for member in members]
    assert fused > 1.1 * max(alone)


def test_a_useless_member_that_scores_all_alike_leaves(partial):
    graph, truth, members = partial
    fusion = Fusion(graph, [Given(graph, torch.ones(USERS, ITEMS)), members[0]], [1, 1])
    assert find_weights(candidates_of(fusion, truth)).tolist() == [0, 1]


def test_a_better_member_gets_more(partial):
    graph, truth, members = partial
    strong = Given(graph, signal(truth, 2.2) + noise(9))
    weights = find_weights(candidates_of(Fusion(graph, [members[0], strong], [1, 1]), truth))
    assert weights[1] > weights[0] > 0


def test_same_seed_same_weights(partial):
    graph, truth, members = partial
    found = [
        find_weights(candidates_of(Fusion(graph, members, first), truth, batch_size=size), seed=5)
        for first, size in (([1, 1, 1], 128), ([1, 0, 0], 37))
    ]
    assert torch.equal(*found)


@pytest.mark.parametrize("items", ["all", "new", "repeat"])
def test_value_on_candidates_is_that_of_the_whole_catalogue(partial, items):
    graph, truth, members = partial
    bought = torch.stack([graph.edge_user, graph.edge_item], dim=1)[::5].numpy()
    pairs = np.unique(np.concatenate([truth, bought]), axis=0)
    weights = torch.tensor([0.3, 0.6, 0.1])
    fusion = Fusion(graph, members, weights.tolist())
    candidates = candidates_of(fusion, pairs, items, depth=40)
    assert candidates.scores.shape[2] <= ITEMS
    value = float(candidates.ndcg(weights).mean())
    assert value == pytest.approx(exact_ndcg(fusion, pairs, items), abs=1e-6)
    wide = weights.expand(len(candidates.users), -1)
    assert torch.equal(candidates.ndcg(wide), candidates.ndcg(weights))


def test_few_candidates_suffice(partial):
    graph, truth, members = partial
    fusion = Fusion(graph, members, [0.5, 0.5, 0])
    candidates = candidates_of(fusion, truth, depth=30)
    assert candidates.scores.shape[2] < ITEMS - 2
    value = float(candidates.ndcg(fusion.weights).mean())
    assert value == pytest.approx(exact_ndcg(fusion, truth), abs=2e-3)


def test_users_without_an_item_to_find_are_left_out(partial):
    graph, truth, members = partial
    fusion = Fusion(graph, members, [1, 1, 1])
    assert set(candidates_of(fusion, truth[:9]).users.tolist()) == set(truth[:9, 0])
    with pytest.raises(InputError, match="no user has validation items among repeat"):
        candidates_of(fusion, truth, "repeat")


def test_is_better_asks_for_a_standard_error():
    ones = torch.ones(100)
    spread = torch.linspace(-1, 1, 100)
    assert not is_better(ones, ones)
    assert not is_better(ones + 0.01 + spread, ones)
    assert is_better(ones + 0.5 + spread, ones)
    assert is_better(ones + 1e-3, ones)


# --- the gate


@pytest.fixture(scope="module")
def divided():
    """One member knows the users with few items, the other those with many."""
    graph, truth = shop()
    few = signal(truth, 2.5, slice(0, None, 2)) + noise(1)
    many = signal(truth, 2.5, slice(1, None, 2)) + noise(2)
    return graph, truth, [Given(graph, few), Given(graph, many)]


@pytest.mark.parametrize("combine", ["score", "rank"])
def test_gate_is_better_than_fixed_weights_where_users_differ(divided, combine):
    graph, truth, members = divided
    fusion = Fusion(graph, members, [1, 1], combine)
    candidates = candidates_of(fusion, truth)
    fit = fit_gate(candidates, fusion.habits[candidates.users])
    assert fit.held_out > 1.1 * fit.held_out_fixed
    gated = Fusion(graph, members, [1, 1], combine, fit.gate)
    weights = gated.weigh(torch.arange(USERS))
    assert weights[0::2, 0].min() > 0.8
    assert weights[1::2, 1].min() > 0.8
    fixed = Fusion(graph, members, find_weights(candidates).tolist(), combine)
    assert exact_ndcg(gated, truth) > 1.1 * exact_ndcg(fixed, truth)


def test_gate_is_left_out_where_users_are_alike(partial):
    graph, truth, members = partial
    fusion = Fusion(graph, members[:2], [1, 1])
    candidates = candidates_of(fusion, truth)
    fit = fit_gate(candidates, fusion.habits[candidates.users])
    assert fit.gate is None
    assert fit.held_out_fixed > 0.3


def test_same_seed_same_gate(divided):
    graph, truth, members = divided
    fusion = Fusion(graph, members, [1, 1])
    candidates = candidates_of(fusion, truth)
    habits = fusion.habits[candidates.users]
    first, second = (fit_gate(candidates, habits, seed=3) for _ in range(2))
    assert first.steps == second.steps
    kept = io.BytesIO()
    torch.save(first.gate.state_dict(), kept)
    kept.seek(0)
    for name, value in torch.load(kept, weights_only=True).items():
        assert torch.equal(value, second.gate.state_dict()[name])


def test_one_user_has_no_halves(partial):
    graph, truth, members = partial
    fusion = Fusion(graph, members, [1, 1, 1])
    candidates = candidates_of(fusion, truth[:3])
    assert fit_gate(candidates, fusion.habits[candidates.users]).gate is None


def test_list_loss_by_hand():
    scores = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    relevant = torch.tensor([[True, False, True], [False, True, False]])
    p = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    expected = (-(math.log(p[0]) + math.log(p[2])) / 2 + math.log(3)) / 2
    assert float(list_loss(scores, relevant)) == pytest.approx(expected, rel=1e-6)
