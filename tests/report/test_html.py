"""The report: complete in itself, escaped, and working in a real browser."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from browsing import CHROMIUM, browse
from made_runs import make_run

from graphrec.errors import InputError
from graphrec.report.charts.bars import bars
from graphrec.report.charts.scatter import scatter
from graphrec.report.offer_summary import offers_sample, policy_totals, read_offers
from graphrec.report.page.html import Content, render_html
from graphrec.report.page.offers import offers_section
from graphrec.report.table import comparison
from graphrec.results import write_table

EVIL = '<script>alert("item")</script>'


def make_offers() -> pd.DataFrame:
    """Two pairs under four policies; the second item's name is an attack."""
    rates = {"none": (0, 0), "uniform": (0.1, 0.1), "linear_rate": (0.05, 0.02), "expected_profit": (0.2, 0)}
    rows = [
        {
            **{"user_id": "u1", "item_id": item, "score": 1.5, "probability": 0.2, "rate": rate},
            **{"probability_at_rate": 0.2 + rate, "price": 10.0, "expected_units": 0.2 + rate},
            **{
                "expected_revenue": 10 * (0.2 + rate),
                "expected_profit": profit + 10 * rate,
                "spend": 2 * rate,
            },
            **{"promotion": "percent", "threshold": None, "amount": None, "scenario": "promotion"},
            **{"policy": policy, "propensity": 1.0, "reason": f"because {EVIL}"},
        }
        for policy, pair in rates.items()
        for item, rate, profit in zip(("milk", EVIL), pair, (1.0, 0.5), strict=True)
    ]
    offers = pd.DataFrame(rows)
    offers.attrs["margin"] = 0.35
    return offers


