"""The departments of the package, read from its source: layers, circles, sizes; and those of the tests."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import graphrec

PACKAGE = Path(graphrec.__file__).parent
TESTS = Path(__file__).parent
LAYERS = (
    ("errors",),
    ("files", "notices", "arrays", "capabilities"),
    ("results",),
    ("kernels",),
    ("data",),
    ("graph",),
    ("sampling", "losses"),
    ("models",),
    ("evaluation",),
    ("training",),
    ("fusion", "response", "coupons"),
    ("offers",),
    ("offpolicy",),
    ("report",),
    ("tuning",),
    ("benchmarking",),
    ("serving",),
    ("cli", "__main__"),
    ("front",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MOST_FILES = 300, 16
ALLOWED = {("data/module.py", "pytorch_lightning")}
"""The data module is a LightningDataModule; nothing else in its layer imports it."""

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))


def layer(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> set[str]:
    """Full names of everything imported anywhere in a file.

    Imports inside functions count: they are late, but they are a dependence. Those under TYPE_CHECKING
    count too: a layer that names the types of a later one knows of it.
    """
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are absolute here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def upward(file: Path) -> list[str]:
    """Imports of a later layer."""
    own = [name.split(".")[1] for name in imports(file) if name.startswith("graphrec.")]
    return sorted({name for name in own if name in RANK and RANK[name] > RANK[layer(file)]})


@each_file
def test_a_layer_imports_only_those_before_it(file):
    if file == PACKAGE / "__init__.py":
        assert not {name for name in imports(file) if name.startswith("graphrec")}
        return
    assert layer(file) in RANK, f"{file.name} belongs to no layer: name it in LAYERS"
    assert upward(file) == []


def test_the_check_sees_an_import_in_a_function(tmp_path, monkeypatch):
    (tmp_path / "losses.py").write_text("def f() -> None:\n    from graphrec.training import RankingTask\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    assert upward(tmp_path / "losses.py") == ["training"]


def test_kernels_know_nothing_of_recommending():
    for file in FILES:
        if layer(file) == "kernels":
            own = {name.split(".")[1] for name in imports(file) if name.startswith("graphrec.")}
            assert own <= {"kernels", "errors"}, file


def file_of(name: str, package: Path) -> Path | None:
    """The file of the package that a name of an import stands in; a module before the name in its parent."""
    parts = name.split(".")[1:]
    for size in (len(parts), len(parts) - 1):
        place = package.joinpath(*parts[:size])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None


def circle(package: Path) -> list[str]:
    """Files that import each other in a circle; all imports count, also those in functions and for types."""
    files = sorted(package.rglob("*.py"))
    names = {file: [name for name in imports(file) if name.startswith("graphrec.")] for file in files}
    left = {file: {file_of(name, package) for name in own} - {None} for file, own in names.items()}
    while free := [file for file, needed in left.items() if not needed & left.keys()]:
        for file in free:
            del left[file]
    return [str(file.relative_to(package)) for file in left]


def test_no_files_import_each_other():
    assert circle(PACKAGE) == []


def test_the_check_sees_a_circle_through_a_function(tmp_path):
    (tmp_path / "a.py").write_text("from graphrec.b import x\n")
    (tmp_path / "b.py").write_text("def x():\n    from graphrec import a\n")
    (tmp_path / "c.py").write_text("import os\n")
    assert circle(tmp_path) == ["a.py", "b.py"]


@each_file
def test_files_stay_readable(file):
    assert file.name not in {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_folders_stay_readable():
    for folder in {file.parent for file in FILES}:
        found = [one.name for one in folder.iterdir() if one.is_file() and one.name != "__init__.py"]
        assert len(found) <= MOST_FILES, folder
        assert (folder / "__init__.py").is_file(), folder


def test_a_module_and_a_package_never_have_one_name():
    assert not [file for file in FILES if file.with_suffix("").is_dir()]


def test_no_test_imports_a_test():
    for file in TESTS.rglob("*.py"):
        tests = [name for name in imports(file) if any(part.startswith("test_") for part in name.split("."))]
        assert tests == [], file


def test_tests_lie_where_their_department_does():
    departments = {folder.relative_to(PACKAGE) for folder in {file.parent for file in FILES}}
    beside = {Path(name) for name in ("cases", "docs", "experiments", "helpers", "notebooks")}
    folders = {file.parent.relative_to(TESTS) for file in TESTS.rglob("*.py")}
    assert folders - beside <= departments


@each_file
def test_public_functions_are_annotated(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    methods = [node for one in tree.body if isinstance(one, ast.ClassDef) for node in one.body]
    for node in [*tree.body, *methods]:
        if not isinstance(node, ast.FunctionDef):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [arg.arg for arg in arguments if arg.annotation is None and arg.arg not in ("self", "cls")]
        assert not bare, f"{node.name} in line {node.lineno}: {bare}"
        assert node.returns is not None, f"{node.name} in line {node.lineno}"
        if not node.name.startswith("_"):
            assert ast.get_docstring(node) or is_overload(node), f"{node.name} in line {node.lineno}"


def is_overload(node: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)


@pytest.mark.parametrize("package", ["kernels", "data", "offers"])
def test_light_layers_import_without_frameworks(package):
    """In a fresh process in which the frameworks cannot be imported at all."""
    barred = ["pytorch_lightning", "lightning", "wandb", "torch_geometric"]
    files = [file.relative_to(PACKAGE) for file in FILES if layer(file) == package]
    heavy = {name for name, _ in ALLOWED} | {"data/engine/data.py"}  # a data module of its own
    names = [
        ".".join(("graphrec", *file.with_suffix("").parts)) for file in files if file.as_posix() not in heavy
    ]
    code = f"import importlib, sys\nfor name in {barred}: sys.modules[name] = None\n"
    code += f"for name in {names}: importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["", ".errors", ".data.sources", ".evaluation.measures", ".offers"])
def test_light_modules_do_not_load_torch(name):
    code = f"import sys, graphrec{name}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout.strip() == "False"


def test_no_yaml_class_takes_arbitrary_keywords():
    """A misspelt key in a YAML must be an error, so what it configures names every argument."""
    for file in (file for file in FILES if layer(file) not in ("cli", "front")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                assert node.args.kwarg is None, f"{file}:{node.lineno}"


def test_nobody_asks_what_kind_of_policy_a_policy_is():
    """It has one method for all; whether there is one or a list of them may be asked."""
    asks = re.compile(r"isinstance\(\s*policy\s*,(?! list)|type\(policy\)")
    assert [str(file) for file in FILES if asks.search(file.read_text(encoding="utf-8"))] == []


@each_file
def test_sentences_of_docstrings_are_short(file):
    """At most 25 words, of which code is one."""
    long = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            text := ast.get_docstring(node)
        ):
            prose = re.sub(r"``[^`]*``|`[^`]*`", "x", re.sub(r"(?m)^\s*(>>>|\.\.\.) .*$", "", text))
            sentences = re.split(r"(?<=[.!?:;])\s+|\n\s*\n", prose)
            long += [sentence for sentence in sentences if len(sentence.split()) > 25]
    assert long == []
