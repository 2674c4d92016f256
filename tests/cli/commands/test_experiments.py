"""`graphrec experiments`: what comes with the package is listed, copied whole, and found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.main import main
from graphrec.cli.shipped import EXPERIMENTS, chosen, names, path_of, with_shipped
from graphrec.errors import InputError

LIGHTGCN = "complete_journey/lightgcn.yaml"
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_list_is_what_is_in_the_folder(capsys):
    files = {file for kind in ("*.yaml", "*.py") for file in (ROOT / "experiments").rglob(kind)}
    found = main(["experiments", "list"])
    assert found == sorted(file.relative_to(ROOT / "experiments").as_posix() for file in files)
    assert capsys.readouterr().out.splitlines() == found
    assert len(found) > 60


def test_a_copy_holds_what_it_stands_on(capsys):
    main(["experiments", "copy", LIGHTGCN])
    assert capsys.readouterr().out == "2 files copied to experiments\n"
    assert sorted(file.name for file in Path("experiments/complete_journey").iterdir()) == [
        "data.yaml",
        "lightgcn.yaml",
    ]
    assert Path("experiments", LIGHTGCN).read_bytes() == (EXPERIMENTS / LIGHTGCN).read_bytes()


def test_a_second_copy_changes_nothing_and_none_is_written_over(capsys):
    main(["experiments", "copy", "gowalla"])
    first = {file: file.stat().st_mtime_ns for file in Path("experiments").rglob("*.yaml")}
    capsys.readouterr()
    main(["experiments", "copy", "experiments/gowalla/"])
    assert capsys.readouterr().out == f"0 files copied to experiments, {len(first)} were there\n"
    assert {file: file.stat().st_mtime_ns for file in Path("experiments").rglob("*.yaml")} == first
    Path("experiments/gowalla/mf_bsl.yaml").write_text("mine: true\n")
    with pytest.raises(InputError, match=r"mf_bsl\.yaml.*another content.*--to FOLDER"):
        main(["experiments", "copy", "all"])
    assert not Path("experiments/complete_journey").exists()


def test_all_are_copied_where_one_says(capsys):
    found = main(["experiments", "copy", "all", "--to", "mine"])
    copied = {file.relative_to("mine").as_posix() for file in Path("mine").rglob("*") if file.is_file()}
    assert copied == set(found) == set(names())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("copy", "no experiment is named"),
        ("copy complete_journey/lightgnc.yaml", "did you mean 'complete_journey/lightgcn.yaml'"),
        ("copy ../setup.py", "no experiment is called"),
        ("copy nothing", "see `graphrec experiments list`"),
        ("list gowalla", "list names all files"),
        ("list --to x", "list names all files"),
        ("move", "there is no action 'move'"),
    ],
)
def test_mistakes_are_one_line(words, message):
    with pytest.raises(InputError, match=message):
        main(["experiments", *words.split()])
    assert not list(Path().iterdir())


@pytest.mark.parametrize("name", [LIGHTGCN, f"experiments/{LIGHTGCN}", f"./experiments/{LIGHTGCN}"])
def test_a_name_that_is_no_file_is_looked_for_among_the_shipped(name, capsys):
    args = ["fit", "-c", name, f"--config={name}", "--run.name", name]
    file = str(EXPERIMENTS / LIGHTGCN)
    assert with_shipped(args) == ["fit", "-c", file, f"--config={file}", "--run.name", name]
    assert f"{name}: the one that comes with graphrec" in capsys.readouterr().err


def test_a_file_of_ones_own_comes_first():
    Path("complete_journey").mkdir()
    Path(LIGHTGCN).write_text("{}")
    assert with_shipped(["fit", "-c", LIGHTGCN]) == ["fit", "-c", LIGHTGCN]


@pytest.mark.parametrize("name", ["../setup.py", "nothing.yaml", "gowalla", "/etc/hosts.yaml", ""])
def test_nothing_else_is_found(name):
    assert path_of(name) is None


def test_a_fit_takes_a_shipped_name():
    with pytest.raises(InputError, match=r"no_such\.yaml.*there is no such file.*graphrec experiments list"):
        main(["fit", "-c", "no_such.yaml"])
    cli = main(["fit", "-c", "complete_journey/popularity.yaml", "--trainer.fast_dev_run", "true"])
    assert cli.run_options.name == "complete_journey-popularity"


MODELS = [name for name in chosen("all") if name.endswith(".yaml") and "/" in name]
MODELS = [name for name in MODELS if "model" in yaml.safe_load((EXPERIMENTS / name).read_text())]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_read_by_its_name(name):
    data = ["--data", "complete_journey/data.yaml"] if name.startswith("models/") else []
    args = with_shipped(["fit", "-c", name, *data])

    class Parsed(GraphRecCLI):
        def before_instantiate_classes(self):
            raise LookupError

    with pytest.raises(LookupError):
        run_lightning(args, Parsed)
