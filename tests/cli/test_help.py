"""Every command's help has examples, each example is read by the parsers, and the cheap ones run."""

from __future__ import annotations

import argparse
import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from option_shop import log

from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.main import LIGHTNING, main, parser
from graphrec.cli.short import model_file

ROOT = Path(__file__).parents[2]


def helps() -> dict[str, str]:
    """Command → the text of its help; the first is that of all."""
    found = {"": parser().format_help()}
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {
                name: sub.format_help() for name, sub in action.choices.items() if name not in LIGHTNING
            }
    return found


def examples(text: str) -> list[list[str]]:
    """The command lines of a text, those over several lines joined and comments cut off."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    lines = [line.strip().removeprefix("example: ") for line in joined.splitlines()]
    whole = " ".join(lines)
    single = re.findall(r"example: (graphrec .*)$", " ".join(text.split()))
    found = [line for line in lines if line.startswith("graphrec ")] if "examples" in whole else single
    return [shlex.split(line.partition(" > ")[0], comments=True)[1:] for line in found]


ALL = [(command, args) for command, text in helps().items() for args in examples(text)]


def test_every_command_has_an_example():
    assert {command for command, _ in ALL} == set(helps())
    assert len(ALL) > 20


@pytest.mark.parametrize(("command", "args"), ALL, ids=lambda value: " ".join(value) if value else "all")
def test_an_example_is_read_by_its_parser(command, args, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert command in ("", args[0])
    if args[0] not in LIGHTNING:
        assert parser().parse_args(args).command == args[0]
        return
    if "-m" in args:  # with a file of the reader's own, which tests/cli/test_short.py brings
        assert model_file(args[args.index("-m") + 1]).is_file()
        return
    config = [value for option, value in itertools.pairwise(args) if option == "-c"]
    assert all(Path(file).is_file() for file in config)

    class Parsed(GraphRecCLI):
        def before_instantiate_classes(self):
            raise LookupError

    with pytest.raises(LookupError):
        run_lightning(args, Parsed)


@pytest.mark.parametrize("command", LIGHTNING)
def test_the_example_of_an_experiment_command_names_a_file_that_is_there(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = capsys.readouterr().out
    (args,) = (shlex.split(line)[2:] for line in said.splitlines() if line.startswith("example: graphrec"))
    assert args[0] == command
    assert (ROOT / args[args.index("-c") + 1]).is_file()


@pytest.mark.parametrize("action", ["check", "describe"])
def test_the_examples_of_data_run(action, tmp_path, monkeypatch, capsys):
    """On a log with the columns that they map."""
    monkeypatch.chdir(tmp_path)
    names = {"user_id": "customer", "item_id": "sku", "timestamp": "date"}
    whole = log().rename(columns=names)
    whole.head(700).to_csv("purchases.csv", index=False)
    whole.tail(200).to_csv("later.csv", index=False)
    Path("columns.yaml").write_text("".join(f"{ours}: {theirs}\n" for ours, theirs in names.items()))
    chosen = [args for args in examples(helps()["data"]) if args[1] == action and "--columns" in args]
    for args in chosen:
        main(args)
        assert "Cleaning" in capsys.readouterr().out
    assert chosen or action == "describe"


def test_help_of_a_process_is_a_text_without_torch():
    done = subprocess.run(
        [sys.executable, "-m", "graphrec", "data", "--help"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
