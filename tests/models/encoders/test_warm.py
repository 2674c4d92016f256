"""A warm start takes what belongs to a node by its id, tells newcomers, and takes nothing where it cannot."""

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.features.build import Features
from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph
from graphrec.models.decoders import MLP, Dot, ScaledCosine
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders.lightgcn import LightGCN
from graphrec.models.encoders.table import EmbeddingTable
from graphrec.models.encoders.warm import Learnt, places_of, warm_start


def coded(pairs, ids=str):
    log = pd.DataFrame(pairs, columns=["user_id", "item_id"]).map(ids)
    users, items = IdMap.from_values(log["user_id"]), IdMap.from_values(log["item_id"])
    return Interactions.encode(log, users, items)


def model_of(train, encoder=EmbeddingTable, decoder=Dot, **options):
    graph = BipartiteGraph(train)
    return EmbeddingRecommender(graph, encoder(graph, dim=4, **options), decoder())


def learnt(train, model, features=None):
    return Learnt(model, train.users, train.items, features)


OLD = [(user, item) for user in (2, 3, 5, 7) for item in range(9) if (user * item) % 3 != 1 or item == user]
NEW = [*OLD, (1, 0), (1, 4), (9, 12), (9, 2), (5, 11), (8, 12)]


def test_rows_go_by_id_and_not_by_place():
    """Users 1, 8 and 9 are new and sort before and behind the others, so nearly every code moves."""
    old, new = coded(OLD), coded(NEW)
    before, after = model_of(old), model_of(new)
    taken = warm_start(after, new.users, new.items, None, learnt(old, before))
    mine, theirs = after.encoder.weight, before.encoder.weight
    for name in old.users.ids:
        row, was = new.users.codes([name])[0], old.users.codes([name])[0]
        assert torch.equal(mine[row], theirs[was])
    for name in old.items.ids:
        row, was = new.items.codes([name])[0], old.items.codes([name])[0]
        assert torch.equal(mine[len(new.users) + row], theirs[len(old.users) + was])
    assert (taken.rows, taken.told, taken.drawn) == (len(old.users) + len(old.items), 5, 0)


@pytest.mark.parametrize("form", [lambda id: f"ü/{id:03d}", lambda id: f"{id:05d}", int])
def test_ids_of_any_form(form):
    old, new = coded(OLD, form), coded(NEW, form)
    before, after = model_of(old), model_of(new)
    taken = warm_start(after, new.users, new.items, None, learnt(old, before))
    assert taken.rows == len(old.users) + len(old.items)


def test_numbers_that_became_text_because_others_are():
    old, new = coded(OLD, int), coded([*OLD, ("x7", "y")], str)
    assert (places_of(new.users, old.users) >= 0).sum() == len(old.users)


def test_a_new_user_is_told_as_an_old_one_of_the_same_basket():
    """Users whose vectors are a linear map of what they bought: least squares have to find it."""
    rng = np.random.default_rng(0)
    pairs = [(user, item) for user in range(60) for item in rng.choice(20, 6, replace=False)]
    basket = [item for user, item in pairs if user == 7]
    old, new = coded(pairs), coded([*pairs, *((99, item) for item in basket)])
    before = model_of(old)
    with torch.no_grad():
        graph, table = before.graph, before.encoder.weight
        items = table[graph.num_users :]
        means = torch.stack([items[graph.edge_item[graph.edge_user == user]].mean(0) for user in range(60)])
        table[:60] = means @ torch.randn(4, 4)
    after = model_of(new)
    warm_start(after, new.users, new.items, None, learnt(old, before))
    found = after.encoder.weight[new.users.codes(["99", "7"])]
    assert torch.allclose(found[0], found[1], atol=0.02 * found[1].norm().item())


def test_who_has_no_known_neighbour_is_drawn():
    old, new = coded(OLD), coded([*OLD, ("nobody", "nothing")])
    after = model_of(new)
    drawn = after.encoder.weight.detach().clone()
    taken = warm_start(after, new.users, new.items, None, learnt(old, model_of(old)))
    row = new.users.codes(["nobody"])[0]
    assert taken.drawn == 2
    assert torch.equal(after.encoder.weight[row], drawn[row])
    assert after.encoder.weight[row].any()  # 0 has no direction


def test_the_same_log_gives_the_same_scores():
    train = coded(OLD)
    before, after = (model_of(train, LightGCN, ScaledCosine).eval() for _ in range(2))
    with torch.no_grad():
        before.decoder.weight += 0.5
    users = torch.arange(len(train.users))
    assert not torch.allclose(before.score(users), after.score(users))
    warm_start(after, train.users, train.items, None, learnt(train, before))
    assert torch.equal(before.score(users), after.score(users))
    assert torch.equal(before.decoder.weight, after.decoder.weight)


def test_what_does_not_fit_starts_anew_and_is_left_as_it_was():
    old, new = coded(OLD), coded(NEW)
    after = model_of(new, decoder=lambda: MLP([8]))
    drawn = {name: value.detach().clone() for name, value in after.named_parameters()}
    taken = warm_start(
        after, new.users, new.items, None, learnt(old, model_of(old, decoder=lambda: MLP([6])))
    )
    assert "does not fit" in taken.anew
    assert str(taken).startswith("training starts anew")
    assert all(torch.equal(value, drawn[name]) for name, value in after.named_parameters())


def test_other_columns_of_features_start_anew():
    old, new = coded(OLD), coded(NEW)
    names = [["age"], ["red", "green"]], [["age"], ["red", "blue"]]
    was, now = (
        Features(np.zeros((1, 1), np.float32), np.zeros((1, 2), np.float32), *one, dropped=[])
        for one in names
    )
    taken = warm_start(model_of(new), new.users, new.items, now, learnt(old, model_of(old), was))
    assert "features" in taken.anew
