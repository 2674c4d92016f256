"""Every shipped experiment is named after its file and goes through one batch of everything."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

import graphrec.data.datasets.complete_journey as journey
from graphrec.cli.main import main

ROOT = Path(__file__).parents[2] / "experiments"
MODELS = [
    file
    for file in sorted(ROOT.rglob("*.yaml"))
    if "model" in yaml.safe_load(file.read_text()) and file.parent.name != "models"
]
FILES = [file for file in MODELS if file.stem not in ("response", "redemption", "satisfaction")]
"""What ranks; the others have tests of their own, as response/test_task.py and coupons/test_task.py."""
SOURCE_PATH = "--data.init_args.source.init_args.path"
RANKER = "--model.init_args.recommender.init_args."
LIGHTER = {
    "complete_journey/purchase_ranker": {"windows": "1", "trees": "5", "depth": "5"},
    "complete_journey/feature_trees": {"trees": "2"},
}
"""A trial run shortens no closed form: sizes for those whose own would take a minute."""


def name(file: Path) -> str:
    return str(file.relative_to(ROOT).with_suffix(""))


@pytest.fixture(scope="session")
def tiny_gowalla(tmp_path_factory) -> Path:
    """train.txt, valid.txt and test.txt in the format of the LightGCN paper: user, then items."""
    folder = tmp_path_factory.mktemp("gowalla")
    for shift, part in enumerate(("train", "valid", "test")):
        lines = [
            f"{user} {' '.join(str((user + shift + 3 * j) % 30) for j in range(4))}" for user in range(40)
        ]
        (folder / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def few_households():
    """Let Complete Journey have one household in eighty: the whole log takes seconds each time."""
    transactions, products, demographics = journey._tables()
    some = transactions["household_id"].drop_duplicates()[::80]
    few = (transactions[transactions["household_id"].isin(some)], products, demographics)
    journey._read.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journey, "_tables", lambda: few)
        yield
    journey._read.cache_clear()  # it is kept for the tests to come


def test_there_are_experiments_for_both_data_sets():
    assert {file.parent.name for file in FILES} >= {"complete_journey", "gowalla"}
    assert len(FILES) >= 7


@pytest.mark.parametrize("file", MODELS, ids=name)
def test_a_run_has_the_name_of_its_file(file):
    assert yaml.safe_load(file.read_text())["run"]["name"] == f"{file.parent.name}-{file.stem}"


@pytest.mark.parametrize("file", FILES, ids=name)
def test_an_experiment_goes_through_one_batch_of_everything(
    file, tiny_gowalla, few_households, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    data = [SOURCE_PATH, str(tiny_gowalla)] if file.parent.name == "gowalla" else []
    lighter = [word for key, value in LIGHTER.get(name(file), {}).items() for word in (RANKER + key, value)]
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]

    cli = main(["fit", "-c", str(file), "--trainer.fast_dev_run", "true", *quiet, *data, *lighter])

    assert cli.trainer.global_step >= 1
    assert math.isfinite(float(cli.trainer.callback_metrics[cli.run_options.monitor]))
    assert not list(tmp_path.iterdir()), "a trial run writes nothing"
