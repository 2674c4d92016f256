"""Offers of every kind fed back: what came of them, what is learnt, and what serves after it."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loop_shop import WEEKS, LoopShop

from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.offpolicy.loop.learned import LearnedResponse

ITEMS, FIRST, SET = 16, WEEKS + 1, "Größe"
MONEY = [
    "--margin",
    "0.5",
    "--funded_share",
    "1",
    "--objective",
    "units",
    "--depths",
    "any",
    "-k",
    str(ITEMS),
]
LENGTH = {"weeks": 4, "coupon_weeks": 2}
SLOW = pytest.mark.slow
KINDS = {
    "percent": [],
    "amount": ["--promotion", "amount", "--amounts", "0.3", "0.9", "1.75"],
    "coupon": ["--promotion", "coupon", "--product_set", SET],
    "weeks": ["--weeks", "4"],
    "coupon_weeks": ["--promotion", "coupon", "--product_set", SET, "--weeks", "2"],
}


def odd(shop: LoopShop) -> LoopShop:
    """Ids that programs like to change."""
    marks = ("{:03d}", "Müller; {}", "{}e3", "a,b {}", "k{}’s")
    users = [marks[n % len(marks)].format(n) for n in range(len(shop.users))]
    items = [("{:04d}", "Weißbier {}", "{}", "x;{}")[n % 4].format(n) for n in range(len(shop.items))]
    return dataclasses.replace(shop, users=users, items=items)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A shop with sets of items, and a folder with a fitted ranker."""
    folder = tmp_path_factory.mktemp("kinds")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shop = odd(LoopShop.drawn(users=250, seed=3))
        shop.log().to_csv("log.csv", index=False)
        sets = np.array(["klein", "groß", "", "XL"])[np.arange(ITEMS) // 4]
        pd.DataFrame({"item_id": shop.items, SET: sets}).to_csv("items.csv", index=False)
        words = ["--data", "log.csv", "--data.source.items", "items.csv", "--run.name", "r", "--run.id", "a"]
        words += ["--data.split", "Temporal", "--data.split.train_end", "12", "--data.split.val_end", "14"]
        words += ["--data.split.test_end", "16"]
        main(["fit", "-m", "ease", *words])
        shutil.rmtree("runs/r/a/wandb", ignore_errors=True)
        yield shop, folder


@pytest.fixture
def shop(place, monkeypatch):
    monkeypatch.chdir(place[1])
    shutil.rmtree("loop", ignore_errors=True)
    return place[0]


CKPT = "runs/r/a/checkpoints/best.ckpt"


def offer(kind: str, week: int, *words: str) -> pd.DataFrame:
    main(["offers", "--ckpt", CKPT, "--week", str(week), "--out", "o.parquet", *MONEY, *KINDS[kind], *words])
    return pd.read_parquet("o.parquet")


def sold(shop: LoopShop, offers: pd.DataFrame, seed: int = 4) -> pd.DataFrame:
    """Purchases of all weeks of the offers, some of which come back."""
    first, horizon = int(offers["week"].iloc[0]), int(offers["horizon"].iloc[0])
    rate = shop.rates(offers)
    log = pd.concat([shop.week(first + one, rate, seed) for one in range(horizon)], ignore_index=True)
    back = log.iloc[::17].assign(quantity=-1, week=first + horizon - 1)
    log = pd.concat([log, back], ignore_index=True).sample(frac=1.0, random_state=1)
    log.to_csv("sold.csv", index=False)
    return log


def feed(*words: str):
    return main(["feedback", "--offers", "o.parquet", "--log", "sold.csv", "--out", "loop", *words])


def taught(shop: LoopShop, kind: str, weeks: int = 8) -> int:
    """Let chance decide for some weeks, feed them back, and tell which comes next."""
    length, end = LENGTH.get(kind, 1), FIRST + weeks
    for week in range(FIRST, end, length):
        sold(shop, offer(kind, week, "--policy", "none", "--explore", "0.6"))
        feed("--promote") if week + length >= end else feed()
    return end


def slopes(shop: LoopShop, offers: pd.DataFrame) -> np.ndarray:
    """The true slope of each pair of a table."""
    names = ((shop.users, "user_id"), (shop.items, "item_id"))
    return shop.slope[tuple(pd.Index(ids).get_indexer(offers[column]) for ids, column in names)]


def by_hand(offers: pd.DataFrame, log: pd.DataFrame, coupons: bool) -> pd.DataFrame:
    """What each decision brought, by plain sums."""
    net = {}
    for user, item, units, price in log[["user_id", "item_id", "quantity", "price"]].itertuples(index=False):
        found = net.setdefault((user, item), [0, 0.0])
        found[0], found[1] = found[0] + units, found[1] + units * price
    rows = {}
    for row in offers.to_dict("records"):
        units, paid = net.get((row["user_id"], row["item_id"]), (0, 0.0))
        units = max(units, 0)
        what = row["product_set"] if coupons else row["item_id"]
        key = (row["user_id"], "" if pd.isna(what) else what)
        found = rows.setdefault(key, {"units": 0.0, "rate": row["rate"], "propensity": row["propensity"]})
        assert found["rate"] == row["rate"], "one rate over the set"
        assert found["propensity"] == row["propensity"]
        found["units"] += units
        found["paid"] = found.get("paid", 0.0) + (paid if units else 0.0)
        found["redeemed"] = found.get("redeemed", False) or (units > 0 and row["rate"] > 0)
        found["amount"] = row["rate"] * row["price"]
    return pd.DataFrame.from_dict(rows, orient="index")


@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_are_those_of_the_shop(kind, shop, capsys):
    offers = offer(kind, FIRST, "--policy", "none", "--explore", "0.6")
    assert offers["propensity"].lt(1).any()
    log = sold(shop, offers)
    feed("--promote")
    coupons = "coupon" in kind
    told = capsys.readouterr()
    assert ("coupons over sets" in told.err) == coupons
    what = "product_set" if coupons else "item_id"
    found = pd.read_csv("loop/decisions.csv", dtype={"user_id": "str", what: "str"}, keep_default_na=False)
    wanted = by_hand(offers, log, coupons)
    assert len(found) == len(wanted)
    key = pd.MultiIndex.from_frame(found[["user_id", what]])
    wanted = wanted.reindex(key)
    for name in ("units", "propensity"):
        np.testing.assert_allclose(found[name].astype(float), wanted[name].astype(float))
    np.testing.assert_allclose(
        found["reward"].astype(float), wanted["units"], err_msg="the objective is units"
    )
    paid = pd.to_numeric(found["paid"]).fillna(0.0)
    np.testing.assert_allclose(paid, wanted["paid"].astype(float), atol=0.01)
    arm = wanted["amount" if kind == "amount" else "rate"].astype(float)
    np.testing.assert_allclose(found["arm"].astype(float), arm, atol=1e-9)
    assert (found["redeemed"].astype(str) == wanted["redeemed"].astype(str).to_numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_learnt_is_how_people_answer(kind, shop):
    taught(shop, kind)
    offers = pd.read_parquet("o.parquet")
    learnt = LearnedResponse.of(json.loads(Path("loop/serving.json").read_text())["challenger"])
    pairs = offers[offers["product_set"].notna()] if "coupon" in kind else offers
    found = pd.DataFrame({"item": pairs["item_id"].to_numpy(), "true": slopes(shop, pairs)})
    found = found.assign(found=learnt.response(pairs).elasticity).groupby("item").mean()
    assert np.corrcoef(found["true"], found["found"])[0, 1] > 0.95
    assert abs(found["true"] - found["found"]).mean() < 0.6
    assert learnt.after == FIRST + 7


@pytest.mark.parametrize("kind", ["weeks", *(pytest.param(one, marks=SLOW) for one in ("amount", "coupon"))])
def test_what_was_promoted_serves_and_is_fed_back(kind, shop, capsys):
    week, length = taught(shop, kind), LENGTH.get(kind, 1)
    told = capsys.readouterr().out
    assert "Version 1 serves next week" in told
    line = [line for line in told.splitlines() if line.startswith("next: graphrec offers")][-1]
    words = line.removeprefix("next: graphrec ").replace("0.6", "0.1")
    words = words.replace("CKPT", CKPT).replace("FILE", "o.parquet").split()
    main([*words, "--week", str(week), "--budget", str(150 * length), *MONEY])
    assert "Served by version 1" in capsys.readouterr().out
    offers = pd.read_parquet("o.parquet")
    assert offers["spend"].sum() <= 150 * length
    assert set(offers["horizon"]) == {length}
    made = offers[offers["planned_rate"] > 0]
    moved = (slopes(shop, made) > 2).mean()
    assert len(made) > 50
    assert moved > (0.45 if kind == "coupon" else 0.9), "who is moved is offered"
    sold(shop, offers, seed=6)
    feed("--promote")
    assert set(pd.read_csv("loop/decisions.csv")["week"]) == {*range(FIRST, week, length), week} - {
        FIRST if length == 1 else None
    }
    with pytest.raises(InputError, match="was fed before"):
        feed()


def test_a_part_of_the_weeks_is_refused_and_an_empty_one_is_told(shop, capsys):
    offers = offer("weeks", FIRST, "--policy", "none", "--explore", "0.6")
    log = sold(shop, offers)
    log[log["week"] < FIRST + 3].to_csv("sold.csv", index=False)
    with pytest.raises(InputError, match=f"ends with week {FIRST + 2}, and the offers are for weeks"):
        feed()
    log.drop(columns="week").to_csv("sold.csv", index=False)
    with pytest.raises(InputError, match="has no weeks"):
        feed()
    log[log["week"] != FIRST + 1].to_csv("sold.csv", index=False)
    feed()
    assert f"nothing was bought in week {FIRST + 1}" in capsys.readouterr().err
    offer("percent", FIRST + 2, "--policy", "none", "--explore", "0.6")
    with pytest.raises(InputError, match=f"week {FIRST + 2} was fed before"):
        feed()


def test_thresholds_and_mixed_kinds_are_refused(shop):
    offers = offer("amount", FIRST, "--policy", "none", "--explore", "0.6")
    sold(shop, offers)
    for kinds, said in ((["threshold"], "is of thresholds"), (["amount", "percent"], "amount and percent")):
        table = offers.assign(promotion=np.resize(kinds, len(offers)))
        table.attrs = offers.attrs
        table.to_parquet("o.parquet")
        with pytest.raises(InputError, match=said):
            feed()
