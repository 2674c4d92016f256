"""Policies that a command line or a call names: graphrec's by name, one's own by a dotted path or a file."""

from __future__ import annotations

import difflib
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from graphrec.cli.config.vocabulary import is_found, own_modules, permitted, trusted_modules
from graphrec.errors import InputError
from graphrec.offers.policies.base import Policy
from graphrec.offers.policies.named import POLICIES, checked_policy, made_policy
from graphrec.offers.policies.rules import Uniform

OPTION = "--policy"


def policy_of(given: Any, rate: float | None = None, trusted: bool = False) -> Policy:
    """Find a policy.

    Args:
        given: A name, ``module.Class`` or ``module.instance`` of one's own, a YAML file with ``class_path``
            and ``init_args``, or a policy.
        rate: Of the policy `uniform`.
        trusted: Whether modules outside the user's folders may be named.

    Raises:
        InputError: If there is none.
    """
    if not isinstance(given, str):
        return checked_policy(given, OPTION)
    if given == Uniform.name and rate is not None:
        return Uniform(rate)
    if given in POLICIES:
        return POLICIES[given]()
    if given.partition("=")[0] == "uplift":
        hint = "`graphrec policy decide --log EXPERIMENT --facts ...` gives each person the best arm"
        raise InputError("arms of an experiment are of people, not of items", column=OPTION, hint=hint)
    if given.endswith((".yaml", ".yml")):
        return _read(Path(given), trusted)
    if "." in given:
        return checked_policy(_imported(given, trusted), OPTION)
    close = difflib.get_close_matches(given, POLICIES, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"choose one of {', '.join(POLICIES)}, or module.Class"
    raise InputError(f"there is no policy '{given}'", column=OPTION, hint=hint)


def _read(path: Path, trusted: bool) -> Policy:
    """Read a policy with its arguments from a YAML file."""
    if not path.is_file():
        raise InputError("there is no such file", file=path, column=OPTION)
    try:
        keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"this is not YAML ({error})", file=path) from error
    if not isinstance(keys, dict) or not isinstance(keys.get("class_path"), str):
        hint = "start with `class_path:` and the name of a policy's class"
        raise InputError("this is no policy", file=path, column="class_path", hint=hint)
    more = set(keys) - {"class_path", "init_args"}
    arguments = keys.get("init_args") or {}
    if more or not isinstance(arguments, dict):
        column = min(map(str, more), default="init_args")
        raise InputError(
            "a policy has no such key", file=path, column=column, hint="give class_path, init_args"
        )
    kind = _ours(keys["class_path"]) or _imported(keys["class_path"], trusted)
    return made_policy(kind, arguments, str(path))


def _ours(name: str) -> Any:
    """Find a class of graphrec's by its name or dotted path; None if it is none."""
    for kind in POLICIES.values():
        if name in (kind.__name__, f"{kind.__module__}.{kind.__qualname__}"):
            return kind
    return None


def _imported(name: str, trusted: bool) -> Any:
    """Import what a dotted path of one's own stands for.

    Raises:
        InputError: If there is nothing, or it may not be named.
    """
    module, _, attribute = name.rpartition(".")
    modules = trusted_modules([name]) if trusted else own_modules([name])
    if not modules:
        if not is_found(name):
            hint = "modules are looked for in the current folder and in PYTHONPATH"
            raise InputError(f"there is no module '{module}'", column=OPTION, hint=hint)
        hint = "name a module of the current folder; --trust allows those of other packages"
        raise InputError(f"'{name}' may not be named here", column=OPTION, hint=hint)
    with permitted(modules):
        try:
            found = import_module(module)
        except Exception as error:
            what = f"the module '{module}' could not be imported ({type(error).__name__}: {error})"
            raise InputError(what, column=OPTION) from error
    if not hasattr(found, attribute):
        known = [one for one in vars(found) if not one.startswith("_")]
        close = difflib.get_close_matches(attribute, known, n=1)
        hint = f"did you mean '{module}.{close[0]}'?" if close else "name a class or an instance of it"
        raise InputError(f"there is no '{attribute}' in '{module}'", column=OPTION, hint=hint)
    return getattr(found, attribute)
