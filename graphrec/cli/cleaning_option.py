"""Sources and steps of cleaning that `graphrec data` takes as YAML, and the entries that it suggests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.errors import InputError

if TYPE_CHECKING:
    from graphrec.data.cleaning.account import CleaningStep
    from graphrec.data.cleaning.declared import CleaningRule
    from graphrec.data.interactions import RawData

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


def source_in(file: str) -> tuple[Callable[..., RawData], dict[str, Any]]:
    """Find the source that a YAML file of data names, with its arguments.

    Raises:
        InputError: If it names none of ours.
    """
    from graphrec.cli.short import data_config
    from graphrec.data import sources

    named = data_config(file).get("init_args", {}).get("source")
    entry = named if isinstance(named, dict) else {"class_path": named}
    name = str(entry.get("class_path")).removeprefix(f"{sources.__name__}.")
    if name not in sources.__all__:
        known = ", ".join(sources.__all__)
        hint = f"name one of {sources.__name__}: {known}"
        raise InputError("this file names no source of graphrec", file=file, column="source", hint=hint)
    arguments = dict(entry.get("init_args") or {})
    if arguments.get("cleaning"):
        arguments["cleaning"] = steps_of(arguments["cleaning"])
    source: Callable[..., RawData] = getattr(sources, name)
    return source, arguments


def steps_of(content: Any) -> list[CleaningRule]:
    """Make the steps as the parser of a YAML does.

    Args:
        content: Their entries, as YAML gives them.

    Raises:
        InputError: If they are none.
    """
    import jsonargparse

    from graphrec.cli.config.vocabulary import set_policy
    from graphrec.data.cleaning.rules import CleaningRule

    set_policy()
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--cleaning", type=list[CleaningRule])
    try:
        made = parser.instantiate(parser.parse_object({"cleaning": content}))
    except InputError:
        raise
    except Exception as error:
        what = f"these are no steps of cleaning ({str(error).strip().splitlines()[-1].strip(' -')})"
        raise InputError(what, column="--cleaning", hint=_HINT) from error
    found: list[CleaningRule] = made.cleaning
    return found


def suggested(steps: Sequence[CleaningStep]) -> str:
    """Write the entries of ``cleaning:`` that declare what was done without being asked; empty if none."""
    entries = dict.fromkeys(step.entry for step in steps if step.entry and step.removed + step.filled)
    derived = [step.rule for step in steps if step.rule == "Prices"][:1]  # first, for others to look at
    entries = dict.fromkeys([*(derived if entries else []), *entries])
    return "\n".join(["cleaning:", *(f"  - {entry}" for entry in entries)]) if entries else ""
