"""The layers of the package, read from its source: each imports only those before it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import graphrec

PACKAGE = Path(graphrec.__file__).parent
LAYERS = (
    ("errors",),
    ("files", "notices"),
    ("data",),
    ("memory", "splines"),
    ("csr",),
    ("sparse",),
    ("slices",),
    ("propagation",),
    ("sharding",),
    ("graph",),
    ("sampling",),
    ("models",),
    ("losses",),
    ("evaluation",),
    ("training",),
    ("offers",),
    ("report",),
    ("cli", "__main__"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))
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


@each_file
def test_files_stay_readable(file):
    assert file.name not in {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 300


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


@pytest.mark.parametrize("package", ["data", "offers"])
def test_light_layers_import_without_frameworks(package):
    """In a fresh process in which the frameworks cannot be imported at all."""
    barred = ["pytorch_lightning", "lightning", "wandb", "torch_geometric"]
    files = [file.relative_to(PACKAGE) for file in FILES if layer(file) == package]
    heavy = {name for name, _ in ALLOWED}
    names = [
        ".".join(("graphrec", *file.with_suffix("").parts)) for file in files if file.as_posix() not in heavy
    ]
    code = f"import importlib, sys\nfor name in {barred}: sys.modules[name] = None\n"
    code += f"for name in {names}: importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "module", ["graphrec", "graphrec.errors", "graphrec.data.sources", "graphrec.offers"]
)
def test_light_modules_do_not_load_torch(module):
    code = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"


def test_no_yaml_class_takes_arbitrary_keywords():
    """A misspelt key in a YAML must be an error, so what it configures names every argument."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__" and layer(file) != "cli":
                assert node.args.kwarg is None, f"{file}:{node.lineno}"
