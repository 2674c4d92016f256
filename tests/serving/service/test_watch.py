"""What the service does without its store, when there is too much, and what it counts and logs."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from live_parts import ITEMS, Memory, Planted, service

from graphrec.serving.service.http.guard import _QUIET
from graphrec.serving.service.reach import REST


@pytest.fixture
def log():
    """Lines of the log as text, formatted as they are on standard error."""
    from graphrec.serving.service.logs import _Line

    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(_Line())
    logger = logging.getLogger("graphrec.serve")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield text
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_without_the_store_lists_rest_on_training_nothing_is_promised_and_events_wait(tmp_path):
    store = Memory()
    with service(tmp_path, keeps=store) as shop:
        shop.post("/events", events=[{"id": "e1", "user": "C17", "item": "i00"}])
        store.down = True
        answer = shop.post("/recommend", user="C17", k=2)
        assert answer["degraded"]
        assert [one["item"] for one in answer["lists"][0]["items"]] == list(ITEMS[:2])
        offered = shop.post("/offers", user="C17")
        assert offered["degraded"]
        assert {one["status"] for one in offered["answers"][0]["offers"]} == {"none"}
        assert len(offered["answers"][0]["offers"]) == 10
        refused = shop.client.post("/events", json={"events": [{"id": "e2", "user": "C17", "item": "i01"}]})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"]["code"] == "store_down"
        assert shop.get("/ready") == {"ready": True, "store": "down", "version": "model*******"}
        shop.get("/budget", 503)
        assert shop.get("/health") == {"status": "ok"}
        store.down = False
        time.sleep(REST)
        assert shop.post("/events", events=[{"id": "e2", "user": "C17", "item": "i01"}])["new"] == 1
        again = shop.post("/recommend", user="C17", k=1)
    assert (again["degraded"], again["lists"][0]["items"][0]["item"]) == (False, "i02")


def test_a_store_that_is_down_is_not_asked_again_at_once(tmp_path):
    class Slow(Memory):
        asked = 0

        def _ask(self):
            self.asked += 1
            super()._ask()

    store = Slow()
    with service(tmp_path, keeps=store) as shop:
        store.down, store.asked = True, 0
        for _ in range(20):
            shop.post("/recommend", user="C17")
    assert store.asked <= 2


def test_a_service_starts_without_its_store_and_takes_it_when_it_is_there(tmp_path):
    store = Memory()
    store.down = True
    with service(tmp_path, keeps=store) as shop:
        assert shop.post("/recommend", user="C17")["degraded"]
        store.down = False
        time.sleep(REST)
        assert shop.post("/offers", user="C17")["answers"][0]["offers"][0]["status"] == "new"


class Waiting(Planted):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.asked = threading.Event(), threading.Semaphore(0)

    def recommend(self, shoppers, k, only):
        self.asked.release()
        assert self.go.wait(20)
        return super().recommend(shoppers, k, only)


def test_too_many_requests_are_turned_away_at_once_and_those_in_work_end(tmp_path):
    model = Waiting()
    told = {"opener": lambda _: model, "waiting": 3, "threads": 1, "deadline": 15.0}
    with service(tmp_path, **told) as shop, ThreadPoolExecutor(3) as pool:
        begun = [pool.submit(shop.post, "/recommend", user="C17") for _ in range(3)]
        model.asked.acquire()
        while shop.running.work._jobs < 3:
            time.sleep(0.01)
        got = shop.client.post("/recommend", json={"user": "C17"})
        assert (got.status_code, got.json()["error"]["code"], got.headers["retry-after"]) == (
            503,
            "busy",
            "1",
        )
        assert shop.get("/health")["status"] == "ok"
        model.go.set()
        assert [len(one.result()["lists"]) for one in begun] == [1, 1, 1]
        assert shop.post("/recommend", user="C17")["lists"]


def test_what_takes_too_long_is_given_up_and_leaves_its_place(tmp_path):
    model = Waiting()
    with service(tmp_path, opener=lambda _: model, waiting=2, threads=1, deadline=0.05) as shop:
        for _ in range(2):
            assert shop.post("/recommend", 504, user="C17")["error"]["code"] == "too_slow"
        model.go.set()
        while shop.running.work._jobs:
            time.sleep(0.01)
        shop.running.work._deadline = 10.0
        assert shop.post("/recommend", user="C17")["lists"]
        assert 'graphrec_turned_away_total{limit="deadline"} 2.0' in shop.client.get("/metrics").text


def test_the_log_has_a_line_for_each_request_and_nothing_personal(tmp_path, log, caplog):
    class Broken(Planted):
        def similar(self, items, k, only):
            raise RuntimeError(f"no memory for {items}")

    secret = "Jane-Doe-4711"
    with service(tmp_path, opener=lambda _: Broken()) as shop:
        shop.post("/recommend", user=secret, k=3, filter={"exclude": [secret]})
        shop.post("/offers", user=secret, request_id=f"r-{secret}")
        shop.post("/events", events=[{"id": f"e-{secret}", "user": secret, "item": secret}])
        shop.post("/recommend", 422, user=secret, k=0)
        shop.post("/recommend", 422, user="x", filter={"items": [secret]})
        assert shop.post("/similar", 500, items=[secret])["error"]["code"] == "fault"
        shop.client.get(f"/{secret}?user={secret}")
        for path in _QUIET:
            shop.client.get(path)
    assert secret not in log.getvalue() + caplog.text
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/recommend", 200),
        ("/offers", 200),
        ("/events", 200),
        ("/recommend", 422),
        ("/recommend", 422),
        ("/similar", 500),
        ("other", 404),
    ]
    assert all({"time", "level", "method", "ms", "request_id"} <= line.keys() for line in requests)
    assert requests[0]["model"] == "aaaaaaaaaaaa"
    assert re.match(r"RuntimeError in similar \(test_watch.py:\d+\) < similar", requests[5]["fault"])


def test_metrics_count_what_was_answered(tmp_path):
    with service(tmp_path) as shop:
        for user in ("C17", "nobody"):
            shop.post("/recommend", user=user)
        offer = shop.post("/offers", user="C17")["answers"][0]["offers"][0]["offer"]
        told = {"id": "e", "user": "C17", "item": "i09", "offer": offer}
        shop.post("/events", events=[told, told])
        text = shop.client.get("/metrics").text
    found = dict(re.findall(r"^(\S+) (\S+)$", text, re.MULTILINE))
    expected = {
        'graphrec_requests_total{route="/recommend",status="200"}': 2,
        'graphrec_lists_total{arm="a",basis="model"}': 1,
        'graphrec_lists_total{arm="a",basis="popularity"}': 1,
        'graphrec_offers_total{arm="a",status="new"}': 1,
        'graphrec_offers_total{arm="a",status="none"}': 9,
        'graphrec_events_total{new="yes"}': 1,
        'graphrec_events_total{new="no"}': 1,
        "graphrec_spent_money": 1,
        "graphrec_budget_money": 100,
        "graphrec_offers_accepted": 1,
        "graphrec_requests_in_work": 0,
    }
    assert {name: float(found[name]) for name in expected} == expected
    assert float(found['graphrec_request_seconds_count{route="/offers"}']) == 1
    assert "C17" not in text
