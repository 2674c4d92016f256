"""Commands that are killed at any point: after a rerun all is as if they had not been, or clean."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from killing import Forks
from small_runs import CLOSED_FORM, CONFIG, write_config

BEST = "runs/small/a/checkpoints/best.ckpt"
COMMANDS = {
    "fit": ["fit", "-c", "new.yaml", "--run.id", "new"],
    "test": ["test", "-c", "c.yaml", "--run.id", "a"],
    "predict": ["predict", "--ckpt_path", BEST],
    "refit": ["refit", "runs/small/a"],
    "recommend": ["recommend", "--ckpt", BEST, "-k", "3", "--out", "items.parquet"],
    "offers": ["offers", "--ckpt", BEST, "--policy", "none", "--out", "offers.parquet"],
    "fuse": ["fuse", "runs/small/a", "runs/popular/a", "--name", "both", "--id", "a"],
    "compare": ["compare", "runs/small/a", "runs/popular/a", "--out", "cmp"],
    "reproduce": ["reproduce", "shop", "--out", "row"],
}
POINTS = 5
CHANCE = (
    *("seconds", "fit_seconds", "peak_gb", "peak_process_bytes", "checkpoint_sha256", "path", "machine"),
)
"""What differs from run to run; a checkpoint holds when it was written."""


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


@pytest.fixture(scope="module")
def shop(tmp_path_factory, forks) -> Path:
    """A folder with two runs and a row to reproduce."""
    folder = tmp_path_factory.mktemp("shop")
    write_config(folder / "c.yaml")
    write_config(folder / "new.yaml", name="fresh")
    write_config(folder / "p.yaml", name="popular", model=CLOSED_FORM)
    (folder / "rows" / "shop").mkdir(parents=True)
    row = {**CONFIG, "run": {"name": "shop-lightgcn"}}
    (folder / "rows" / "shop" / "lightgcn.yaml").write_text(yaml.safe_dump(row))
    rows = {"shop": {"config": "shop/lightgcn.yaml", "protocol": "honest"}}
    (folder / "rows" / "reproduce.yaml").write_text(yaml.safe_dump(rows))
    for file in ("c.yaml", "p.yaml"):
        ended = forks.run(folder, ["fit", "-c", file, "--run.id", "a"], WANDB_MODE="disabled")
        assert ended.code == 0, ended.said
    return folder


@pytest.fixture(scope="module")
def tested(shop, forks, tmp_path_factory) -> Path:
    """The same with W&B's logs, of a fit and a test each, which only ``compare`` reads."""
    folder = tmp_path_factory.mktemp("tested") / "shop"
    shutil.copytree(shop, folder)
    shutil.rmtree(folder / "runs")
    for file in ("c.yaml", "p.yaml"):
        for command in (["fit", "-c", file, "--run.id", "a"], ["test", "-c", file]):
            ended = forks.run(folder, command)
            assert ended.code == 0, ended.said
    return folder


@pytest.fixture
def begun(request, command) -> Path:
    """The folder that a command starts from."""
    folder: Path = request.getfixturevalue("tested" if command == "compare" else "shop")
    return folder


def results(folder: Path) -> dict[str, Any]:
    """What the files hold that other commands and people read; every one of them must be readable."""
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        if (
            not file.is_file()
            or "wandb" in file.parts
            or "tmp" in name.split("/")
            or file.name.startswith(".")
        ):
            continue
        if file.suffix == ".ckpt":
            content = torch.load(file, weights_only=True)
            found[name] = content["state_dict"] | {"epoch": torch.tensor(content["epoch"])}
        elif file.suffix in (".parquet", ".csv"):
            frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
            if not file.name.startswith(
                "metrics"
            ):  # a resumed fit has the epochs before in a part of its own
                found[name] = frame.drop(columns=[key for key in CHANCE if key in frame])
        elif file.name == "progress.json":
            content = json.loads(file.read_text())
            found[name] = (content["step"], content["finished"] is not None, sorted(content["checkpoints"]))
        elif file.suffix == ".json" and file.name != "steps.json":
            content = json.loads(file.read_text())
            for part in ("summary", "settings", "data_card", "made_by"):  # of run.json
                content |= content.pop(part, {})
            plain = {key: value for key, value in content.items() if not isinstance(value, list)}
            found[name] = {key: value for key, value in plain.items() if key not in CHANCE}
    return found


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(ours[name], value, rtol=1e-5, obj=name)
        elif name.endswith(".ckpt"):
            torch.testing.assert_close(ours[name], value, rtol=1e-5, atol=1e-6)
        elif isinstance(value, dict):
            assert ours[name] == pytest.approx(value, abs=1e-6), name
        else:
            assert ours[name] == value, name


