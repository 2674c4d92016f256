"""A small shop in a folder of its own, and what is fitted to it."""

from __future__ import annotations

import os

import pytest
from front_shop import COLUMNS, purchases

import graphrec as gr


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """The folder with purchases.csv; what is fitted in a session stands below it."""
    folder = tmp_path_factory.mktemp("shop")
    purchases().to_csv(folder / "purchases.csv", index=False)
    return folder


@pytest.fixture(autouse=True)
def _there(shop, monkeypatch):
    monkeypatch.chdir(shop)


@pytest.fixture(scope="session")
def data(shop):
    """The shop's log, read from its file."""
    return gr.load(shop / "purchases.csv", COLUMNS, split=gr.LeaveLast())


@pytest.fixture(scope="session")
def frame_data():
    """The same, from a frame."""
    return gr.load(purchases(), COLUMNS, split=gr.LeaveLast(), name="purchases")


@pytest.fixture(scope="session")
def run(shop, frame_data):
    """LightGCN with two seeds, from a frame."""
    before = os.getcwd()
    os.chdir(shop)
    try:
        return gr.fit(
            gr.LightGCN(dim=8, start="normal"), frame_data, seeds=range(2), epochs=3, name="two-seeds"
        )
    finally:
        os.chdir(before)