class Page(HTMLParser):
    """Every element with its attributes, and every identifier."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "report.html"
    single = pd.DataFrame({"epoch": [0], "val_ndcg_20": [0.2]})
    runs = [
        make_run("lightgcn"),
        make_run("lightgcn", seed=1),
        make_run("<b>$x$</b>", ndcg=0.2, history=single),
    ]
    notes = {"Response": f"as {EVIL}"}
    return render_html(Content(comparison(runs), runs, "Shop & co", make_offers(), notes), out)


@pytest.fixture(scope="module")
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere(text):
    assert "http:" not in text
    assert "https:" not in text
    assert not re.search(r"@import|@font-face|url\((?!#)", text)
    for tag, attributes in Page(text).elements:
        for name in ("src", "href", "xlink:href", "data", "action", "srcset"):
            target = attributes.get(name)
            assert target is None or target.startswith("#") or target == "data:,", (tag, target)
    policy = [meta for meta in Page(text).all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"].startswith("default-src 'none'")


def test_everything_from_outside_is_escaped(text):
    assert text.count("<script") == 1
    assert "alert(" in text
    assert EVIL not in text
    assert "<b>" not in text
    assert "&lt;b&gt;$x$&lt;/b&gt;" in text
    assert "Shop &amp; co</h1>" in text


def test_charts_are_text_and_readable_by_machines(text):
    charts = Page(text).all("svg")
    assert len(charts) == 4 + 1 + 2 + 1 + 4
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in charts)
    assert text.count("<svg") == len(re.findall(r"<svg[^>]*><title>[^<]+</title><desc>[^<]+</desc>", text))
    assert ">lightgcn</text>" in text
    assert "#0101" not in text, "every colour follows the theme"
    ids = [attributes["id"] for _, attributes in Page(text).elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert used <= set(ids)


def test_sections_show_findings_runs_notes_and_commands(text):
    assert "On all items, lightgcn leads with NDCG@20 0.4000" in text
    assert "aaaaaaaaaaaa</code>" in text
    assert "<dt>margin</dt><dd>0.35</dd>" in text
    assert "graphrec fit -c runs/lightgcn/1/config.yaml" in text
    assert "graphrec compare runs/lightgcn/0 runs/lightgcn/1 &#39;runs/&lt;b&gt;" in text


def test_each_dataset_has_sections_of_its_own_that_links_lead_to(tmp_path):
    runs = [
        make_run(name, dataset=shop, ndcg=n)
        for shop in ("one", "two")
        for name, n in (("a", 0.3), ("b", 0.4))
    ]
    out = render_html(Content(comparison(runs), runs, "Shops"), tmp_path / "report.html")
    elements = Page(out.read_text()).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    assert {"#results-1", "#results-2", "#costs-2", "#learning-2"} <= set(links)
    assert {link.removeprefix("#") for link in links} <= set(ids)
    boards = [
        attributes["aria-label"]
        for _, attributes in elements
        if "Leaderboard" in attributes.get("aria-label", "")
    ]
    assert boards == ["Leaderboard: one", "Leaderboard: two"]


def test_offers_are_optional(tmp_path):
    runs = [make_run()]
    out = render_html(Content(comparison(runs), runs, "Shop"), tmp_path / "a" / "report.html")
    words = out.read_text()
    assert 'id="offers"' not in words
    assert 'id="assumptions"' not in words
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


def test_the_page_says_whether_policies_decide_on_the_same_pairs(text, tmp_path):
    assert "so the rows can be compared" in text
    runs = [make_run()]
    content = Content(comparison(runs), runs, "Shop", make_offers().iloc[1:])
    out = render_html(content, tmp_path / "report.html")
    assert "different user and item pairs" in out.read_text()


def test_bars_follow_the_values():
    rows = pd.DataFrame({"run": ["a", "b"], "value": [0.1, 0.4], "low": [0.05, 0.3], "high": [0.2, 0.5]})
    drawing = str(bars(rows, "NDCG"))
    ends = {}
    for path, style in re.findall(r'<path d="([^"]+)"[^>]*style="fill: (var\(--\w+\))', drawing):
        ends[style] = max(float(x) for x, _ in re.findall(r"([\d.]+) ([\d.]+)", path)) - float(
            path.split()[1]
        )
    assert ends["var(--accent)"] / ends["var(--muted)"] == pytest.approx(4)
    assert "b 0.4000; a 0.1000" in drawing


def test_policy_totals_add_up_and_compare_with_none():
    totals = policy_totals(make_offers()).set_index("policy")
    assert totals.index[0] == "none"
    assert totals["pairs"].tolist() == [2, 2, 2, 2]
    assert totals["offers"].to_dict() == {"none": 0, "expected_profit": 1, "linear_rate": 2, "uniform": 2}
    assert totals.loc["expected_profit", "mean_rate"] == pytest.approx(0.2)
    assert pd.isna(totals.loc["none", "mean_rate"])
    assert totals.loc["uniform", "spend"] == pytest.approx(0.4)
    assert totals["gain"].to_dict() == pytest.approx(
        {"none": 0, "expected_profit": 2, "linear_rate": 0.7, "uniform": 2}
    )
    without = make_offers().query("policy != 'none'")
    assert policy_totals(without)["gain"].isna().all()


def test_the_page_shows_the_sentences_of_an_offer_where_there_are_some():
    offers = make_offers().assign(for_manager="12 % off, gain 3", for_shopper="Because you bought <b>tea</b>")
    shown = [row for sample in offers_section(offers)["samples"].values() for row in sample]
    assert {(row["for_manager"], row["for_shopper"]) for row in shown} == {
        ("12 % off, gain 3", "Because you bought <b>tea</b>")
    }
    assert "for_manager" not in offers_sample(offers, "uniform")


def test_the_weeks_of_the_offers_are_said_where_they_are_of_some(tmp_path):
    offers = make_offers()
    assert offers_section(offers)["when"] == ""
    assert offers_section(offers.assign(week=54, horizon=4))["when"] == "weeks 54 to 57"
    assert offers_section(offers.assign(week=54, horizon=1))["when"] == "week 54"
    assert offers_section(offers.assign(week=54, horizon=pd.NA))["when"] == ""


def test_offers_sample_shows_given_discounts_best_first():
    sample = offers_sample(make_offers(), "uniform")
    assert sample["item_id"].tolist() == ["milk", EVIL]
    assert offers_sample(make_offers(), "expected_profit")["item_id"].tolist() == ["milk"]
    assert offers_sample(make_offers(), "none").empty


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl"])
def test_offers_in_every_form_are_read_as_they_were_written(tmp_path, suffix):
    written = make_offers().assign(user_id=lambda table: ["NA", "007", *table["user_id"][2:]])
    path = write_table(written, tmp_path / f"offers.{suffix}")
    read = read_offers(path)
    assert read.attrs == {"margin": 0.35}
    assert read["user_id"].tolist()[:2] == ["NA", "007"]
    assert policy_totals(read).round(9).equals(policy_totals(written).round(9))
    path.write_text(path.read_text().replace("0.", "x.", 1))
    with pytest.raises(InputError, match=f"not a {suffix.upper()} file"):
        read_offers(path)
    write_table(written, path)
    path.write_text(path.read_text() + "\n")
    assert read_offers(path).attrs == {}, "what is beside it tells of another content"


def test_offers_file_is_checked(tmp_path):
    path = tmp_path / "offers.parquet"
    make_offers().to_parquet(path)
    assert read_offers(path).attrs == {"margin": 0.35}
    with pytest.raises(InputError, match="there is no such file"):
        read_offers(tmp_path / "absent.parquet")
    make_offers().assign(rate="a").to_parquet(path)
    with pytest.raises(InputError, match="column 'rate': this column holds no numbers"):
        read_offers(path)
    make_offers().drop(columns="spend").to_parquet(path)
    with pytest.raises(InputError, match=r"offers\.parquet, column 'spend': the offers table lacks a column"):
        read_offers(path)
    make_offers().head(0).to_parquet(path)
    with pytest.raises(InputError, match="no rows"):
        read_offers(path)
    path.write_text("user_id,item_id")
    with pytest.raises(InputError, match="not a Parquet file"):
        read_offers(path)


def test_a_failed_write_leaves_the_old_report(tmp_path, monkeypatch):
    out = tmp_path / "report.html"
    out.write_text("old")

    def refuse(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match="disk full"):
        render_html(Content(comparison([make_run()]), [make_run()], "Shop"), out)
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
def test_a_browser_shows_the_charts_without_error_or_request(page, text, tmp_path):
    # The browser itself asks its maker for updates, so the page's own requests are counted in the page.
    probe = "<script>document.title = performance.getEntriesByType('resource').length + ' requests'</script>"
    probed = tmp_path / "probed.html"
    probed.write_text(text.replace("</body>", f"{probe}</body>"))

    elements, console = browse(probed, tmp_path / "profile")

    assert console == []
    assert "<title>0 requests</title>" in elements
    assert elements.count('<svg class="chart"') == 12
    assert re.search(r'id="filter-count"[^>]*>24 of 24 rows<', elements)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
def test_the_page_forbids_itself_to_load_anything(text, tmp_path):
    """Also shows that the browser test above would notice a request."""
    leaky = tmp_path / "leaky.html"
    leaky.write_text(text.replace("</body>", '<img src="http://localhost:9/x.png"></body>'))
    _, console = browse(leaky, tmp_path / "profile")
    assert any("Content Security Policy" in line for line in console)


def test_names_of_points_that_lie_close_do_not_cover_each_other():
    names = [f"model_{n}" for n in range(5)]
    costs, values = [70.0, 70.5, 71.0, 69.0, 300.0], [0.230, 0.228, 0.226, 0.229, 0.1]
    points = pd.DataFrame({"run": names, "cost": costs, "value": values})
    drawing = scatter(points, "Quality", "Seconds", "NDCG", "model_0")
    found = re.findall(
        r'<text style="font-size: 8px[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(\w+)</text>', drawing
    )
    assert [name for *_, name in found] == names
    places = [(float(x), float(y)) for x, y, _ in found]
    for place, (x, y) in enumerate(places):
        for other_x, other_y in places[:place]:
            assert abs(x - other_x) > 34 or abs(y - other_y) > 8, "34 is the width of the name, 8 its height"
