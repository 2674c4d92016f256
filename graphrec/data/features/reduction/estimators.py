"""Estimators and transformers of scikit-learn, named in a YAML by ``class_path`` and ``init_args``."""

from __future__ import annotations

import difflib
import importlib
import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from graphrec.errors import InputError
from graphrec.notices import warn

Spec = Mapping[str, Any] | str
"""``{class_path: sklearn.tree.DecisionTreeClassifier, init_args: {max_depth: 8}}``, or the path alone."""


def make_estimator(spec: Spec, key: str, methods: Sequence[str]) -> Any:
    """Make what a YAML names; arguments that name estimators themselves are made first.

    Args:
        spec: Class and arguments.
        key: Where it stands, for messages.
        methods: What it must be able to do, such as ``fit`` and ``transform``.

    Raises:
        InputError: If there is no such class, it lacks a method, or it does not take the arguments.
    """
    path, arguments = _read(spec, key)
    made = _class(path, key)
    lacking = [method for method in methods if not callable(getattr(made, method, None))]
    if lacking:
        what = f"{path} has no {lacking[0]}"
        raise InputError(what, column=key, hint=f"name a class with {' and '.join(methods)}")
    values = {name: _value(value, f"{key}.{name}") for name, value in arguments.items()}
    try:
        return made(**values)
    except TypeError as error:
        known = list(inspect.signature(made).parameters)
        hint = f"it takes {', '.join(known)}" if known else "it takes no arguments"
        raise InputError(f"{path}: {error}", column=key, hint=hint) from error


def with_seed(estimator: Any, seed: int) -> Any:
    """Set the seed of an estimator that has one and was given none."""
    parameters = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    if "random_state" in parameters and parameters["random_state"] is None:
        estimator.set_params(random_state=seed)
    return estimator


def fit_estimator(estimator: Any, columns: Any, target: Any, what: str) -> Any:
    """Fit an estimator; what it warns of more than once is told once, in a line.

    Args:
        estimator: Not fitted yet.
        columns: What it reads. Shape ``[n, F]``.
        target: What it learns. Shape ``[n]``.
        what: What it is, in words.

    Raises:
        InputError: If it cannot be fitted to them.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            fitted = estimator.fit(columns, target)
        except (TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"the {what} cannot be fitted: {reason}", column="estimator") from error
    for line in dict.fromkeys(" ".join(str(one.message).split()) for one in told):
        warn(f"the {what} {type(estimator).__name__}: {line}", column="estimator")
    return fitted


def _read(spec: Spec, key: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(spec, str):
        return spec, {}
    wrong = sorted(map(str, set(spec) - {"class_path", "init_args"}))
    if wrong or not isinstance(spec.get("class_path"), str):
        what = f"{wrong[0]!r} is not known here" if wrong else "there is no class_path"
        hint = "write class_path: sklearn.MODULE.CLASS and, below init_args, its arguments"
        raise InputError(what, column=key, hint=hint)
    return spec["class_path"], spec.get("init_args") or {}


def _class(path: str, key: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        found = importlib.import_module(module) if module else None
    except ImportError as error:
        raise InputError(
            f"there is no module {module}", column=key, hint="write sklearn.MODULE.CLASS"
        ) from error
    made = getattr(found, name, None)
    if not inspect.isclass(made):
        names = [one for one, value in vars(found).items() if inspect.isclass(value)] if found else []
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {module}.{close[0]}?" if close else "write sklearn.MODULE.CLASS"
        raise InputError(f"there is no class {path}", column=key, hint=hint)
    return made


def _value(value: Any, key: str) -> Any:
    """Make what an argument names, if it names a class."""
    if isinstance(value, Mapping) and "class_path" in value:
        return make_estimator(value, key, ["fit"])
    return value
