"""`graphrec similar` against NumPy and joins in pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_shop import ITEMS, item_table, lay_out

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.main import main
from graphrec.errors import InputError


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Model → its checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        patch.setenv("WANDB_MODE", "offline")
        yield lay_out(["lightgcn", "item_cf", "popularity"])


def similar(checkpoint: str, *words: str) -> pd.DataFrame:
    main(["similar", *words, "--ckpt", checkpoint, "--out", "similar.parquet"])
    return pd.read_parquet("similar.parquet")


def whole(checkpoint: str) -> pd.DataFrame:
    return similar(checkpoint, "-k", "100")


def test_lightgcn_lists_items_by_the_cosine_of_their_vectors(shop):
    task, data = load_run(Path(shop["lightgcn"]))
    vectors = task.recommender.embeddings().item.double().numpy()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = pd.DataFrame(unit @ unit.T, data.split.items.ids, data.split.items.ids)
    ours = similar(shop["lightgcn"], "x;3", "Weißbier 1", "-k", "5")
    assert list(ours.columns) == ["item_id", "similar_id", "rank", "score"]
    assert ours["item_id"].tolist() == ["x;3"] * 5 + ["Weißbier 1"] * 5
    for item, found in ours.groupby("item_id"):
        best = cosines.loc[item].drop(item).nlargest(5)
        np.testing.assert_allclose(found["score"], best, atol=1e-5)
        assert found["similar_id"].tolist() == best.index.tolist()


def test_item_cf_lists_rows_of_its_item_matrix(shop):
    task, data = load_run(Path(shop["item_cf"]))
    matrix = task.recommender.similarity.scipy().toarray()
    ours = whole(shop["item_cf"])
    row, column = np.nonzero(matrix)
    names = data.split.items.ids
    expected = {(names[i], names[j]): matrix[i, j] for i, j in zip(row, column, strict=True)}
    found = {
        (i, j): score for i, j, score in ours[["item_id", "similar_id", "score"]].itertuples(index=False)
    }
    assert found.keys() == expected.keys()
    assert all(found[pair] == pytest.approx(expected[pair], abs=1e-6) for pair in expected)


def head(ranked: pd.DataFrame, k: int) -> pd.DataFrame:
    ranked = ranked.assign(rank=ranked.groupby("item_id").cumcount() + 1)
    return ranked[ranked["rank"] <= k].reset_index(drop=True)


def test_filters_choose_what_is_listed(shop):
    every = whole(shop["lightgcn"])
    Path("few.csv").write_text("item_id\n001\nx;3\nWeißbier 7\n", encoding="utf-8")
    few = ["001", "x;3", "Weißbier 7"]
    ours = similar(shop["lightgcn"], "--items", "few.csv", "-k", "2")
    pd.testing.assert_frame_equal(ours, head(every[every["similar_id"].isin(few)], 2), check_dtype=False)
    ours = similar(shop["lightgcn"], "--exclude", "few.csv", "-k", "2")
    pd.testing.assert_frame_equal(ours, head(every[~every["similar_id"].isin(few)], 2), check_dtype=False)
    beer = item_table().query("category == 'beer' and stock > 0")["item_id"]
    ours = similar(
        shop["lightgcn"], "--where", "category = 'beer' and stock > 0", "--item_table", "items.csv", "-k", "2"
    )
    pd.testing.assert_frame_equal(ours, head(every[every["similar_id"].isin(beer)], 2), check_dtype=False)
    Path("boost.csv").write_text("item_id,boost\n005,3\n")
    ours = similar(shop["lightgcn"], "--boost", "boost.csv", "-k", "1")
    assert set(ours.loc[ours["item_id"] != "005", "similar_id"]) == {"005"}


def test_items_may_stand_in_a_file_and_the_unknown_are_named(shop, capsys):
    Path("asked.csv").write_text("sku;name\n001;a\nnix;b\n001;c\n")
    ours = similar(shop["lightgcn"], "asked.csv", "-k", "3", "--columns", "item_id=sku", "--delimiter", ";")
    assert ours["item_id"].tolist() == ["001"] * 3
    assert "asked.csv: 1 of 2 items are not in the catalogue, such as 'nix'" in capsys.readouterr().err
    similar(shop["item_cf"], "001", "-k", str(len(ITEMS)))
    assert f"fewer than {len(ITEMS)} similar items for 1 of 1 item" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        ("popularity", ["001"], "Popularity does not know which items are alike"),
        ("item_cf", ["1"], "they differ in leading zeros"),
        ("item_cf", ["001", "-k", "0"], "give 1 or more"),
        ("item_cf", ["001", "--exclude", "pairs.csv"], "similar items are not of one user"),
        ("item_cf", ["pairs.csv", "001"], "'pairs.csv' is a file among other words"),
    ],
)
def test_what_cannot_be_answered_is_refused(shop, model, words, message):
    Path("pairs.csv").write_text("user_id,item_id\n001,001\n")
    with pytest.raises(InputError) as refused:
        similar(shop[model], *words)
    assert message in str(refused.value)
