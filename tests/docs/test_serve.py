"""The way from a CSV to an offer over HTTP, as the page shows it: real processes, and curl."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from live_shop import served
from offer_shop import shop
from pages import ROOT, blocks, shown
from processes import environment
from scripts import run_python

PAGE = ROOT / "docs" / "how-to" / "serve.md"
CURL = shutil.which("curl")


def asked(page: Path, path: str) -> str:
    """The shell line of the page that asks a path."""
    fences = [block.text for block in blocks(page) if block.language == "bash"]
    (found,) = [text for text in fences if f"/{path} " in text]
    return found


@pytest.mark.skipif(CURL is None, reason="curl is not on the PATH")
def test_three_commands_lead_from_a_csv_to_an_offer(tmp_path):
    log = shop(60, 40, 1).rename(columns={"user_id": "customer", "item_id": "sku", "price": "paid"})
    date = pd.Timestamp("2026-01-05") + pd.to_timedelta(7 * log.pop("week"), unit="D")
    log.assign(date=date).to_csv(tmp_path / "purchases.csv", index=False)
    fit, export, serve = shown(PAGE)[:3]
    for command in (fit, export):
        run_python("-m", "graphrec", *command, folder=tmp_path)

    def curl(path: str, url: str) -> dict:
        line = asked(PAGE, path).replace("localhost:8000", url)
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    with served(tmp_path, *serve[1:]) as service:
        offers = curl("offers", service.url)["answers"][0]["offers"]
        assert len(offers) == 20
        assert offers[0]["status"] == "new"
        assert 0 < offers[0]["rate"] < 1
        assert offers[0]["price_now"] < offers[0]["price"]
        told = curl("events", service.url)
        assert (told["new"], told["events"][0]["read"], told["events"][0]["known_item"]) == (1, True, True)
        assert service.post("/recommend", user="003").json()["lists"][0]["basis"] == "history"
        assert service.stop() == 0
