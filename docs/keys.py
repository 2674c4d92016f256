"""Make a page of the reference for each YAML key, from the parser of `fit` and the signatures of its classes.

Nothing here is typed by hand but the places at which a class may stand. `docs/build.py` writes the pages.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from graphrec.cli.config import docstrings

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
MISSING = inspect.Parameter.empty
RECOMMENDER = "model.init_args.recommender"
MOST_SHIPPED = 8


@dataclass(frozen=True)
class Key:
    """One key of a YAML file.

    Args:
        name: Last part of its path.
        kind: Its type as text.
        default: As text, or None where a value must be given.
        about: What it does.
    """

    name: str
    kind: str
    default: str | None
    about: str


@dataclass(frozen=True)
class Part:
    """What has keys: a class that a YAML names, or a group of keys at the top.

    Args:
        name: Of the class or group.
        group: Heading in the navigation.
        place: Dotted path to its keys.
        about: First lines of its docstring.
        keys: In their order.
        path: How a YAML names it; none for a group.
    """

    name: str
    group: str
    place: str
    about: str
    keys: tuple[Key, ...]
    path: str | None = None


def parts() -> list[Part]:
    """Everything that a YAML file of `graphrec fit` configures."""
    return [*_of_parser(), *_of_classes()]


def _of_parser() -> Iterator[Part]:
    """Groups at the top: what stands alone, `run` and `trainer`."""
    groups: dict[str, list[Key]] = {"top": [], "run": [], "trainer": []}
    for action in _fit_parser()._actions:
        group, _, name = action.dest.rpartition(".")
        taken = action.dest not in ("help", "config", "print_config", "run", "trainer", "model", "data")
        if taken and group in ("", *groups) and name != "help":
            hint = getattr(action, "_typehint", None) or action.type
            kind = "true or false" if hint is None else _type(hint)
            about = re.sub(r"\s*Default: ``.*", "", str(action.help or ""), flags=re.DOTALL)
            groups[group or "top"].append(Key(name, kind, _value(action.default), docstrings.plain(about)))
    about = {
        "top": "Keys that stand at the top of a file.",
        "run": "Where a fit writes and what it watches.",
        "trainer": "Arguments of Lightning's Trainer, with Lightning's words.",
    }
    for group, keys in groups.items():
        place = "" if group == "top" else group
        yield Part(group, "Run and trainer", place, about[group], tuple(keys))


class _ParserMadeError(Exception):
    """Carries the parser out of Lightning before anything is read."""


def _fit_parser() -> Any:
    from graphrec.cli.experiment.lightning import GraphRecCLI
    from graphrec.cli.experiment.start import run_lightning

    class Stopped(GraphRecCLI):
        def parse_arguments(self, parser: Any, args: Any) -> None:
            raise _ParserMadeError(self._subcommand_parsers["fit"])

    try:
        run_lightning(["fit", "-c", str(EXPERIMENTS / "complete_journey" / "lightgcn.yaml")], Stopped)
    except _ParserMadeError as made:
        return made.args[0]
    raise AssertionError("the parser was not made")


def _of_classes() -> Iterator[Part]:
    from graphrec import models
    from graphrec.cli.config.signatures import loss_names
    from graphrec.cli.config.tasks import data_class, kinds
    from graphrec.data import sources, splits
    from graphrec.data.features.build import FeatureOptions
    from graphrec.data.weights import EdgeWeights, RowWeight
    from graphrec.fusion.task import FusionTask
    from graphrec.models.base import ClosedForm, Decoder, Encoder
    from graphrec.response.visits import VisitOptions

    for data in dict.fromkeys(data_class(kind) for kind in kinds()):
        yield _part(data, "Data", "data.init_args")
    yield _part(FeatureOptions, "Data", "data.init_args.features")
    yield _part(VisitOptions, "Data", "data.init_args.visits")
    yield _part(EdgeWeights, "Data", "data.init_args.weights")
    for weight in RowWeight.__subclasses__():
        yield _part(weight, "Weights of rows", "data.init_args.weights.rows.init_args")
    for name in sources.__all__:
        path = f"graphrec.data.sources.{name}"
        yield _part(getattr(sources, name), "Sources", "data.init_args.source.init_args", path)
    for split in splits.Splitter.__subclasses__():
        yield _part(split, "Splits", "data.init_args.split.init_args")
    for task in dict.fromkeys((*kinds(), FusionTask)):
        yield _part(task, "Tasks", "model.init_args")
    for model in (getattr(models, name) for name in models.__all__):
        if issubclass(model, Encoder):
            yield _part(model, "Encoders", "model.init_args.encoder.init_args")
        elif issubclass(model, Decoder):
            yield _part(model, "Decoders", "model.init_args.decoder.init_args")
        elif issubclass(model, ClosedForm):
            yield _part(model, "Closed forms", f"{RECOMMENDER}.init_args")
        else:
            yield _part(model, "Filters", f"{RECOMMENDER}.init_args.response.init_args")
    for name, loss in loss_names().items():
        yield _part(loss, "Losses", "model.init_args.loss.init_args", name)


def _part(made: Callable[..., Any], group: str, place: str, path: str | None = None) -> Part:
    described = docstrings.arguments(made)
    function_loss = group == "Losses" and not inspect.isclass(made)
    parameters = {} if function_loss else inspect.signature(made).parameters
    plain = [one for one in parameters.values() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    keys = [
        Key(one.name, _type(one.annotation), _value(one.default), described.get(one.name, ""))
        for one in plain
        if one.name not in ("graph", "num_users", "num_items")
    ]
    return Part(made.__name__, group, place, docstrings.about(made), tuple(keys), path or made.__name__)


def _type(hint: Any) -> str:
    if hint is MISSING:
        return "anything"
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    text = re.sub(r"\b(?:typing|pathlib|datetime|collections\.abc)\.", "", text)
    return re.sub(r"\b[a-z_]+(?:\.\w+)*\.([A-Z]\w*)", r"\1", text)


def _value(value: Any) -> str | None:
    if value is MISSING:
        return None
    if inspect.isfunction(value) or inspect.isclass(value):
        return f"{value.__module__}.{value.__name__}" if inspect.isfunction(value) else value.__name__
    if value is None or isinstance(value, bool | int | float | str | list | tuple):
        return (
            yaml.safe_dump(list(value) if isinstance(value, tuple) else value).removesuffix("...\n").strip()
        )
    return type(value).__name__


def shipped() -> dict[tuple[str, str], list[tuple[str, Any]]]:
    """(part, key) → the shipped files that set it, and to what."""
    found: dict[tuple[str, str], list[tuple[str, Any]]] = {}
    for file in sorted(EXPERIMENTS.glob("*/*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if file.parent.name in ("sweeps", "offers") or not isinstance(content, dict):
            continue
        for part, key, value in _settings(content):
            place = found.setdefault((part, key), [])
            place.append((file.relative_to(EXPERIMENTS.parent).as_posix(), value))
    return found


def _settings(content: Any, part: str = "top") -> Iterator[tuple[str, str, Any]]:
    if isinstance(content, list):
        for item in content:
            yield from _settings(item, "")
    elif isinstance(content, dict) and "class_path" in content:
        name = str(content["class_path"]).rpartition(".")[2]
        yield from _settings(content.get("init_args") or {}, name)
    elif isinstance(content, dict):
        inside = {"features": "FeatureOptions", "visits": "VisitOptions", "run": "run", "trainer": "trainer"}
        for key, value in content.items():
            if part:
                yield part, str(key), value
            yield from _settings(value, inside.get(str(key), ""))


def part_page(part: Part) -> str:
    """The page of a class or group, with a table of its keys."""
    named = f"\n\nA YAML file names it `{part.path}`." if part.path else ""
    lines = [f"# {part.name}", "", part.about.replace("``", "`") + named, ""]
    if not part.keys:
        return "\n".join([*lines, "It has no keys.", ""])
    lines += ["| key | type | default |", "| --- | --- | --- |"]
    for key in part.keys:
        default = "required" if key.default is None else f"`{key.default}`"
        lines.append(f"| [`{key.name}`]({key.name}.md) | `{_cell(key.kind)}` | {_cell(default)} |")
    return "\n".join([*lines, ""])


def key_page(part: Part, key: Key, uses: list[tuple[str, Any]]) -> str:
    """The page of one key: where it stands, what it takes, what it does, who sets it."""
    path = f"{part.place}.{key.name}".strip(".")
    default = "none: a value must be given" if key.default is None else f"`{key.default}`"
    lines = [f"# {key.name} ({part.name})", "", key.about or "*Not described yet.*", ""]
    lines += ["| | |", "| --- | --- |", f"| key | `{path}` |", f"| of | [{part.name}](index.md) |"]
    lines += [f"| type | `{_cell(key.kind)}` |", f"| default | {_cell(default)} |", ""]
    lines += ["```yaml", *_nested(path.split("."), part.path), "```", ""]
    if uses:
        lines += ["## In shipped files", "", "| file | value |", "| --- | --- |"]
        lines += [f"| `{file}` | `{_cell(_short(value))}` |" for file, value in uses[:MOST_SHIPPED]]
        lines += ["", f"… and {len(uses) - MOST_SHIPPED} more."] if len(uses) > MOST_SHIPPED else []
    return "\n".join([*lines, ""])


def _nested(keys: list[str], named: str | None) -> list[str]:
    """The lines of a YAML file that lead to a key."""
    lines = []
    for depth, key in enumerate(keys):
        space = "  " * depth
        last = depth == len(keys) - 1
        if key == "init_args":
            above = keys[depth - 1]
            whose = named if depth == len(keys) - 2 else _NAMES.get(above, "…")
            lines.append(f"{space}class_path: {whose}")
        lines.append(f"{space}{key}: …" if last else f"{space}{key}:")
    return lines


_NAMES = {"data": "RecommenderData", "model": "RankingTask", "recommender": "Spectral"}


def _short(value: Any) -> str:
    text = " ".join(yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
