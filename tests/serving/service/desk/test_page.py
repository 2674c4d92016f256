"""The offers desk in a real browser: what it shows, what moves, what it may load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsing import CHROMIUM
from desk_server import on_a_port
from live_parts import KNOWN, Memory, export_at, opened
from playwright.sync_api import Page, expect, sync_playwright

from graphrec.serving.service.http.keys import add_key
from graphrec.serving.service.process.worker import prepare
from graphrec.serving.service.settings import Settings

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def desk(browser, tmp_path):
    """Opens the desk of a service; the console stays silent and nothing else is asked."""
    said: list[str] = []
    asked: set[str] = set()

    def open_page(url: str) -> Page:
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.on("console", lambda line: said.append(line.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.add(re.sub(r"(http://[^/]+).*", r"\1", request.url)))
        page.goto(f"{url}/desk")
        return page

    yield open_page
    assert said == []
    assert len(asked) == 1


def running(folder: Path, **told: object):
    store = told.pop("keeps", None) or Memory()
    settings = Settings(model=str(export_at(folder / "model")), store="memory", **told)
    return prepare(settings, opened, lambda: store), store


def rows(page: Page, table: str) -> list[list[str]]:
    found = page.locator(f"#{table} tbody tr")
    return [row.locator("td").all_inner_texts() for row in found.all()]


def test_a_shopper_is_looked_up_and_bounds_that_are_tried_change_what_would_be_offered(desk, tmp_path):
    service, store = running(tmp_path, max_offers=3)
    with on_a_port(service) as url:
        page = desk(url)
        expect(page.locator("#spent")).to_have_text("0.00 of 100.00")
        expect(page.locator("#about")).to_contain_text("model (model*******)")
        page.fill("#user", "Käse 5 %")
        page.click("#look button")
        expect(page.locator("#who")).to_contain_text("Käse 5 %: known from training, 0 posted events")
        assert [row[1].split("\n")[0] for row in rows(page, "listed")][:2] == ["name of i00", "name of i01"]
        assert rows(page, "listed")[0][3] == "because of 0 events"
        now = {row[0].split("\n")[0]: (row[3], row[4]) for row in rows(page, "weighed")}
        assert now["name of i09"] == ("10 % off", "10 % off")
        assert sum(rate == "10 % off" for rate, _ in now.values()) == 3
        page.fill("#try-most", "1")
        expect(page.locator("#offers-hint")).to_contain_text("2 of 10 items change")
        page.fill("#try-most", "")
        page.locator("#try").fill("-60")
        expect(page.locator("#offers-hint")).to_contain_text("3 of 10 items change")
        assert {row[4] for row in rows(page, "weighed")} == {"20 % off", "no discount"}
        assert not store.bookings, "looking promises nothing"


def test_bounds_that_are_put_in_force_hold_and_money_is_shown_as_it_moves(desk, tmp_path):
    service, store = running(tmp_path)
    with on_a_port(service) as url:
        page = desk(url)
        expect(page.locator("#budget")).to_have_value("100")
        page.fill("#budget", "2.5")
        page.fill("#most", "1")
        page.click("#bounds button")
        expect(page.locator("#moved")).to_have_text("In force.")
        assert (store.kept.budget, store.kept.max_offers_per_user, store.kept.price) == (2.5, 1, 1.0)
        made = page.request.post(f"{url}/offers", data={"user": KNOWN[0], "most": 2}).json()
        (offer,) = [one for one in made["answers"][0]["offers"] if one["rate"]]
        told = {"id": "e", "user": KNOWN[0], "item": offer["item"], "offer": offer["offer"]}
        page.request.post(f"{url}/events", data={"events": [told]})
        expect(page.locator("#spent")).to_have_text("1.00 of 2.50", timeout=8000)
        expect(page.locator("#accepted")).to_have_text("1 (100 %)")
        page.fill("#most", "")
        page.click("#bounds button")
        expect(page.locator("#offers-more")).to_have_text("no bound for a shopper")


def test_a_service_with_keys_shows_nothing_without_one(desk, tmp_path):
    key = add_key(tmp_path / "keys.json", "desk", ["read", "operate"])
    service, _ = running(tmp_path, keys=str(tmp_path / "keys.json"))
    with on_a_port(service) as url:
        page = desk(url)
        expect(page.locator("#desk")).to_be_hidden()
        page.fill("#key", key)
        page.click("#key-form button")
        expect(page.locator("#spent")).to_have_text("0.00 of 100.00")
        page.reload()
        expect(page.locator("#desk")).to_be_visible()
        assert key not in page.content()


def test_what_an_id_says_is_text_and_never_part_of_the_page(desk, tmp_path):
    service, _ = running(tmp_path)
    with on_a_port(service) as url:
        page = desk(url)
        page.fill("#user", "<img src=x onerror=alert(1)>")
        page.click("#look button")
        expect(page.locator("#who")).to_contain_text("<img src=x onerror=alert(1)>: not in training")
        assert page.locator("#who img").count() == 0


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_the_page_is_no_wider_than_the_window(browser, tmp_path, width, dark):
    service, _ = running(tmp_path)
    with on_a_port(service) as url:
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        page.goto(f"{url}/desk")
        page.fill("#user", "C17")
        page.click("#look button")
        expect(page.locator("#found")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
