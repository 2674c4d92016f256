"""Offers over HTTP against what can be counted by hand: level, order, cap, budget, promises that stand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_parts import ITEMS, Memory, planted, service

from graphrec.serving.live.answers import Candidate, Level
from graphrec.serving.offers.levels import Choosing, paying


@pytest.fixture
def shop(tmp_path):
    with service(tmp_path, max_offers=3) as running:
        yield running


def made(answer: dict, at: int = 0) -> dict[str, tuple[float, str]]:
    """Item → rate and status of what is discounted."""
    return {
        one["item"]: (one["rate"], one["status"]) for one in answer["answers"][at]["offers"] if one["rate"]
    }


def test_the_offer_is_the_best_level_of_the_item_that_gains_most(shop):
    """Of i00 to i09 at price 1 of the budget the last gains most: 3.0 + 0.9 - 2 at 20 %, 2.9 - 1 at 10 %."""
    answer = shop.post("/offers", user="C17", request_id="r1")
    (best, *others) = answer["answers"][0]["offers"]
    assert (best["item"], best["rate"], best["status"]) == ("i09", 0.1, "new")
    assert (best["price"], best["price_now"]) == (5.0, 4.5)
    assert best["sentence"] == "10 % off name of i09 this week."
    assert best["reason"] == "best_level: best of 3 levels: +2.9 for 1 of spend; max_rate: capped"
    assert shop.store.bookings[best["offer"]].spend == 1.0
    assert "C17" not in best["offer"]
    assert [one["item"] for one in others] == list(ITEMS[:9])
    assert {(one["rate"], one["offer"], one["sentence"], one["price_now"]) for one in others} == {
        (0.0, None, None, 5.0)
    }
    assert {one["reason"].partition(":")[0] for one in others} == {"user_cap"}
    assert answer["answers"][0]["left"] == 2


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(-9, 9)), min_size=1, max_size=6),
    st.floats(0, 5),
    st.floats(0, 9),
)
@settings(deadline=None)
def test_levels_that_pay_come_from_the_argmax_down(levels, multiplier, money):
    rates = [at / 10 for at in range(len(levels))]
    chosen = tuple(
        Level(rate, 0.1, 0.0 if at == 0 else spend, 0.0 if at == 0 else value)
        for at, (rate, (spend, value)) in enumerate(zip(rates, levels, strict=True))
    )
    nets = [one.value - multiplier * one.spend for one in chosen]
    found = paying(Candidate("a", 1.0, chosen, ""), multiplier, money)
    assert all(one.value - multiplier * one.spend > 0 and one.spend <= money for one in found)
    assert [one.rate for one in found] == sorted({one.rate for one in found}, reverse=True)
    top = chosen[nets.index(max(nets))]
    if max(nets) > 0 and top.spend <= money:
        assert found[0] == top
    assert bool(found) <= (max(nets) > 0)


def test_the_same_request_makes_no_second_offer_and_another_one_does(shop):
    first = made(shop.post("/offers", user="C17", request_id="r1"))
    again = made(shop.post("/offers", user="C17", request_id="r1"))
    assert again == {"i09": (0.1, "standing")}
    assert first.keys() == again.keys()
    assert len(shop.store.bookings) == 1
    assert made(shop.post("/offers", user="C17", request_id="r2")) == {
        "i08": (0.1, "new"),
        "i09": (0.1, "standing"),
    }
    assert made(shop.post("/offers", user="007", request_id="r1")) == {"i09": (0.1, "new")}


def test_the_cap_of_a_shopper_counts_what_was_promised_before(shop):
    shop.post("/offers", user="C17", most=2, request_id="r1")
    answer = shop.post("/offers", user="C17", most=5, request_id="r2")
    assert sorted(status for _, status in made(answer).values()) == ["new", "standing", "standing"]
    assert answer["answers"][0]["left"] == 0
    assert len(shop.store.bookings) == 3


def test_a_level_that_the_store_refuses_becomes_the_next_cheaper_one_or_none(tmp_path):
    class Shrinking(Memory):
        """Money goes elsewhere between the look at the purse and the booking."""

        refused = (2.0,)

        def _book(self, one):
            return False if one.spend in self.refused else super()._book(one)

    store = Shrinking()
    store.price = 0.1
    with service(tmp_path, keeps=store) as shop:
        assert made(shop.post("/offers", user="C17")) == {"i09": (0.1, "new")}
        store.refused = (1.0, 2.0)
        answer = shop.post("/offers", user="007")
        assert made(answer) == {}
        assert {one["status"] for one in answer["answers"][0]["offers"]} == {"none"}


def test_a_budget_that_is_gone_offers_nothing_and_one_that_runs_out_the_cheaper_level(tmp_path):
    store = Memory()
    store.price = 0.1
    with service(tmp_path, keeps=store, budget=5.0) as shop:
        rates = [made(shop.post("/offers", user=user)) for user in ("a", "b", "c", "d")]
    assert rates == [{"i09": (0.2, "new")}, {"i09": (0.2, "new")}, {"i09": (0.1, "new")}, {}]


def test_a_preview_promises_nothing(shop):
    assert made(shop.post("/offers", user="C17", most=2, preview=True)) == {
        "i09": (0.1, "preview"),
        "i08": (0.1, "preview"),
    }
    assert not shop.store.bookings


def test_an_offer_that_is_no_candidate_any_more_stands_without_a_price(shop):
    (offer,) = [one for one in shop.post("/offers", user="C17")["answers"][0]["offers"] if one["rate"]]
    shop.post("/events", events=[{"id": "e", "user": "C17", "item": "i09", "offer": offer["offer"]}])
    found = {one["item"]: one for one in shop.post("/offers", user="C17")["answers"][0]["offers"]}
    assert (found["i09"]["status"], found["i09"]["price"], found["i09"]["rate"]) == ("standing", None, 0.1)
    assert shop.get("/budget")["accepted"] == 1


def test_many_shoppers_at_once_never_spend_more_than_there_is(tmp_path):
    with service(tmp_path, budget=25.0, waiting=1000) as shop, ThreadPoolExecutor(8) as pool:
        asked = [{"user": f"u{at}", "request_id": "r"} for at in range(60) for _ in range(2)]
        answers = list(pool.map(lambda body: shop.post("/offers", **body), asked))
        money = shop.get("/budget")
    assert money["spent"] == 25.0
    assert money["offers"] == len({one.user for one in shop.store.bookings.values()}) == 25
    for body, answer in zip(asked, answers, strict=True):
        promised = {one.rate for one in shop.store.bookings.values() if one.user == body["user"]}
        assert {rate for rate, _ in made(answer).values()} <= promised


def test_bounds_move_for_the_horizon_that_runs_and_null_lifts_one(shop):
    before = shop.get("/budget")
    assert (before["budget"], before["max_offers_per_user"], before["price"]) == (100.0, 3, 1.0)
    moved = shop.post("/budget", budget=7.5, max_offers_per_user=None)
    assert (moved["budget"], moved["max_offers_per_user"], moved["price"]) == (7.5, None, 1.0)
    assert moved["horizon"] == before["horizon"]
    assert shop.post("/offers", user="C17")["answers"][0]["left"] is None
    assert "nothing to move" in shop.post("/budget", 422)["error"]["message"]


def test_a_running_horizon_goes_on_as_it_was_moved_and_the_next_one_begins_on_a_monday(tmp_path):
    store = Memory()
    with service(tmp_path, keeps=store, budget=5.0) as shop:
        shop.post("/budget", budget=9.0)
    with service(tmp_path, keeps=store, budget=6.0) as shop:
        assert shop.get("/budget")["budget"] == 9.0
        clock = store.kept.starts + store.kept.seconds + 3 * 86_400.0
        shop.running.service.horizon._clock = lambda: clock
        later = shop.get("/budget")
    assert later["budget"] == 6.0
    assert store.kept.starts == clock - 3 * 86_400.0
    assert later["horizon"] != ""


def test_a_model_without_prices_decides_no_offers(tmp_path):
    with service(tmp_path) as shop:
        shop.running.service.arms["a"].now.model.decides_offers = False
        assert shop.post("/offers", 409, user="C17")["error"]["code"] == "no_offers"
        assert shop.get("/budget", 409)["error"]["code"] == "no_offers"
        assert shop.post("/budget", 409, budget=5)["error"]["code"] == "no_offers"
        assert shop.client.get("/metrics").status_code == 200


def test_the_planted_candidates_are_what_the_tests_count_with():
    assert [level.value for level in planted("i09").levels] == [0.0, 2.9, 3.9]


def test_an_item_without_a_discount_says_why(tmp_path):
    with service(tmp_path, budget=0.5) as shop:
        (answer,) = shop.post("/offers", user="C17")["answers"]
        assert {one["reason"].partition(":")[0] for one in answer["offers"]} == {"budget"}
        shop.store.down = True
        (answer,) = shop.post("/offers", user="C17")["answers"]
        assert {one["reason"].partition(":")[0] for one in answer["offers"]} == {"store_down"}
    bare = Candidate("a", 1.0, (Level(0.0, 0.1, 0.0, 0.0), Level(0.1, 0.1, 0.5, -0.1)), "")
    choosing = Choosing(1.0)
    assert choosing.why_none(bare).startswith("no_level_pays")
    assert choosing.why_none(Candidate("a", 1.0, bare.levels[:1], "cool_down: x")) == "cool_down: x"
