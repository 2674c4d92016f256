"""Which code a configuration may name; nothing else is imported, let alone run.

Allowed are the parts of graphrec that a YAML configures, the layers and optimisers of torch, and Lightning's
callbacks, loggers and the like. Modules of the current folder may be named by the user's own YAML or command
line; a checkpoint may name those only with ``--trust``. jsonargparse holds to the same list where it imports
a name and asks where it is defined, too, so ``graphrec.losses.torch.hub.load`` leads nowhere.
"""

from __future__ import annotations

import importlib.machinery
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jsonargparse
import yaml

from graphrec.cli.config.moved import renamed

GRAPHREC = tuple(
    f"graphrec.{module}"
    for module in (
        "models",
        "training",
        "losses",
        "data.cleaning",
        "data.engine.data.LargeData",
        "data.module",
        "data.purchases.PurchaseRules",
        "data.sources",
        "data.splits",
        "data.features",
        "data.weights",
        "evaluation.measures.Measure",
        "response.visits",
        "cli.experiment.processes.GraphDDPStrategy",
        "cli.experiment.processes.RowShardedStrategy",
        "coupons.campaigns",
        "coupons.data",
        "coupons.task",
        "fusion.model",
        "fusion.task",
        "offpolicy.satisfaction.data",
        "offpolicy.satisfaction.survey.SurveyTable",
        "offpolicy.satisfaction.task",
        "response.data",
        "response.link_scores",
        "response.network",
        "response.personal.offers.OfferTable",
        "response.task",
        "serving.data.PackedData",
    )
)
TORCH = ("torch.nn", "torch.optim")
LIGHTNING = (
    *(
        f"pytorch_lightning.{module}"
        for module in ("accelerators", "callbacks", "loggers", "plugins", "profilers", "strategies")
    ),
    *(f"lightning_fabric.{module}" for module in ("accelerators", "plugins", "strategies")),
    "pytorch_lightning.cli.ReduceLROnPlateau",
)
SKLEARN = tuple(
    f"sklearn.{module}"
    for module in (
        "cluster",
        "decomposition",
        "discriminant_analysis",
        "ensemble",
        "feature_selection",
        "kernel_approximation",
        "linear_model",
        "naive_bayes",
        "neighbors",
        "neural_network",
        "pipeline",
        "preprocessing",
        "random_projection",
        "svm",
        "tree",
    )
)
"""Estimators and transformers; `graphrec.data.features.reduction.estimators` makes them, of plain values."""
MAY_NAME = (
    "graphrec's models, tasks, losses, sources, cleaning and splits, scikit-learn's estimators, torch.nn,"
    " torch.optim, Lightning's parts"
)
_LISTED = {"graphrec", "torch", "pytorch_lightning", "lightning_fabric", "jsonargparse"}
"""Packages of which a part may be named, and no more of them in any case."""
_permitted: list[str] = []
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_DENIED = re.compile(r"Importing '([\w.]+)' is not allowed")


@cache
def set_policy() -> None:
    """Tell jsonargparse what may be named, and what names of old are called now.

    Everything else is refused before it is imported.
    """
    from graphrec.data import sources

    defined = [getattr(sources, name) for name in sources.__all__]
    _permitted.extend([*GRAPHREC, *TORCH, *LIGHTNING, *SKLEARN])
    _permitted.extend(f"{source.__module__}.{source.__qualname__}" for source in defined)
    jsonargparse.set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=list(_permitted))
    load = jsonargparse.get_loader("yaml")
    jsonargparse.set_loader("yaml", lambda text: renamed(load(text)), exceptions=(yaml.YAMLError,))


def is_allowed(name: str) -> bool:
    """Tell whether a dotted name may be imported now."""
    return any(name == allowed or name.startswith(f"{allowed}.") for allowed in _permitted)


def is_found(name: str) -> bool:
    """Tell whether there is a module to a dotted name at all; it is not imported to find out."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or _is_module(top, [*sys.path, str(Path.cwd())])


@contextmanager
def permitted(modules: Iterable[str]) -> Iterator[None]:
    """Let configurations name some modules more, which may be in the current folder.

    Args:
        modules: Top-level names, from `own_modules` or `trusted_modules`.
    """
    more = [module for module in dict.fromkeys(modules) if module not in _permitted]
    if not more:
        yield
        return
    _permitted.extend(more)
    jsonargparse.set_parsing_settings(import_path_allowlist=more)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # at the end, and not at all where nothing of it is named
    try:
        yield
    finally:
        jsonargparse.set_parsing_settings(import_path_denylist=more)
        for module in more:
            _permitted.remove(module)


def permitted_by(config: Any, *, trusted: bool) -> AbstractContextManager[None]:
    """Let a checkpoint's configuration name whatever it does, if it is trusted.

    Args:
        config: The configuration.
        trusted: Whether the user said ``--trust``.
    """
    return permitted(trusted_modules(config) if trusted else [])


def own_modules(value: Any) -> list[str]:
    """Find a user's own modules that a configuration names; none that Python or a package has."""
    folders = _own_folders()
    named = [name for name in _foreign(value) if any(_is_in(name, folder) for folder in folders)]
    elsewhere = [path for path in sys.path if Path(path or ".").resolve() not in folders]
    return [top for top in _tops(named) if not _is_module(top, elsewhere)]


def trusted_modules(value: Any) -> list[str]:
    """Find all modules that a configuration may mean, but Python's own."""
    return _tops(_foreign(value))


def names_in(value: Any) -> Iterator[str]:
    """Find every text in a configuration that could be the name of a class or function."""
    if isinstance(value, dict):
        for item in value.values():
            yield from names_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from names_in(item)
    elif isinstance(value, str) and _NAME.fullmatch(value):
        yield value


def class_paths(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find every ``class_path`` of a configuration with the keys that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "class_path" and isinstance(item, str):
                yield (*place, "class_path"), item
            else:
                yield from class_paths(item, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from class_paths(item, (*place, str(number)))


def refused_name(error: BaseException) -> str | None:
    """Find the name that jsonargparse did not import, if that is why it complains."""
    found = _DENIED.search(str(error))
    return found[1] if found else None


def _foreign(value: Any) -> list[str]:
    known = sys.stdlib_module_names | _LISTED
    return [name for name in names_in(value) if name.partition(".")[0] not in known]


def _tops(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def _is_in(name: str, folder: Path) -> bool:
    """Tell whether the folder has the module; a folder of data beside ``data.csv`` is none."""
    top, below = name.split(".")[:2]
    return any((folder / file).is_file() for file in (f"{top}.py", f"{top}/__init__.py", f"{top}/{below}.py"))


def _own_folders() -> list[Path]:
    """List the current folder, and those that the user told Python of."""
    told = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [Path.cwd().resolve(), *(Path(folder).resolve() for folder in told if folder)]


def _is_module(module: str, folders: list[str]) -> bool:
    found = importlib.machinery.PathFinder.find_spec(module, folders)
    return found is not None and found.origin is not None
