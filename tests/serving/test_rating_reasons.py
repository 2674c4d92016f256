"""Lists by foretold ratings, and why: parts of columns sum to what scikit-learn foretells by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from odd_shop import ITEMS, NEW, USERS, bought, item_table
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.tree import DecisionTreeRegressor

from graphrec.cli.experiment.loading import load_lister, load_run
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.models.reasons.columns import column_accounts
from graphrec.training.rating.models import Ratings

PARTS = [*(f"share_{place}" for place in (1, 2, 3)), "others", "rest"]
OWN = {
    "mlp_rating": MLPRegressor(hidden_layer_sizes=[64], early_stopping=True, random_state=0),
    "linear": LinearRegression(),
    "stump": DecisionTreeRegressor(max_depth=1, random_state=0),
}
"""The same regressions, made by hand."""
RATING = "graphrec.training.rating"


def rated(seed: int) -> pd.DataFrame:
    """People of two towns who like one of two kinds; some gave no rating."""
    log = bought(USERS, seed)
    alike = log["user_id"].map(USERS.index) % 2 == log["item_id"].map(ITEMS.index) % 2
    noise = np.random.default_rng(seed).normal(0, 0.3, len(log))
    stars = pd.Series(np.where(alike, 4.5, 2.0) + noise, log.index)
    return log.assign(stars=stars.mask(log.index % 17 == 0))


def fitted(name: str) -> str:
    """Fit a model of ratings by the command, those that are not shipped from a YAML."""
    model = name
    if name != "mlp_rating":
        path = f"sklearn.{'tree' if name == 'stump' else 'linear_model'}.{type(OWN[name]).__name__}"
        options = {"max_depth": 1} if name == "stump" else {}
        inner = {"estimator": {"class_path": path, "init_args": options}}
        task = {"model": {"class_path": f"{RATING}.FeatureRegressor", "init_args": inner}}
        content = {"class_path": f"{RATING}.RatingTask", "init_args": task}
        Path(f"{name}.yaml").write_text(yaml.safe_dump({"trainer": {"max_epochs": 1}, "model": content}))
        model = f"{name}.yaml"
    features = [] if name == "mlp_rating" else ["--data.features", "{pca: null}"]
    main(["fit", "-m", model, "--data", "data.yaml", *features, "--run.name", name, "--run.id", "a"])
    return f"runs/{name}/a/checkpoints/best.ckpt"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Checkpoints by name, in a folder with the shop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("rated"))
        rated(1).to_csv("log.csv", index=False)
        bought(NEW, 2).to_csv("history.csv", index=False)
        item_table().assign(kind=["x", "y"] * 14 + ["x"]).to_csv("items.csv", index=False)
        towns = ["Köln", "Aachen"] * len(USERS)
        pd.DataFrame({"user_id": USERS, "town": towns[: len(USERS)]}).to_csv("users.csv", index=False)
        source = {"path": "log.csv", "users": "users.csv", "items": "items.csv"}
        columns = {"columns": {"rating": "stars"}}
        arguments = {
            "source": {"class_path": "graphrec.data.sources.table", "init_args": {**source, **columns}},
            "split": {"class_path": "LeaveLast"},
            "features": {"pca": 4},
        }
        content = {"class_path": "RecommenderData", "init_args": arguments}
        Path("data.yaml").write_text(yaml.safe_dump(content))
        yield {name: fitted(name) for name in OWN}


def by_hand(name: str, checkpoint: str):
    """The regression that is fitted without graphrec, and the features."""
    _, data = load_lister(Path(checkpoint))
    rows, features = Ratings.of(data.split.train), data.features
    assert 0 < len(rows.value) < len(data.split.train)
    columns = np.concatenate([features.user[rows.user], features.item[rows.item]], axis=1)
    return OWN[name].fit(columns, rows.value), data


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", OWN)
def test_parts_sum_to_the_rating_that_scikit_learn_foretells(name, shop):
    main(["recommend", "--ckpt", shop[name], "--out", "why.csv", "--explain", "-k", "40", "--items", "all"])
    why = pd.read_csv("why.csv", dtype={"user_id": str, "item_id": str})
    regression, data = by_hand(name, shop[name])
    features, split = data.features, data.split
    assert len(why) == len(split.users) * len(split.items)
    user, item = split.users.codes(why["user_id"]), split.items.codes(why["item_id"])
    foretold = regression.predict(np.concatenate([features.user[user], features.item[item]], axis=1))
    np.testing.assert_allclose(why["score"], foretold, atol=1e-5)
    np.testing.assert_allclose(why[PARTS].sum(axis=1), foretold, atol=1e-5)
    mean = np.concatenate([features.user.mean(axis=0), features.item.mean(axis=0)])[None]
    np.testing.assert_allclose(why["rest"], regression.predict(mean)[0], atol=1e-4)


def test_a_linear_rating_gives_each_column_its_weight_times_what_stands_in_it(shop):
    regression, data = by_hand("linear", shop["linear"])
    task, _ = load_lister(Path(shop["linear"]))
    features, codes = data.features, torch.arange(6)
    account = column_accounts(task.recommender, features)(3, codes)
    names = [f"user {name}" for name in features.user_names]
    names += [f"item {name}" for name in features.item_names]
    for row in range(6):
        stands = [
            features.user[3] - features.user.mean(axis=0),
            features.item[row] - features.item.mean(axis=0),
        ]
        parts = regression.coef_ * np.concatenate(stands)
        for column, part in zip(account.columns, account.parts[:, row], strict=True):
            own = [f"{column.side} {column.name}" == name.partition("=")[0] for name in names]
            assert part == pytest.approx(parts[own].sum(), abs=1e-5)


def test_a_stump_names_the_one_column_that_it_reads(shop):
    main(["recommend", "--ckpt", shop["stump"], "--out", "why.csv", "--explain", "-k", "9", "--items", "all"])
    why = pd.read_csv("why.csv")
    regression, data = by_hand("stump", shop["stump"])
    names = [f"user {one}" for one in data.features.user_names]
    names += [f"item {one}" for one in data.features.item_names]
    read = names[regression.tree_.feature[0]].partition("=")[0]
    assert set(why["because_1"].dropna()) == {read}
    assert why["because_2"].isna().all()  # what is rounding is no reason
    assert why["reason"].str.startswith(("because of the ", "not because of any column")).all()


def test_strangers_are_ranked_by_features_and_an_export_says_the_same(shop):
    words = ["--users", USERS[0], NEW[0], "--history", "history.csv", "-k", "4", "--explain"]
    main(["export", shop["mlp_rating"], "--out", "model.zip"])
    for model, out in ((shop["mlp_rating"], "why.csv"), ("model.zip", "packed.csv")):
        main(["recommend", "--ckpt", model, "--out", out, *words])
    why, packed = (pd.read_csv(name, dtype={"item_id": str}) for name in ("why.csv", "packed.csv"))
    pd.testing.assert_frame_equal(packed, why)
    assert set(why["basis"]) == {"model", "history"}
    np.testing.assert_allclose(why[PARTS].sum(axis=1), why["score"], atol=1e-5)


def test_neighbours_list_what_they_foretell_and_say_that_they_have_no_account(shop, capsys):
    main(["fit", "-m", "item_cf_rating", "--data", "data.yaml", "--run.name", "cf", "--run.id", "a"])
    checkpoint = "runs/cf/a/checkpoints/best.ckpt"
    main(["recommend", "--ckpt", checkpoint, "--out", "cf.csv", "-k", "40", "--items", "all", "--explain"])
    assert "ForetoldRatings has no exact account" in capsys.readouterr().err
    found = pd.read_csv("cf.csv", dtype={"user_id": str, "item_id": str})
    task, data = load_lister(Path(checkpoint))
    codes = data.split.users.codes(found["user_id"]), data.split.items.codes(found["item_id"])
    np.testing.assert_allclose(found["score"], task.rating_model.predict(*codes), atol=1e-5)


def test_other_ratings_are_other_data_and_no_ranker_is_judged(shop, capsys):
    before = Path("log.csv").read_text(encoding="utf-8")
    log = rated(1)
    log.assign(stars=log["stars"].where(log["stars"] < 4, 3.0)).to_csv("log.csv", index=False)
    with pytest.raises(InputError, match="was trained on"):
        load_lister(Path("runs/cf/a/checkpoints/best.ckpt"))
    Path("log.csv").write_text(before, encoding="utf-8")
    with pytest.raises(InputError, match="holds ratings, and a ranker is asked for here"):
        load_run(Path(shop["stump"]))
    with pytest.raises(InputError, match="holds ratings, and a ranker is asked for here"):
        load_run(Path("model.zip"))


def test_weights_are_refused():
    words = ["fit", "-m", "item_cf_rating", "--data", "data.yaml", "--run.name", "weighed"]
    with pytest.raises(InputError, match="reads no weights"):
        main([*words, "--data.weights", "{rows: [{class_path: Recency}]}"])
