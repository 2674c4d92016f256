"""People and products that training never saw, from files to lists; dense algebra is the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from odd_shop import listed

from graphrec.cli.main import main
from graphrec.errors import InputError

KINDS = ["啤酒", "Käse", "パン"]
ITEMS = [f"{number:03d}" for number in range(24)]
USERS = [f"Kunde {number}" for number in range(30)]
QUIET = ["--trainer.max_epochs", "4", "--trainer.enable_progress_bar", "false"]
PEOPLE = ["--users", "Kunde 0", "gast", "fremd", "Paris", "niemand", "--history", "hist.csv"]
NEW = ["--user_table", "people.csv", "--new_items", "new.csv", "-k", "40"]


def log() -> pd.DataFrame:
    """Each person prefers one kind."""
    draw, rows = np.random.default_rng(0), []
    for place, user in enumerate(USERS):
        weight = np.where(np.arange(len(ITEMS)) % 3 == place % 3, 8.0, 1.0)
        for item in draw.choice(len(ITEMS), size=7, replace=False, p=weight / weight.sum()):
            rows.append((user, ITEMS[item], f"2024-0{draw.integers(1, 7)}-{draw.integers(10, 28)}"))
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    place = tmp_path_factory.mktemp("newcomers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        log().to_csv("log.csv", index=False)
        sort = [KINDS[number % 3] for number in range(len(ITEMS))]
        maker = [None if number == 4 else f"m{number % 5}" for number in range(len(ITEMS))]
        pd.DataFrame({"item_id": ITEMS, "sort": sort, "maker": maker}).to_csv("items.csv", index=False)
        towns = [["Köln", "Bonn", "Ulm"][number % 3] for number in range(len(USERS))]
        pd.DataFrame({"user_id": USERS, "stadt": towns}).to_csv("users.csv", index=False)
        new = {"item_id": ["neu 1", "neu 2", "007", "nichts"]}
        new |= {"sort": ["啤酒", "Käse|パン", "Käse", "Obst"], "maker": ["m1", "m99", "m3", None]}
        pd.DataFrame(new).to_csv("new.csv", index=False)
        pd.DataFrame({"user_id": ["fremd", "Paris"], "stadt": ["Köln", "Paris"]}).to_csv(
            "people.csv", index=False
        )
        bought = pd.DataFrame({"user_id": "gast", "item_id": ["001", "004", "neu 1"]})
        bought.assign(timestamp="2024-08-01").to_csv("hist.csv", index=False)
        words = ["--items", "items.csv", "--users", "users.csv", "--run.id", "a", *QUIET]
        main(["fit", "-m", "heterogcn", "--data", "log.csv", *words])
        main(["fit", "-m", "lightgcn", "--data", "log.csv", "--run.id", "a", *QUIET])
        yield {name: f"runs/log-{name}/a/checkpoints/best.ckpt" for name in ("heterogcn", "lightgcn")}


@pytest.fixture(autouse=True)
def _here(shop, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(next(tmp_path_factory.getbasetemp().glob("newcomers*")))


def dense(checkpoint: str) -> tuple[np.ndarray, np.ndarray, list[str], list[str], list[tuple[str, str]]]:
    """Layers of all nodes and the roots of their degrees, from the files and the weights alone."""
    state = torch.load(checkpoint, weights_only=False)["state_dict"]
    rows = log().assign(place=log().groupby("user_id")["timestamp"].rank(method="first", ascending=False))
    train = rows.sort_values("timestamp", kind="stable").groupby("user_id").head(5)  # two are held out
    users, items = sorted(train["user_id"].unique()), sorted(train["item_id"].unique())
    goods, people = pd.read_csv("items.csv", dtype=str), pd.read_csv("users.csv", dtype=str)
    kinds = [("stadt", one) for one in sorted(people["stadt"].unique())]
    for column in ("sort", "maker"):
        kinds += [
            (column, one) for one in sorted(goods[goods["item_id"].isin(items)][column].dropna().unique())
        ]
    size = len(users) + len(items)
    matrix = np.zeros((size + len(kinds),) * 2)
    for user, item in set(zip(train["user_id"], train["item_id"], strict=True)):
        matrix[users.index(user), len(users) + items.index(item)] = 1
    for table, key, start, known in ((people, "user_id", 0, users), (goods, "item_id", len(users), items)):
        for row in table.to_dict("records"):
            for place, (column, value) in enumerate(kinds):
                if row[key] in known and row.get(column) == value:
                    matrix[start + known.index(row[key]), size + place] = 1
    matrix += matrix.T
    root = np.sqrt(matrix.sum(1))
    step = matrix / np.outer(root, root)
    names = ("recommender.encoder.weight", "recommender.encoder.attribute")
    layers = [np.concatenate([state[name].double().numpy() for name in names])]
    for _ in range(3):
        layers.append(step @ layers[-1])
    return np.stack(layers), root, users, items, kinds


def test_everybody_gets_what_is_known_of_them_and_new_items_say_so(shop, capsys):
    lists = listed(shop["heterogcn"], *PEOPLE, *NEW)
    said = " ".join(capsys.readouterr().err.split())
    bases = lists.groupby("user_id")["basis"].unique().map(set)
    assert bases["Kunde 0"] == {"model", "model on new item"}
    assert bases["gast"] == {"history", "history on new item"}
    assert bases["fremd"] == {"features", "features on new item"}
    assert bases["Paris"] == {"popularity"}  # nobody in training is from there
    assert bases["niemand"] == {"popularity"}  # that an item is new is no reason to buy it
    new = lists[lists["basis"].str.endswith("new item")]
    assert set(new["item_id"]) == {"neu 1", "neu 2"}
    assert "neu 1" not in set(lists[lists["user_id"] == "gast"]["item_id"])  # its own history has it
    assert "new.csv: 1 of 4 items are known already, as '007'" in said
    assert "of 1 of 3 new items it says nothing that training knows, such as 'nichts'" in said
    assert "2 new items ranked by what new.csv says of them" in said


def test_scores_of_new_items_are_those_of_the_joint_graph(shop):
    layers, root, users, items, kinds = dense(shop["heterogcn"])
    lists = listed(shop["heterogcn"], "--users", *users, *NEW[2:])
    state = torch.load(shop["heterogcn"], weights_only=False)["state_dict"]
    vectors, size = layers.mean(0), len(users) + len(items)
    told = {"neu 1": [("sort", "啤酒"), ("maker", "m1")], "neu 2": [("sort", "Käse"), ("sort", "パン")]}
    logit = float(state["decoder.weight"])
    scale = 7.0 / (1 + np.exp(-4.0 * logit))
    buyers = np.array([round(one**2) for one in root[len(users) : size]])
    degree = {
        item: buyers[place] - sum(_has(item, kind) for kind in kinds) for place, item in enumerate(items)
    }
    prior = np.mean([np.log1p(one) for one in degree.values()])
    for item, names in told.items():
        places = [size + kinds.index(name) for name in names]
        sent = sum(layers[:3].sum(0)[place] / root[place] for place in places) / 4 / np.sqrt(len(places))
        for user in users[:4]:
            own = vectors[users.index(user)]
            cosine = own @ sent / np.linalg.norm(own) / np.linalg.norm(sent)
            row = lists[(lists["user_id"] == user) & (lists["item_id"] == item)]
            assert float(row["score"].iloc[0]) == pytest.approx(scale * cosine + prior, abs=1e-4)


def _has(item: str, kind: tuple[str, str]) -> bool:
    goods = pd.read_csv("items.csv", dtype=str).set_index("item_id")
    return kind[0] in goods and goods.loc[item, kind[0]] == kind[1]


def test_known_items_keep_their_scores(shop):
    words = ["--users", *USERS[:5], "-k", "40"]
    plain, both = (listed(shop["heterogcn"], *words, *more) for more in ([], ["--new_items", "new.csv"]))
    old = both[both["basis"] == "model"].drop(columns="rank").reset_index(drop=True)
    pd.testing.assert_frame_equal(old, plain.drop(columns="rank"))


def test_an_export_ranks_the_same_newcomers_without_the_log(shop, tmp_path, monkeypatch):
    expected = listed(shop["heterogcn"], *PEOPLE, *NEW)
    main(["export", shop["heterogcn"], "--out", str(tmp_path / "model.zip")])
    for name in ("hist.csv", "people.csv", "new.csv"):
        (tmp_path / name).write_bytes(Path(name).read_bytes())
    monkeypatch.chdir(tmp_path)
    pd.testing.assert_frame_equal(listed("model.zip", *PEOPLE, *NEW), expected)


@pytest.mark.parametrize(
    ("model", "words", "told"),
    [
        ("lightgcn", ["--new_items", "new.csv"], "LightGCN ranks only the items it was fitted to"),
        ("lightgcn", ["--user_table", "people.csv"], "the model reads no attributes of users"),
        ("heterogcn", ["--new_items", "items.csv"], "are in the catalogue"),
        ("heterogcn", ["--new_items", "obst.csv"], "says nothing that training knows"),
        ("heterogcn", ["--new_items", "twice.csv"], "'a' occurs more than once"),
    ],
)
def test_what_cannot_be_ranked_is_one_line(shop, model, words, told):
    pd.DataFrame({"item_id": ["a", "b"], "sort": ["Obst", None]}).to_csv("obst.csv", index=False)
    pd.DataFrame({"item_id": ["a", "a"], "sort": ["啤酒", "啤酒"]}).to_csv("twice.csv", index=False)
    with pytest.raises(InputError, match=told):
        listed(shop[model], *words)
