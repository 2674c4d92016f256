"""What was written before classes moved still loads: the fixtures are of the code of that time."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest
import yaml

from graphrec.cli.config.locations import read_entries
from graphrec.cli.config.moved import RENAMED, present_name, renamed, renamed_option
from graphrec.cli.main import main

OLD = Path(__file__).parents[2] / "fixtures" / "before_the_move"
FITTED = ("ranking", "closed_form", "response")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in OLD.iterdir():
        shutil.copytree(folder, tmp_path / folder.name)


def measures(file: Path) -> dict[str, float]:
    return json.loads(file.read_text())


def measured(name: str, below: str) -> tuple[dict[str, float], dict[str, float]]:
    """What a test wrote below a folder, and what it wrote before the move."""
    old = measures(OLD / name / "test_metrics.json")
    (file,) = (one for one in Path(below).rglob("test_metrics.json") if one.parent != Path(name))
    new = measures(file)
    return {key: new[key] for key in old}, old


@pytest.mark.parametrize("name", [*FITTED, "fusion"])
def test_a_checkpoint_gives_the_same_measures(name):
    main(["test", "--ckpt_path", f"{name}/best.ckpt"])
    new, old = measured(name, name)
    assert new == pytest.approx(old, abs=1e-6)


@pytest.mark.parametrize("name", [*FITTED, "fusion"])
def test_the_saved_configuration_agrees_with_the_checkpoint(name):
    main(["test", "-c", f"{name}/saved.yaml", "--ckpt_path", f"{name}/best.ckpt"])
    new, old = measured(name, name)
    assert new == pytest.approx(old, abs=1e-6)


OLD_DEFAULTS = {
    "ranking": ["--model.init_args.encoder.init_args.start", "normal"],
    "closed_form": ["--model.init_args.recommender.init_args.shrinkage", "0.0"],
    "response": [],
}
"""What the files left to defaults that are others now."""


@pytest.mark.parametrize("name", FITTED)
def test_a_configuration_fits_the_same_model(name):
    quiet = ["--run.root", "runs", "--run.id", "again", *OLD_DEFAULTS[name]]
    main(["fit", "-c", f"{name}/config.yaml", *quiet])
    main(["test", "--ckpt_path", f"runs/{name}/again/checkpoints/best.ckpt"])
    new, old = measured(name, "runs")
    assert new == pytest.approx(old, abs=1e-4)
    assert names_of_old(yaml.safe_load(Path(f"{name}/config.yaml").read_text()))
    assert not names_of_old(yaml.safe_load(Path(f"runs/{name}/again/config.yaml").read_text()))


def names_of_old(value) -> bool:
    return renamed(value) != value


def test_every_new_name_is_there_and_no_new_name_is_an_old_one():
    for new in RENAMED.values():
        try:
            importlib.import_module(new)
        except ModuleNotFoundError:
            module, _, name = new.rpartition(".")
            assert hasattr(importlib.import_module(module), name)
        assert present_name(new) == new
        assert present_name(f"{new}.Name") == f"{new}.Name"


def test_names_are_found_on_the_command_line_and_at_any_depth(tmp_path):
    old, new = "graphrec.cli.launch.GraphDDPStrategy", "graphrec.cli.experiment.processes.GraphDDPStrategy"
    assert renamed_option(f"--trainer.strategy={old}") == f"--trainer.strategy={new}"
    assert renamed_option(old) == new
    assert renamed_option("--run.name=graphrec.models") == "--run.name=graphrec.models"
    assert renamed({"a": [{"class_path": old}], "b": 1}) == {"a": [{"class_path": new}], "b": 1}
    (tmp_path / "x.yaml").write_text(f"trainer: {{strategy: {old}}}")
    assert read_entries(["fit", "-c", "x.yaml"]).plain() == {"trainer": {"strategy": new}}
    assert read_entries(["fit", "--trainer.strategy", old]).plain() == {"trainer": {"strategy": new}}
    assert present_name("graphrec.models.lightgcn_like.X") == "graphrec.models.lightgcn_like.X"
