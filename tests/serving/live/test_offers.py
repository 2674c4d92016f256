"""Offers of one shopper at a time are those of the batch: same candidates, chances, spend, limits, choice."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from offer_shop import Shop

from graphrec.cli.experiment.live import load_live
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offpolicy.loop.learned import LearnedResponse
from graphrec.serving.bundle import read_bundle, write_bundle
from graphrec.serving.live.answers import Filter, Shopper
from graphrec.serving.offers.deciding import LiveOffers
from graphrec.serving.offers.facts import OfferFacts
from graphrec.serving.state.events import Event

KNAPSACK = "--policy knapsack --objective units"
WORDS = {
    "budget": f"{KNAPSACK} --budget 20",
    "weeks": f"{KNAPSACK} --budget 30 --weeks 3 --items all -k 8",
    "amounts": f"{KNAPSACK} --budget 15 --promotion amount --amounts 0.5 0.25 1",
    "facts": f"{KNAPSACK} --budget 2 --costs costs.csv --max_rate 0.25",
    "stock": f"{KNAPSACK} --budget 20 --stock stock.csv --depths any",
    "cap": f"{KNAPSACK} --budget 0.3 --max_offers_per_user 2",
    "clearance": f"{KNAPSACK} --scenario clearance --depths any",
    "lists": "--policy knapsack --scenario lists.yaml --budget 2 --depths any",
    "free": "--objective revenue --depths any",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        found = Shop(40, 24, 3)
        ids = found.items["item_id"]
        rng = np.random.default_rng(0)
        costs = pd.DataFrame(
            {
                "item_id": ids,
                "margin": np.where(rng.random(len(ids)) < 0.3, np.nan, rng.uniform(0.1, 0.7, len(ids))).round(
                    2
                ),
                "funded_share": np.where(rng.random(len(ids)) < 0.3, np.nan, 0.25),
                "max_rate": np.where(rng.random(len(ids)) < 0.5, np.nan, 0.15),
                "min_margin": np.where(rng.random(len(ids)) < 0.5, np.nan, 0.2),
            }
        )
        costs.to_csv("costs.csv", index=False)
        pd.DataFrame({"item_id": ids[:15], "stock": rng.integers(0, 9, 15)}).to_csv("stock.csv", index=False)
        pd.DataFrame({"item_id": ids[3:20]}).to_csv("some.csv", index=False)
        pd.DataFrame({"user_id": found.users["user_id"][::2]}).to_csv("people.csv", index=False)
        lists = {"name": "mine", "sold": 2.0, "profit": 0.0, "include": "some.csv", "users": "people.csv"}
        lists["levels"] = [0, 0.1, 0.3]
        Path("lists.yaml").write_text(yaml.safe_dump(lists))
        yield found


def costs_of() -> pd.DataFrame:
    numbers = {name: [""] for name in ("margin", "funded_share", "max_rate", "min_margin")}
    kinds = {"item_id": str, **dict.fromkeys(numbers, float)}
    return pd.read_csv("costs.csv", dtype=kinds, keep_default_na=False, na_values=numbers)


def exported(shop: Shop, words: str, place: Path):
    """Export with offers, moved to where there is no log."""
    made = Path("model.zip")
    main(["export", "runs/shop3/a", "--out", str(made), "--offers", *words.split()])
    shutil.move(made, place / "moved.zip")
    return load_live(place / "moved.zip")


@pytest.mark.parametrize("name", WORDS)
def test_each_row_of_the_batch_is_the_live_one(name, shop, tmp_path):
    batch = shop.offers(WORDS[name])
    live = exported(shop, WORDS[name], tmp_path)
    assert live.decides_offers
    price = (live.purse() or {"price": 0.0})["price"]
    chosen = []
    for user, rows in batch.groupby("user_id"):
        rows = rows.set_index("item_id")
        found = {one.item: one for one in live.candidates(Shopper(user), live.terms.k, Filter())}
        assert set(rows.index) <= set(found)
        for item, row in rows.iterrows():
            ours = found[item]
            assert ours.price == pytest.approx(row["price"], rel=1e-12)
            assert ours.levels[0].rate == 0.0
            assert (ours.levels[0].spend, ours.levels[0].value) == (0.0, 0.0)
            assert ours.levels[0].probability == pytest.approx(row["probability"], rel=1e-6)
            mine = min(ours.levels, key=lambda level: abs(level.rate - row["rate"]))
            assert mine.rate == pytest.approx(row["rate"], abs=1e-12)
            assert mine.probability == pytest.approx(row["probability_at_rate"], rel=1e-6)
            assert mine.spend == pytest.approx(row["spend"], rel=1e-6, abs=1e-12)
            best = max(ours.levels, key=lambda level: level.value - price * level.spend)
            chosen.append((best, mine))
    assert any(mine.rate > 0 for _, mine in chosen)
    assert (price > 0) == (name not in ("free", "clearance"))
    if live.terms.max_offers_per_user is None:
        the_same_choice(chosen, live.terms.budget)


def the_same_choice(chosen, budget: float | None) -> None:
    """The price alone chooses what the batch does, but for the pair at the boundary and what it leaves over.

    The batch spends what the boundary leaves over on the next best levels: those are deeper there.
    """
    deeper = [one for one in chosen if one[0].rate > one[1].rate]
    assert len(deeper) <= 1
    other = [one for one in chosen if one[0].rate != one[1].rate]
    if budget is None:
        assert not other
        return
    largest = max(level.spend for one in chosen for level in one)
    ours, theirs = (sum(one[place].spend for one in chosen) for place in (0, 1))
    assert ours <= budget + largest
    assert theirs - ours <= largest + 1e-9
    ours, theirs = (sum(one[place].value for one in chosen) for place in (0, 1))
    assert theirs - ours <= max(level.value for one in chosen for level in one)


def test_the_limits_are_those_of_a_scan(shop, tmp_path):
    """Each level that is missing is above the tightest limit by hand, and the reason names a limit."""
    live = exported(shop, WORDS["facts"], tmp_path)
    facts = costs_of().set_index("item_id")
    depth = shop.depth()
    for user in ("000", "007", "013"):
        for one in live.candidates(Shopper(user), 20, Filter()):
            own = facts.loc[one.item]
            cost = 1 - (0.3 if np.isnan(own["margin"]) else own["margin"])
            paid = 0.5 if np.isnan(own["funded_share"]) else own["funded_share"]
            least = 0.05 if np.isnan(own["min_margin"]) else own["min_margin"]
            tight = min(
                0.25, depth.get(one.item, 0.0), 0.25 if np.isnan(own["max_rate"]) else own["max_rate"]
            )
            wanted = [
                rate for rate in (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
                if rate <= tight + 1e-9 and 1 - cost / (1 - paid * rate) >= least - 1e-9
            ]  # fmt: skip
            assert [level.rate for level in one.levels[1:]] == wanted
            assert bool(one.reason) == (0.30 not in wanted)
            assert one.reason == "" or one.reason.split(":")[0] in (
                "max_rate",
                "min_margin",
                "observed_depth",
            )


def test_filters_and_events_reach_offers(shop, tmp_path):
    live = exported(shop, WORDS["weeks"], tmp_path)
    whole = live.candidates(Shopper("007"), 8, Filter())
    some = frozenset(one.item for one in whole[2:4])
    assert live.candidates(Shopper("007"), 8, Filter(items=some)) == whole[2:4]
    bought = (Event("e", "007", whole[0].item, time=4e9),)
    after = {one.item: one for one in live.candidates(Shopper("007", bought), 8, Filter())}
    before = {one.item: one for one in whole}
    assert any(after[item] != before[item] for item in after if item in before)
    stranger = live.candidates(Shopper("nobody", bought), 8, Filter())
    assert stranger
    assert all(0 < level.probability < 1 for one in stranger for level in one.levels)
    assert live.candidates(Shopper(None), 8, Filter())


def test_what_a_service_is_told(shop, tmp_path):
    live = exported(shop, f"{WORDS['stock']} --max_offers_per_user 3", tmp_path)
    stock = pd.read_csv("stock.csv", dtype={"item_id": str}, keep_default_na=False).set_index("item_id")[
        "stock"
    ]
    assert live.stock() == {item: float(one) for item, one in stock.items()}
    assert live.purse()["budget"] == 20.0
    assert (live.terms.max_offers_per_user, live.terms.weeks, live.terms.policy) == (3, 1, "knapsack")
    whole = {one.item for one in live.recommend([Shopper("007")], 99, Filter(item_set="all"))[0].items}
    left = {
        one.item
        for one in live.recommend([Shopper("007")], 99, Filter(item_set="all", in_stock=True))[0].items
    }
    assert whole - left == set(stock.index[stock == 0])


def test_an_export_without_offers_says_what_to_do(shop, tmp_path):
    main(["export", "runs/shop3/a", "--out", str(tmp_path / "plain.zip")])
    live = load_live(tmp_path / "plain.zip")
    assert not live.decides_offers
    assert live.purse() is None
    assert live.recommend([Shopper("007")], 3, Filter())[0].items
    with pytest.raises(InputError, match=r"plain\.zip.*without what offers are made of.*--offers --budget"):
        live.candidates(Shopper("007"), 3, Filter())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--policy linear_rate", "--policy.*worth most"),
        ("--policy none knapsack", "--policy.*worth most"),
        ("--promotion coupon", "--promotion.*no coupon"),
        ("--max_spread 0.1", "--max_spread.*different times"),
        ("--explore 0.1", "--explore.*nothing to chance"),
        ("--response best.ckpt", "--response.*log, which stays behind"),
        ("--out a.csv", "--offers.*of the export itself"),
        ("--budgt 3", "budgt"),
        ("--max_rate 2", "--max_rate.*less than 1"),
    ],
)
def test_what_a_service_cannot_keep_is_refused(words, told, shop, tmp_path):
    with pytest.raises(InputError, match=told):
        main(["export", "runs/shop3/a", "--out", str(tmp_path / "a.zip"), "--offers", *words.split()])
    assert not list(tmp_path.iterdir())


def test_damaged_parts_of_offers_are_told(shop, tmp_path):
    exported(shop, WORDS["lists"], tmp_path)
    about, parts = read_bundle(tmp_path / "moved.zip")
    assert {"offers.json", "shelf.parquet", "savings.parquet", "eligibility.safetensors"} <= set(parts)
    about = {key: value for key, value in about.items() if key not in ("files", "kind", "format")}
    for name in ("offers.json", "shelf.parquet", "savings.parquet", "eligibility.safetensors"):
        broken = {**parts, name: parts[name][:-9]}
        whole = write_bundle(tmp_path / f"{name}.zip", about, broken)
        with pytest.raises(InputError, match=r"does not hold what its manifest\.json says"):
            load_live(whole)
        folder = write_bundle(tmp_path / f"of {name}", about, parts)
        flipped = bytearray((folder / name).read_bytes())
        flipped[len(flipped) // 2] ^= 0x01
        (folder / name).write_bytes(bytes(flipped))
        with pytest.raises(InputError, match=rf"is damaged: {name} is not what was written"):
            load_live(folder)


def test_who_is_meant_and_what_was_learnt_come_back(shop, tmp_path):
    """Arrays of every kind of rule, and effects of a learnt response, after a detour by files."""
    live = exported(shop, WORDS["budget"], tmp_path)
    facts, rng = live.data.offers, np.random.default_rng(1)
    users, items = 40, 24
    eligible = Eligibility(
        rng.random(items) < 0.8, rng.random(users) < 0.8, rng.integers(0, 3, items),
        rng.random((users, 3)) * 3, rng.random((users, 2)) < 0.5, np.array([3, 5]), rng.random(users),
    )  # fmt: skip
    learned = LearnedResponse(
        rng.normal(size=7), np.array([[0.1, 1.0], [0.2, 0.5]]), {"item_id": {"007": 0.3}},
        {"user_id": {"003": -0.2}, "item_id": {"NA": 0.1}}, 30, 14,
    )  # fmt: skip
    again = OfferFacts.of(replace(facts, eligible=eligible, response=learned).parts())
    for name, array in vars(eligible).items():
        np.testing.assert_array_equal(array, getattr(again.eligible, name))
    known = pd.DataFrame(
        {
            "base_logit": rng.normal(size=3), "slope": rng.random(3), "affinity": rng.random(3),
            "price": rng.random(3) + 1, "item_id": ["007", "NA", "x"], "user_id": ["003", "003", "y"],
        }
    )  # fmt: skip
    ours, theirs = (one.response(known) for one in (again.response, learned))
    np.testing.assert_array_equal(ours.base, theirs.base)
    np.testing.assert_array_equal(ours.elasticity, theirs.elasticity)
    offers = LiveOffers(again, live.model.graph, live._items.texts)
    mask = eligible.mask(np.arange(users))
    for user in (0, 7, 39):
        np.testing.assert_array_equal(offers.eligible(user), mask[user])
    assert not offers.eligible(-1).any()


def test_the_benchmark_asks_for_all_that_it_names(shop, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "experiments" / "benchmarks"))
    import live as benchmark

    monkeypatch.setattr(benchmark, "CALLS", 2)
    asked = benchmark.calls(exported(shop, WORDS["budget"], tmp_path), 3)
    assert list(asked) == ["known", "known, 5 events", "not known, 5 events", "offers"]
    for call in asked.values():
        assert call(np.random.default_rng(0))
        assert "median" in benchmark.measured(call)
