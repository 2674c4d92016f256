"""`graphrec serve` with its state on Redis: killed and back, and one budget for several workers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from live_shop import exported, served
from redis_server import Server, running

OFFERS, BUDGET = 10_000, 30.0


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exported(folder, "item_cf", "--offers", "--objective", "units", "--budget", str(BUDGET))
    return folder


@pytest.fixture
def redis(tmp_path) -> Server:
    with running(tmp_path) as server:
        yield server


def test_redis_killed_and_back_loses_nothing_and_promises_nothing_meanwhile(shop, redis):
    with served(shop, "model.zip", "--store", redis.address) as service:
        event = {"events": [{"id": "kept", "user": "003", "item": "007"}]}
        assert service.post("/events", **event).json()["new"] == 1
        offers = service.post("/offers", user="003", k=9, most=2).json()["answers"][0]["offers"]
        promised = {one["offer"] for one in offers if one["offer"]}
        assert promised
        spent = httpx.get(f"{service.url}/budget").json()["spent"]
        redis.stop()
        answer = service.post("/recommend", user="003", k=5).json()
        assert answer["degraded"]
        assert (answer["lists"][0]["basis"], len(answer["lists"][0]["items"])) == ("model", 5)
        answer = service.post("/offers", user="002", k=9).json()
        assert answer["degraded"]
        assert {one["rate"] for one in answer["answers"][0]["offers"]} == {0.0}
        refused = service.post("/events", events=[{"id": "lost?", "user": "003", "item": "030"}])
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        redis.start()
        until = time.monotonic() + 10  # it is not asked again at once
        while (answer := service.post("/recommend", user="003", k=5).json())["degraded"]:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert answer["lists"][0]["basis"] == "history"
        assert service.post("/events", **event).json()["new"] == 0
        assert httpx.get(f"{service.url}/budget").json()["spent"] == pytest.approx(spent)
        again = service.post("/offers", user="003", k=9, most=1).json()["answers"][0]["offers"]
        assert promised <= {one["offer"] for one in again}
        assert service.stop() == 0


@pytest.mark.slow
def test_four_workers_never_overspend_one_budget(shop, redis):
    options = ("--store", redis.address, "--workers", "4", "--waiting", "512")
    with served(shop, "model.zip", *options) as service, httpx.Client(timeout=60) as client:

        def asked(number: int) -> float:
            body = {"user": f"stranger {number}", "k": 5, "most": 1}
            got = client.post(f"{service.url}/offers", json=body)
            assert got.status_code == 200, got.text
            return sum(one["rate"] > 0 for one in got.json()["answers"][0]["offers"])

        with ThreadPoolExecutor(32) as pool:
            made = sum(pool.map(asked, range(OFFERS)))
        purse = client.get(f"{service.url}/budget").json()
        assert purse["offers"] == made > 0
        assert 0.99 * BUDGET <= purse["spent"] <= BUDGET
        assert service.stop() == 0
