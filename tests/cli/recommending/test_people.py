"""Whom `graphrec recommend` ranks for: users of training, people with a history of their own, and others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_shop import ITEMS, NEW, USERS, bought, lay_out, listed

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.main import main
from graphrec.errors import InputError

MODELS = ["item_cf", "ease", "popularity", "lightgcn"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Model → its checkpoint, in a shop with ``history.csv`` of people whom no model knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        patch.setenv("WANDB_MODE", "offline")
        yield lay_out(MODELS)


def training(checkpoint: str) -> pd.DataFrame:
    """The distinct pairs that a model was fitted to."""
    data = load_run(Path(checkpoint))[1].split.train
    frame = data.frame[["user_id", "item_id"]].drop_duplicates()
    return frame.astype("str")


def incidence(pairs: pd.DataFrame, users: list[str]) -> np.ndarray:
    table = pd.crosstab(pairs["user_id"], pairs["item_id"]).clip(upper=1)
    return table.reindex(index=users, columns=ITEMS, fill_value=0).to_numpy(dtype=float)


def test_ease_ranks_a_stranger_as_the_closed_form_does(shop):
    """Independent of the package: the item matrix by NumPy, of the training pairs alone."""
    pairs = training(shop["ease"])
    x = incidence(pairs, USERS)
    task, _ = load_run(Path(shop["ease"]))
    inverse = np.linalg.inv(x.T @ x + task.recommender.l2 * np.eye(len(ITEMS)))
    weight = np.eye(len(ITEMS)) - inverse / inverse.diagonal()
    new = incidence(bought(NEW, 2), NEW)
    places = pd.MultiIndex.from_product([NEW, ITEMS])
    scores = pd.Series(np.where(new > 0, np.nan, new @ weight).ravel(), places)
    ours = listed(shop["ease"], "--history", "history.csv", "-k", "100")
    assert (ours["basis"] == "history").all()
    assert len(ours) == scores.notna().sum()
    found = ours.set_index(["user_id", "item_id"])["score"]
    np.testing.assert_allclose(found, scores.reindex(found.index), atol=1e-5)
    assert (ours.groupby("user_id")["score"].diff().dropna() <= 1e-9).all()
    assert ours["user_id"].unique().tolist() == bought(NEW, 2)["user_id"].unique().tolist()


def test_lightgcn_says_what_is_not_as_in_training(shop, capsys):
    ours = listed(shop["lightgcn"], "--history", "history.csv", "-k", "3")
    assert (ours["basis"] == "history").all()
    said = capsys.readouterr().err
    assert "7 users ranked by their history in history.csv; the vectors of their own" in said


def test_each_row_says_what_it_rests_on(shop, capsys):
    people = ["niemand", "neu 1", "001", "einer"]
    ours = listed(shop["item_cf"], "--users", *people, "--history", "history.csv", "-k", "4")
    basis = ours.drop_duplicates("user_id").set_index("user_id")["basis"]
    assert basis.to_dict() == {
        "niemand": "popularity",
        "neu 1": "history",
        "001": "model",
        "einer": "history",
    }
    assert ours["user_id"].unique().tolist() == people
    assert ours["rank"].tolist() == [1, 2, 3, 4] * 4
    known = listed(shop["item_cf"], "--users", "001", "-k", "4")
    assert known.equals(ours[ours["user_id"] == "001"].reset_index(drop=True))
    said = capsys.readouterr().err
    assert "1 of 4 users bought nothing in training or in --history, such as 'niemand'" in said


def test_who_has_no_history_gets_what_most_buy(shop):
    ours = listed(shop["item_cf"], "--users", "niemand", "-k", "30")
    buyers = training(shop["item_cf"]).groupby("item_id")["user_id"].nunique()
    assert ours["score"].tolist() == sorted(buyers.reindex(ITEMS, fill_value=0), reverse=True)
    found = ours.set_index("item_id")["score"]
    assert (found == buyers.reindex(found.index, fill_value=0)).all()


def test_who_has_no_history_gets_what_most_of_the_segment_buy(shop, capsys):
    segment = pd.DataFrame({"user_id": USERS, "age": ["young", "old", "old"] * 12})
    people = pd.DataFrame({"user_id": ["a", "b", "c", "d"], "age": ["old", "young", "new", None]})
    pd.concat([segment, people]).to_csv("people.csv", index=False)
    ours = listed(
        *(shop["item_cf"], "--users", "a", "b", "c", "d", "--segment", "age"),
        *("--user_table", "people.csv", "-k", "30"),
    )
    pairs = training(shop["item_cf"]).merge(segment, on="user_id")
    for user, kept in (("a", ["old"]), ("b", ["young"]), ("c", ["old", "young"]), ("d", ["old", "young"])):
        buyers = pairs[pairs["age"].isin(kept)].groupby("item_id")["user_id"].nunique()
        found = ours[ours["user_id"] == user].set_index("item_id")["score"]
        assert (np.floor(found) == buyers.reindex(found.index, fill_value=0)).all()
    assert (
        "2 of 4 users get the most bought items of their age; nobody in training" in capsys.readouterr().err
    )


def test_a_model_that_takes_no_history_says_so(shop, capsys):
    ours = listed(shop["popularity"], "--history", "history.csv", "-k", "30")
    assert (ours["basis"] == "popularity").all()
    assert not len(ours.merge(bought(NEW, 2), on=["user_id", "item_id"]))
    assert "the model cannot rank by a history: 7 users" in capsys.readouterr().err


def test_what_a_user_of_training_bought_since_is_not_new(shop, capsys):
    usual = listed(shop["item_cf"], "--users", "001", "-k", "4")
    since = usual["item_id"].iloc[[0, 2]]
    pd.DataFrame({"user_id": "001", "item_id": since}).to_csv("since.csv", index=False)
    ours = listed(shop["item_cf"], "--history", "since.csv", "-k", "2")
    expected = usual[~usual["item_id"].isin(since)]
    assert ours[["item_id", "score", "basis"]].equals(
        expected[["item_id", "score", "basis"]].reset_index(drop=True)
    )
    assert "1 user of since.csv had purchases in training" in capsys.readouterr().err


def test_filters_hold_for_strangers_too(shop, capsys):
    Path("pairs.csv").write_text("user_id,item_id\nneu 1,001\nniemand,002\nfremd,001\n")
    words = ["--users", "neu 1", "niemand", "--history", "history.csv", "-k", "30"]
    usual, ours = listed(shop["item_cf"], *words), listed(shop["item_cf"], *words, "--exclude", "pairs.csv")
    pairs = pd.read_csv("pairs.csv", dtype="str")
    left = usual.merge(pairs, on=["user_id", "item_id"], how="left", indicator=True)
    kept = left[left["_merge"] == "left_only"]
    assert len(kept) < len(usual)
    assert list(zip(ours["user_id"], ours["item_id"], strict=True)) == list(
        zip(kept["user_id"], kept["item_id"], strict=True)
    )
    assert "pairs.csv: 1 of 3 users are not known, such as 'fremd'" in capsys.readouterr().err


def test_unknown_ids_of_a_history_are_counted(shop, capsys):
    rows = "user_id,item_id\nneu,001\nneu,nix\nanderer,nix\n"
    Path("h.csv").write_text(rows)
    ours = listed(shop["item_cf"], "--history", "h.csv", "-k", "2")
    assert ours["basis"].tolist() == ["history", "history", "popularity", "popularity"]
    assert "h.csv: 1 of 2 items are not in the catalogue, such as 'nix'" in capsys.readouterr().err
    Path("h.csv").write_text("user_id,item_id\nneu,1\n")
    with pytest.raises(InputError, match="they differ in leading zeros"):
        listed(shop["item_cf"], "--history", "h.csv")


def test_a_request_of_strangers_alone_shows_the_ids_of_the_log(shop, capsys):
    main(["recommend", "--ckpt", shop["item_cf"], "--users", "1", "2", "--out", "out.csv"])
    assert "2 of 2 users bought nothing" in (said := capsys.readouterr().err)
    assert "they differ in leading zeros" in said


def test_a_history_with_decimal_commas_and_days_first_is_read(shop, capsys):
    rows = "user_id;item_id;timestamp;price\nneu;001;31.12.2024;1,5\nneu;002;01.01.2025;2,5\n"
    Path("german.csv").write_text(rows)
    words = ["--history", "german.csv", "--delimiter", ";", "--decimal", ",", "--time_format", "%d.%m.%Y"]
    ours = listed(shop["item_cf"], *words, "-k", "3")
    assert ours["basis"].tolist() == ["history"] * 3
    assert "2 rows in, 2 out; 2024-12-31 00:00 to 2025-01-01 00:00" in capsys.readouterr().err
    with pytest.raises(InputError, match="no history is given that this holds for"):
        main(["recommend", "--ckpt", shop["item_cf"], "--out", "out.csv", "--time_format", "%d.%m.%Y"])
