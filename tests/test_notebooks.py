"""The notebooks run in a real kernel on made-up data and in small sizes, and are stored without results.

nbclient alone, as papermill and nbmake stand on it and only it hands tables and pictures back to be checked.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from nbclient import NotebookClient
from nbformat import NotebookNode
from scripts import EXPERIMENTS

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FILES = sorted(NOTEBOOKS.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def parameters_cell(notebook: NotebookNode) -> int:
    """The place of the one cell with the tag `parameters`."""
    tagged = [n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    return tagged[0]


def with_parameters(file: Path, **smaller: object) -> NotebookNode:
    """A notebook with a cell behind its parameters that sets some of them anew."""
    notebook = nbformat.read(file, as_version=4)
    place = parameters_cell(notebook)
    for name in smaller:
        assert re.search(rf"^{name} = ", notebook.cells[place].source, re.MULTILINE), f"no parameter {name}"
    lines = [f"{name} = {value!r}" for name, value in smaller.items()]
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    return notebook


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a notebook where its reader would; OUT and Jupyter's own files lie in a temporary folder."""
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
    monkeypatch.delenv("WANDB_SERVICE", raising=False)  # of an earlier test in this process

    def execute(name: str, **smaller: object) -> tuple[NotebookNode, Path]:
        before, out = sorted(NOTEBOOKS.rglob("*")), tmp_path / "out"
        out.mkdir()
        notebook = with_parameters(NOTEBOOKS / f"{name}.ipynb", **smaller, OUT=str(out))
        where = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(notebook, timeout=200, kernel_name="python3", resources=where).execute()
        assert sorted(NOTEBOOKS.rglob("*")) == before, "a notebook writes below OUT alone"
        return notebook, out

    return execute


def pictures(notebook: NotebookNode) -> int:
    """How many figures the cells have shown."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_there_are_notebooks():
    assert {file.stem for file in FILES} == {"discount_policies", "graph_ablation"}


@each_notebook
def test_a_notebook_is_stored_without_results(file):
    for cell in nbformat.read(file, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert set(cell.metadata) <= {"tags"}, "what an editor leaves behind"


@each_notebook
def test_a_notebook_begins_with_its_question_and_ends_with_its_reading(file):
    notebook = nbformat.read(file, as_version=4)
    first, last = notebook.cells[0], notebook.cells[-1]
    assert parameters_cell(notebook) <= 2
    assert first.cell_type == last.cell_type == "markdown"
    assert "**Question.**" in first.source
    assert "**Form of the answer.**" in first.source
    assert "What to read off" in last.source
    assert "may not be used for" in last.source


@pytest.fixture
def made_up_experiments(tmp_path) -> Path:
    """The experiments that the notebook names, on the synthetic log."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    for name in ("lightgcn", "mf", "popularity", "top_frequency"):
        shutil.copy(EXPERIMENTS / "complete_journey" / f"{name}.yaml", folder)
    data = yaml.safe_load((EXPERIMENTS / "complete_journey" / "data.yaml").read_text())
    data["init_args"] |= {
        "source": {"class_path": "graphrec.data.sources.synthetic"},
        "split": {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17}},
        "batch_size": 1024,
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(data))
    return folder


def test_graph_ablation(run, made_up_experiments):
    losses, layers = ("catalogue_squares", "bpr", "sampled_softmax"), (0, 2)
    notebook, out = run(
        "graph_ablation",
        LAYERS=layers,
        LOSSES=losses,
        SEEDS=(0,),
        EPOCHS=2,
        EXPERIMENTS=str(made_up_experiments),
    )
    table = pd.read_csv(out / "graph_ablation.csv", index_col=0)
    expected = [f"LightGCN, {loss}, layers: {count}" for loss in losses for count in layers]
    assert list(table.index) == ["popularity", "top_frequency", "mf", *expected]
    measures = table[["all", "repeat", "new"]]
    assert ((measures > 0) & (measures < 1)).all().all()
    assert measures["new"].loc[expected].nunique() == len(expected), "settings must reach the model"
    assert (table["best epoch"].loc[expected] <= 2).all()
    assert pictures(notebook) == 1


def test_discount_policies(run):
    notebook, out = run(
        "discount_policies",
        PAIRS=800,
        WEEKS=4,
        SEEDS=(0, 1),
        DEEPEST=(0.1, 0.3),
        LEVEL_COUNTS=(2, 4),
        HIDDEN_SIGMAS=(0.0, 0.6),
        HIDDEN_DRAWS=20,
        MADE_UP=True,
    )
    table = pd.read_csv(out / "discount_policies.csv", index_col=0)
    share = table["share of the oracle's gain (%)"]
    assert list(table.index) == ["none", "uniform", "linear_rate", "knapsack", "oracle"]
    assert (share["none"], share["oracle"]) == (0, pytest.approx(100))
    assert share.drop(["none", "oracle"]).between(0, 100, inclusive="neither").all()
    spend = table["spend ($)"].drop("none")
    assert spend.to_numpy() == pytest.approx(spend["linear_rate"], rel=0.03), "equal spend"

    levels, hidden = (pd.read_csv(out / f"{name}.csv", index_col=0) for name in ("levels", "hidden"))
    assert list(levels.index) == [2, 4]
    assert list(levels.columns) == ["0.1", "0.3"]
    assert (levels > 0).all().all()
    assert list(hidden.index) == [0.0, 0.6]
    assert list(hidden.columns) == ["ceiling", "knapsack", "linear_rate", "uniform"]
    assert pictures(notebook) == 3
