"""Fitted features: newcomers are encoded as training was, and a file of them runs no foreign code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from feature_data import encoded, shop

from graphrec.data.features.build import FeatureOptions, build_features
from graphrec.data.features.fitted import FittedFeatures
from graphrec.data.features.stored import dump_features, load_features
from graphrec.errors import InputError

RAW = FeatureOptions(pca=None, min_variance=0.0)
OF_TABLES = FeatureOptions(["demographics"], ["attributes"], pca=None, min_variance=0.0)


class Foreign:
    """A step that nobody told us of."""


def fitted(options: FeatureOptions = RAW) -> FittedFeatures:
    log, users, items = shop()
    found = build_features(encoded(log), users, items, options).fitted
    assert found is not None
    return found


@pytest.mark.parametrize("pca", [None, 2])
def test_a_known_row_is_encoded_as_in_training(pca: int | None) -> None:
    log, users, items = shop()
    options = FeatureOptions(["demographics"], ["attributes"], pca=pca, min_variance=0.0)
    features = build_features(encoded(log), users, items, options)
    assert features.fitted is not None
    shuffled = items.sample(frac=1, random_state=2)
    place = encoded(log).items.codes(shuffled["item_id"])
    assert features.fitted.encode_items(shuffled) == pytest.approx(features.item[place], abs=1e-5)
    place = encoded(log).users.codes(users["user_id"])
    assert features.fitted.encode_users(users) == pytest.approx(features.user[place], abs=1e-5)


def test_what_only_a_log_tells_stands_at_the_mean() -> None:
    row = fitted().encode_items(pd.DataFrame({"item_id": ["new"], "department": ["MEAT"]}))[0]
    names = fitted().item.names
    of_log = [place for place, name in enumerate(names) if not name.startswith("attributes:")]
    assert row[of_log] == pytest.approx(0, abs=1e-5)
    assert row[names.index("attributes:department=MEAT")] > 0


def test_a_history_tells_the_interests_of_a_newcomer() -> None:
    log, _, items = shop()
    features = build_features(encoded(log), None, items, RAW)
    assert features.fitted is not None
    ann = log[log["user_id"] == "u03"].assign(user_id="newcomer")
    table = pd.DataFrame({"user_id": ["newcomer", "silent"]})
    found = features.fitted.encode_users(table, ann[["user_id", "item_id"]])
    interests = [place for place, name in enumerate(features.user_names) if name.startswith("interest:")]
    assert len(interests) == 3
    assert found[0, interests] == pytest.approx(features.user[3, interests], abs=1e-5)
    assert found[1] == pytest.approx(0, abs=1e-5)


def test_levels_and_columns_that_training_never_saw_are_unknown() -> None:
    one = fitted(OF_TABLES).encode_items(pd.DataFrame({"item_id": [1], "department": ["啤酒"]}))
    other = fitted(OF_TABLES).encode_items(pd.DataFrame({"item_id": [1]}))
    assert np.array_equal(one, other)


def test_what_is_read_back_encodes_alike() -> None:
    _, users, items = shop()
    before = fitted(FeatureOptions(pca=3))
    after = load_features(dump_features(before))
    assert np.array_equal(after.encode_items(items), before.encode_items(items))
    assert np.array_equal(after.encode_users(users), before.encode_users(users))


def test_foreign_code_in_the_file_is_refused() -> None:
    from skops.io import dumps

    with pytest.raises(InputError, match="may run code"):
        load_features(dumps(fitted().user.then(Foreign(), ["a"])), "features.skops")


def test_wrong_tables() -> None:
    with pytest.raises(InputError, match="column 'item_id'"):
        fitted().encode_items(pd.DataFrame({"sku": [1]}))
    with pytest.raises(InputError, match="the id of row 2 is missing"):
        fitted().encode_items(pd.DataFrame({"item_id": ["a", None]}))
    with pytest.raises(InputError, match="'a' has more than one row"):
        fitted().encode_items(pd.DataFrame({"item_id": ["a", "a"]}))
    with pytest.raises(InputError, match="'rich' is no number"):
        fitted().encode_users(pd.DataFrame({"user_id": ["a"], "income": ["rich"]}))
    assert fitted().encode_users(pd.DataFrame({"user_id": []})).shape[0] == 0
