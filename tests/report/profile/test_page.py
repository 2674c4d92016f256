"""The page on a log: its command, its words for every odd log, and a browser at two widths and colours."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browsing import CHROMIUM, asked

from graphrec.cli.main import main
from graphrec.data.profile.whole import profile
from graphrec.data.sources import synthetic, table
from graphrec.errors import InputError
from graphrec.report.profile.page import write_profile

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
ODD = [
    "<script>alert(1)</script>",
    "=1+1",
    "مرحبا",
    "苹果 & 梨",
    "\u202egnp",
    "a\"b'c",
    "$x^2$",
    "007",
    "NaN",
]
LOGS = {
    "one row": "user_id,item_id\na,b\n",
    "one user": "user_id,item_id,timestamp\n" + "".join(f"a,i{k},2024-01-{k:02d}\n" for k in range(1, 29)),
    "one item": "user_id,item_id,week\n" + "".join(f"u{k},i,{k % 7 + 1}\n" for k in range(40)),
    "no time": "user_id,item_id,price\n"
    + "".join(f"u{k % 9},i{k % 5},{k if k % 3 else ''}\n" for k in range(40)),
    "free": "user_id,item_id,price,regular_price,week\n"
    + "".join(f"u{k % 9},i{k % 5},0,0,{k % 3}\n" for k in range(40)),
    "one moment": "user_id,item_id,timestamp\n"
    + "".join(f"u{k % 9},i{k % 5},2024-01-01T10:00:00\n" for k in range(40)),
    "odd ratings": "user_id,item_id,rating\n"
    + "".join(f"u{k % 9},i{k % 5},{k * 1.37:.2f}\n" for k in range(90)),
    "no baskets": "user_id,item_id,timestamp,basket_id,quantity,price\n"
    "a,b,2024-01-01,,,\nc,b,2024-01-02,,,\n",
}


def prose(page: Path) -> str:
    """What a page shows, without scripts and styles."""
    return re.sub(r"<(script|style)>.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A log with names in all scripts, events, ratings, prices and returns, and tables beside it."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    ids = [*ODD, *(f"{code:03d}" for code in range(9, 60))]
    rows = 3000
    days = pd.to_timedelta(np.sort(rng.integers(210, size=rows)), unit="D")
    log = pd.DataFrame(
        {
            "user_id": [f"客户{code}" for code in rng.integers(80, size=rows)],
            "item_id": [ids[code] for code in (60 * rng.random(rows) ** 3).astype(int)],
            "timestamp": pd.Timestamp("2024-03-01") + days,
            "event": rng.choice(["查看", "购买", "<b>x</b>", "مشاهدة"], rows),
            "rating": rng.integers(1, 6, rows),
            "quantity": rng.choice([1, 2, -1], rows, p=[0.7, 0.25, 0.05]),
            "price": (rng.random(rows) * 9).round(2),
            "regular_price": 9.5,
        }
    )
    log.to_csv(folder / "log.csv", index=False)
    names = [f"<img src=x onerror=alert(1)> {name}" for name in ids]
    pd.DataFrame({"item_id": ids, "name": names}).to_csv(folder / "items.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def page(shop) -> Path:
    command = ["data", "profile", str(shop / "log.csv"), "--items", str(shop / "items.csv")]
    main([*command, "--out", str(shop / "page.html")])
    return shop / "page.html"


@pytest.mark.parametrize("name", LOGS)
def test_any_log_has_a_page_without_an_empty_number(name, tmp_path):
    (tmp_path / "log.csv").write_text(LOGS[name])
    page = write_profile(profile(table(str(tmp_path / "log.csv"))), tmp_path / "page.html", "graphrec")
    assert not re.search(r"\bnan\b|\bNaT\b|\binf\b|None", prose(page))


def test_the_command_prints_its_advice_and_where_the_page_is(shop, page, capfd, monkeypatch):
    monkeypatch.chdir(shop)
    main(["data", "profile", "log.csv"])
    said = capfd.readouterr()
    assert "page: profile.html" in said.out
    assert "split that suits: LeaveLast" in said.out
    assert "models to begin with: " in said.out
    assert "graphrec: caution: times are days" in said.err
    assert "graphrec data profile log.csv" in prose(shop / "profile.html")


def test_a_page_must_be_named_so(shop):
    with pytest.raises(InputError, match=r"end it with \.html"):
        main(["data", "profile", str(shop / "log.csv"), "--out", "page.pdf"])


def test_names_are_text_on_the_page(page):
    text = page.read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt; &lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    for name in ("مرحبا", "苹果 &amp; 梨", "查看"):
        assert name in text


def test_no_letter_is_missing_from_the_charts(shop, recwarn, tmp_path):
    write_profile(profile(table(str(shop / "log.csv"))), tmp_path / "page.html", "graphrec")
    assert [str(one.message) for one in recwarn if "Glyph" in str(one.message)] == []


def test_a_log_with_everything_shows_every_section(tmp_path):
    page = prose(write_profile(profile(synthetic(weeks=60)), tmp_path / "page.html", "graphrec"))
    for title in ("Rows in each week", "Rows by hour", "Discounted rows by depth", "Attributes of items"):
        assert f">{title}</h3>" in page
    assert "split: {class_path: Temporal, init_args: {train_end: " in page
    assert page.count("<svg") >= 9


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_the_page_fits_a_browser_and_loads_nothing(page, tmp_path, width, dark):
    answer = asked(page, tmp_path, """
        const root = document.documentElement;
        const wide = [...document.querySelectorAll("main *")].filter(
            (one) => !one.closest(".scroll, pre, svg") && one.getBoundingClientRect().right > innerWidth + 1);
        const cut = [...document.querySelectorAll("svg.chart")].filter(
            (one) => one.getBoundingClientRect().width < 250);
        return [root.scrollWidth <= innerWidth, wide.length, cut.length,
                performance.getEntriesByType("resource").length,
                getComputedStyle(document.body).backgroundColor,
                document.querySelectorAll("h2").length,
                [...document.querySelectorAll("nav a")].every((one) => document.querySelector(one.hash))];""",
        width=width, dark=dark)  # fmt: skip
    fits, wide, cut, loaded, paper, headings, links = answer
    assert (fits, wide, cut, loaded) == (True, 0, 0, 0)
    assert paper == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")
    assert headings == 11
    assert links
