"""One behavioural suite for every recommender that `graphrec.models` exports, found by itself.

The oracle is a checker-board (as in the tests of the library implicit): users buy the items of their own
colour, one pair per user is held out, and of all items new to the user it alone has the right colour.
"""

from __future__ import annotations

import copy
import functools
import inspect

import numpy as np
import pandas as pd
import pytest
import torch

import graphrec.models
from graphrec.data.features.build import FeatureOptions, Features
from graphrec.data.features.nodes import AttributeTables
from graphrec.data.interactions import IdMap, Interactions
from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.losses import bce
from graphrec.models import MLP, Dot, Popularity, TopFrequency
from graphrec.models.base import ClosedForm, Decoder, Encoder
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.sampling import pair_negatives, step_generator
from graphrec.training import ClosedFormTask, RankedTask, RankingTask

BOARD = 24
LONELY = BOARD
"""Code of one more user and one more item, both without an edge."""

SAME_FOR_EVERYBODY = {Popularity, TopFrequency}
"""Exempt from the oracle because they order the items a user has not bought alike for all users; that they
do is asserted in its place. Everything else must find the held-out item."""


def exported(kind: type) -> list[type]:
    """The concrete classes of a kind that a YAML may name."""
    classes = [getattr(graphrec.models, name) for name in graphrec.models.__all__]
    return [one for one in classes if issubclass(one, kind) and not inspect.isabstract(one)]


def all_models() -> list[type]:
    return exported(ClosedForm) + exported(Encoder)


def checker_board() -> BipartiteGraph:
    """User u buys the items of its colour except item u; features tell the colour; one lonely pair."""
    user, item = np.nonzero(np.add.outer(np.arange(BOARD), np.arange(BOARD)) % 2 == 0)
    user, item = user[user != item], item[user != item]
    frame = pd.DataFrame({"user": user, "item": item, "week": 1 + (user + item) % 5})
    colour = np.append(np.where(np.arange(BOARD) % 2, 1.0, -1.0), 0.0).astype(np.float32)
    colours = np.stack([colour, -colour], axis=1)
    ids = IdMap(np.arange(BOARD + 1))
    names = ["odd", "even"]
    features = Features(colours, colours.copy(), names, names)
    said = pd.DataFrame(
        {"item_id": np.arange(BOARD), "colour": np.where(np.arange(BOARD) % 2, "odd", "even")}
    )
    tables = AttributeTables(said.rename(columns={"item_id": "user_id"}), said, ids, ids)
    return BipartiteGraph(Interactions(frame, ids, ids), features, tables=tables)


@functools.cache
def blocks() -> RecommenderData:
    """The synthetic shop of four blocks, in time order; features tell the block."""
    source = synthetic(100, 60, num_blocks=4, density=0.12, seed=2)
    return RecommenderData(source, Temporal(train_end=12, val_end=15), FeatureOptions())


def block_graph() -> BipartiteGraph:
    return BipartiteGraph.of(blocks())


def block_ndcg(task: RankedTask) -> float:
    """NDCG@20 of new items in the last weeks."""
    recommender = task.recommender
    evaluator = RankingEvaluator(
        recommender.graph, truth_lists(blocks().split.test.pairs(), recommender.graph)
    )
    evaluator.rank(torch.arange(recommender.graph.num_users), recommender)
    return evaluator.compute()["new"].means()["ndcg_20"]


def new_task(model: type) -> RankedTask:
    """The task a YAML would build, with defaults; an encoder without weights needs a decoder with some."""
    if issubclass(model, ClosedForm):
        return ClosedFormTask(model())
    weights = list(model(checker_board()).parameters())
    decoder: Decoder = Dot() if weights else MLP([32])
    # the default width is for catalogues; on a board it learns by heart
    encoder = functools.partial(model, dim=64) if "dim" in inspect.signature(model).parameters else model
    return RankingTask(encoder=encoder, decoder=decoder)


def fitted_task(model: type, steps: int = 60, graph: BipartiteGraph | None = None) -> RankedTask:
    torch.manual_seed(0)
    task = new_task(model)
    task.bind(graph or checker_board())
    if isinstance(task.recommender, EmbeddingRecommender):
        _train(task.recommender, steps)
    return task.eval()


