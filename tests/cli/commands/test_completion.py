"""`graphrec completion`: each shell gets a script, and bash completes with it what the parsers know."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from graphrec.cli.commands import COMMANDS
from graphrec.cli.commands.completion import SHELLS
from graphrec.cli.experiment.option_names import option_names
from graphrec.cli.main import LIGHTNING, main
from graphrec.errors import InputError

ASK = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9
_shtab_graphrec
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    return {shell: main(["completion", shell]) for shell in SHELLS}


@pytest.fixture(scope="module")
def completed(scripts, tmp_path_factory):
    """What bash offers after some words, the last of which is begun or empty."""
    folder = tmp_path_factory.mktemp("shell")
    (folder / "complete.bash").write_text(scripts["bash"])
    (folder / "mine.yaml").write_text("{}")

    def offered(*words: str) -> set[str]:
        quoted = " ".join(f"'{word}'" for word in ("graphrec", *words))
        asked = ASK.format(script="complete.bash", words=quoted)
        command = [shutil.which("bash"), "--norc", "-c", asked]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
        return {word.strip() for word in done.stdout.splitlines() if word.strip()}

    return offered


def test_the_scripts_differ_and_name_every_command(scripts):
    assert len(set(scripts.values())) == len(SHELLS)
    for text in scripts.values():
        assert all(command in text for command in [*LIGHTNING, *COMMANDS])
        assert "--campaign_budgets" in text
        assert "model.init_args.recommender.init_args.response.init_args.flatness" in text


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_can_read_its_script(shell, scripts, tmp_path):
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(scripts[shell])
    done = subprocess.run([program, "-n", str(tmp_path / "script")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["re"], {"recommend", "refit", "report", "reproduce"}),
        (["sim"], {"similar"}),
        (["data", ""], {"describe", "check", "profile"}),
        (["data", "check", "mi"], {"mine.yaml"}),
        (["offers", "--sc"], {"--scenario"}),
        (["offers", "--policy", "know"], set()),
        (["offers", "--policy", "kn"], {"knapsack"}),
        (["completion", ""], set(SHELLS)),
        (["reproduce", "gowalla-che"], {"gowalla-chebycf"}),
        (["experiments", "copy", "gowalla/che"], {"gowalla/chebycf.yaml"}),
        (["fit", "--config", "mi"], {"mine.yaml"}),
        (["fit", "-c", "mi"], {"mine.yaml"}),
        (["fit", "--model", "Dir"], {"DirectAUTask"}),
        (["fit", "--model.init_args.encoder", "Lig"], {"LightGCN", "LightGCNpp"}),
        (
            ["fit", "--model.init_args.encoder.init_args.num_"],
            {"--model.init_args.encoder.init_args.num_layers"},
        ),
        (["fit", "--model.init_args.sampling", ""], {"pair", "shared", "batch", "none", "null"}),
        (["fit", "--data.init_args.split", "Le"], {"LeaveLast"}),
        (["fit", "--trainer.enable_checkpointing", "t"], {"true"}),
        (["fit", "--run.pat"], {"--run.patience"}),
        (["test", "--run.pat"], set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bash_completes(words, offered, completed):
    assert completed(*words) == offered


@pytest.mark.parametrize("command", LIGHTNING)
def test_what_an_experiment_offers_is_known_to_its_parser(command):
    """Names of classes are those that the messages know; `test_signatures` holds them to the parser."""
    found = option_names(command)
    names = [name for one in found for name in one.names]
    assert len(set(names)) == len(names)
    assert {"--config", "--trainer.precision", "--data.init_args.eval_batch_size"} <= set(names)
    assert ("--optimizer" in names) is (command == "fit")


@pytest.mark.parametrize("words", [["completion"], ["completion", "tcsh"]])
def test_a_shell_that_is_not_known_is_one_line(words):
    with pytest.raises(InputError):
        main(words)
