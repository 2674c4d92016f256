"""Built features: selection, standardising, PCA, no leakage, always finite, the user's mistakes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from feature_data import column, encoded, same, shop, small
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.features.build import FeatureOptions, build_features
from graphrec.data.interactions import IdMap, Interactions
from graphrec.data.splits import Temporal
from graphrec.errors import InputError

RAW = FeatureOptions(pca=None, min_variance=0.0)


def test_document_group_gives_one_standardised_input_each() -> None:
    features = build_features(small(), options=FeatureOptions(["document"], ["document"]))
    assert features.user_names == ["document:purchase_frequency"]
    assert features.item_names == ["document:average_rating"]
    assert features.user.ravel().tolist() == [1.0, -1.0]
    assert features.item.ravel().tolist() == [1.0, -1.0]


def test_interest_finds_planted_tastes() -> None:
    rng = np.random.default_rng(3)
    taste = np.repeat(np.arange(60) % 2, 30)
    item = rng.integers(0, 10, len(taste)) * 2 + np.where(rng.random(len(taste)) < 0.8, taste, 1 - taste)
    log = pd.DataFrame({"user_id": np.repeat(np.arange(60), 30), "item_id": item})
    table = pd.DataFrame({"item_id": range(20), "side": ["even", "odd"] * 10})
    odd = column(build_features(encoded(log), items=table, options=RAW), "interest:side=odd")
    assert odd[1::2].min() > odd[::2].max()


def test_a_column_of_names_is_left_out_and_said() -> None:
    log, _, items = shop()
    titled = items.assign(title=[f"Item number {row}" for row in range(len(items))])
    options = FeatureOptions(pca=None, min_variance=0.0, max_categories=5)
    features = build_features(encoded(log), items=titled, options=options)
    assert "attributes:title" in features.dropped
    assert not [name for name in features.item_names + features.user_names if "title" in name]


def test_a_rating_that_cleaning_filled_is_no_rating() -> None:
    log, _, _ = shop()
    filled = log.assign(rating_missing=log["rating"].isna().astype(int), rating=log["rating"].fillna(4.0))
    assert same(build_features(encoded(filled)), build_features(encoded(log)))


def test_item_levels_are_kept_by_interactions() -> None:
    log = pd.DataFrame({"user_id": [1, 2, 3, 4, 1, 2], "item_id": [9, 9, 9, 9, 7, 8]})
    table = pd.DataFrame({"item_id": [7, 8, 9], "kind": ["a|b", "a|b", "c|b"]})
    features = build_features(encoded(log), items=table, options=FeatureOptions(pca=None, max_categories=2))
    names = [name for name in features.item_names + features.dropped if name.startswith("attributes:")]
    # 'b' is on every item and 'c' on the one that sells: 'a', on two items, is the rest
    assert sorted(names) == ["attributes:kind=b", "attributes:kind=c", "attributes:kind=other"]


def test_tables_follow_the_codes_whatever_their_order() -> None:
    log, users, items = shop()
    shuffled = build_features(encoded(log), users.sample(frac=1, random_state=1), items.iloc[::-1], RAW)
    assert same(shuffled, build_features(encoded(log), users, items, RAW))


# --- selection, standardising, PCA -----------------------------------------------------------------


def test_standardised_without_constants_and_copies() -> None:
    log, users, items = shop()
    items = items.assign(shop="only one", copy=items["department"])
    items.loc[len(items)] = ["i24", "MEAT", "only one", "MEAT"]
    features = build_features(encoded(log), users, items, RAW)
    for values in (features.user, features.item):
        assert values.mean(axis=0) == pytest.approx(0, abs=1e-5)
        assert values.std(axis=0) == pytest.approx(1, abs=1e-5)
        assert len(np.unique(values, axis=1).T) == values.shape[1]
    assert "attributes:shop=only one" in features.dropped
    assert "attributes:copy=MEAT" in features.dropped
    assert "attributes:department=MEAT" in features.item_names
    assert len(features.user_names) == features.user.shape[1]
    assert len(features.item_names) == features.item.shape[1]
    assert not set(features.dropped) & {*features.user_names, *features.item_names}


def test_min_variance_drops_rare_levels() -> None:
    log, _, items = shop()
    items["flag"] = ["rare"] + ["usual"] * (len(items) - 1)
    rare = 0.04 * 0.96  # one item of 25
    for bound, kept in ((rare * 0.9, True), (rare * 1.1, False)):
        options = FeatureOptions(pca=None, min_variance=bound)
        features = build_features(encoded(log), items=items, options=options)
        assert ("attributes:flag=rare" in features.item_names) is kept
        assert ("attributes:flag=rare" in features.dropped) is not kept


def test_pca_keeps_the_geometry_and_its_sign() -> None:
    log, users, items = shop()
    plain = build_features(encoded(log), users, items, RAW)
    width = plain.item.shape[1]
    features = build_features(encoded(log), users, items, FeatureOptions(pca=width - 1, min_variance=0.0))
    assert features.item_names == [f"pca_{index}" for index in range(width - 1)]
    values, vectors = np.linalg.eigh(np.cov(plain.item.T, bias=True).astype(np.float64))
    for index in range(5):
        vector = vectors[:, -1 - index]
        vector = vector * np.sign(vector[np.abs(vector).argmax()])
        assert features.item[:, index] == pytest.approx(plain.item @ vector, abs=1e-3)
    assert features.item.var(axis=0) == pytest.approx(values[::-1][: width - 1], abs=1e-4)
    assert same(
        features, build_features(encoded(log), users, items, FeatureOptions(pca=width - 1, min_variance=0.0))
    )
    narrow = build_features(encoded(log), users, items, FeatureOptions(pca=width, min_variance=0.0))
    assert narrow.item_names == plain.item_names


def test_more_components_than_users_is_no_error() -> None:
    log, users, items = shop(rows=60)
    few = log[log["user_id"].isin(["u00", "u02", "u03"])]
    features = build_features(encoded(few), users, items, FeatureOptions(pca=6))
    assert features.user.shape[1] <= 6
    assert np.isfinite(features.user).all()


# --- no leakage ------------------------------------------------------------------------------------


def test_later_rows_change_nothing() -> None:
    log, users, items = shop()
    split = Temporal(train_end=8, val_end=10)
    before = build_features(split(log).train, users, items)
    later = log["week"] > 8
    changed = log.copy()
    changed.loc[later, ["price", "shelf_price", "quantity", "rating"]] = [99.0, 1.0, 50, 1.0]
    changed.loc[later, "item_id"] = changed.loc[later, "item_id"].sample(frac=1, random_state=5).to_numpy()
    assert same(before, build_features(split(changed).train, users, items))
    assert same(before, build_features(encoded(log[~later]), users, items))
    earlier = log.assign(quantity=log["quantity"].where(later, 9 - log["quantity"]))
    assert not same(before, build_features(split(earlier).train, users, items))


def test_attributes_of_unknown_users_and_items_change_nothing() -> None:
    log, users, items = shop()
    options = FeatureOptions(pca=None, min_variance=0.0, max_categories=1)
    more_users = pd.DataFrame({"user_id": [f"v{row}" for row in range(99)], "age": "new", "income": 1e9})
    more_items = pd.DataFrame({"item_id": [f"j{row}" for row in range(99)], "department": "NEW"})
    more = build_features(
        encoded(log), pd.concat([more_users, users]), pd.concat([more_items, items]), options
    )
    assert same(more, build_features(encoded(log), users, items, options))


# --- always finite, whatever is missing ------------------------------------------------------------


def test_a_log_of_pairs_alone_gives_features() -> None:
    log, _, _ = shop()
    features = build_features(encoded(log[["user_id", "item_id"]]), options=FeatureOptions(pca=None))
    assert [name.removeprefix("behaviour:") for name in features.user_names] == [
        "log_interactions",
        "log_items",
        "repeat_share",
        "mean_log_item_buyers",
    ]
    assert [name.removeprefix("base:") for name in features.item_names] == [
        "log_buyers",
        "log_interactions",
        "mean_log_buyer_interactions",
    ]


OPTIONAL = ["week", "basket_id", "quantity", "price", "regular_price", "shelf_price", "rating"]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 30),
    seed=st.integers(0, 1000),
    absent=st.sets(st.sampled_from(OPTIONAL)),
    gaps=st.floats(0, 1),
    pca=st.sampled_from([None, 1, 3, 32]),
)
def test_always_finite(rows: int, seed: int, absent: set[str], gaps: float, pca: int | None) -> None:
    log, users, items = shop(seed, rows)
    rng = np.random.default_rng(seed)
    for name in set(OPTIONAL) - absent - {"basket_id"}:
        log[name] = log[name].astype(float).where(rng.random(rows) >= gaps)
        log.loc[rng.random(rows) < gaps / 4, name] = rng.choice([0.0, -1.0, np.inf])
    train = encoded(log.drop(columns=list(absent)))
    # ids of the log that a random table may lack altogether
    users = pd.concat([users, pd.DataFrame({"user_id": train.users.ids[:1]})]).drop_duplicates("user_id")
    items = pd.concat([items, pd.DataFrame({"item_id": train.items.ids[:1]})]).drop_duplicates("item_id")
    features = build_features(train, users, items, FeatureOptions(pca=pca))
    assert features.user.shape == (len(train.users), len(features.user_names))
    assert features.item.shape == (len(train.items), len(features.item_names))
    assert features.user.dtype == features.item.dtype == np.float32
    assert np.isfinite(features.user).all()
    assert np.isfinite(features.item).all()
    assert features.user_names
    assert features.item_names


def test_where_nothing_varies_one_column_of_zeros_stays() -> None:
    board = pd.DataFrame({"user_id": [0, 0, 1, 1], "item_id": [0, 1, 0, 1]})
    features = build_features(encoded(board))
    assert features.user.tolist() == [[0.0], [0.0]]
    assert features.item.tolist() == [[0.0], [0.0]]
    none = build_features(encoded(board), options=FeatureOptions([], []))
    assert none.user.shape == none.item.shape == (2, 0)


def test_users_without_rows_get_the_average() -> None:
    train = small()
    wider = Interactions(train.frame, IdMap(np.array(["ann", "bob", "cyd"])), train.items)
    table = pd.DataFrame({"item_id": ["tea", "milk"], "kind": ["dry", "fresh"]})
    features = build_features(wider, items=table, options=RAW)
    assert np.isfinite(features.user).all()
    assert column(features, "behaviour:weeks_since_last")[2] == pytest.approx(0)
    shares = column(features, "interest:kind=dry")
    assert shares[2] < shares[0] < shares[1]


# --- the user's mistakes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"user_groups": ["interests"]}, "user_groups.*'interests'.*use interest, behaviour"),
        ({"item_groups": ["base", "base"]}, "item_groups.*twice"),
        ({"max_categories": 0}, "max_categories"),
        ({"pca": 0}, "pca.*null"),
        ({"min_variance": -1.0}, "min_variance"),
    ],
)
def test_wrong_options(arguments: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        FeatureOptions(**arguments)


def test_wrong_tables() -> None:
    log, users, items = shop()
    twice = pd.concat([items, items.tail(1)]).assign(line=range(2, len(items) + 3))
    twice.attrs["file"] = "items.csv"
    with pytest.raises(InputError, match=r"items.csv, row 26, column 'item_id': 'i23' has more than one row"):
        build_features(encoded(log), users, twice)
    with pytest.raises(InputError, match=r"column 'user_id'.*needs this column"):
        build_features(encoded(log), users.rename(columns={"user_id": "id"}), items)
    with pytest.raises(InputError, match=r"no id of this table.*12 here, 'i00' there"):
        build_features(encoded(log), users, items.assign(item_id=range(12, 36)))
    with pytest.raises(InputError, match=r"user_groups.*demographics.*add 'behaviour'"):
        build_features(encoded(log), None, items, FeatureOptions(["demographics"]))


def test_options_read_from_yaml() -> None:
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--features", type=FeatureOptions, default=FeatureOptions())
    read = parser.parse_args(["--features={user_groups: [document], item_groups: [document], pca: null}"])
    options = parser.instantiate(read).features
    assert options == FeatureOptions(["document"], ["document"], pca=None)


def test_imports_no_framework() -> None:
    heavy = "{'torch', 'pytorch_lightning', 'lightning', 'torch_geometric', 'wandb'}"
    code = f"import sys, graphrec.data.features.build; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
