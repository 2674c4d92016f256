"""The site of the documentation: built strictly, without a network, every link checked."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pages import ROOT


@pytest.fixture
def build(monkeypatch) -> ModuleType:
    """docs/build.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_that_lead_nowhere_are_found(build, tmp_path):
    (tmp_path / "a.html").write_text('<h1 id="top"><a href="b.html#here">b</a> <a href="#top">up</a></h1>')
    (tmp_path / "b.html").write_text('<p id="there"><a href="a.html#top">a</a> <img src="c.png"></p>')
    assert build.broken_links(tmp_path) == ["a.html: b.html#here", "b.html: c.png"]


def test_a_key_has_a_page_with_what_its_signature_and_docstring_say(build, tmp_path):
    list(build.yaml_keys(tmp_path))

    folder = tmp_path / "reference" / "keys"
    page = (folder / "LightGCN" / "num_layers.md").read_text()
    assert "| key | `model.init_args.encoder.init_args.num_layers` |" in page
    assert "| default | `3` |" in page
    assert "| `experiments/gowalla/lightgcn.yaml` | `3` |" in page
    assert "| default | none: a value must be given |" in (folder / "table" / "path.md").read_text()
    assert "`run.monitor`" in (folder / "run" / "monitor.md").read_text()
    undescribed = [
        str(file.relative_to(folder)) for file in folder.rglob("*.md") if "*Not described" in file.read_text()
    ]
    assert undescribed == []


@pytest.mark.slow
@pytest.mark.skipif(not Path(sys.executable).with_name("zensical").is_file(), reason="needs graphrec[docs]")
def test_the_site_is_built_strictly_and_loads_nothing_from_elsewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "build.py"), "--out", str(tmp_path / "docs")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "docs" / "site"
    page = (site / "index.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert 'rel="stylesheet" href="http' not in page
    assert (site / "search.js").is_file()
    assert (site / "reference" / "python" / "graphrec.losses.html").read_text().count("info_nce") > 3
    shutil.rmtree(tmp_path / "docs")
