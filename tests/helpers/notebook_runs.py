"""The notebooks as tests run them: reduced parameters, a kernel of their own, outputs to be checked."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import nbformat
import pandas as pd
from nbformat import NotebookNode

from graphrec.data.sources import synthetic

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
FILES = sorted(NOTEBOOKS.glob("0*.ipynb"))
_SPEC = importlib.util.spec_from_file_location("notebooks_execute", NOTEBOOKS / "execute.py")
execute = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(execute)

MARKET = {
    "SOURCE": "synthetic",
    "OPTIONS": {"num_users": 200, "num_items": 80, "num_blocks": 2, "density": 3.0, "response": 2.5},
    "MIN_SOLD": 0.5,
}
"""A made-up log from which a market can be drawn."""


WEEKS = {"TRAIN_END": 14, "VAL_END": 17, "TEST_END": 20}
"""Parts of the log that `shop_log` writes."""


def shop_log(folder: Path) -> str:
    """Write a made-up log as a file of a user's own; return its path."""
    file = folder / "shop.csv"
    synthetic(num_users=160, num_items=80, density=0.3).log.to_csv(file, index=False)
    return str(file)


def run(name: str, folder: Path, monkeypatch, **smaller: object) -> tuple[NotebookNode, Path]:
    """Run a notebook as `make notebooks` does, with smaller parameters; what it wrote lies in a folder."""
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(folder / "jupyter"))
    monkeypatch.delenv("WANDB_SERVICE", raising=False)  # of an earlier test in this process
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    out, work = folder / "out", folder / "work"
    out.mkdir()
    work.mkdir()
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    notebook = execute.with_parameters(notebook, {**smaller, "OUT": str(out)})
    execute.execute(notebook, work, timeout=200)
    assert list(work.iterdir()) == [], "a notebook writes below OUT alone"
    return notebook, out


def outputs(notebook: NotebookNode, kind: str) -> list[str]:
    """What the cells have shown of a MIME type, or on standard output."""
    found = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    if kind == "stdout":
        return [one.text for one in found if one.get("name") == "stdout"]
    return [one.data[kind] for one in found if kind in one.get("data", {})]


def reading(notebook: NotebookNode) -> str:
    """What the notebook says is to be read off, on one line."""
    (text,) = outputs(notebook, "text/markdown")
    return re.sub(r"\s+", " ", text)


def table(out: Path, name: str, **options: object) -> pd.DataFrame:
    """A table that the notebook wrote."""
    return pd.read_csv(out / f"{name}.csv", **options)
