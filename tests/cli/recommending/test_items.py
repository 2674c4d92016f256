"""Each filter of `graphrec recommend` against an independent join in pandas of the unfiltered lists."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from odd_shop import ITEMS, USERS, item_table, lay_out, listed

from graphrec.cli.main import main
from graphrec.errors import InputError

K = 4


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The checkpoint of a model, and all its scores of the items that are new to their users."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        best = lay_out(["item_cf"])["item_cf"]
        yield best, listed(best, "-k", "1000")


def head(ranked: pd.DataFrame) -> pd.DataFrame:
    """Keep the first rows of each user and number them."""
    ranked = ranked.assign(rank=ranked.groupby("user_id").cumcount() + 1)
    return ranked[ranked["rank"] <= K].reset_index(drop=True)


def same(ours: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(ours, head(expected), check_like=True, check_dtype=False)


def test_only_the_items_of_a_file_are_listed(shop, capsys):
    best, whole = shop
    Path("few.csv").write_text("item_id\n001\nx;3\nWeißbier 7\nnope\n", encoding="utf-8")
    few = pd.read_csv("few.csv", dtype="str")
    same(listed(best, "--items", "few.csv", "-k", str(K)), whole.merge(few, on="item_id"))
    assert "few.csv: 1 of 4 items are not in the catalogue, such as 'nope'" in capsys.readouterr().err


def test_a_file_of_items_goes_with_a_set_of_items(shop):
    best, _ = shop
    Path("few.csv").write_text("item_id\n001\nx;3\nWeißbier 7\n", encoding="utf-8")
    repeated = listed(best, "--items", "repeat", "few.csv", "-k", "9")
    every = listed(best, "--items", "few.csv", "all", "-k", "9")
    log = pd.read_csv("log.csv", dtype="str")[["user_id", "item_id"]].drop_duplicates()
    assert len(every) == 3 * len(USERS)
    assert 0 < len(repeated) == len(repeated.merge(log)) <= len(log[log["item_id"].isin(every["item_id"])])


def test_an_item_is_excluded_for_everybody_or_for_one_user(shop):
    best, whole = shop
    Path("never.csv").write_text(
        "Artikel;warum\n001;alt\nx;3\n".replace("x;3", '"x;3";alt'), encoding="latin-1"
    )
    out = listed(
        *(best, "--exclude", "never.csv", "--columns", "item_id=Artikel"),
        *("--delimiter", ";", "--encoding", "latin-1", "-k", str(K)),
    )
    same(out, whole[~whole["item_id"].isin(["001", "x;3"])])
    pairs = whole.groupby("user_id").head(2)[["user_id", "item_id"]].iloc[::3]
    pairs.to_csv("pairs.csv", index=False)
    out = listed(best, "--exclude", "pairs.csv", "-k", str(K))
    left = whole.merge(pairs, on=["user_id", "item_id"], how="left", indicator=True)
    same(out, left[left["_merge"] == "left_only"].drop(columns="_merge"))


def test_a_condition_keeps_the_items_for_which_it_is_true(shop, capsys):
    best, whole = shop
    out = listed(
        best, "--where", "category = 'beer' and stock > 0", "--item_table", "items.csv", "-k", str(K)
    )
    table = item_table().query("category == 'beer' and stock > 0")
    same(out, whole.merge(table[["item_id"]], on="item_id"))
    said = capsys.readouterr().err
    assert "items.csv: 1 of 29 items are not in the catalogue, such as 'gone'" in said
    assert f"2 of {len(ITEMS)} items of the catalogue are not in items.csv" in said
    assert "leaves 1 item out for want of a value" in said


def test_a_boost_is_added_to_the_score(shop):
    best, whole = shop
    Path("boost.csv").write_text("item_id,boost\nx;9,0.25\n000,-1\n")
    out = listed(best, "--boost", "boost.csv", "-k", str(K))
    added = whole.merge(pd.read_csv("boost.csv", dtype={"item_id": "str"}), on="item_id", how="left")
    added["score"] += added.pop("boost").fillna(0)
    expected = head(added.sort_values(["user_id", "score"], ascending=[True, False], kind="stable"))
    ours = out.sort_values(["user_id", "rank"], kind="stable").reset_index(drop=True)
    assert ours["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-6)
    assert not ours.equals(head(whole))


def test_filters_go_together(shop):
    best, whole = shop
    Path("boost.csv").write_text("item_id,boost\n003,100\n")
    Path("never.csv").write_text("item_id\n000\n")
    out = listed(
        *(best, "--where", "category = 'beer'", "--item_table", "items.csv", "--exclude", "never.csv"),
        *("--boost", "boost.csv", "--users", "001", "Müller 3", "-k", "50"),
    )
    beer = item_table().query("category == 'beer' and item_id != '000'")["item_id"]
    expected = whole[whole["item_id"].isin(beer) & whole["user_id"].isin(["001", "Müller 3"])]
    assert set(map(tuple, out[["user_id", "item_id"]].to_numpy())) == set(
        map(tuple, expected[["user_id", "item_id"]].to_numpy())
    )
    first = out[out["rank"] == 1]
    assert (first["score"] > 50).sum() == expected["item_id"].eq("003").sum()


def test_users_are_ids_or_a_file(shop):
    best, whole = shop
    out = listed(best, "--users", "Müller 3", " 001 ", "-k", str(K))
    wanted = pd.concat([whole[whole["user_id"] == user] for user in ("Müller 3", "001")])
    same(out, wanted)
    Path("who.csv").write_text("user_id\nMüller 3\n001\n", encoding="utf-8")
    assert listed(best, "--users", "who.csv", "-k", str(K)).equals(out)


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_every_form_holds_the_same_lists(shop, suffix):
    best, whole = shop
    main(["recommend", "--ckpt", best, "-k", str(K), "--out", f"lists.{suffix}"])
    text = Path(f"lists.{suffix}").read_text(encoding="utf-8")
    if suffix == "csv":
        read = pd.read_csv(f"lists.{suffix}", dtype={"user_id": "str", "item_id": "str"})
    else:
        read = pd.DataFrame(json.loads(text) if suffix == "json" else map(json.loads, text.splitlines()))
    same(read.astype({"score": "float32"}), whole)


def test_who_gets_fewer_items_is_counted(shop, capsys):
    best, whole = shop
    Path("few.csv").write_text("item_id\n001\n", encoding="utf-8")
    listed(best, "--items", "few.csv", "-k", "2")
    none = len(USERS) - whole[whole["item_id"] == "001"]["user_id"].nunique()
    users = whole["user_id"].nunique()
    said = f"fewer than 2 items for {users} of {users} users ({none - len(USERS) + users} of them none)"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--where", "categry = 'beer'"],
            "did you mean 'category'? the table of items has item_id, category",
        ),
        (["--where", "category = beer"], "write text in single quotes"),
        (["--where", "stock"], "it gives a DOUBLE and not true or false"),
        (["--where", "stock >"], "syntax error"),
        (["--where", "true; select 1"], "cannot be used"),
        (["--where", "true, false"], "cannot be used"),
        (["--where", ""], "cannot be used"),
        (["--where", "item_id in (select content from read_text('log.csv'))"], "disabled by configuration"),
        (["--where", "stock > 99"], "no item of the catalogue may be recommended"),
    ],
)
def test_a_condition_that_cannot_be_used_is_refused(shop, words, message):
    with pytest.raises(InputError) as refused:
        listed(shop[0], *words, "--item_table", "items.csv")
    assert message in str(refused.value)
    assert "option --where" in str(refused.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--where", "stock > 0"], "the data has no table of items; give one with --item_table"),
        (["--item_table", "items.csv"], "nothing asks about this table"),
        (["--items", "ones.csv"], "they differ in leading zeros"),
        (["--boost", "ones.csv"], "column 'boost': this column is missing"),
        (["--users", "ones.csv", "001"], "'ones.csv' is a file among other words"),
        (["--users", "001", " "], "option --users: an id is empty"),
        (["--items", "all", "new"], "two sets of items"),
        (["--items", "a.csv", "b.csv"], "two files"),
    ],
)
def test_an_option_that_cannot_hold_is_refused(shop, words, message):
    Path("ones.csv").write_text("item_id\n1\n2\n")
    with pytest.raises(InputError) as refused:
        listed(shop[0], *words)
    assert message in str(refused.value)
