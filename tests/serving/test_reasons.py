"""Reasons sum to the score, by oracles that know nothing of the accounts; and they read as sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from odd_shop import NEW, bought
from unfitted import built, keep, models, write_shop

from graphrec.cli.main import main
from graphrec.models.answers.folded import FoldedIn
from graphrec.models.reasons.explain import accounts_of
from graphrec.models.reasons.purchases import known_kinds

MODELS = models()
EXACT = [
    "item_cf",
    "slim",
    "p3alpha",
    "rp3beta",
    "turbocf",
    "turbocf2",
    "ease",
    "edlae",
    "spectral",
    "linkprop",
]
PROPAGATED = ["lightgcn", "simgcl", "xsimgcl"]
RECENCY = {"class_path": "graphrec.data.weights.Recency", "init_args": {"half_life": 4}}


@pytest.fixture(autouse=True, scope="module")
def _shop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        write_shop()
        yield


def weighted(name: str) -> dict:
    return {} if name == "linkprop" else {"weights": {"rows": [RECENCY]}}


def differences(model, graph, base) -> torch.Tensor:
    """By how much the parts of each user miss the scores."""
    users, items = torch.arange(graph.num_users), torch.arange(graph.num_items)
    accounts = accounts_of(model, users)
    scores = model.score(users) - base
    return torch.stack([accounts(int(user), items).parts.sum(0) - scores[user] for user in users]).abs().max()


@pytest.mark.parametrize("name", [*EXACT, "user_cf"])
def test_parts_sum_to_the_score_of_whom_the_model_knows(name):
    model = built(name, MODELS[name], **weighted(name))[0].recommender
    scale = float(model.score(torch.arange(model.graph.num_users)).abs().max())
    assert float(differences(model, model.graph, 0)) <= 1e-5 * max(scale, 1)


def strangers(model) -> FoldedIn:
    """Baskets of one to twelve items, of people whom the model does not know."""
    from graphrec.data.interactions import IdMap, Interactions
    from graphrec.graph import BipartiteGraph

    log = bought(NEW, 2)
    codes = {item: code for code, item in enumerate(sorted(log["item_id"].unique()))}
    frame = pd.DataFrame({"user": log["user_id"].map({n: i for i, n in enumerate(NEW)})})
    frame = frame.assign(item=log["item_id"].map(codes), week=1)
    ids = IdMap(np.arange(len(NEW))), IdMap(np.arange(model.graph.num_items))
    return FoldedIn(model, BipartiteGraph(Interactions(frame, *ids)))


@pytest.mark.parametrize("name", [*EXACT, "ials"])
def test_parts_sum_to_the_score_of_strangers(name):
    folded = strangers(built(name, MODELS[name])[0].recommender)
    scale = float(folded.score(torch.arange(len(NEW))).abs().max())
    assert float(differences(folded, folded.graph, 0)) <= 1e-5 * max(scale, 1)


@pytest.mark.parametrize("name", PROPAGATED)
def test_what_is_left_of_propagation_is_the_own_vector_and_the_prior(name):
    """Layer by layer with a dense adjacency: only the user's own row of the table is no purchase's."""
    model = built(name, MODELS[name])[0].recommender
    graph, encoder = model.graph, model.encoder
    left, right = model.decoder.factors(*model.embeddings())
    length = left.norm(dim=1) / model.embeddings().user.norm(dim=1)
    own = encoder.coefficients[0] * encoder.weight[: graph.num_users] * length[:, None]
    buyers = torch.bincount(graph.edge_item, minlength=graph.num_items)
    base = own @ right.T + model.prior * torch.log1p(buyers.float())
    assert float(differences(model, graph, base.detach())) <= 1e-5 * 10


def test_a_part_is_the_entry_of_the_item_matrix():
    """ItemCF by NumPy: the cosine of the two columns, for every purchase and item."""
    model = built("item_cf", MODELS["item_cf"])[0].recommender
    x = model.graph.seen_mask(torch.arange(model.graph.num_users)).numpy().astype(float)
    common, root = x.T @ x, np.sqrt(x.sum(axis=0))
    cosine = common / (np.outer(root, root) + model.shrinkage)
    np.fill_diagonal(cosine, 0)
    accounts = accounts_of(model, torch.arange(3))
    for user in range(3):
        account = accounts(user, torch.arange(x.shape[1]))
        np.testing.assert_allclose(account.parts, cosine[account.bought], atol=1e-6)


SILENT = [one for one in MODELS if one not in [*EXACT, *PROPAGATED, "ials", "user_cf"]]
QUICK = ("mf", "ngcf", "popularity", "boosting", "fusion")


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in SILENT]
)
def test_the_others_claim_nothing(name):
    assert accounts_of(built(name, MODELS[name])[0].recommender, torch.arange(2)) is None


def test_a_model_of_ones_own_claims_nothing():
    """A subclass may score in another way."""
    model = built("item_cf", MODELS["item_cf"])[0].recommender
    model.__class__ = type("Mine", (type(model),), {})
    assert accounts_of(model, torch.arange(2)) is None
    assert len(known_kinds()) == 11


@pytest.fixture(scope="module")
def explained(_shop, tmp_path_factory):
    from pathlib import Path

    keep(*built("item_cf", MODELS["item_cf"]), Path("best.ckpt"))
    bought(NEW, 2).to_csv("history.csv", index=False)
    words = ["--users", "001", NEW[0], "nobody", "--history", "history.csv", "-k", "4", "--explain"]
    main(["recommend", "--ckpt", "best.ckpt", "--out", "why.csv", *words, "--name_column", "category"])
    main(["recommend", "--ckpt", "best.ckpt", "--out", "plain.csv", *words[:-1]])
    return pd.read_csv("why.csv", dtype={"because_1": str, "item_id": str})


def test_columns_sum_to_the_score(explained):
    parts = [*(f"share_{place}" for place in (1, 2, 3)), "others", "rest"]
    np.testing.assert_allclose(explained[parts].sum(axis=1), explained["score"], atol=1e-6)
    plain = pd.read_csv("plain.csv", dtype={"item_id": str})
    pd.testing.assert_frame_equal(explained[plain.columns.tolist()], plain)


def test_people_are_those_who_bought_both(explained):
    """Counted from the log itself."""
    log = pd.read_csv("log.csv", dtype=str).drop_duplicates()
    day = pd.to_datetime(log["timestamp"])
    log = log[(day - day.min()).dt.days // 7 + 1 <= 18]
    buyers = log.groupby("item_id")["user_id"].agg(set)
    known = explained[explained["because_1"].notna()]
    assert len(known) == 8
    for row in known.itertuples():
        assert row.people_1 == len(buyers[row.because_1] & buyers[row.item_id])


def test_a_sentence_says_names_and_people(explained):
    first = explained.iloc[0]
    categories = pd.read_csv("items.csv", dtype=str).set_index("item_id")["category"]
    name = categories.get(first["because_1"])
    name = first["because_1"] if pd.isna(name) else name  # no attribute says what it is called
    assert first["reason"].startswith(f"because you bought {name}")
    assert f"who bought {name} also bought this" in first["reason"]
    nobody = explained[explained["user_id"] == "nobody"]
    assert set(nobody["reason"]) == {"one of the items that most people buy"}


def test_a_model_without_an_account_says_so(capsys):
    from pathlib import Path

    keep(*built("mf", MODELS["mf"]), Path("mf.ckpt"))
    main(["recommend", "--ckpt", "mf.ckpt", "--out", "mf.csv", "-k", "2", "--explain"])
    said = "EmbeddingTable has no exact account of its scores by purchases: its reasons stay empty"
    assert said in capsys.readouterr().err
    found = pd.read_csv("mf.csv")
    assert found["reason"].isna().all()
    np.testing.assert_allclose(found["rest"], found["score"])
