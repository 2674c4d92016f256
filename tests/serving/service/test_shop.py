"""Lists, similar items and events, as a site and a till ask for them."""

from __future__ import annotations

import pytest
from live_parts import ITEMS, KNOWN, service


@pytest.fixture
def shop(tmp_path):
    with service(tmp_path) as running:
        yield running


def listed(answer: dict, at: int = 0) -> list[str]:
    return [place["item"] for place in answer["lists"][at]["items"]]


def test_a_list_is_that_of_the_model_and_says_what_it_rests_on(shop):
    answer = shop.post("/recommend", user="C17", k=3)
    assert listed(answer) == list(ITEMS[:3])
    assert answer["lists"][0]["basis"] == "model"
    assert answer["lists"][0]["model"] == {"version": "model*******", "arm": "a"}
    assert not answer["degraded"]


def test_a_batch_is_answered_in_its_order(shop):
    people = [{"user": one} for one in (*KNOWN, "nobody")]
    answer = shop.post("/recommend", shoppers=people, k=2)
    assert [one["user"] for one in answer["lists"]] == [*KNOWN, "nobody"]
    assert [one["basis"] for one in answer["lists"]] == ["model"] * 3 + ["popularity"]


@pytest.mark.parametrize("only", [{"items": ["i05", "i02"]}, {"exclude": [*ITEMS[:2], *ITEMS[6:], "i03"]}])
def test_a_filter_is_kept_to(shop, only):
    found = listed(shop.post("/recommend", user="C17", k=20, filter=only))
    assert set(found) <= set(only.get("items", ITEMS)) - set(only.get("exclude", ()))
    assert found


def test_what_is_posted_changes_the_next_answer_and_counts_once(shop):
    told = {"id": "e1", "user": "C17", "item": "i00", "time": "2026-02-01T10:00:00Z"}
    first = shop.post("/events", events=[told, {**told, "id": "e2", "kind": "wish", "item": "gone"}])
    assert first["new"] == 2
    assert first["events"][0] == {"id": "e1", "new": True, "read": True, "known_item": True}
    assert first["events"][1] == {"id": "e2", "new": True, "read": False, "known_item": False}
    assert shop.post("/events", events=[told, told])["new"] == 0
    answer = shop.post("/recommend", user="C17", k=3)
    assert listed(answer) == list(ITEMS[1:4])
    assert answer["lists"][0]["basis"] == "history"
    assert shop.store.events["e1"].time == 1769940000.0


def test_what_is_told_with_a_request_changes_that_answer_alone(shop):
    told = [{"item": "i00"}, {"item": "i02", "kind": "purchase", "quantity": 2}]
    assert listed(shop.post("/recommend", user="C17", events=told, k=2)) == ["i01", "i03"]
    assert listed(shop.post("/recommend", events=told, k=2)) == ["i01", "i03"]
    assert listed(shop.post("/recommend", user="C17", k=2)) == ["i00", "i01"]


def test_similar_items_are_those_of_the_model(shop):
    answer = shop.post("/similar", items=["i01", "i00"], k=2)
    assert [one["item"] for one in answer["lists"]] == ["i01", "i00"]
    assert [place["item"] for place in answer["lists"][1]["items"]] == ["i01", "i02"]
    assert shop.post("/similar", 422, items=["nothing"])["error"]["hint"] == "give one of the catalogue"


WRONG = {
    "no list": ("/recommend", {"user": "C17", "k": 0}, "k: Input should be greater than or equal to 1"),
    "long list": ("/recommend", {"user": "C17", "k": 201}, "k: Input should be less than or equal to 200"),
    "number": ("/recommend", {"user": 17}, "user: ids are text: write it in quotes"),
    "key": ("/recommend", {"uzer": "C17"}, "uzer: Extra inputs"),
    "twice": ("/recommend", {"user": "C17", "shoppers": [{"user": "C18"}]}, "name one shopper"),
    "many": ("/recommend", {"shoppers": [{"user": str(at)} for at in range(101)]}, "shoppers"),
    "attribute": ("/recommend", {"filter": {"where": {"colour": ["red"]}}}, "there is no attribute"),
    "zero": ("/recommend", {"user": "a\0b"}, "zero character"),
    "half": ("/recommend", {"user": "\ud800"}, "half of one"),
    "events": ("/events", {"events": []}, "events"),
    "time": ("/events", {"events": [{"id": "a", "user": "b", "item": "c", "time": "2026-02-01"}]}, "time"),
    "late": (
        "/events",
        {"events": [{"id": "a", "user": "b", "item": "c", "time": "2099-02-01T00:00Z"}]},
        "ahead",
    ),
    "offer": ("/offers", {}, "an offer is for a shopper with an id"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_in_the_one_shape(shop, name):
    path, body, said = WRONG[name]
    error = shop.post(path, 422, **body)["error"]
    assert said in error["message"]
    assert set(error) == {"code", "message", "hint", "request_id"}
    assert error["hint"]
    assert error["code"] == "wrong_input"


def test_what_is_no_json_too_large_or_nowhere_is_told_in_the_one_shape(shop):
    def refused(status: int, **sent: object) -> str:
        got = shop.client.request(sent.pop("method", "POST"), sent.pop("path", "/recommend"), **sent)
        assert got.status_code == status, got.text
        assert got.headers["x-request-id"] == got.json()["error"]["request_id"]
        return got.json()["error"]["code"]

    plain = {"content-type": "application/json"}
    assert refused(400, content=b'{"user": ', headers=plain) == "not_json"
    assert refused(413, content=b" " * (1 << 20) + b"{}", headers=plain) == "too_large"
    parts = (b" " * 65536 for _ in range(20))
    assert refused(413, content=parts, headers=plain) == "too_large"
    assert refused(404, path="/nothing") == "not_found"
    assert refused(405, path="/recommend", method="GET") == "wrong_method"
    assert refused(422, content=b'{"user": NaN}', headers=plain) == "wrong_input"


def test_a_page_under_another_name_does_not_reach_a_service_without_keys(shop):
    got = shop.client.post("/recommend", json={"user": "C17"}, headers={"host": "evil.example"})
    assert got.status_code == 400


def test_a_request_id_is_kept_and_an_odd_one_replaced(shop):
    def said(given: str) -> str:
        return shop.client.get("/health", headers={"x-request-id": given}).headers["x-request-id"]

    assert said("basket-7") == "basket-7"
    assert said("a b\tc") != "a b\tc"
    assert said("a" * 65) != "a" * 65
