"""A matrix of one's own: ids are mapped like every table's, missing rows are said and marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feature_data import column, encoded, shop

from graphrec.data.features.build import FeatureOptions, Features, build_features, features_sha256
from graphrec.data.features.given import GivenMatrix
from graphrec.errors import InputError


def built(*matrices: GivenMatrix, log: pd.DataFrame | None = None) -> Features:
    options = FeatureOptions([], [], pca=None, min_variance=0.0, matrices=list(matrices))
    return build_features(encoded(shop()[0] if log is None else log), options=options)


def saved(folder: Path, ids: list[str], form: str) -> GivenMatrix:
    vectors = np.arange(len(ids) * 3, dtype=np.float32).reshape(-1, 3) ** 2
    if form == "npy":
        np.save(folder / "images.npy", vectors)
        pd.DataFrame({"sku": ids}).to_csv(folder / "ids.csv", index=False)
        return GivenMatrix(str(folder / "images.npy"), ids=str(folder / "ids.csv"), id_column="sku")
    path = folder / "images.parquet"
    if form == "lists":
        pd.DataFrame({"item_id": ids, "vector": list(vectors)}).to_parquet(path)
        return GivenMatrix(str(path), vector="vector")
    pd.DataFrame(vectors, columns=list("abc")).assign(item_id=ids).to_parquet(path)
    return GivenMatrix(str(path))


@pytest.mark.parametrize("form", ["npy", "lists", "columns"])
def test_rows_follow_the_ids_and_missing_ones_are_said(form, tmp_path, capsys) -> None:
    ids = [f"i{code:02}" for code in range(24, 1, -1)]  # i00 and i01 are missing, the rest is backwards
    features = built(saved(tmp_path, ids, form))
    assert "2 of 25 items have no row" in capsys.readouterr().err
    values, marked = column(features, "given:images=1"), column(features, "given:images=unknown")
    assert (np.diff(values[2:]) < 0).all()
    assert np.flatnonzero(marked > 0).tolist() == [0, 1]


def test_ids_are_written_as_the_log_writes_them(tmp_path) -> None:
    log = shop()[0].assign(item_id=lambda frame: frame["item_id"].str[1:])  # '07' and the like
    matrix = saved(tmp_path, [f" {code:02}" for code in range(25)], "npy")
    assert "given:images=unknown" not in built(matrix, log=log).item_names
    whole = shop()[0].assign(item_id=lambda frame: frame["item_id"].str[1:].astype(int))
    floats = saved(tmp_path, [f"{code}.0" for code in range(25)], "columns")
    assert (np.diff(column(built(floats, log=whole), "given:images=0")) > 0).all()


def test_a_newcomer_is_looked_up_in_the_file(tmp_path) -> None:
    ids = [f"i{code:02}" for code in range(25)]
    matrix = saved(tmp_path, [*ids, "novel"], "lists")
    fitted = built(matrix).fitted
    assert fitted is not None
    found = fitted.encode_items(pd.DataFrame({"item_id": ["novel", "i24"]}))
    assert (found[0] > found[1]).all()


def test_another_matrix_is_another_fingerprint(tmp_path) -> None:
    ids, train = [f"i{code:02}" for code in range(25)], encoded(shop()[0])
    before = features_sha256(train, matrices=[saved(tmp_path, ids, "npy")])
    assert features_sha256(train, matrices=[saved(tmp_path, ids[::-1], "npy")]) != before
    assert features_sha256(train, matrices=[saved(tmp_path, ids, "npy")]) == before


def test_mistakes(tmp_path) -> None:
    ids = [f"i{code:02}" for code in range(25)]
    matrix = saved(tmp_path, ids, "npy")
    with pytest.raises(InputError, match=r"an .npy file has no ids; name a table with a column item_id"):
        built(GivenMatrix(matrix.path))
    with pytest.raises(InputError, match="there is no such file"):
        built(GivenMatrix("nowhere.npy"))
    (tmp_path / "a.txt").write_text("1 2")
    with pytest.raises(InputError, match=r"cannot be read from .txt"):
        built(GivenMatrix(str(tmp_path / "a.txt")))
    pd.DataFrame({"sku": ids[1:]}).to_csv(tmp_path / "ids.csv", index=False)
    with pytest.raises(InputError, match="24 ids for 25 rows"):
        built(matrix)
    pd.DataFrame({"sku": [*ids[1:], "i03"]}).to_csv(tmp_path / "ids.csv", index=False)
    with pytest.raises(InputError, match="'i03' has more than one row"):
        built(matrix)
    np.save(tmp_path / "images.npy", np.full((25, 2), np.nan))
    with pytest.raises(InputError, match="row 1: this row holds a value that is no number"):
        built(matrix)
    with pytest.raises(InputError, match="none of the 25 ids"):
        built(saved(tmp_path, [f"x{code}" for code in range(25)], "lists"))
    with pytest.raises(InputError, match="no such column"):
        built(GivenMatrix(str(tmp_path / "images.parquet"), vector="embedding"))
