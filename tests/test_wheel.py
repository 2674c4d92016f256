"""From a wheel in an empty folder: no checkout is needed for the demo, a reproduction or a shipped YAML."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("graphrec", "experiments", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
PARSED = """
import sys
from pathlib import Path
import yaml
import graphrec
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.reproduce.kinds import Study
from graphrec.cli.reproduce.rows import read_rows
from graphrec.cli.shipped import EXPERIMENTS, names, with_shipped
from graphrec.offers.scenario_files.read import read_scenario

assert EXPERIMENTS.is_relative_to(sys.prefix), EXPERIMENTS
assert Path(graphrec.__file__).is_relative_to(sys.prefix)
assert all(row.script.is_file() for row in read_rows().values() if isinstance(row, Study))
assert (Path(graphrec.__file__).parent / "serving/state/lua/common.lua").is_file()
read = 0
for name in names():
    if not name.endswith(".yaml"):
        continue
    if name.startswith("offers/"):
        read_scenario(EXPERIMENTS / name)
    content = yaml.safe_load((EXPERIMENTS / name).read_text())
    if name.startswith("sweeps/"):
        words = with_shipped(content["command"])
        assert Path(words[words.index("--config") + 1]).is_file()
    if "model" not in content:
        continue
    data = ["--data", "complete_journey/data.yaml"] if name.startswith("models/") else []
    args = with_shipped(["fit", "-c", name, *data])
    class Parsed(GraphRecCLI):
        def before_instantiate_classes(self):
            raise LookupError
    try:
        run_lightning(args, Parsed)
    except LookupError:
        read += 1
print("read", read)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: setuptools leaves its own files beside what it builds."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for part in PARTS:
        whole = ROOT / part
        if whole.is_dir():
            hidden = shutil.ignore_patterns("__pycache__")
            shutil.copytree(whole, source / part, symlinks=True, ignore=hidden)
        else:
            shutil.copy(whole, source)
    flags = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(built)]
    pip("wheel", *flags, str(source))
    (found,) = built.glob("graphrec-*.whl")
    return found


@pytest.fixture(scope="module")
def binaries(wheel, tmp_path_factory) -> Path:
    """A fresh environment with the wheel, which sees the libraries of this one and not its graphrec."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (packages,) = folder.glob("lib/python*/site-packages")
    # a folder named in a .pth file is searched, but its own .pth files, an editable graphrec's, are not read
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def pip(*args: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *args]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr


def environment() -> dict[str, str]:
    """The variables of this process without what leads to the checkout."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "WANDB_SERVICE")
    names = {name: value for name, value in os.environ.items() if name not in left_out}
    return names | {"WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def run(binaries, tmp_path):
    """Runs the installed ``graphrec`` in an empty folder and returns what it printed."""

    def graphrec(*words: str, program: str = "graphrec") -> str:
        command = [str(binaries / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment())
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return graphrec


def test_it_tells_its_version_and_its_experiments(run):
    from graphrec import __version__
    from graphrec.cli.shipped import names

    assert run("--version") == f"graphrec {__version__}\n"
    assert run("experiments", "list").splitlines() == names()
    assert "gowalla-chebycf" in run("reproduce", "--list")
    assert "example: graphrec reproduce" in run("reproduce", "--help")


def test_experiments_are_copied(run, tmp_path):
    assert "2 files copied" in run("experiments", "copy", "complete_journey/lightgcn.yaml")
    assert (tmp_path / "experiments/complete_journey/data.yaml").is_file()
    run("experiments", "copy", "all", "--to", "all")
    assert len(list((tmp_path / "all").rglob("*.yaml"))) > 50


def test_every_shipped_yaml_is_read(run):
    assert int(run("-c", PARSED, program="python").rpartition("read ")[2]) > 35


def test_a_shipped_experiment_is_fitted_and_tested_by_its_name(run):
    name = "experiments/complete_journey/popularity.yaml"
    run("fit", "-c", name, "--run.id", "one", "--trainer.enable_progress_bar", "false")
    assert "test, at" in run("test", "-c", name)


def test_a_row_is_reproduced(run, tmp_path):
    run("reproduce", "journey-popularity", "--out", "row")
    assert (tmp_path / "row" / "metrics.json").is_file()


def test_the_demo_writes_its_report(run, tmp_path):
    run("demo", "--models", "popularity", "--out", "demo")
    assert (tmp_path / "demo" / "report.html").is_file()
    assert (tmp_path / "demo" / "offers.parquet").is_file()
