"""Run the notebooks in place and store what they show.

    python notebooks/execute.py [NAME ...] [--out FOLDER] [--set NAME=VALUE ...]

Each runs in a kernel of its own, in a temporary folder, so that nothing is written beside the notebooks.
What is stored are tables, pictures and text. Lines on standard error (folders, devices, bars) belong to one
machine and are left out. A warning among them is an error, unless it is that a fit found nothing. nbclient
alone: papermill stands on it and adds metadata, and only nbclient hands the outputs back.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent
SECONDS = 900
"""The longest a cell may take on a slow machine."""
_FINDING = "is not above that of the most bought items"
"""Of the warning that a fit found nothing; a notebook that tries many settings shows such fits, too."""


def place_of_parameters(notebook: NotebookNode) -> int:
    """Find the one cell with the tag `parameters`."""
    tagged = [n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    (place,) = tagged
    return place


def with_parameters(notebook: NotebookNode, values: Mapping[str, object]) -> NotebookNode:
    """Put a cell behind the parameters that sets some of them anew.

    Raises:
        KeyError: If the notebook has no such parameter.
    """
    place = place_of_parameters(notebook)
    for name in values:
        if not re.search(rf"^(?:\w+, )*{name}(?:, \w+)* = ", notebook.cells[place].source, re.MULTILINE):
            raise KeyError(name)
    if values:
        lines = [f"{name} = {value!r}" for name, value in values.items()]
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    return notebook


def execute(notebook: NotebookNode, folder: Path, timeout: int = SECONDS) -> str:
    """Run a notebook in a folder, keep what it shows, and return what it said on standard error.

    Raises:
        CellExecutionError: If a cell fails.
        RuntimeError: If there is a warning.
    """
    before = os.getcwd()
    os.chdir(folder)  # kernels look for their own files from where they start
    try:
        where = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=where).execute()
    finally:
        os.chdir(before)
    said = shown = ""
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        if cell.cell_type == "code":
            said += "".join(one.text for one in cell.outputs if one.get("name") == "stderr")
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
            shown += "".join(str(one.get("data", {}).get("text/plain", "")) for one in cell.outputs)
    told = "\n".join(line for line in said.splitlines() if _FINDING not in line)
    if "warning" in told.lower() or "Warning" in shown:
        raise RuntimeError(f"a cell warned: {said}{shown}")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return said


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="such as 02_settings; all if missing")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results; in place if missing")
    parser.add_argument("--set", nargs="*", default=[], help="parameters, such as SEEDS=(0,)")
    options = parser.parse_args()
    values = {name: ast.literal_eval(value) for name, _, value in (one.partition("=") for one in options.set)}
    if values and options.out == HERE:
        parser.error("--set needs --out: what is committed has the parameters that it shows")
    options.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(HERE.glob("*.ipynb")):
        if not options.names or file.stem in options.names:
            notebook = with_parameters(nbformat.read(file, as_version=4), values)
            with tempfile.TemporaryDirectory() as folder:
                os.environ["TMPDIR"] = folder  # of the kernel: runs and tables go with the folder
                execute(notebook, Path(folder))
            nbformat.write(notebook, options.out / file.name)
            print(options.out / file.name)


if __name__ == "__main__":
    main()
