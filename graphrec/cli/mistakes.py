"""A mistake in a configuration, told in one line: file, row, key, what is wrong and the mend.

jsonargparse says that something is wrong, at length and without a place. The configuration is therefore gone
through once more, key by key against the signatures of the classes it names, until the mistake is found.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable
from typing import Any

from graphrec.cli.entries import Entry
from graphrec.cli.signatures import Parameter, in_words, parameters, resolve

_FREE = (
    "seed_everything",
    "ckpt_path",
    "optimizer",
    "lr_scheduler",
    "weights_only",
    "verbose",
    "return_predictions",
    "print_config",
)
"""Keys beside the groups; the parser's own message about them is short enough."""


@dataclasses.dataclass(frozen=True)
class Mistake:
    """What is wrong with an entry.

    Args:
        entry: Where it stands.
        key: The key it is about.
        what: What is wrong.
        mend: What to do about it.
    """

    entry: Entry
    key: str
    what: str
    mend: str

    def __str__(self) -> str:
        """The line that is printed."""
        row = None if self.entry.row is None else f"row {self.entry.row}"
        place = ", ".join(part for part in (self.entry.file, row, f"key '{self.key}'") if part)
        return " ".join(f"{place}: {self.what}; {self.mend}".split())


def find_mistake(whole: Entry) -> Mistake | None:
    """The first mistake in a configuration, or none that can be seen without running it."""
    groups = _groups(whole)
    for key, entry in whole.keys.items():
        if key not in groups and key not in _FREE:
            return Mistake(entry, key, "this key is not accepted", _instead(key, [*groups, *_FREE[:2]]))
    for key, group in groups.items():
        if key not in whole.keys and group.required:
            mend = f"add `{key}:`, see experiments/"
            return Mistake(Entry(None, whole.file), key, "this key is missing", mend)
        found = _in_value(whole.keys[key], key, group) if key in whole.keys else None
        if found is not None:
            return found
    return None


def _groups(whole: Entry) -> dict[str, Parameter]:
    from pytorch_lightning import Trainer

    from graphrec.cli.run import RunOptions
    from graphrec.data.module import RecommenderData
    from graphrec.training import RankedTask
    from graphrec.training.response import ResponseTask
    from graphrec.training.response_data import ResponseData

    data: type = RecommenderData
    task: type = RankedTask
    named = whole.keys["data"].keys.get("class_path") if "data" in whole.keys else None
    if named is not None and str(named.value).rpartition(".")[2] == ResponseData.__name__:
        data, task = ResponseData, ResponseTask
    return {
        "run": Parameter(RunOptions),
        "trainer": Parameter(Trainer),
        "data": Parameter(data, required=True),
        "model": Parameter(task, required=True),
    }


def _in_value(entry: Entry, key: str, parameter: Parameter) -> Mistake | None:
    """The mistake in the value of a key, given what the key expects."""
    if parameter.settings is not None and entry.value is not None:
        return _in_mapping(entry, key, parameter.settings)
    if parameter.choices and entry.value is not None:
        return _in_class(entry, key, parameter)
    if parameter.accepts(entry.plain()):
        return None
    what = f"{entry.plain()!r} is not {in_words(parameter.hint)}"
    return Mistake(entry, key, what, "write one, or leave the key out for its default")


def _in_mapping(entry: Entry, key: str, owner: Any) -> Mistake | None:
    if not isinstance(entry.value, dict):
        return Mistake(
            entry, key, f"{entry.value!r} is no mapping of keys to values", "indent its keys below it"
        )
    return _in_arguments(entry.keys, owner, entry)


def _in_class(entry: Entry, key: str, parameter: Parameter) -> Mistake | None:
    """The mistake in ``class_path`` and ``init_args``, or in a class or function named by itself."""
    named = entry.keys.get("class_path", entry if isinstance(entry.value, str) else None)
    if named is None:
        mend = f"name one of {', '.join(parameter.choices)} after `class_path:`"
        return Mistake(entry, key, "class_path is missing here", mend)
    name = str(named.value)
    if name.endswith((".yaml", ".yml")):
        mend = "paths start at the folder of the YAML file"
        return Mistake(entry, key, f"there is no such file: {name}", mend)
    target = resolve(name, parameter.choices)
    if target is None or not parameter.suits(target):
        what = f"there is no {parameter.kind} '{name}'"
        if target is not None:
            what = f"{name} cannot stand here, {parameter.noun} is expected"
        where = key if named is entry or named.row is None else "class_path"
        return Mistake(named, where, what, _instead(name, parameter.choices))
    given = dict(entry.keys.get("init_args", Entry({}, entry.file)).keys)
    given |= {name: value for name, value in entry.keys.items() if name not in ("class_path", "init_args")}
    return None if parameter.is_function else _in_arguments(given, target, named)


def _in_arguments(given: dict[str, Entry], owner: Any, place: Entry) -> Mistake | None:
    """The mistake in the arguments of a class or function: unknown, missing, or of the wrong type."""
    known = parameters(owner)
    for key, entry in given.items():
        if key not in known:
            what = f"this key is not accepted by {owner.__name__}"
            return Mistake(entry, key, what, _instead(key, known))
    for key, parameter in known.items():
        if parameter.required and key not in given:
            return Mistake(place, key, f"{owner.__name__} needs this key", f"add `{key}:` to its init_args")
    found = (_in_value(entry, key, known[key]) for key, entry in given.items())
    return next((mistake for mistake in found if mistake), None)


def _instead(name: str, known: Iterable[str]) -> str:
    """The closest right name, and which there are."""
    last = {full.rsplit(".", 1)[-1].lower(): full for full in known}
    close = difflib.get_close_matches(name.rsplit(".", 1)[-1].lower(), last, n=1)
    listed = f"known are {', '.join(last.values())}" if len(last) <= 12 else ""
    return f"did you mean '{last[close[0]]}'?" if close else listed or "see `graphrec fit --help`"


def shortened(text: str) -> str:
    """The first sentence of the parser's message, where the mistake is not in a key."""
    text = " ".join(re.sub(r"Given value type:.*", "", text, flags=re.DOTALL).split())
    text = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", text)
    return f"command line: {text[:300].rstrip('. ;')}; see `graphrec fit --help`"
