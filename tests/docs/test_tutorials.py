"""The two shops go from raw files to lists and offers as their tutorials show it, command by command."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pages import ROOT, blocks

from graphrec.cli.main import main

TUTORIALS = ROOT / "docs" / "tutorials"
FEWER = ["--trainer.max_epochs", "3"]
"""Epochs of the response, whose fit takes a minute as it is shown."""


def commands(page: Path) -> list[list[str]]:
    """All command lines of a page, in order."""
    fences = [block.text for block in blocks(page) if block.kind == "fence" and not block.language]
    return [shlex.split(line) for text in fences for line in text.splitlines() if line.strip()]


def run_as_shown(page: Path, monkeypatch) -> None:
    """Run them in the current folder, as a reader does beside a clone."""
    for program, *words in commands(page):
        if program == "python":
            monkeypatch.setattr(sys, "argv", words)
            runpy.run_path(words[0], run_name="__main__")
        else:
            assert program == "graphrec"
            main(words + (FEWER if words[:3] == ["fit", "-c", "grocer/response.yaml"] else []))


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    """A folder with the script that the tutorials name."""
    script = Path("experiments/studies/make_shop.py")
    (tmp_path / script).parent.mkdir(parents=True)
    shutil.copy(ROOT / script, tmp_path / script)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_grocer_goes_from_receipts_to_offers(clone, monkeypatch, capfd):
    run_as_shown(TUTORIALS / "grocer.md", monkeypatch)

    raw = pd.read_csv("shop/purchases.csv", dtype=str, keep_default_na=False)
    log = raw[~raw["customer"].isin(["", "0"])].drop_duplicates()
    assert len(log) < len(raw)
    left = log[log["qty"] != "0"]
    back = left["qty"].astype(int) < 0
    cleaning = pd.read_csv("runs/purchases-top_frequency/first/cleaning.csv").set_index("rule")
    assert cleaning.loc["Guests", "removed"] == raw["customer"].isin(["", "0"]).sum()
    assert cleaning.loc["ZeroQuantities", "removed"] == (log["qty"] == "0").sum()
    assert cleaning.loc["Returns", "removed"].sum() >= 2 * back.sum() * 0.9
    products = pd.read_csv("shop/products.csv", dtype=str).set_index("sku")["category"]
    drinks = pd.read_csv("drinks.csv", dtype={"item_id": str})
    assert set(drinks["item_id"].map(products)) == {"Drinks"}
    assert drinks.groupby("user_id").size().max() == 3
    offers = pd.read_csv("offers.csv")
    assert set(offers["policy"]) == {"none", "knapsack"}
    assert (clone / "grocer.html").stat().st_size > 50_000
    assert "not sure" not in capfd.readouterr().err


def test_the_shop_for_fashion_goes_from_its_export_to_lists(clone, monkeypatch, capfd):
    page = TUTORIALS / "fashion.md"
    run_as_shown(page, monkeypatch)

    said = capfd.readouterr().err
    assert "not sure: encoding: not UTF-8" in said
    assert "weights Event × Rating" in said
    data = yaml.safe_load(Path("fashion/data.yaml").read_text())["init_args"]
    (shown,) = [block.text for block in blocks(page) if block.language == "yaml"]
    assert data["weights"] == yaml.safe_load(shown)["weights"]
    source = data["source"]["init_args"]
    assert (source["delimiter"], source["decimal"], source["encoding"]) == (";", ",", "latin-1")
    assert source["time_format"] == "%d.%m.%Y %H:%M"
    goods = pd.read_csv("shop/artikel.csv", sep=";", encoding="latin-1", dtype=str).set_index("Artikelnr")
    shoes = pd.read_csv("shoes.csv", dtype={"item_id": str})
    assert set(shoes["item_id"].map(goods["Kategorie"])) == {"Schuhe"}


def test_the_same_seed_makes_the_same_shop(clone, monkeypatch):
    for out in ("one", "two"):
        monkeypatch.setattr(sys, "argv", ["make_shop.py", "fashion", "--out", out])
        runpy.run_path("experiments/studies/make_shop.py", run_name="__main__")
    for file in Path("one").iterdir():
        assert file.read_bytes() == (Path("two") / file.name).read_bytes()
    text = Path("one/verlauf.csv").read_bytes()
    assert re.search("Schöner".encode("latin-1"), text)
    with pytest.raises(UnicodeDecodeError):
        text.decode()
