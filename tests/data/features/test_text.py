"""Text as features: planted topics in three languages, reviews of the training part alone, empty texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from feature_data import encoded, same, shop

from graphrec.data.features.build import FeatureOptions, Features, build_features
from graphrec.data.features.stored import dump_features, load_features
from graphrec.data.features.text import TextFeatures
from graphrec.data.splits import Temporal
from graphrec.errors import InputError

BEER = ["fresh lager beer from the barrel", "dark beer, a strong lager", "pale lager beer"]
SOAP = ["soft soap for hands", "rose soap with oil for hands", "soap for soft hands"]
啤酒 = ["清爽的黄啤酒", "黑啤酒口味浓", "淡味黄啤酒"]
肥皂 = ["洗手的软肥皂", "玫瑰肥皂洗手", "软肥皂"]


def described(texts: list[str]) -> pd.DataFrame:
    items = shop()[2]
    return items.assign(description=[texts[place % len(texts)] for place in range(len(items))])


def built(items: pd.DataFrame, *texts: TextFeatures, log: pd.DataFrame | None = None) -> Features:
    log = shop()[0] if log is None else log
    options = FeatureOptions([], [], pca=None, min_variance=0.0, text=list(texts))
    return build_features(encoded(log), None, items, options)


@pytest.mark.parametrize("method", ["svd", "lda"])
@pytest.mark.parametrize("texts", [BEER + SOAP, 啤酒 + 肥皂], ids=["English", "Chinese"])
def test_texts_of_one_topic_are_near_each_other(texts: list[str], method: str) -> None:
    text = TextFeatures("description", components=2, method=method)  # type: ignore[arg-type]
    features = built(described(texts), text)
    assert features.item_names[:2] == ["text:description=0", "text:description=1"]
    topic = np.arange(24) % 6 < 3
    apart = np.linalg.norm(features.item[:24, None] - features.item[None, :24], axis=-1)
    within = np.where(topic[:, None] == topic, apart, np.nan)
    assert np.nanmean(within) < 0.6 * np.nanmean(np.where(topic[:, None] != topic, apart, np.nan))


def test_an_item_without_a_text_is_marked() -> None:
    items = described(BEER + SOAP)
    items.loc[3, "description"] = None
    features = built(items, TextFeatures("description", components=2))
    mark = features.item[:, features.item_names.index("text:description=unknown")]
    # i03 has no text, and i24 no row
    assert np.flatnonzero(mark > 0).tolist() == [3, 24]


def test_a_text_is_no_category_as_well() -> None:
    log, _, _ = shop()
    options = FeatureOptions(pca=None, min_variance=0.0, text=[TextFeatures("description", components=2)])
    features = build_features(encoded(log), None, described(BEER + SOAP), options)
    assert not [name for name in features.item_names + features.user_names if "description=beer" in name]
    assert not [name for name in features.user_names if name.startswith("interest:description")]


def reviewed() -> pd.DataFrame:
    log = shop()[0]
    good = log["item_id"] < "i12"
    texts = np.where(good, "very good, tasty and fresh", "stale and bad, never again")
    return log.assign(review=np.where(np.arange(len(log)) % 3 == 0, None, texts))


@pytest.mark.parametrize("of", ["items", "users"])
def test_reviews_after_the_training_weeks_change_nothing(of: str) -> None:
    log, (_, users, items) = reviewed(), shop()
    options = FeatureOptions(text=[TextFeatures("review", of, "log", components=2)], pca=None)  # type: ignore[arg-type]
    split = Temporal(train_end=8, val_end=10)
    later = log["week"] > 8
    changed = log.assign(review=log["review"].where(~later, "another word entirely"))
    before = build_features(split(log).train, users, items, options)
    assert same(before, build_features(split(changed).train, users, items, options))
    earlier = log.assign(review=log["review"].where(later, "another word entirely"))
    assert not same(before, build_features(split(earlier).train, users, items, options))
    shuffled = build_features(split(log.sample(frac=1, random_state=3)).train, users, items, options)
    assert np.array_equal(before.item, shuffled.item) or np.allclose(before.item, shuffled.item, atol=1e-5)


def test_reviews_tell_items_apart() -> None:
    features = built(shop()[2], TextFeatures("review", source="log", components=2), log=reviewed())
    first, second = features.item[:12, :2].mean(axis=0), features.item[12:, :2].mean(axis=0)
    assert np.linalg.norm(first - second) > 1


def test_newcomers_are_read_like_the_others_and_after_storing() -> None:
    items = described(啤酒 + 肥皂)
    features = built(items, TextFeatures("description", components=2))
    assert features.fitted is not None
    after = load_features(dump_features(features.fitted))
    new = pd.DataFrame({"item_id": ["x", "y", "z"], "description": [啤酒[0], 肥皂[0], None]})
    found = after.encode_items(new)
    assert found[:2] == pytest.approx(features.item[[0, 3]], abs=1e-4)
    assert found[2] == pytest.approx(features.item[24], abs=1e-4)  # whose row is missing


def test_mistakes() -> None:
    with pytest.raises(InputError, match=r"features.text.colour.*no table of items.*the table has"):
        built(described(BEER), TextFeatures("colour"))
    with pytest.raises(InputError, match=r"no log has this column.*columns: \{review: COMMENT\}"):
        built(described(BEER), TextFeatures("review", source="log"))
    with pytest.raises(InputError, match="fewer than two terms stand in 999 or more of the 24 texts"):
        built(described(["a"]), TextFeatures("description", min_texts=999, tokens="words"))
    with pytest.raises(InputError, match="components"):
        TextFeatures("description", components=0)
    with pytest.raises(InputError, match="'description' is named twice"):
        FeatureOptions(text=[TextFeatures("description"), TextFeatures("description")])
