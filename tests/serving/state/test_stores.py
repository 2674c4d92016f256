"""Every store answers what lists of all that was told give."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from state_model import START, USERS, Clock, Model, calls
from state_stores import Made, makers

from graphrec.errors import InputError
from graphrec.serving.state.events import Event
from graphrec.serving.state.opening import open_store
from graphrec.serving.state.store import Booking, Terms

TERMS = Terms("2026-W05", 10.0, 0.5, START, 86_400.0, 24)


@pytest.fixture(scope="module", params=makers())
def made(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(made: Made, clock):
    with made.fresh(clock) as store:
        yield store


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(calls, min_size=4, max_size=30), st.integers(1, 5))
def test_any_calls_are_answered_as_by_the_model(made, told, cap):
    clock = Clock()
    with made.fresh(clock, events=cap) as store:
        model = Model(clock, cap)
        for one in (store, model):
            one.open(TERMS)
        for name, argument in told:
            if name == "wait":
                clock.now += argument
            else:
                assert getattr(store, name)(argument) == getattr(model, name)(argument)
            assert store.purse() == model.purse()
        assert store.terms() == model.terms()
        for user in USERS:
            assert store.booked(user) == model.booked(user)
            assert store.history(user) == model.history(user)
            assert store.history(user, 2) == model.history(user, 2)


def test_a_multiplier_rises_with_spend_ahead_of_the_plan_and_falls_when_idle(store, clock):
    store.open(TERMS)
    assert store.purse().multiplier == 0.5
    assert store.book([Booking("1", "u", "i", 0.1, 5.0)]) == [True]
    assert store.purse().multiplier == 0.5, "a period's price does not change within it"
    clock.now += 3600
    ahead = store.purse().multiplier
    clock.now += 20 * 3600
    assert store.purse().multiplier < 0.5 < ahead


def test_nothing_is_booked_before_the_start_or_after_the_end(store, clock):
    store.open(replace(TERMS, starts=START + 60))
    offer = Booking("1", "u", "i", 0.1, 1.0)
    assert store.book([offer]) == [False]
    clock.now = START + 60
    assert store.book([offer]) == [True]
    clock.now = START + 60 + 86_400
    assert store.book([replace(offer, id="2"), offer]) == [False, True]
    assert store.purse().period == 24


def test_a_purchase_counts_one_offer_once_also_after_its_horizon(store):
    store.open(TERMS)
    store.book([Booking("o", "u", "i", 0.1, 1.0)])
    store.open(replace(TERMS, name="next"))
    answer = Event("e1", "u", "i", offer="o")
    assert store.post([answer, replace(answer, id="e2"), answer]) == [True, True, False]
    assert store.purse().accepted == 0
    store.open(TERMS)
    assert store.purse().accepted == 1


@pytest.mark.parametrize(
    "event",
    [
        Event("e", "u", "other", offer="o"),
        Event("e", "other", "i", offer="o"),
        Event("e", "u", "i", "view", offer="o"),
        Event("e", "u", "i", quantity=-1.0, offer="o"),
        Event("e", "u", "i", offer="unknown"),
        Event("e", "u", "i"),
    ],
)
def test_what_does_not_answer_an_offer_does_not_count(store, event):
    store.open(TERMS)
    store.book([Booking("o", "u", "i", 0.1, 1.0)])
    assert store.post([event]) == [True]
    assert store.purse().accepted == 0
    assert store.history(event.user) == (event,)


def test_a_horizon_that_began_does_not_move(store):
    store.open(TERMS)
    with pytest.raises(InputError, match=r"'periods'.*began with 24, not 12; give 24, or the horizon a new"):
        store.open(replace(TERMS, periods=12))
    assert store.terms() == TERMS


def test_before_a_horizon_nothing_can_be_booked(store):
    assert store.terms() is None
    assert store.booked("u") == ()
    for call in (store.purse, lambda: store.book([Booking("o", "u", "i", 0.1, 1.0)])):
        with pytest.raises(InputError, match="no horizon is open"):
            call()
    assert store.post([Event("e", "u", "i", offer="o")]) == [True], "events need none"


BAD_EVENTS = [
    ({"id": ""}, r"'id'.*empty"),
    ({"id": "x" * 129}, r"'id'.*129 characters"),
    ({"user": ""}, r"'user'.*empty"),
    ({"item": "\udc80"}, r"'item'.*no Unicode"),
    ({"time": float("nan")}, r"'time'.*not a finite"),
    ({"quantity": float("inf")}, r"'quantity'.*not a finite"),
    ({"amount": float("-inf")}, r"'amount'.*not a finite"),
    ({"offer": "y" * 200}, r"'offer'.*200 characters"),
]


@pytest.mark.parametrize(("change", "said"), BAD_EVENTS)
def test_a_bad_event_is_refused_with_all_beside_it(store, change, said):
    good = Event("good", "u", "i")
    with pytest.raises(InputError, match=said):
        store.post([good, replace(good, **{"id": "other", **change})])
    assert store.history("u") == ()
    assert store.post([good]) == [True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spend": -1.0}, "'spend'"),
        ({"spend": float("nan")}, "'spend'"),
        ({"rate": 1.5}, "'rate'"),
        ({"units": -2.0}, "'units'"),
        ({"user": ""}, "'user'"),
    ],
)
def test_a_bad_offer_is_refused_with_all_beside_it(store, change, said):
    store.open(TERMS)
    good = Booking("o", "u", "i", 0.1, 1.0)
    with pytest.raises(InputError, match=said):
        store.book([good, replace(good, **{"id": "p", **change})])
    assert store.purse().offers == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "'name'"),
        ({"budget": -1.0}, "'budget'"),
        ({"budget": float("inf")}, "'budget'"),
        ({"price": 0.0}, "'price'"),
        ({"budget": None}, "'price'.*needs a budget"),
        ({"seconds": 0.0}, "'seconds'"),
        ({"periods": 0}, "'periods'"),
        ({"periods": 10**7}, "'periods'"),
        ({"max_offers_per_user": -1}, "'max_offers_per_user'"),
        ({"stock": {"milk": -1.0}}, "'stock'"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(store, change, said):
    with pytest.raises(InputError, match=said):
        store.open(replace(TERMS, **change))
    assert store.terms() is None


def test_what_has_expired_is_gone(made, clock):
    if made.own_clock:
        pytest.skip("a server forgets by its own clock")
    day = 86_400.0
    with made.fresh(clock) as store:
        store.open(TERMS)
        store.book([Booking("o", "u", "i", 0.1, 1.0)])
        store.post([Event("e", "u", "i")])
        clock.now += 8 * day
        assert store.post([Event("e", "u", "i")]) == [True], "an id is known for a week"
        clock.now += 364 * day
        store.open(replace(TERMS, name="next", starts=clock.now))
        assert len(store.history("u")) == 2
        clock.now += 2 * day
        store.post([Event("f", "v", "i")])
        assert store.history("u") == ()
        store.open(TERMS)
        assert store.booked("u") == ()
        assert store.purse().offers == 0


def test_who_is_forgotten_leaves_the_money_counted_and_the_others_alone(store):
    others = ["u*", "x:user:u", "[u]", "uu"]
    store.open(TERMS)
    for n, user in enumerate(["u", *others]):
        store.book([Booking(f"o{n}", user, "i", 0.1, 1.0)])
        store.post([Event(f"e{n}", user, "i"), Event(f"f{n}", user, "j")])
    store.open(replace(TERMS, name="next"))
    store.book([Booking("later", "u", "i", 0.1, 1.0)])
    assert store.forget("u") == 2
    assert store.forget("u") == 0
    assert (store.history("u"), store.booked("u")) == ((), ())
    assert store.purse().spent == 1.0
    store.open(TERMS)
    assert (store.history("u"), store.booked("u")) == ((), ())
    assert (store.purse().spent, store.purse().offers) == (5.0, 5)
    for user in others:
        assert len(store.booked(user)) == 1
        assert len(store.history(user)) == 2
    assert store.forget("u*") == 2
    assert len(store.booked("uu")) == 1


def test_an_address_says_how_much_is_kept(made):
    mark = "&" if "?" in made.address else "?"
    store = open_store(f"{made.address}{mark}events=2&id_days=1&history_days=0.5")
    store.post([Event(f"many{n}", "many", "i", time=float(n)) for n in range(5)])
    assert [event.id for event in store.history("many")] == ["many3", "many4"]
    store.close()


def test_the_stock_of_a_large_catalogue_is_told_and_changed_by_another_worker(made):
    """Told in many parts, and known again as soon as another worker has changed it."""
    one, two = open_store(made.address), open_store(made.address)
    terms = Terms(
        "large", None, None, time.time() - 5, 3600.0, stock={f"i{n}": float(n) for n in range(12_001)}
    )
    one.open(terms)
    assert one.terms() == two.terms() == terms
    assert one.book([Booking("l1", "u", "i1", 0.1, 1.0, 1.0)]) == [True]
    changed = replace(terms, stock={"i0": 5.0, "i1": 1.0, "new": 0.0})
    two.open(changed)
    assert one.terms() == changed
    offers = [Booking(f"l-{item}", "u", item, 0.1, 1.0, 1.0) for item in ("i0", "i1", "new", "i2")]
    assert one.book(offers) == [True, False, False, True]
    one.open(replace(terms, stock={}))
    assert two.terms().stock == {}
