"""The joint graph of users, items and attributes: PyG and dense algebra are the oracles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from recommender_suite import checker_board
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from graphrec.data.features.nodes import AttributeTables, attribute_nodes
from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import HeteroGCN, LightGCN, WithFeatures
from graphrec.models.encoders.hetero import hetero_data

USERS, ITEMS = 7, 9
NOBODY_BOUGHT = 8


def tables(items: int = ITEMS) -> AttributeTables:
    users, ids = (
        IdMap(np.array([f"u{i}" for i in range(USERS)])),
        IdMap(np.array([f"i{i}" for i in range(9)])),
    )
    said = pd.DataFrame(
        {
            "item_id": ids.ids,
            "category": ["啤酒|bread", "啤酒", "bread", "bread", "", "unknown", None, "啤酒", "bread"],
            "maker_id": [1, 1, 2, 2, 3, 3, 1, 2, 3],
            "price": np.arange(9.0),
            "title": [f"title {i}" for i in range(9)],
        }
    )
    people = pd.DataFrame({"user_id": users.ids, "region": ["n", "n", "s", "s", "n", None, "s"]})
    return AttributeTables(people, said, users, ids)


def graph(weights: bool = False) -> BipartiteGraph:
    draw = np.random.default_rng(1)
    pairs = np.unique(np.stack([draw.integers(0, USERS, 30), draw.integers(0, ITEMS - 1, 30)]), axis=1)
    frame = pd.DataFrame(pairs.T, columns=["user", "item"])
    weight = draw.uniform(0.5, 3, len(frame)).astype(np.float32) if weights else None
    beside = tables()
    return BipartiteGraph(Interactions(frame, beside.users, beside.items, weight), tables=beside)


def encoder(of: BipartiteGraph, **options) -> HeteroGCN:
    torch.manual_seed(0)
    return HeteroGCN(of, dim=4, **{"num_layers": 2, **options})


def test_columns_that_several_share_become_nodes_and_what_is_said_once_does_not():
    names = {one.name: list(one.values) for one in attribute_nodes(tables(), None)}
    assert names == {
        "user_region": ["n", "s"],
        "item_category": ["bread", "啤酒"],
        "item_maker_id": ["1", "2", "3"],
    }
    assert [one.name for one in attribute_nodes(tables(), ["price"])] == ["item_price"]


@pytest.mark.parametrize("weights", [False, True])
def test_the_joint_graph_is_that_of_pyg(weights):
    of = graph(weights)
    own = encoder(of)
    data = hetero_data(of, own.attributes)
    assert data.node_types[:2] == ["user", "item"]
    for kind in data.edge_types:
        data[kind].edge_weight = data[kind].get("edge_weight", torch.ones(data[kind].num_edges))
    same = data.to_homogeneous()
    both = torch.cat([same.edge_index, same.edge_index.flip(0)], dim=1)
    edges, weight = gcn_norm(both, same.edge_weight.repeat(2), same.num_nodes, add_self_loops=False)
    expected = torch.zeros(same.num_nodes, same.num_nodes)
    expected[edges[1], edges[0]] = weight
    torch.testing.assert_close(own.adjacency.tensor().to_dense(), expected)


def test_layers_are_the_mean_of_products_and_a_batch_gives_the_same():
    of = graph()
    own = encoder(of, num_layers=3)
    matrix, start = own.adjacency.tensor().to_dense(), torch.cat([own.weight, own.attribute])
    layers = [torch.linalg.matrix_power(matrix, power) @ start for power in range(4)]
    mean = torch.stack(layers).mean(0)
    user, item = own(of)
    torch.testing.assert_close(torch.cat([user, item]), mean[: USERS + ITEMS])
    users, items = torch.tensor([0, 3, 3]), torch.tensor([8, 1])
    rows = own.rows(of, users, items)
    torch.testing.assert_close(rows.user, user[users])
    torch.testing.assert_close(rows.item, item[items])
    torch.testing.assert_close(rows.ego().item, own.weight[USERS + items])


def unseen(values: dict[str, list[str]], side: str = "item") -> BipartiteGraph:
    """Nodes that no log knows, with what a table says of them."""
    ids = IdMap(np.array([f"new {i}" for i in range(len(next(iter(values.values()))))], dtype=object))
    nobody, table = IdMap(np.array([], dtype=object)), pd.DataFrame({f"{side}_id": ids.ids, **values})
    frame = pd.DataFrame({"user": [], "item": []}, dtype=np.int64)
    if side == "item":
        return BipartiteGraph(
            Interactions(frame, nobody, ids), tables=AttributeTables(None, table, nobody, ids)
        )
    known = tables().items
    return BipartiteGraph(Interactions(frame, ids, known), tables=AttributeTables(table, None, ids, known))


def test_an_item_is_told_by_its_attributes_as_one_that_nobody_bought_is():
    of = graph()
    own = encoder(of, num_layers=1)
    with torch.no_grad():
        own.weight[USERS + NOBODY_BOUGHT] = 0
    told = own.embed_items(of, unseen({"category": ["bread", "wine"], "maker_id": ["3", ""]}))
    torch.testing.assert_close(told[0], own(of).item[NOBODY_BOUGHT])
    assert not told[1].any()  # nothing that training knows is said of it
    assert told[0].any()


def test_a_user_is_told_by_basket_and_attributes_as_in_training():
    of = graph(weights=True)
    own = encoder(of, num_layers=1, attribute_weight=2.0)
    with torch.no_grad():
        own.weight[:USERS] = 0
    torch.testing.assert_close(own.fold_in(of, of), own(of).user)
    alone = own.fold_in(of, unseen({"region": ["n", "elsewhere"]}, "user"))
    assert alone[0].any()
    assert not alone[1].any()


def test_what_cannot_be_a_node_is_refused_with_the_columns():
    bare = BipartiteGraph(
        Interactions(pd.DataFrame({"user": [0], "item": [0]}), IdMap(np.arange(1)), IdMap(np.arange(1)))
    )
    with pytest.raises(InputError, match="no table of attributes"):
        HeteroGCN(bare, dim=2)
    with pytest.raises(InputError, match="no attribute 'categroy'"):
        encoder(graph(), nodes=["categroy"])
    beside = tables()
    titles = AttributeTables(None, beside.item[["item_id", "title"]], beside.users, beside.items)
    with pytest.raises(InputError, match="two users or two items share"):
        attribute_nodes(titles, None)


def test_a_table_that_says_something_else_has_another_fingerprint():
    one, other = tables(), tables()
    assert one.sha256() == other.sha256()
    other.item.loc[3, "category"] = "wine"
    assert one.sha256() != other.sha256()


def test_features_come_on_top():
    of = checker_board()
    own = WithFeatures(of, lambda given: HeteroGCN(given, dim=4))
    assert own.embeds_items
    assert own.reads_tables
    assert not WithFeatures(of, LightGCN).reads_tables
