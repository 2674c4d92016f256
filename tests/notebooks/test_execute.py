"""What runs the notebooks: parameters set anew, nothing of one machine kept, a warning an error."""

from __future__ import annotations

import nbformat
import pytest
from notebook_runs import execute


def notebook(*sources: str) -> nbformat.NotebookNode:
    """A notebook of code cells, the first of them the parameters."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata = {"tags": ["parameters"], "collapsed": True}
    return nbformat.v4.new_notebook(cells=cells)


def test_parameters_are_set_behind_theirs_and_only_those_there_are():
    made = execute.with_parameters(notebook("A, B = 1, 2\nC = 3", "A"), {"B": 5, "C": (1, 2)})
    assert made.cells[1].source == "B = 5\nC = (1, 2)"
    with pytest.raises(KeyError, match="D"):
        execute.with_parameters(notebook("A = 1"), {"D": 1})


def test_what_is_shown_stays_and_standard_error_goes(tmp_path):
    made = notebook("A = 1", "import sys; print('x', file=sys.stderr); print('y'); A + 1")
    assert execute.execute(made, tmp_path) == "x\n"
    kinds = [(one.output_type, one.get("text"), one.get("data")) for one in made.cells[1].outputs]
    assert kinds == [("stream", "y\n", None), ("execute_result", None, {"text/plain": "2"})]
    assert made.cells[0].metadata == {"tags": ["parameters"]}
    assert set(made.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize(
    "source",
    ["import warnings; warnings.warn('no')", "from IPython.display import display; UserWarning('no')"],
)
def test_a_warning_is_an_error(tmp_path, source):
    with pytest.raises(RuntimeError, match="a cell warned"):
        execute.execute(notebook("A = 1", source), tmp_path)
