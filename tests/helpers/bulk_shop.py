"""A shop with odd ids whose model is exported twice: with offers, and for lists alone."""

from __future__ import annotations

import json
from pathlib import Path

from offer_shop import Shop

from graphrec.cli.main import main

BUDGET = "--policy knapsack --objective units --budget 0.5 --max_offers_per_user 2"


def exports(users: int = 41) -> None:
    """Write ``offers.zip`` and ``lists.zip`` into the current folder."""
    Shop(users, 24, 3)
    main(["export", "runs/shop3/a", "--out", "lists.zip"])
    main(["export", "runs/shop3/a", "--out", "offers.zip", "--offers", *BUDGET.split()])


def parts_of(folder: Path) -> dict[str, bytes]:
    """The bytes of each part."""
    return {one.name: one.read_bytes() for one in sorted(folder.glob("*.parquet"))}


def manifest(folder: Path) -> dict:
    """What the folder says of itself."""
    return json.loads((folder / "_manifest.json").read_text())