def _train(recommender: EmbeddingRecommender, steps: int) -> None:
    graph, decoder = recommender.graph, recommender.decoder
    optimizer = torch.optim.Adam(recommender.parameters(), lr=0.02)
    users, items = graph.edge_user, graph.edge_item
    recommender.train()
    for step in range(steps):
        negatives = pair_negatives(graph, users, 4, step_generator(0, step, users.device))
        user, item = recommender.embeddings()
        loss = bce(decoder(user[users], item[items]), decoder(user[users, None], item[negatives]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class RecommenderSuite:
    """Inherit it and give a fixture `task` that returns `fitted_task(model)`."""

    users = torch.arange(BOARD + 1)

    def test_held_out_item_comes_first(self, task):
        if type(task.recommender) in SAME_FOR_EVERYBODY:
            scores, seen = task.recommender.score(self.users), task.recommender.graph.seen_mask(self.users)
            assert all(len(scores[~seen[:, item], item].unique()) == 1 for item in range(BOARD + 1))
        else:
            ranking = task.recommender.recommend(self.users[:LONELY], k=1)
            assert ranking.items[:, 0].tolist() == list(range(BOARD))

    def test_scores_are_finite_floats_of_the_whole_catalogue(self, task):
        scores = task(self.users)
        assert scores.shape == (BOARD + 1, BOARD + 1)
        assert scores.dtype == torch.float32
        assert scores.isfinite().all()

    def test_score_changes_nothing(self, task):
        before = {name: value.clone() for name, value in task.named_buffers()}
        first = task.recommender.score(self.users)
        kept = first.clone()
        first.fill_(7.0)  # the caller may write into the answer
        assert torch.equal(task.recommender.score(self.users), kept)
        assert all(torch.equal(value, before[name]) for name, value in task.named_buffers())

    def test_rows_follow_the_users(self, task):
        users = torch.tensor([5, 0, 5, LONELY, 2])
        recommender = task.recommender
        torch.testing.assert_close(recommender.score(users), recommender.score(self.users)[users])
        ranking, everybody = recommender.recommend(users, k=6), recommender.recommend(self.users, k=6)
        assert torch.equal(ranking.users, users)
        torch.testing.assert_close(ranking.scores, everybody.scores[users])

    def test_no_users_no_rows(self, task):
        assert task.recommender.recommend(self.users[:0], k=3).items.shape == (0, 3)

    @pytest.mark.parametrize("candidates", ["all", "new", "repeat"])
    def test_recommend_ranks_the_candidates_and_nothing_else(self, task, candidates):
        recommender = task.recommender
        scores, seen = recommender.score(self.users), recommender.graph.seen_mask(self.users)
        ranking = recommender.recommend(self.users, k=1000, candidates=candidates)
        assert ranking.items.shape == ranking.scores.shape == (BOARD + 1, BOARD + 1)
        allowed = {"all": torch.ones_like(seen), "new": ~seen, "repeat": seen}[candidates]
        for user, (items, values) in enumerate(zip(ranking.items, ranking.scores, strict=True)):
            count = int(allowed[user].sum())
            listed = items[:count]
            assert sorted(listed.tolist()) == allowed[user].nonzero().flatten().tolist()
            assert torch.equal(values[:count], scores[user, listed])
            assert (values[:count].diff() <= 0).all()
            assert (items[count:] == -1).all()
            assert values[count:].isneginf().all()

    def test_new_items_are_the_default_and_k_cuts_the_list(self, task):
        short = task.recommender.recommend(self.users, k=3)
        long = task.recommender.recommend(self.users, k=BOARD + 1, candidates="new")
        assert short.items.shape == (BOARD + 1, 3)
        assert torch.equal(short.scores, long.scores[:, :3])

    def test_user_without_edges_gets_a_list(self, task):
        lonely = torch.tensor([LONELY])
        assert (task.recommender.recommend(lonely, k=5).items >= 0).all()
        assert (task.recommender.recommend(lonely, k=5, candidates="repeat").items == -1).all()

    def test_checkpoint_restores_the_scores(self, task, tmp_path):
        torch.save(task.state_dict(), tmp_path / "state.ckpt")
        torch.manual_seed(1)
        other = new_task(type(getattr(task.recommender, "encoder", task.recommender)))
        other.bind(checker_board())
        other.eval().recommender.score(self.users)  # what was computed before loading must be forgotten
        other.load_state_dict(torch.load(tmp_path / "state.ckpt", weights_only=True))
        assert torch.equal(other.recommender.score(self.users), task.recommender.score(self.users))

    def test_deepcopy_scores_the_same_and_stands_alone(self, task):
        scores = task.recommender.score(self.users)
        twin = copy.deepcopy(task.recommender)
        assert torch.equal(twin.score(self.users), scores)
        for value in [*twin.parameters(), *twin.buffers()]:
            value.data.zero_()
        twin.train().eval()
        assert torch.equal(task.recommender.score(self.users), scores)

    def test_moving_devices_changes_no_score(self, task):
        scores = task.recommender.score(self.users)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        moved = copy.deepcopy(task.recommender).to(device)
        torch.testing.assert_close(moved.score(self.users.to(device)).cpu(), scores)
        torch.testing.assert_close(moved.cpu().score(self.users), scores)
