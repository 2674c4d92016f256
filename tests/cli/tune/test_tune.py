"""``graphrec tune``: the planted best setting is found, budgets are equal, the test part is read once."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tuned_shop import DECAY, FREQUENCY, LIGHTGCN, RATE, write_base

from graphrec.cli.commands.tune import PRUNERS
from graphrec.cli.main import main
from graphrec.cli.short import model_names
from graphrec.cli.tune import bases
from graphrec.cli.tune.engine import WORKER, Plan, look
from graphrec.cli.tune.files import SPACES, read_space
from graphrec.cli.tune.models import tune_model
from graphrec.errors import InputError
from graphrec.report.runs import read_runs
from graphrec.tuning.budget import Budget
from graphrec.tuning.workers import Pool


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    write_base(Path("often.yaml"), FREQUENCY)
    write_base(Path("gcn.yaml"), LIGHTGCN, epochs=5)
    large = {"class_path": "LightGCN", "init_args": {"dim": 10**9}}
    write_base(Path("broken.yaml"), {"class_path": "RankingTask", "init_args": {"encoder": large}})
    rate = {"min": 0.0001, "max": 0.1, "distribution": "log_uniform_values"}
    Path("rates.yaml").write_text(yaml.safe_dump({"parameters": {RATE: rate}}))
    Path("decays.yaml").write_text(yaml.safe_dump({"parameters": {DECAY: {"min": 1, "max": 40}}}))
    return tmp_path


def test_the_planted_best_is_found_and_a_second_run_only_tests(capsys):
    command = ["tune", "-m", "gcn.yaml", "--space", "rates.yaml", "--trials", "4", "--out", "out"]
    found = main([*command, "--no-test"])
    tuned = found.best
    table = pd.read_csv("out/trials.csv")
    assert list(table) == ["model", "trial", "state", "value", "epoch", "seconds", "seed", RATE, "run", "why"]
    assert table["trial"].tolist() == [0, 1, 2, 3]
    assert table[RATE].iloc[0] == 0.00001, "trial 0 is the default, with its own value in the table"
    assert tuned.best.outcome.value == table.loc[table["state"] == "complete", "value"].max()
    assert tuned.best.settings[RATE] > 0.003, "the default learns nothing, and a greater rate does"
    assert tuned.best.outcome.value > tuned.default.outcome.value
    said = capsys.readouterr().out
    assert "budget: 4 trials" in said
    assert "gcn: 1 setting: 1 continuous range" in said
    assert "gcn is better than its default" in said
    assert "not tested; next: graphrec test" in said
    assert not list(Path("out").rglob("test_*")), "the test part was not read"
    assert (
        yaml.safe_load(tuned.config.read_text())["model"]["init_args"]["learning_rate"]
        == tuned.best.settings[RATE]
    )
    values = {run.path.parent.name: run.summary["val_ndcg_20"] for run in read_runs(["out/runs"], part="val")}
    complete = table[table["state"] == "complete"]
    assert complete["value"].tolist() == pytest.approx(
        [values[f"gcn-{number:03d}"] for number in complete["trial"]]
    )

    before = {file: file.read_bytes() for file in Path("out/runs").rglob("progress.json")}
    main(command)
    assert {file: file.read_bytes() for file in Path("out/runs").rglob("progress.json")} == before
    assert [str(file.parent) for file in Path("out").rglob("test_metrics.json")] == [
        f"{tuned.best.run}/refit"
    ]
    result = json.loads(Path("out/result.json").read_text())
    assert result["test"]["test_ndcg_20_all"] > 0
    page = Path("out/tune.html").read_text()
    assert page.count("<svg") >= 2
    assert "The one test" in page


def test_several_models_have_equal_budgets_and_one_that_cannot_be_fitted_is_left_out(capsys):
    Path("none.yaml").write_text("parameters: {}\n")
    spaces = {"often": Path("decays.yaml"), "broken": Path("none.yaml"), "gcn": Path("rates.yaml")}
    with pytest.MonkeyPatch.context() as patch:  # as if they came with graphrec
        patch.setattr(bases, "shipped_space", spaces.get)
        command = [
            "tune",
            "--models",
            "often.yaml",
            "gcn.yaml",
            "broken.yaml",
            "--trials",
            "2",
            "--out",
            "out",
        ]
        found = main([*command, "--no-test", "--set", "trainer.max_epochs=1"])
    assert {one.model: len(one.trials) for one in found.tuned} == {"often": 2, "gcn": 2}
    assert "broken" in found.left_out
    table = pd.read_csv("out/trials.csv")
    assert table.groupby("model", sort=False)["trial"].apply(list).to_dict()["often"] == [0, 1]
    assert table.loc[table["model"] == "gcn", "epoch"].max() == 1, "--set holds for every fit"
    said = capsys.readouterr().out
    assert "2 trials for each of 3 models" in said
    assert "left out: broken" in said


def lists(file: Path, seed: int, per_user: int, items: range) -> None:
    draw = random.Random(seed)
    rows = [f"{user} {' '.join(map(str, draw.sample(items, per_user)))}" for user in range(30)]
    file.write_text("\n".join(rows) + "\n")


def test_the_test_part_changes_nothing_and_a_share_of_the_users_is_said():
    values = []
    for test in (5, 6):
        folder = Path(f"data{test}")
        folder.mkdir()
        lists(folder / "train.txt", 1, 8, range(20))
        lists(folder / "valid.txt", 2, 3, range(20))
        lists(folder / "test.txt", test, 3, range(20))
        tuned = tune_model("item_cf", folder, 2, Path(f"out{test}"))
        values.append([(one.settings, one.outcome.value) for one in tuned.trials])
    assert values[0] == values[1]
    assert values[0][0][0] == {}

    command = ["tune", "-m", "item_cf", "--data", "data5", "--trials", "2", "--out", "part", "--no-test"]
    main([*command, "--subsample", "0.5"])
    config = yaml.safe_load(Path("part/runs/item_cf-001/seed-0/config.yaml").read_text())
    assert config["data"]["init_args"]["source"]["init_args"]["share"] == 0.5
    assert json.loads(Path("part/result.json").read_text())["subsample"] == 0.5
    whole = yaml.safe_load(Path("part/runs/item_cf-tuned/seed-0/config.yaml").read_text())
    assert whole["data"]["init_args"]["source"]["class_path"].endswith("lightgcn_txt")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("-m lightgnc --data log.csv", "did you mean 'lightgcn'?"),
        ("-m lightgcn", "--data"),
        ("-m lightgcn --data nowhere.csv", "nowhere.csv"),
        ("-m often.yaml", "no space comes with graphrec for 'often'"),
        ("--models often.yaml often.yaml", "named twice"),
        ("--models often.yaml gcn.yaml --space rates.yaml", "a space is of one model"),
        ("-m often.yaml --space nowhere.yaml", "nowhere.yaml"),
        ("-m often.yaml --space often.yaml", "there is no such key"),
        ("-m often.yaml --space decays.yaml --budget soon", "write 90s, 30m"),
        ("-m often.yaml --space decays.yaml --trials 0", "--trials"),
        ("-m often.yaml --space decays.yaml --workers 0", "--workers"),
        ("-m often.yaml --space decays.yaml --subsample 2", "--subsample"),
        ("-m often.yaml --space decays.yaml --set trainer.max_epochs", "trainer.max_epochs=50"),
        ("--auto --data log.csv", "give --budget 40m"),
        ("--auto --data log.csv --budget 1m --subsample 0.5", "--subsample"),
        ("-m often.yaml --space rates.yaml --trials 1", f"rates.yaml, row 2, column '{RATE}'"),
    ],
)
def test_a_mistake_is_one_line_and_fits_nothing(given, told):
    Path("log.csv").write_text("user_id,item_id\na,b\n")
    with pytest.raises(InputError) as caught:
        main(["tune", *given.split(), "--out", "out"])
    assert told in str(caught.value)
    assert not list(Path().glob("out/runs/*"))


def test_every_model_by_name_has_a_space_of_its_keys():
    assert {file.stem for file in SPACES.glob("*.yaml")} >= set(model_names())
    for name in model_names():
        assert all(
            one.key.startswith("model.init_args.") for one in read_space(SPACES / f"{name}.yaml").settings
        )


def test_pruners_are_those_of_the_search():
    from typing import get_args

    from graphrec.tuning.search import Pruning

    assert get_args(Pruning) == PRUNERS


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_a_fit_takes_what_a_shipped_space_asks_for(name, place):
    Path("log.csv").write_text("user_id,item_id\n" + "".join(f"u{i % 9},i{i % 7}\n" for i in range(60)))
    if name == "heterogcn":
        pytest.skip("its data needs a table of attributes, and --data is the log alone")
    base, space = bases.entry_of(name, bases.Asked.of("log.csv"))
    with Pool(WORKER, 1, place / "logs") as pool:
        looked = look(base, space, Plan(place / "out", Budget(1)), pool)
    assert set(looked.defaults) == {one.key for one in space.settings}
