"""What `graphrec data` takes as YAML: sources, cleaning, splits and weights; and what it suggests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.errors import InputError

if TYPE_CHECKING:
    from graphrec.data.cleaning.account import CleaningStep
    from graphrec.data.cleaning.declared import CleaningRule
    from graphrec.data.interactions import RawData
    from graphrec.data.module import RecommenderData

_HINT = "write '[Guests, {class_path: Returns, init_args: {how: net}}]', or name a YAML file of it"


def rules_of(text: str) -> list[CleaningRule]:
    """Read steps of cleaning from YAML, or from a file of it, as the key ``cleaning`` of a source has them.

    Raises:
        InputError: If it is no list of steps.
    """
    import yaml

    file = Path(text) if text.endswith((".yaml", ".yml")) else None
    try:
        content = yaml.safe_load(text if file is None else file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else "not valid YAML"
        raise InputError(what, file=file, column="--cleaning", hint=_HINT) from error
    if isinstance(content, dict):
        content = content.get("cleaning", content)
    return steps_of(content)


@dataclass(frozen=True)
class Written:
    """What a YAML file of data says.

    Args:
        source: What reads the log.
        arguments: Of the source.
        beside: ``split`` and ``weights``, where they are written.
    """

    source: Callable[..., RawData]
    arguments: dict[str, Any]
    beside: dict[str, Any]

    def cut(self, raw: RawData) -> RecommenderData:
        """Cut a log, and weigh its training part, as a fit would.

        Raises:
            InputError: If split or weights are wrong, or do not go with the log.
        """
        from graphrec.data.module import RecommenderData
        from graphrec.data.splits import LeaveLast, Splitter
        from graphrec.data.weights.edges import EdgeWeights

        split, weights = self.beside.get("split"), self.beside.get("weights")
        hint = "see docs/how-to/table.md"
        made = LeaveLast() if split is None else made_of(split, Splitter, "this is no split", "split", hint)
        weighed = None
        if weights is not None:
            weighed = made_of(weights, EdgeWeights, "these are no weights", "weights", hint)
        found = RecommenderData(raw, made, weights=weighed)
        _ = found.split
        return found


def written_in(file: str) -> Written:
    """Find the source that a YAML file of data names, with its arguments, and what stands beside it.

    Raises:
        InputError: If it names none of ours.
    """
    from graphrec.cli.short import data_config
    from graphrec.data import sources

    config = data_config(file)
    said = config.get("init_args") or {}
    named = said.get("source")
    entry = named if isinstance(named, dict) else {"class_path": named}
    name = str(entry.get("class_path")).removeprefix(f"{sources.__name__}.")
    if name not in sources.__all__:
        known = ", ".join(sources.__all__)
        hint = f"name one of {sources.__name__}: {known}"
        raise InputError("this file names no source of graphrec", file=file, column="source", hint=hint)
    arguments = dict(entry.get("init_args") or {})
    if arguments.get("cleaning"):
        arguments["cleaning"] = steps_of(arguments["cleaning"])
    kept = ("split", "weights") if str(config.get("class_path")).endswith("RecommenderData") else ()
    beside = {key: said[key] for key in kept if said.get(key) is not None}
    return Written(getattr(sources, name), arguments, beside)


def steps_of(content: Any) -> list[CleaningRule]:
    """Make the steps as the parser of a YAML does.

    Args:
        content: Their entries, as YAML gives them.

    Raises:
        InputError: If they are none.
    """
    from graphrec.data.cleaning.rules import CleaningRule

    found: list[CleaningRule] = made_of(
        content, list[CleaningRule], "these are no steps of cleaning", "--cleaning", _HINT
    )
    return found


def made_of(content: Any, kind: Any, wrong: str, key: str, hint: str) -> Any:
    """Make an object of what YAML says of it, as the parser of a fit does.

    Args:
        content: The value of the key.
        kind: Type of the object.
        wrong: What a message says where it cannot be made.
        key: Where the value stands.
        hint: What to do about a mistake.

    Raises:
        InputError: If it is none.
    """
    import jsonargparse

    from graphrec.cli.config.vocabulary import set_policy

    set_policy()
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--made", type=kind)
    try:
        return parser.instantiate(parser.parse_object({"made": content})).made
    except InputError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines()[-1].strip(" -")
        raise InputError(f"{wrong} ({said})", column=key, hint=hint) from error


def suggested(steps: Sequence[CleaningStep]) -> str:
    """Write the entries of ``cleaning:`` that declare what was done without being asked; empty if none."""
    entries = dict.fromkeys(step.entry for step in steps if step.entry and step.removed + step.filled)
    derived = [step.rule for step in steps if step.rule == "Prices"][:1]  # first, for others to look at
    entries = dict.fromkeys([*(derived if entries else []), *entries])
    return "\n".join(["cleaning:", *(f"  - {entry}" for entry in entries)]) if entries else ""
