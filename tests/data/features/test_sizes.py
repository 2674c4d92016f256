"""Sizes of packages: generated texts against exact fractions, what states two sizes, and the features."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from graphrec.cli.main import main
from graphrec.data.features.build import FeatureOptions, build_features
from graphrec.data.features.sizes.columns import SizeFeatures
from graphrec.data.features.sizes.reading import read_size
from graphrec.data.features.stored import dump_features, load_features
from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError

EXACT = {
    "g": ("weight", "1"), "Gramm": ("weight", "1"), "KG": ("weight", "1000"), "kilo": ("weight", "1000"),
    "OZ": ("weight", "28.349523125"), "ounces": ("weight", "28.349523125"), "Lbs": ("weight", "453.59237"),
    "ml": ("volume", "1"), "cl": ("volume", "10"), "LTR": ("volume", "1000"), "Litres": ("volume", "1000"),
    "FL OZ": ("volume", "29.5735295625"), "fl. oz.": ("volume", "29.5735295625"),
    "PT": ("volume", "473.176473"), "qt": ("volume", "946.352946"), "GAL": ("volume", "3785.411784"),
    "CT": ("count", "1"), "Stück": ("count", "1"), "doz": ("count", "12"), "PK": ("count", "1"),
}  # fmt: skip
"""Unit → kind and grams, millilitres or pieces in one, by definition."""


def sizes_of(seed: int, rows: int = 400) -> list[tuple[str, str, Fraction]]:
    """Write sizes as shops do: text, kind, and the exact amount."""
    random, found = np.random.default_rng(seed), []
    for unit in random.choice(list(EXACT), rows):
        kind, factor = EXACT[unit]
        number = Fraction(int(random.integers(1, 9999)), 10 ** int(random.integers(0, 3)))
        text = f"{float(number):.2f}".rstrip("0").rstrip(".")
        text = text.replace(".", random.choice([".", ","]))
        if text.startswith(("0.", "0,")) and random.random() < 0.5:
            text = text[1:]
        packs = int(random.integers(2, 25)) if random.random() < 0.3 else 1
        if packs > 1:
            text = f"{packs}{random.choice(['x', ' X ', '*', ' × '])}{text}"
        text += random.choice(["", " ", "   ", "\u00a0", "-"] if packs == 1 else ["", " "]) + unit
        text = random.choice([text, text.upper(), text.lower(), f" {text} ", f"{text} can", f"about {text}"])
        found.append((text, kind, packs * number * Fraction(factor)))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_generated_sizes_are_read_exactly(seed):
    for text, kind, amount in sizes_of(seed):
        found = read_size(text)
        assert found is not None, text
        assert found.kind == kind, text
        assert found.amount == pytest.approx(float(amount), rel=1e-9), text


@pytest.mark.parametrize(
    ("text", "amount", "kind"),
    [
        ("1½ LB", 1.5 * 453.59237, "weight"),
        ("½ gal", 3785.411784 / 2, "volume"),
        ("1 1/2 LB", 1.5 * 453.59237, "weight"),
        ("1/2 GAL", 3785.411784 / 2, "volume"),
        ("6/12 OZ", 72 * 28.349523125, "weight"),
        ("6 PK/12 FL OZ", 72 * 29.5735295625, "volume"),
        ("330 ml x 6", 1980, "volume"),
        ("3 LB 2 OZ", 50 * 28.349523125, "weight"),
        ("５００ｇ", 500, "weight"),
        ("500 克", 500, "weight"),
        ("0,330 L", 330, "volume"),
        ("1.234,5 g", 1234.5, "weight"),
        ("1,234.5 g", 1234.5, "weight"),
        ("5-LB BAG", 5 * 453.59237, "weight"),
        ("12 OZ*", 12 * 28.349523125, "weight"),
    ],
)
def test_sizes_in_the_ways_of_shops(text, amount, kind):
    assert read_size(text) == (pytest.approx(amount), kind)


UNCLEAR = (
    *(
        "",
        "OZ",
        "GAL",
        "LARGE",
        "12",
        "12 IN",
        "4 X6 IN",
        "SIZE 9",
        "8-9 OZ",
        "8 - 9.5 OZ",
        "2/3 OZ",
        "3/4 LB",
    ),
    *(
        "1,000 ML",
        "6 CT/12 OZ",
        "12 OZ (2)",
        "0 OZ",
        "0/12 OZ",
        "- 12 OZ",
        "12 REC OZ",
        "L 9 OZ",
        "1 oz 2 lb",
    ),
    *("3 5/4 OZ", "1e5 g", "9" * 400 + " g", "null", "12 OZ 6", "2 g 3 ml", "1,00,0 g", "1/0 LB", "x 12 oz"),
)


@pytest.mark.parametrize("text", UNCLEAR)
def test_a_text_that_may_mean_two_sizes_or_none_has_none(text):
    assert read_size(text) is None


def test_the_decimal_sign_tells_thousands():
    assert read_size("1,000 ml", ".") == (1000.0, "volume")
    assert read_size("1,000 ml", ",") == (1.0, "volume")
    assert read_size("1.000 g", ",") == (1000.0, "weight")
    assert read_size("1.125 g") == (1.125, "weight")


ITEMS = ["007", "Weißbier", "NA", "7", "x;1", "lose"]
TEXTS = ["12 OZ", "6X330ML", "1,5 ltr", "6 ct", "groß", None]


def table(**more) -> pd.DataFrame:
    return pd.DataFrame({"item_id": ITEMS, "package_size": TEXTS, **more})


def train() -> Interactions:
    random = np.random.default_rng(0)
    log = pd.DataFrame({"user_id": random.integers(0, 9, 60), "item_id": random.choice(ITEMS, 60)})
    log["item_id"] = log["item_id"].astype(object)
    return Interactions.encode(log, IdMap.from_values(log["user_id"]), IdMap.from_values(pd.Series(ITEMS)))


def built(items: pd.DataFrame, sizes: bool = True):
    asked = [SizeFeatures("package_size")] if sizes else []
    options = FeatureOptions([], ["attributes"], pca=None, min_variance=0.0, sizes=asked)
    return build_features(train(), items=items, options=options)


def test_features_hold_the_logarithm_the_kind_and_what_is_not_known(capsys):
    found = built(table())
    line = capsys.readouterr().err
    assert "package_size: sizes of 4 of 6 items read (2 by volume, 1 by weight, 1 by count)" in line
    assert "1 say nothing; 1 cannot be read, such as 'groß'" in line
    amounts = dict(zip(ITEMS, [12 * 28.349523125, 1980, 1500, 6], strict=False))
    column = dict(zip(found.item_names, found.item.T, strict=True))
    codes = train().items.codes(pd.Series(list(amounts)))
    expected = np.log(list(amounts.values()))
    size = column["attributes:package_size"][codes]
    assert np.corrcoef(size, expected)[0, 1] == pytest.approx(1.0)
    unknown = column["attributes:package_size_kind=unknown"]
    lost = train().items.codes(pd.Series(["x;1", "lose"]))
    assert set(np.flatnonzero(unknown > 0)) == set(lost)
    assert {"attributes:package_size_kind=volume", "attributes:package_size_kind=weight"} <= set(column)


def test_what_training_does_not_know_changes_nothing_and_newcomers_are_encoded_alike():
    before = built(table())
    more = pd.DataFrame({"item_id": ["later"], "package_size": ["99 KG"]})
    after = built(pd.concat([table(), more], ignore_index=True))
    np.testing.assert_array_equal(before.item, after.item)
    assert before.item_names == after.item_names
    stored = load_features(dump_features(before.fitted))
    same = stored.encode_items(pd.DataFrame({"item_id": ["neu", "ohne"], "package_size": ["12 oz", "?"]}))
    place = [before.item_names.index(f"attributes:package_size{end}") for end in ("", "_kind=unknown")]
    codes = train().items.codes(pd.Series(["007", "x;1"]))
    np.testing.assert_allclose(same[:, place], before.item[codes][:, place], atol=1e-6)
    assert stored.encode_items(pd.DataFrame({"item_id": ["neu"]})).shape == (1, len(before.item_names))


def test_without_being_asked_a_size_is_a_text_like_any_other():
    assert FeatureOptions().sizes == []
    assert not any("kind" in name for name in built(table(), sizes=False).item_names)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (
            table().drop(columns="package_size").assign(size="1 g"),
            "no table of items has this column of sizes",
        ),
        (table(package_size_kind="a"), "has a column 'package_size_kind' already"),
        (table().assign(package_size=range(6)), "holds numbers without a unit"),
        (table().assign(package_size="huge"), "no text of it is a size, such as 'huge'"),
    ],
)
def test_what_cannot_be_a_size_is_refused(items, words):
    with pytest.raises(InputError, match=words):
        built(items)


def test_options_are_checked():
    with pytest.raises(InputError, match="is no decimal sign"):
        SizeFeatures("package_size", decimal=";")
    with pytest.raises(InputError, match="named twice"):
        FeatureOptions(sizes=[SizeFeatures("a"), SizeFeatures("a")])


def test_a_yaml_names_the_column_and_a_reason_shows_the_text(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    log = pd.DataFrame({"user_id": random.integers(0, 30, 300), "item_id": random.integers(0, 20, 300)})
    log["item_id"] = log["item_id"].map("{:03d}".format)
    log = log[(log["item_id"] < "010") | (random.random(300) < 0.2)]  # the small ones sell
    log.assign(timestamp=random.integers(1, 90, len(log))).to_csv("log.csv", index=False)
    goods = [f"{place:03d}" for place in range(20)]
    sizes = pd.DataFrame({"item_id": goods, "Inhalt": ["0,5 l"] * 10 + ["2 KG"] * 10})
    sizes.to_csv("items.csv", index=False)
    arguments = {
        "source": {
            "class_path": "graphrec.data.sources.table",
            "init_args": {"path": "log.csv", "items": "items.csv", "time_format": "days"},
        },
        "split": {"class_path": "Random"},
        "features": {"user_groups": [], "item_groups": ["attributes"], "sizes": [{"column": "Inhalt"}]},
    }
    Path("data.yaml").write_text(yaml.safe_dump({"class_path": "RecommenderData", "init_args": arguments}))
    main(["fit", "-m", "logistic", "--data", "data.yaml", "--run.name", "sizes", "--run.id", "a"])
    assert "Inhalt: sizes of 20 of 20 items read" in capsys.readouterr().err
    checkpoint = "runs/sizes/a/checkpoints/best.ckpt"
    main(["recommend", "--ckpt", checkpoint, "--out", "why.csv", "--explain", "-k", "1", "--items", "all"])
    assert pd.read_csv("why.csv")["reason"].str.contains(r"the product's Inhalt \(0,5 l\)").all()
