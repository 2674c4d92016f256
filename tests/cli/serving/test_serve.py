"""`graphrec serve` as processes of its own: answers, reload and end under load, several workers, mistakes."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from live_shop import Served, exported, served

from graphrec.cli.main import main
from graphrec.errors import InputError


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exported(folder)
    return folder


class Load:
    """Asks for lists in some threads until it is ended.

    Args:
        service: It.
        threads: How many ask.
    """

    def __init__(self, service: Served, threads: int = 4) -> None:
        self.statuses: list[int] = []
        self.wrong: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(service.url,)) for _ in range(threads)]
        for one in self._threads:
            one.start()

    def _ask(self, url: str) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._ended.is_set():
                try:
                    got = client.post(f"{url}/recommend", json={"user": "003", "k": 5})
                except httpx.ConnectError:
                    return  # the port is given back: nothing was asked
                except httpx.TransportError as error:
                    self.wrong.append(repr(error))
                    return
                self.statuses.append(got.status_code)

    def end(self) -> None:
        self._ended.set()
        for one in self._threads:
            one.join()


def test_answers_are_those_of_the_model_and_a_version_is_taken_under_load(shop, tmp_path):
    versions = tmp_path / "versions"
    versions.mkdir()
    shutil.copy(shop / "model.zip", versions / "v1.zip")
    with served(tmp_path, "versions") as service:
        answer = service.post("/recommend", user="003", k=5).json()["lists"][0]
        assert (len(answer["items"]), answer["basis"]) == (5, "model")
        shutil.copy(shop / "model.zip", versions / "v2.zip")
        load = Load(service)
        for _ in range(3):
            assert service.post("/model/reload").status_code == 200
            assert service.post("/model/reload", rollback=True).status_code == 200
        service.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 60
        while sum(line["event"] == "version" for line in service.lines()) < 7:
            assert time.monotonic() < until, service.log.read_text()
            time.sleep(0.1)
        load.end()
        assert load.wrong == []
        assert set(load.statuses) == {200}
        assert httpx.get(f"{service.url}/model").json()["models"][0]["name"] == "v2.zip"
        assert service.stop() == 0


def test_it_ends_by_sigterm_with_what_was_begun_answered(shop):
    with served(shop, "model.zip", "--store", "sqlite:end.db") as service:
        load = Load(service)
        while len(load.statuses) < 50:
            time.sleep(0.01)
        code = service.stop()
        load.end()
    assert code == 0
    assert set(load.statuses) == {200}
    # a connection that lies idle may be closed while the next request is on its way; none is half answered
    assert not [one for one in load.wrong if "Disconnected" not in one and "ReadError" not in one]
    assert service.log.read_text().rstrip().endswith("ended; all that was begun is done")


def test_workers_share_the_store_count_together_and_are_replaced(shop):
    with served(shop, "model.zip", "--workers", "2", "--store", "sqlite:two.db") as service:
        tell = {"events": [{"id": "e1", "user": "003", "item": "007"}]}
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda _: service.post("/events", **tell).json()["new"], range(24)))
        assert sum(told) == 1
        text = httpx.get(f"{service.url}/metrics").text
        assert 'graphrec_events_total{new="yes"} 1.0' in text
        assert 'graphrec_requests_total{route="/events",status="200"} 24.0' in text
        workers = _workers(service)
        workers[0].kill()
        until = time.monotonic() + 90
        while len(_workers(service)) < 2 or workers[0].pid in {one.pid for one in _workers(service)}:
            assert time.monotonic() < until
            time.sleep(0.2)
        assert service.post("/recommend", user="003").json()["lists"][0]["basis"] == "history"
        assert service.stop() == 0


def _workers(service: Served) -> list[psutil.Process]:
    found = psutil.Process(service.process.pid).children()
    alive = [one for one in found if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in alive if "spawn_main" in " ".join(one.cmdline())]


def test_a_model_that_no_worker_can_load_ends_them_all_in_one_line(shop):
    damaged = shop / "damaged.zip"
    damaged.write_bytes((shop / "model.zip").read_bytes()[:-9])
    for workers in ("1", "2"):
        with (
            pytest.raises(AssertionError) as ended,
            served(shop, "damaged.zip", "--store", "sqlite:damaged.db", "--workers", workers),
        ):
            pass
        text = str(ended.value)
        assert "damaged.zip: is damaged" in text
        assert "Traceback" not in text


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(shop, monkeypatch):
    monkeypatch.chdir(shop)
    with served(shop, "model.zip", "--store", "sqlite:port.db") as service:
        port = service.url.rpartition(":")[2]
        with pytest.raises(InputError, match=f"port {port} is in use"):
            main(["serve", "model.zip", "--port", port])


def test_a_new_key_is_printed_once_and_opens_the_service(shop, capfd, monkeypatch):
    monkeypatch.chdir(shop)
    main(["serve", "--new_key", "web", "--roles", "read", "--keys", "keys.json"])
    key = capfd.readouterr().out.strip()
    with served(shop, "model.zip", "--keys", "keys.json", "--store", "sqlite:keys.db") as service:
        assert service.post("/recommend", user="003").status_code == 401
        headers = {"authorization": f"Bearer {key}"}
        got = httpx.post(f"{service.url}/recommend", json={"user": "003"}, headers=headers)
        assert got.status_code == 200
        assert key not in service.log.read_text()
