"""A notebook in JupyterLab itself, driven in headless Chromium: it opens, shows what is stored, and runs.

Playwright drives the system's Chromium: it waits for what a page has yet to draw, which Selenium does not.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from notebook_runs import NOTEBOOKS, ROOT, execute

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NAME, TOKEN = "08_your_own_shop", "a-token-of-the-test"
ERROR = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
READING = ".jp-OutputArea .jp-RenderedMarkdown ul"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture
def folder(tmp_path) -> Path:
    """The notebook as it is stored, and in small without outputs."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    stored = nbformat.read(NOTEBOOKS / f"{NAME}.ipynb", as_version=4)
    nbformat.write(stored, folder / "stored.ipynb")
    smaller = {"SEEDS": (0,), "EPOCHS": 1, "OUT": str(tmp_path)}
    small = execute.with_parameters(stored, smaller)
    for cell in small.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(small, folder / "small.ipynb")
    return folder


@pytest.fixture
def lab(folder, tmp_path):
    """The address of a JupyterLab that serves the folder; all cells of a notebook are drawn, seen or not."""
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        f"JUPYTER_{name}_DIR": str(tmp_path / "jupyter" / name.lower())
        for name in ("CONFIG", "DATA", "RUNTIME")
    }
    own |= {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")}
    own["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    options = [
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={TOKEN}",
        "--no-browser",
        "--allow-root",
    ]
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", *options]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/api/status?token={TOKEN}", tmp_path / "lab.log")
            yield address
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_for(address: str, log: Path) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture
def page():
    """A page of Chromium, and what its scripts complained of."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.mistakes = []
        page.on("pageerror", lambda mistake: page.mistakes.append(str(mistake)))
        yield page
        browser.close()


def test_it_opens_shows_what_is_stored_and_runs(lab, page, folder):
    stored = nbformat.read(folder / "stored.ipynb", as_version=4)
    page.goto(f"{lab}/lab/tree/stored.ipynb?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-RenderedMarkdown h1", timeout=60_000)
    page.wait_for_function(
        f"document.querySelectorAll('.jp-Notebook .jp-Cell').length == {len(stored.cells)}", timeout=60_000
    )
    assert "08 Your own shop" in page.inner_text(".jp-Notebook")
    assert "get a discount" in page.inner_text(READING), "the stored sentences are drawn"
    assert page.locator(".jp-OutputArea table").count() >= 4, "and so are tables"
    assert page.locator(ERROR).count() == 0

    page.goto(f"{lab}/lab/tree/small.ipynb?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-RenderedMarkdown h1", timeout=60_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=60_000)
    page.click(".lm-MenuBar-itemLabel:text-is('Run')")
    page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
    page.wait_for_selector(f"{READING}, {ERROR}", state="attached", timeout=200_000)
    assert page.locator(ERROR).count() == 0, page.inner_text(".jp-Notebook")
    assert "get a discount" in page.inner_text(READING)
    assert page.mistakes == []
