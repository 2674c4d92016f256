"""``graphrec sweep``: every point once, the best chosen on validation, resumable, the test part unread."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scripts import EXPERIMENTS
from tuned_shop import DECAY, FREQUENCY, LAYERS, LIGHTGCN, RATE, write_base, write_sweep

from graphrec.cli.main import main
from graphrec.cli.tune.files import read_sweep
from graphrec.errors import InputError
from graphrec.report.runs import read_runs
from graphrec.tuning.search import Rules, Search


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    write_base(Path("config.yaml"), FREQUENCY)
    write_base(Path("gcn.yaml"), LIGHTGCN, epochs=6)
    return tmp_path


def begun(out: Path) -> dict[str, float]:
    """When each run was begun, by its folder."""
    files = out.glob("runs/*/*/progress.json")
    return {file.parent.parent.name: json.loads(file.read_text())["started"] for file in files}


def test_a_grid_is_the_product_and_a_second_sweep_fits_nothing(capsys):
    parameters = {DECAY: {"values": [1, 1000]}, "data.init_args.eval_batch_size": {"values": [32, 64]}}
    write_sweep(Path("sweep.yaml"), "config.yaml", parameters)
    tuned = main(["sweep", "sweep.yaml", "--out", "out"])
    table = pd.read_csv("out/trials.csv")
    assert list(table) == [
        *("model", "trial", "state", "value", "epoch", "seconds", "seed", DECAY),
        *("data.init_args.eval_batch_size", "run", "why"),
    ]
    points = table[[DECAY, "data.init_args.eval_batch_size"]].to_numpy().tolist()
    assert points == [[1, 32], [1, 64], [1000, 32], [1000, 64]]
    assert table["value"].nunique() == 2, (
        "the setting must have reached the model, and the batch changes nothing"
    )
    assert tuned.best.outcome.value == table["value"].max()
    runs = {run.path.parent.name: run for run in read_runs(["out/runs"], part="val")}
    for row in table.itertuples():
        assert runs[f"sweep-{row.trial:03d}"].summary["val_ndcg_20"] == pytest.approx(row.value)
    assert not list(Path("out").rglob("test_*")), "the test part is not read"
    kept = [file.parent.parent.parent.name for file in Path("out").rglob("best.ckpt")]
    assert kept == [f"sweep-{tuned.best.number:03d}"]
    best = yaml.safe_load(Path("out/sweep-best.yaml").read_text())
    assert best["model"]["init_args"]["recommender"]["init_args"]["decay_weeks"] == tuned.best.settings[DECAY]

    before = begun(Path("out"))
    main(["sweep", "sweep.yaml", "--out", "out"])
    assert begun(Path("out")) == before, "trials that are there are not run again"
    assert "goes on, 4 trials are done" in capsys.readouterr().out


def test_a_killed_sweep_goes_on_and_repeats_nothing(place):
    parameters = {RATE: {"values": [0.001, 0.01, 0.03]}, LAYERS: {"value": 1}}
    write_sweep(Path("sweep.yaml"), "gcn.yaml", parameters)
    command = [sys.executable, "-m", "graphrec", "sweep", "sweep.yaml", "--out", "out"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    second = Path("out/runs/sweep-001/seed-0/checkpoints/last.ckpt")
    deadline = time.monotonic() + 200
    while not second.is_file():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    first = (Path("out/trials.csv").read_text(), Path("out/runs/sweep-000/seed-0/progress.json").read_text())
    main(["sweep", "sweep.yaml", "--out", "out"])
    table = pd.read_csv("out/trials.csv")
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["state"].tolist() == ["complete"] * 3
    assert Path("out/trials.csv").read_text().splitlines()[1] == first[0].splitlines()[1]
    assert Path("out/runs/sweep-000/seed-0/progress.json").read_text() == first[1]
    assert sorted(begun(Path("out"))) == ["sweep-000", "sweep-001", "sweep-002"]
    parts = sorted(file.name for file in Path("out/runs/sweep-001/seed-0").glob("metrics*.csv"))
    epochs = [
        pd.read_csv(f"out/runs/sweep-001/seed-0/{name}")["epoch"].dropna().unique().tolist() for name in parts
    ]
    assert len(parts) in (1, 2)
    assert sum(map(len, epochs)) <= 7, "at most the epoch in which it was killed is done twice"


def test_random_points_are_distinct_and_the_file_bounds_them():
    parameters = {DECAY: {"values": [1, 2, 3, 4]}, "data.init_args.eval_batch_size": {"values": [32, 64]}}
    write_sweep(Path("sweep.yaml"), "config.yaml", parameters, method="random", run_cap=3)
    main(["sweep", "sweep.yaml", "--out", "out", "--workers", "2"])
    table = pd.read_csv("out/trials.csv")
    assert len(table) == 3
    assert not table.duplicated(subset=[DECAY, "data.init_args.eval_batch_size"]).any()
    with pytest.raises(InputError, match="another search"):
        main(["sweep", "sweep.yaml", "--out", "out", "--seed", "1"])


def test_a_worse_trial_is_stopped_early_and_infeasible_ones_are_told(capsys):
    parameters = {
        RATE: {"values": [0.05, 0.00001]},
        "model.init_args.encoder.init_args.dim": {"values": [8, 10**9]},
    }
    early = {"type": "hyperband", "min_iter": 1}
    write_sweep(Path("sweep.yaml"), "gcn.yaml", parameters, early_terminate=early)
    main(["sweep", "sweep.yaml", "--out", "out"])
    table = pd.read_csv("out/trials.csv")
    assert table["state"].tolist() == ["complete", "infeasible", "pruned", "infeasible"]
    assert table["why"].str.contains("dim").tolist()[1::2] == [True, True]
    pruned = pd.read_csv("out/runs/sweep-002/seed-0/metrics.csv")
    assert pruned["epoch"].max() + 1 < 6, "the fit ends where it is stopped"
    assert "2 infeasible trials" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "gird"}, "there is no method 'gird'"),
        ({"metric": {"name": "val_ndcg_20", "gaol": "maximize"}}, "a metric has a name and a goal"),
        ({"metric": {"name": "val_ndcg_20", "goal": "max"}}, "there is no goal 'max'"),
        ({"command": None}, "a sweep says its command"),
        ({"command": ["python", "train.py"]}, "the command is no fit"),
        ({"run_cap": "many"}, "is no number of trials"),
        ({"early_terminate": {"type": "median"}}, "only hyperband"),
        ({"parametres": {}}, "did you mean 'parameters'?"),
        (
            {"parameters": {"model.init_args.recommender.init_args.decay_week": {"values": [1]}}},
            "decay_weeks",
        ),
        ({"parameters": {DECAY: {"min": 1.5, "max": 2.5}}}, "a grid cannot hold a continuous range"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_and_fits_nothing(change, told):
    given = {"parameters": {DECAY: {"values": [1]}}, **change}
    write_sweep(Path("sweep.yaml"), "config.yaml", given.pop("parameters"), **given)
    with pytest.raises(InputError) as caught:
        main(["sweep", "sweep.yaml", "--out", "out"])
    assert told in str(caught.value)
    assert str(caught.value).startswith("sweep.yaml")
    assert not list(Path().glob("out/runs/*"))


@pytest.mark.parametrize("file", sorted((EXPERIMENTS / "sweeps").glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_sweeps_name_an_experiment_and_draw_what_they_say(file, tmp_path):
    sweep = read_sweep(file)
    config = sweep.args[sweep.args.index("--config") + 1]
    assert (EXPERIMENTS.parent / config).is_file()
    trials = sweep.trials or sweep.space.size
    search = Search(
        "s", sweep.space, tmp_path / "a.db", Rules(sweep.sampling, "none", trials=trials), None, {}
    )
    drawn = []
    while (trial := search.propose()) is not None:
        drawn.append(json.dumps(trial.settings))
        search._open.clear()
    assert len(set(drawn)) == len(drawn) == trials
