"""Every option of every command changes the result or is refused: the tables of `option_*.py`, run."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from option_checks import Check
from option_lightning import LISTED
from option_shop import Ran, build, execute
from option_table import TABLE

import graphrec.cli.commands.demo
import graphrec.cli.commands.reproduce
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.main import parser

MINUTES = ("benchmark", "compare", "demo", "fuse", "reproduce", "refit", "sweep", "tune", "update", *LISTED)
"""Commands whose checks take seconds each: they run in `make test-slow`."""

CHECKS = [
    pytest.param(
        command,
        check,
        id=f"{command} {option} {check.given}",
        marks=[pytest.mark.slow] if command in MINUTES and "does nothing" not in check.refused else [],
    )
    for command, rows in TABLE.items()
    for option, checks in rows.items()
    for check in checks
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The folder of the shop, what its files are called, and what was run in it already."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(graphrec.cli.commands.reproduce, "EXPERIMENTS", folder / "experiments")
        patch.setattr(graphrec.cli.commands.demo, "EXPERIMENTS", folder / "experiments" / "shop")
        known = build(folder)
        yield folder, known, {}


@pytest.mark.parametrize(("command", "check"), CHECKS)
def test_an_option_changes_the_result_or_is_refused(command, check: Check, shop, capfd, monkeypatch):
    folder, known, done = shop
    monkeypatch.chdir(folder)

    def ran(words: str, place: Path) -> Ran:
        return execute(words, known, place, lambda: "".join(capfd.readouterr()))

    second = ran(f"{command} {check.words} {check.given}", folder / "changed")
    if check.refused:
        assert second.refused is not None, f"not refused; it printed {second.output}"
        assert check.refused in second.refused
        return
    assert second.refused is None, second.refused[-600:]
    words = f"{command} {check.words} {check.instead}"
    if words not in done:
        done[words] = ran(words, folder / "base" / str(len(done)))
    first = done[words]
    if check.allows:
        assert first.refused is not None
        assert check.allows in first.refused
        return
    assert first.refused is None, first.refused
    assert check.result(second) != check.result(first)


def light_options() -> dict[str, set[str]]:
    """Command → its options; positional arguments by their names."""
    found: dict[str, set[str]] = {"": set()}
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                found |= _options(name, sub)
        elif action.dest != "help":
            found[""].add(_name(action))
    return found


def _options(command: str, parser: argparse.ArgumentParser) -> dict[str, set[str]]:
    """The options of a command; of one with actions of their own, those of each action."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        return {command: {_name(one) for one in parser._actions if one.dest != "help"}}
    return {f"{command} {name}": _options("", sub)[""] for name, sub in below[0].choices.items()}


def _name(action: argparse.Action) -> str:
    return action.option_strings[0] if action.option_strings else str(action.metavar or action.dest)


def lightning_options(command: str) -> set[str]:
    """The options that Lightning's parser of a command has, without those that only explain a class."""
    found: list[argparse.ArgumentParser] = []

    class Listing(GraphRecCLI):
        def parse_arguments(self, parser, args):
            found.append(parser)
            raise LookupError

    with pytest.raises(LookupError):
        run_lightning([command], Listing)
    (subcommands,) = (one for one in found[0]._actions if isinstance(one.choices, dict))
    options = {
        one.option_strings[-1 if one.dest == "config" else 0] for one in subcommands.choices[command]._actions
    }
    return {name for name in options if name != "-h" and not name.endswith(".help")}


@pytest.mark.parametrize("command", LISTED)
def test_no_option_of_lightning_is_without_a_check(command):
    assert lightning_options(command) == set(TABLE[command])


@pytest.mark.parametrize("command", [name for name in light_options() if name not in LISTED])
def test_no_option_of_a_light_command_is_without_a_check(command):
    assert light_options()[command] == set(TABLE[command])
