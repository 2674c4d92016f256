"""Versions of a model: taken, refused and taken back while requests run; two models at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from live_parts import ITEMS, export_at, service

from graphrec.errors import InputError
from graphrec.serving.service.process.fleet import want
from graphrec.serving.service.split import Split, salt_at


@pytest.fixture
def folder(tmp_path):
    for at, name in enumerate(("v1", "v2", "v3")):
        export_at(tmp_path / "versions" / name, turn=at)
    return tmp_path


def first(shop, user: str = "C17") -> str:
    return shop.post("/recommend", user=user, k=1)["lists"][0]["items"][0]["item"]


def test_the_last_version_answers_and_others_are_taken_by_name_or_back(folder):
    with service(folder, model=str(folder / "versions")) as shop:
        assert first(shop) == "i02"
        (model,) = shop.get("/model")["models"]
        assert (model["name"], model["there"], model["previous"]) == ("v3", ["v1", "v2", "v3"], None)
        (model,) = shop.post("/model/reload", version="v1")["models"]
        assert (first(shop), model["previous"]) == ("i00", "v3")
        shop.post("/model/reload", rollback=True)
        assert first(shop) == "i02"
        shop.post("/model/reload", rollback=True)
        assert first(shop) == "i00"
        export_at(folder / "versions" / "v4", turn=7)
        shop.post("/model/reload")
        assert first(shop) == "i07"


def test_a_version_that_is_damaged_or_elsewhere_is_refused_and_the_old_one_goes_on(folder):
    damaged = export_at(folder / "versions" / "v4")
    export_at(folder / "outside")
    with service(folder, model=str(folder / "versions" / ".." / "versions")) as shop:
        (damaged / "manifest.json").write_text("-")
        for version in ("v4", "../outside", str(folder / "outside"), "v9", "."):
            assert shop.post("/model/reload", 422, version=version)["error"]["code"] == "wrong_input"
            assert first(shop) == "i00"
        assert shop.get("/model")["refused"]
        assert shop.post("/model/reload", 422, rollback=True)["error"]["message"].startswith("no version")
        assert shop.post("/model/reload", 422, arm="b")["error"]["message"] == "there is no arm b"
        shop.post("/model/reload", version="v2")
        assert shop.get("/model")["refused"] is None


def test_a_link_that_is_turned_is_followed_at_a_reload_and_back(folder):
    link = folder / "current"
    link.symlink_to(folder / "versions" / "v1")
    with service(folder, model=str(link)) as shop:
        assert first(shop) == "i00"
        link.unlink()
        link.symlink_to(folder / "versions" / "v3")
        assert first(shop) == "i00"
        shop.post("/model/reload")
        assert first(shop) == "i02"
        shop.post("/model/reload", rollback=True)
        assert first(shop) == "i00"


def test_what_another_process_tells_is_followed(folder):
    control = folder / "control"
    control.mkdir()
    with service(folder, model=str(folder / "versions"), control=str(control)) as shop:
        shop.running.fleet.follow()
        want(control, {"a": "v1"})
        shop.running.fleet.follow()
        assert first(shop) == "i00"
        want(control, {"a": "nothing"})
        shop.running.fleet.follow()
        assert first(shop) == "i00"
        shop.post("/model/reload", version="v2")
    with service(folder, model=str(folder / "versions"), control=str(control)) as shop:
        assert first(shop) == "i01", "a process that begins later takes what was told last"


def test_no_request_fails_while_versions_are_taken(folder):
    wrong: list[str] = []
    with service(folder, model=str(folder / "versions")) as shop:
        ended = threading.Event()

        def ask() -> None:
            while not ended.is_set():
                answer = shop.client.post("/recommend", json={"user": "C17", "k": 1})
                if answer.status_code != 200:
                    wrong.append(answer.text)
                    return
                (found,) = answer.json()["lists"]
                version, item = found["model"]["version"], found["items"][0]["item"]
                if item != ITEMS[int(version[1]) - 1]:
                    wrong.append(f"{version} answered {item}")

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for one in threads:
            one.start()
        for at in range(30):
            shop.post("/model/reload", version=f"v{at % 3 + 1}")
        ended.set()
        for one in threads:
            one.join()
    assert wrong == []


def test_a_split_deals_by_the_salt_says_so_and_stays_the_same(folder):
    told = {
        "model": str(folder / "versions" / "v1"),
        "other": str(folder / "versions" / "v2"),
        "share": 0.3,
        "salt": str(folder / "salt"),
    }
    people = [{"user": f"u{at}"} for at in range(100)]
    dealt = []
    for _ in range(2):
        with service(folder, **told) as shop:
            lists = shop.post("/recommend", shoppers=people, k=1)["lists"]
            alone = [shop.post("/recommend", **one, k=1)["lists"][0] for one in people[:20]]
        assert alone == lists[:20]
        assert all(one["items"][0]["item"] == {"a": "i00", "b": "i01"}[one["model"]["arm"]] for one in lists)
        dealt.append([one["model"]["arm"] for one in lists])
    assert dealt[0] == dealt[1]
    assert 15 < dealt[0].count("b") < 45


def test_the_share_is_kept_to_and_the_salts_deal_independently():
    users = [f"{at:05d}" for at in range(20_000)]
    one, other = (np.array([Split(salt, 0.3).arm(user) == "b" for user in users]) for salt in (b"a", b"b"))
    assert abs(one.mean() - 0.3) < 4 * np.sqrt(0.21 / len(users))
    assert abs((one & other).mean() - 0.09) < 4 * np.sqrt(0.09 * 0.91 / len(users))
    assert {Split(b"a", 1.0).arm(user) for user in users} == {"b"}
    wider = np.array([Split(b"a", 0.5).arm(user) == "b" for user in users])
    assert not (one & ~wider).any(), "a larger share keeps those that b had"


def test_the_salt_is_private_kept_and_checked(tmp_path):
    file = tmp_path / "split.salt"
    assert salt_at(file) == salt_at(file)
    assert file.stat().st_mode & 0o777 == 0o600
    for text in ("nonsense", "abcd", ""):
        file.write_text(text)
        with pytest.raises(InputError, match="salt"):
            salt_at(file)


def test_a_shadow_answers_nobody_and_its_overlap_is_counted(folder):
    told = {"model": str(folder / "versions" / "v1"), "other": str(folder / "versions" / "v3")}
    with service(folder, **told) as shop:
        for _ in range(5):
            assert first(shop) == "i00"
            assert shop.post("/recommend", user="C17", k=10)["lists"][0]["model"]["arm"] == "a"
        shop.running.work.close()
        text = shop.client.get("/metrics").text
        shown = shop.get("/model")
    assert (shown["shadow"], [one["name"] for one in shown["models"]]) == (True, ["v1", "v3"])
    assert "graphrec_shadow_overlap_count 10.0" in text
    assert "graphrec_shadow_overlap_sum 4.0" in text, "of ten items eight are the same, of one none"