UNBROKEN: dict[str, tuple[dict[str, Any], int]] = {}


@pytest.fixture
def unbroken(begun, forks, command, tmp_path) -> tuple[dict[str, Any], int]:
    """What a command leaves that is not killed, and how many events it has; found once."""
    if command not in UNBROKEN:
        folder = tmp_path / "unbroken" / "shop"
        shutil.copytree(begun, folder, symlinks=True)
        ended = forks.run(folder, COMMANDS[command], **settings_of(folder))
        assert ended.code == 0, ended.said
        UNBROKEN[command] = results(folder), ended.events
    return UNBROKEN[command]


def settings_of(folder: Path) -> dict[str, str]:
    return {"experiments": str(folder / "rows"), "WANDB_MODE": "disabled"}


def rerun(forks: Forks, folder: Path, command: str) -> None:
    """Run a command again as its user would who reads what it says."""
    settings = settings_of(folder)
    ended = forks.run(folder, COMMANDS[command], **settings)
    if ended.code == 2 and "--ckpt_path last" in ended.said:  # a fit that was begun: go on with it
        assert command == "fit"
        ended = forks.run(folder, [*COMMANDS[command], "--ckpt_path", "last"], **settings)
    done = "there is a finished run" in ended.said or "there is a run already" in ended.said
    assert ended.code == 0 or (ended.code == 2 and done), ended.said


@pytest.fixture
def check(begun, forks, unbroken, command, tmp_path):
    """Kill the command after a part of its events, look at what is left, run it again and compare."""
    return lambda part, far: _check(forks, begun, unbroken, tmp_path / "shop", command, part, far)


def _check(
    forks: Forks,
    begun: Path,
    unbroken: tuple[dict[str, Any], int],
    folder: Path,
    command: str,
    part: float,
    far: bool,
) -> None:
    whole, events = unbroken
    shutil.copytree(begun, folder, symlinks=True)
    settings = settings_of(folder)
    if far:
        Path("/dev/shm/graphrec-kills").mkdir(exist_ok=True)
        settings["TMPDIR"] = "/dev/shm/graphrec-kills"
    at = max(1, min(events, round(part * events)))
    ended = forks.run(folder, COMMANDS[command], at, **settings)
    assert ended.code == -9, f"event {at} of {events}: {ended.said}"
    left = results(folder)  # every file that has its name is whole
    assert left.keys() <= whole.keys() | results(begun).keys()

    rerun(forks, folder, command)

    assert_same(results(folder), whole)
    assert not list((folder / "runs").rglob(".*.part")), "half a file was left"
    shutil.rmtree(folder)


@pytest.mark.parametrize(("command", "part"), [("fit", 0.7), ("refit", 0.6), ("recommend", 1.0)])
def test_a_killed_command_is_made_good_by_a_rerun(check, command, part):
    check(part, far=command == "refit")


@pytest.mark.slow
@pytest.mark.parametrize("point", range(POINTS))
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_killed_at_any_point_are_made_good_by_a_rerun(check, command, point):
    """Points spread over the whole command, every other one with TMPDIR on another disk."""
    check((point + 0.8) / POINTS, far=point % 2 == 1)
