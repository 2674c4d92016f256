from __future__ import annotations

import pytest
import torch

from graphrec.evaluation import gather
from graphrec.evaluation.gather import gather_metrics, gather_rankings
from graphrec.evaluation.ranking import UserMetrics
from graphrec.models.base import Ranking


def metrics(users: list[int]) -> dict[str, UserMetrics]:
    """Values and lists that tell whose they are."""
    codes = torch.tensor(users, dtype=torch.int64)
    values = {"ndcg_20": codes / 100, "recall_20": codes / 10}
    return {"new": UserMetrics(codes, values, codes[:, None] + torch.arange(3), (20,), 99)}


def rankings(users: list[int]) -> list[Ranking]:
    codes = torch.tensor(users, dtype=torch.int64)
    return [Ranking(one, one[:, None] * 10, one[:, None] / 2) for one in codes.split(2)]


@pytest.fixture
def others(monkeypatch):
    """Parts of other processes, which come before and after one's own."""

    def give(before, after) -> None:
        monkeypatch.setattr(gather, "gather_parts", lambda own: [before, own, after])

    return give


def test_one_process_gathers_what_it_has():
    own, lists = metrics([3, 1]), rankings([3, 1])
    assert gather_metrics(own) is own
    assert gather_rankings(lists)[0] is lists[0]


def test_users_of_all_processes_are_sorted_with_what_is_theirs(others):
    empty = {"new": UserMetrics(torch.tensor([], dtype=torch.int64), {}, torch.zeros(0, 3).long(), (20,), 99)}
    others(metrics([2, 8]), empty)
    found = gather_metrics(metrics([5, 0]))["new"]
    wanted = metrics([0, 2, 5, 8])["new"]
    assert found.users.tolist() == [0, 2, 5, 8]
    for name in wanted.values:
        torch.testing.assert_close(found.values[name], wanted.values[name])
    assert torch.equal(found.items, wanted.items)


def test_rankings_of_all_processes_are_sorted(others):
    others(rankings([4, 7, 1]), [])
    (found,) = gather_rankings(rankings([9, 0]))
    assert found.users.tolist() == [0, 1, 4, 7, 9]
    assert found.items[:, 0].tolist() == [0, 10, 40, 70, 90]
    assert found.scores[:, 0].tolist() == [0, 0.5, 2, 3.5, 4.5]


def test_a_user_of_two_processes_is_an_error(others):
    others(metrics([2]), metrics([3]))
    with pytest.raises(ValueError, match="use_distributed_sampler=False"):
        gather_metrics(metrics([3]))
    others(rankings([2]), [])
    with pytest.raises(ValueError, match="two processes"):
        gather_rankings(rankings([2]))
