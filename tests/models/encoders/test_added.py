"""Features added to the vectors of ids: bit-equal where they say nothing, the same map in every encoder."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.features.build import Features
from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import (
    NGCF,
    EmbeddingTable,
    FeatureTowers,
    GATv2,
    LightGCN,
    LightGCNpp,
    SimGCL,
    SimpleX,
    WithFeatures,
)

USERS, ITEMS, DIM = 6, 8, 4
ENCODERS = [EmbeddingTable, LightGCN, LightGCNpp, GATv2, NGCF, SimpleX, SimGCL]


def features(users: int, items: int, seed: int) -> Features:
    draw = np.random.default_rng(seed)
    user, item = (draw.normal(size=(n, width)).astype(np.float32) for n, width in ((users, 3), (items, 2)))
    return Features(user, item, list("abc"), list("de"))


def graph(users: int = USERS, items: int = ITEMS, seed: int = 0, edges: int = 20) -> BipartiteGraph:
    draw = np.random.default_rng(seed)
    pairs = np.unique(np.stack([draw.integers(0, users, edges), draw.integers(0, items, edges)]), axis=1)
    ids = IdMap(np.arange(users)), IdMap(np.arange(items))
    frame = pd.DataFrame(pairs.T, columns=["user", "item"])
    return BipartiteGraph(Interactions(frame, *ids), features(users, items, seed))


def both(kind: type, of: BipartiteGraph, **options: float) -> tuple[torch.nn.Module, WithFeatures]:
    torch.manual_seed(0)
    plain = kind(of, dim=DIM).eval()
    torch.manual_seed(0)
    return plain, WithFeatures(of, lambda given: kind(given, dim=DIM), **options).eval()


def with_a_map(encoder: WithFeatures) -> WithFeatures:
    torch.manual_seed(1)
    for weight in (encoder.encoder.added.of_user, encoder.encoder.added.of_item):
        torch.nn.init.normal_(weight)
    return encoder


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_map_of_zeros_changes_no_bit(kind):
    of = graph()
    plain, own = both(kind, of)
    for ours, theirs in zip(own(of), plain(of), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kind", ENCODERS)
def test_what_is_added_is_as_if_the_table_held_it(kind):
    of = graph()
    plain, own = both(kind, of)
    with_a_map(own)
    table = plain.state_dict()["weight"]
    added = own.encoder.added
    of_user, of_item = added.of_user.detach(), added.of_item.detach()
    table += torch.cat([of.user_features @ of_user, of.item_features @ of_item])
    for ours, theirs in zip(own(of), plain(of), strict=True):
        torch.testing.assert_close(ours, theirs)
    users, items = torch.tensor([5, 0]), torch.tensor([1, 7, 7])
    for ours, theirs in zip(own.rows(of, users, items)[:2], plain.rows(of, users, items)[:2], strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", [LightGCN, LightGCNpp, GATv2, NGCF, SimpleX])
def test_people_and_products_never_seen_have_their_features_alone(kind):
    """An item of training without a buyer and a vector of its own is such a one, and so is a user."""
    of = graph()
    lone = graph(edges=0)
    alone = BipartiteGraph(
        Interactions(
            pd.DataFrame({"user": of.edge_user, "item": of.edge_item}),
            IdMap(np.arange(USERS + 1)),
            IdMap(np.arange(ITEMS + 1)),
        ),
        Features(
            *(np.concatenate([a, a[:1]]) for a in (of.user_features.numpy(), of.item_features.numpy())),
            [],
            [],
        ),
    )
    own = with_a_map(both(kind, alone)[1])
    with torch.no_grad():
        own.encoder.weight[USERS] = own.encoder.weight[-1] = 0
    user, item = own(alone)
    torch.testing.assert_close(own.embed_items(alone, lone)[0], item[-1])
    torch.testing.assert_close(own.fold_in(alone, lone)[0], user[-1])


def test_only_what_has_a_part_of_the_features_can_embed_items():
    of = graph()
    assert both(EmbeddingTable, of)[1].embeds_items
    assert not EmbeddingTable(of, dim=DIM).embeds_items
    assert not both(SimGCL, of)[1].embeds_items  # its sum leaves the table out


def test_ids_left_out_in_training_come_back_in_ranking():
    of = graph()
    own = with_a_map(both(EmbeddingTable, of, id_dropout=0.5)[1])
    whole = own(of).item
    own.train()
    some = own(of).item
    map_alone = of.item_features @ own.encoder.added.of_item
    kept, left_out = (some == whole).all(1), (some == map_alone).all(1)
    assert (kept ^ left_out).all()
    assert kept.any()
    assert left_out.any()


def test_it_says_what_it_needs():
    bare = BipartiteGraph(
        Interactions(pd.DataFrame({"user": [0], "item": [0]}), IdMap(np.arange(1)), IdMap(np.arange(1)))
    )
    with pytest.raises(InputError, match="reads feature vectors and the data has none"):
        WithFeatures(bare)
    with pytest.raises(InputError, match="FeatureTowers begins with no table"):
        WithFeatures(graph(), FeatureTowers)
