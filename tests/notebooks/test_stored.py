"""What is committed: short notebooks with light outputs, made of the very source that the tests run."""

from __future__ import annotations

import re

import nbformat
import pytest
from notebook_runs import FILES, execute

MOST_LINES, MOST_BYTES = 60, 300_000
MACHINE = re.compile(r"/(home|tmp|root|work|Users|var)/|\d{8}-\d{6}|it/s\]|Warning|Traceback|0x[0-9a-f]{6,}")
"""What belongs to one machine or moment: folders, ids of runs, bars, warnings, addresses."""

each_notebook = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@pytest.fixture
def notebook(file):
    return nbformat.read(file, as_version=4)


@each_notebook
def test_a_notebook_is_short(notebook):
    code = [
        line.strip()
        for cell in notebook.cells
        if cell.cell_type == "code"
        for line in cell.source.splitlines()
    ]
    assert sum(bool(line) and not line.startswith("#") for line in code) <= MOST_LINES
    assert not any(word in line for line in code for word in ("sys.path", "%run", "!pip", "importlib"))


@each_notebook
def test_outputs_are_stored_light_and_whole(file, notebook):
    assert file.stat().st_size <= MOST_BYTES
    for number, cell in enumerate((one for one in notebook.cells if one.cell_type == "code"), start=1):
        assert cell.execution_count == number, "run from top to bottom, at once"
        for output in cell.outputs:
            assert output.output_type in ("execute_result", "display_data", "stream")
            assert output.get("name", "stdout") == "stdout"
            said = output.get("text", "") + str(
                {k: v for k, v in output.get("data", {}).items() if k != "image/png"}
            )
            assert not MACHINE.search(said), MACHINE.search(said)
    kinds = [
        kind for cell in notebook.cells for one in cell.get("outputs", []) for kind in one.get("data", {})
    ]
    assert kinds.count("text/markdown") == 1
    assert "image/png" in kinds or file.stem == "08_your_own_shop"


@each_notebook
def test_nothing_but_tags_is_kept_of_an_editor(notebook):
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


@each_notebook
def test_it_begins_with_parameters_and_ends_with_what_it_may_not_be_used_for(notebook):
    first, last = notebook.cells[0], notebook.cells[-1]
    code = [place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    assert execute.place_of_parameters(notebook) == code[0]
    assert first.cell_type == last.cell_type == "markdown"
    assert "**Question.**" in first.source
    assert "**Form of the answer.**" in first.source
    assert "What this may not be used for" in last.source
    assert "What to read off" in notebook.cells[-3].source
    assert "text/markdown" in notebook.cells[-2].outputs[-1].data, "sentences follow from the results"
