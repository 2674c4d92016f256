"""`graphrec score`: all users of an export, in parts that are whole or not there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest
from bulk_shop import exports, manifest, parts_of
from killing import Forks

from graphrec.cli.experiment.live import load_live
from graphrec.cli.main import main
from graphrec.data.choice.known import as_text
from graphrec.errors import InputError
from graphrec.serving.live.answers import Filter, Shopper


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exports()
    return folder


@pytest.fixture(autouse=True)
def _in_it(shop, monkeypatch):
    monkeypatch.chdir(shop)


def score(*words: str | Path) -> Path:
    return main(["score", *map(str, words)])


def test_parts_hold_what_a_service_answers_to_all_users_in_order(tmp_path, capfd) -> None:
    folder = score("lists.zip", "--out", tmp_path / "all", "-k", "6", "--part_size", "9")
    said = capfd.readouterr()
    assert "lists alone are written, no offers" in said.err
    found = pd.read_parquet(folder)
    live = load_live(Path("lists.zip"))
    users = [str(one) for one in as_text(live.data.split.users).ids]
    assert {"007", "000"} & set(users)
    expected = [
        (user, one.item, at + 1, one.score, listing.basis)
        for user in users
        for listing in live.recommend([Shopper(user)], 6, Filter())
        for at, one in enumerate(listing.items)
    ]
    assert list(found.itertuples(index=False, name=None)) == expected
    told = manifest(folder)
    parts = parts_of(folder)
    assert sorted(parts) == [f"part-{at:05d}.parquet" for at in range(5)] == sorted(told["parts"])
    assert [one["users"] for one in told["parts"].values()] == [9, 9, 9, 9, 5]
    for name, content in parts.items():
        assert told["parts"][name]["sha256"] == hashlib.sha256(content).hexdigest()
    assert told["whole"]
    assert told["asked"]["model"] == live.version
    assert f"{len(expected):,} recommendations for 41 users in 5 parts" in said.out


def test_offers_are_the_best_levels_at_the_price_of_the_budget(tmp_path) -> None:
    found = pd.read_parquet(score("offers.zip", "--out", tmp_path / "all", "-k", "8"))
    live = load_live(Path("offers.zip"))
    price = live.purse()["price"]
    assert price > 0
    given = found[found["rate"] > 0]
    assert given.groupby("user_id").size().max() == 2
    for user in found["user_id"].unique()[::5]:
        mine = found[found["user_id"] == user].set_index("item_id")
        candidates = live.candidates(Shopper(user), 8, Filter(item_set="all"))
        assert mine.index.tolist() == [one.item for one in candidates]
        gains = {}
        for one in candidates:
            nets = [level.value - price * level.spend for level in one.levels]
            gains[one.item] = max(nets) - nets[0]
            if mine.loc[one.item, "rate"] > 0:
                assert one.levels[nets.index(max(nets))].rate == mine.loc[one.item, "rate"]
        top = sorted((gain for gain in gains.values() if gain > 0), reverse=True)[:2]
        assert sorted((gains[item] for item in mine.index[mine["rate"] > 0]), reverse=True) == top


def test_named_users_come_in_their_order_and_strangers_get_what_most_buy(tmp_path, capfd) -> None:
    pd.DataFrame({"kunde": ["nobody", "007", "000", "007"]}).to_csv(tmp_path / "some.csv", index=False)
    words = ("--users", tmp_path / "some.csv", "--columns", "user_id=kunde")
    found = pd.read_parquet(score("lists.zip", "--out", tmp_path / "some", *words))
    assert found["user_id"].drop_duplicates().tolist() == ["nobody", "007", "000"]
    assert set(found.loc[found["user_id"] == "nobody", "basis"]) == {"popularity"}
    assert "1 user not in training gets what most people buy, such as 'nobody'" in capfd.readouterr().err


def test_again_makes_only_what_is_missing_or_damaged(tmp_path, capfd) -> None:
    words = ("lists.zip", "--out", tmp_path / "all", "-k", "3", "--part_size", "10")
    whole = parts_of(score(*words))
    (tmp_path / "all" / "part-00001.parquet").unlink()
    third = tmp_path / "all" / "part-00002.parquet"
    third.write_bytes(third.read_bytes()[:-9] + b"x" * 9)
    kept = (tmp_path / "all" / "part-00003.parquet").stat().st_mtime_ns
    capfd.readouterr()
    assert parts_of(score(*words)) == whole
    said = capfd.readouterr().err
    assert "2 parts not as written, or gone: made again" in said
    assert "3 of 5 parts are there already" in said
    assert (tmp_path / "all" / "part-00003.parquet").stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("offers.zip", "-k", "3"), "holds scores of the model "),
        (("lists.zip", "-k", "4"), "holds scores with -k 3, not 4; name another folder with --out"),
        (("lists.zip", "-k", "3", "--part_size", "9"), "with --part_size 5000, not 9"),
        (("lists.zip", "-k", "3", "--users", "007"), "holds scores of other users"),
    ],
)
def test_another_model_or_another_option_is_refused(change, said, tmp_path) -> None:
    before = parts_of(score("lists.zip", "--out", tmp_path / "all", "-k", "3"))
    with pytest.raises(InputError, match=said):
        score(*change, "--out", tmp_path / "all")
    assert parts_of(tmp_path / "all") == before


def test_a_folder_of_something_else_is_left_alone(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'mine.txt' and no _manifest.json"):
        score("lists.zip", "--out", tmp_path)
    (tmp_path / "_manifest.json").write_text("[]")
    with pytest.raises(InputError, match="is no manifest of scores"):
        score("lists.zip", "--out", tmp_path)
    with pytest.raises(InputError, match="this is a file"):
        score("lists.zip", "--out", tmp_path / "mine.txt")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["_manifest.json", "mine.txt"]


def test_killed_at_any_moment_and_started_again_gives_the_same_files(shop, tmp_path) -> None:
    words = ["score", str(shop / "offers.zip"), "--out", "all", "-k", "4", "--part_size", "10"]
    with Forks() as forks:
        (tmp_path / "whole").mkdir()
        done = forks.run(tmp_path / "whole", words)
        assert done.code == 0, done.said
        expected = parts_of(tmp_path / "whole" / "all")
        assert len(expected) == 5
        for kill_at in (2, done.events // 3, done.events // 2, done.events - 2):
            place = tmp_path / str(kill_at)
            place.mkdir()
            assert forks.run(place, words, kill_at).code == -9
            again = forks.run(place, words)
            assert again.code == 0, again.said
            assert parts_of(place / "all") == expected
            assert sorted(one.name for one in (place / "all").iterdir()) == ["_manifest.json", *expected]
