"""`recommend --explain` of a model that reads features: columns that sum to the score, and sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_shop import NEW, bought
from unfitted import built, keep, models, write_shop

from graphrec.cli.main import main

PARTS = [*(f"share_{place}" for place in (1, 2, 3)), "others", "rest"]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Lists with reasons, of people of training, of strangers with a history, and of the export."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        write_shop()
        keep(*built("boosting", models()["boosting"]), Path("best.ckpt"))
        bought(NEW, 2).to_csv("history.csv", index=False)
        main(["export", "best.ckpt", "--out", "model.zip"])
        words = ["--users", "001", NEW[0], "--history", "history.csv", "-k", "4", "--explain"]
        for model, out in (("best.ckpt", "why.csv"), ("model.zip", "packed.csv")):
            main(["recommend", "--ckpt", model, "--out", out, *words])
        main(["recommend", "--ckpt", "best.ckpt", "--out", "plain.csv", *words[:-1]])
        yield {
            name: pd.read_csv(f"{name}.csv", dtype={"item_id": str}) for name in ("why", "packed", "plain")
        }


def test_columns_sum_to_the_score(told):
    why = told["why"]
    np.testing.assert_allclose(why[PARTS].sum(axis=1), why["score"], atol=1e-5)
    assert np.ptp(why["rest"]) < 1e-4  # the average pair, whoever asks
    pd.testing.assert_frame_equal(why[told["plain"].columns.tolist()], told["plain"])


def test_an_export_says_the_same(told):
    pd.testing.assert_frame_equal(told["packed"], told["why"])


def test_a_sentence_names_columns_and_what_stands_in_them(told):
    why = told["why"]
    assert set(why["basis"]) == {"model", "history"}
    assert why["reason"].str.startswith("because of the ").all()
    assert why["people_1"].isna().all()
    goods = pd.read_csv("items.csv", dtype=str).set_index("item_id")["category"]
    rows = why[why["because_1"] == "item attributes:category"]
    assert len(rows)
    for row in rows.itertuples():
        value = goods.get(row.item_id)
        shown = "not known" if value is None or pd.isna(value) else value
        assert row.reason.startswith(f"because of the product's category ({shown})")


def test_a_column_of_names_changes_nothing_and_says_so(told, capsys):
    words = ["--users", "001", "-k", "2", "--explain", "--name_column", "category"]
    main(["recommend", "--ckpt", "best.ckpt", "--out", "named.csv", *words])
    assert "--name_column names purchases" in capsys.readouterr().err
