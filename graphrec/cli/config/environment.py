"""Options from environment variables, named as jsonargparse names them.

``GRAPHREC_FIT__TRAINER__MAX_EPOCHS=3`` is ``--trainer.max_epochs=3`` of ``fit``. They stand before what is
typed, so a file or an option on the command line holds against them. They become options here, not inside
jsonargparse, so that whatever reads a command line reads them, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphrec.notices import note

_PREFIX = "GRAPHREC_"


def with_environment(args: list[str], environment: Mapping[str, str]) -> list[str]:
    """Put the options that the environment gives to a command before those that are typed.

    A line on standard error names each of them.

    Args:
        args: The command and its options.
        environment: Names and values, such as ``os.environ``.
    """
    found = dict(_options(args[0], environment))
    for variable, option in found.items():
        note(f"{variable}: {option}")
    return [args[0], *found.values(), *args[1:]]


def _options(command: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """List variables of a command with the options they stand for; a file comes before single keys."""
    begins = f"{_PREFIX}{command.upper()}__"
    named = {name: name.removeprefix(begins) for name in environment if name.startswith(begins)}
    for name in sorted(named, key=lambda name: (named[name] != "CONFIG", name)):
        yield name, f"--{named[name].lower().replace('__', '.')}={environment[name]}"
