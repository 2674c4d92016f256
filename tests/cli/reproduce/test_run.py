"""The other rows that `graphrec reproduce` makes: fusions, studies, and several seeds of one row."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
import yaml

from graphrec.cli.commands import fuse, reproduce
from graphrec.cli.main import main
from graphrec.cli.reproduce import run
from graphrec.cli.reproduce.resume import Steps
from graphrec.errors import InputError

DATA = {
    "class_path": "RecommenderData",
    "init_args": {
        "source": {"class_path": "graphrec.data.sources.synthetic", "init_args": {"num_users": 60}},
        "split": {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17, "test_end": 20}},
        "item_sets": ["all", "new"],
    },
}
MODELS = {
    "popularity": {
        "class_path": "ClosedFormTask",
        "init_args": {"recommender": {"class_path": "Popularity"}},
    },
    "frequency": {
        "class_path": "ClosedFormTask",
        "init_args": {"recommender": {"class_path": "TopFrequency"}},
    },
    "mf": {
        "class_path": "RankingTask",
        "init_args": {"encoder": {"class_path": "EmbeddingTable", "init_args": {"dim": 4}}},
    },
}
SCRIPT = """
import argparse, json, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("--out", type=pathlib.Path)
parser.add_argument("--seed", type=int)
parser.add_argument("--data", type=pathlib.Path)
given = parser.parse_args()
if given.seed > 8:
    print("toss.py: no such seed", file=sys.stderr)
    sys.exit(2 if given.seed == 9 else 3)
print("the script was here")
given.out.mkdir(parents=True, exist_ok=True)
figures = {"test_auc": 0.75 + given.seed / 100, "test_ece": 0.01, "runs": 10, "data": str(given.data)}
(given.out / "metrics.json").write_text(json.dumps(figures))
"""


def write_experiment(folder: Path, name: str, num_users: int = 60) -> None:
    data = json.loads(json.dumps(DATA))
    data["init_args"]["source"]["init_args"]["num_users"] = num_users
    trainer = {"max_epochs": 2 if name == "mf" else 1, "enable_progress_bar": False}
    config = {"run": {"name": f"shop-{name}"}, "trainer": trainer, "data": data}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({**config, "model": MODELS[name]}))


@pytest.fixture(scope="module")
def experiments(tmp_path_factory) -> Path:
    """A model, a fusion, one that cannot be, and a study."""
    folder = tmp_path_factory.mktemp("experiments")
    for place in ("shop", "other", "studies"):
        (folder / place).mkdir()
    for name in MODELS:
        write_experiment(folder / "shop", name)
    write_experiment(folder / "shop", "popularity", num_users=61)
    (folder / "shop" / "popularity.yaml").rename(folder / "shop" / "larger.yaml")
    write_experiment(folder / "shop", "popularity")
    (folder / "studies" / "toss.py").write_text(SCRIPT)
    members = ["shop/popularity.yaml", "shop/frequency.yaml"]
    rows = {
        "shop-mf": {"config": "shop/mf.yaml", "protocol": "honest"},
        "shop-fusion": {"fusion": members, "gate": True, "protocol": "honest", "ndcg_20": 0.9, "minutes": 3},
        "shop-mixed": {"fusion": ["shop/larger.yaml", members[1]], "protocol": "honest"},
        "toss": {
            "script": "studies/toss.py",
            "expected": {"test_auc": 0.7501},
            "at_least": {"runs": 10, "gain": 0.9},
            "at_most": {"test_ece": 0.009},
        },
        "absent": {"script": "studies/absent.py"},
    }
    (folder / "reproduce.yaml").write_text(yaml.safe_dump(rows, sort_keys=False))
    return folder


@pytest.fixture
def here(experiments, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(reproduce, "EXPERIMENTS", experiments)
    return tmp_path


def line_of(said: str, start: str) -> list[str]:
    """The words of the table's line that starts so."""
    return next(line.split() for line in said.splitlines() if line.split()[:1] == [start])


def test_a_fusion_is_made_of_its_members_and_goes_on_after_a_kill(here, monkeypatch, capsys):
    """Killed in the search for the weights, whose folder is there by then."""
    found = Path("out/runs/shop-fusion/seed-2")

    def killed(options: object) -> None:
        found.mkdir(parents=True)
        raise KeyboardInterrupt

    command = ["reproduce", "shop-fusion", "--out", "out", "--seed", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(fuse, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            main(command)
    fits = {name: Path(f"out/runs/shop-{name}/seed-2/refit/checkpoints/last.ckpt")
            for name in ("popularity", "frequency")}  # fmt: skip
    before = {name: file.stat().st_mtime_ns for name, file in fits.items()}

    file = main(command)

    assert {name: file.stat().st_mtime_ns for name, file in fits.items()} == before
    metrics, search = json.loads(file.read_text()), json.loads((found / "fusion.json").read_text())
    tested = json.loads((found / "refit" / "test_metrics.json").read_text())
    assert metrics["test_ndcg_20"] == tested["test_ndcg_20_all"]
    assert metrics["test_recall_20_new_low"] == tested["test_recall_20_new_low"]
    weights = [metrics[f"weight_shop-{name}"] for name in fits]
    assert weights == [search[f"weight_shop-{name}"] for name in fits]
    assert sum(weights) == pytest.approx(1, abs=1e-4)
    assert "gate_held_out" in metrics
    assert (metrics["name"], metrics["seed"]) == ("shop-fusion", 2)
    assert metrics["seconds"] > 0
    config = yaml.safe_load((found / "config.yaml").read_text())
    assert config["seed_everything"] == 2
    said = capsys.readouterr().out
    assert f"{weights[0]:.3f} of the fusion is shop-popularity" in said
    assert f"off by {round(metrics['test_ndcg_20'], 4) - 0.9:+.4f}" in said
    monkeypatch.setattr("graphrec.cli.experiment.start.run_lightning", None)
    assert main(command) == file


def test_members_of_other_data_are_refused_before_anything_is_fitted(here):
    with pytest.raises(InputError, match=r"frequency\.yaml, column 'source': has another source than larger"):
        main(["reproduce", "shop-mixed", "--out", "out"])
    assert not Path("out").exists()


def test_several_seeds_give_the_spread_beside_the_figures_of_the_first(here, monkeypatch, capsys):
    first = json.loads(main(["reproduce", "shop-mf", "--out", "out", "--seed", "5"]).read_text())
    metrics = json.loads(main(["reproduce", "shop-mf", "--out", "out", "--seeds", "5", "1"]).read_text())
    other = json.loads(Path("out/seed-1/metrics.json").read_text())
    assert (metrics["seed"], other["seed"], metrics["seeds"]) == (5, 1, 2)
    assert {key: metrics[key] for key in first} == first
    for measure in ("test_recall_20", "test_ndcg_20"):
        values = [first[measure], other[measure]]
        assert metrics[f"{measure}_seed_mean"] == pytest.approx(sum(values) / 2)
        assert metrics[f"{measure}_seed_sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert first["test_ndcg_20"] != other["test_ndcg_20"]
    said = capsys.readouterr().out
    mean, deviation = metrics["test_ndcg_20_seed_mean"], metrics["test_ndcg_20_seed_sd"]
    assert "mean ± sd of 2 seeds" in said
    assert f"{mean:.4f} ± {deviation:.4f}" in said
    with pytest.raises(InputError, match="a seed is given twice"):
        main(["reproduce", "shop-mf", "--out", "out", "--seeds", "5", "5"])
    with pytest.raises(InputError, match="not allowed with argument"):
        main(["reproduce", "shop-mf", "--out", "out", "--seeds", "5", "--seed", "1"])


def test_the_spread_is_that_of_a_sample(here, monkeypatch):
    def made(row: object, out: Path, seed: int, data: list[str]) -> dict[str, float]:
        out.mkdir(exist_ok=True)
        bounds = {f"test_{name}_{bound}": 0.0 for name in run.JUDGED for bound in ("low", "high")}
        figures = {"test_recall_20": seed / 10, "test_ndcg_20": seed / 5, "seconds": 1.0, "peak_gb": 1.0}
        return {**bounds, **figures}

    monkeypatch.setattr(run, "reproduce_ranked", made)
    metrics = json.loads(main(["reproduce", "shop-mf", "--out", "o", "--seeds", "1", "2", "6"]).read_text())
    assert metrics["test_recall_20"] == 0.1
    assert metrics["test_recall_20_seed_mean"] == pytest.approx(0.3)
    assert metrics["test_recall_20_seed_sd"] == pytest.approx(statistics.stdev([0.1, 0.2, 0.6]))


def test_a_study_is_run_and_measured_and_judged_once(here, capfd):
    command = ["reproduce", "toss", "--out", "out", "--seed", "0", "--data", "shop"]
    file = main(command)
    metrics = json.loads(file.read_text())
    assert list(metrics)[:4] == ["test_auc", "test_ece", "runs", "data"]
    assert metrics["data"] == "shop"
    assert (metrics["name"], metrics["seed"]) == ("toss", 0)
    assert metrics["seconds"] > 0
    assert metrics["peak_gb"] > 0
    assert "cores" in metrics["machine"]
    said = capfd.readouterr().out
    assert "the script was here" in said
    assert line_of(said, "test_auc") == ["test_auc", "0.75", "0.7501", "within", "0.0005"]
    assert line_of(said, "runs") == ["runs", "10", "≥", "10", "holds"]
    assert line_of(said, "gain") == ["gain", "–", "≥", "0.9", "misses:", "not", "measured"]
    assert line_of(said, "test_ece") == ["test_ece", "0.01", "≤", "0.009", "misses", "by", "0.001"]
    before = file.read_bytes()
    main(command)
    assert file.read_bytes() == before
    said = capfd.readouterr().out
    assert "the script was here" not in said
    assert line_of(said, "runs")[-1] == "holds"
    with pytest.raises(InputError, match="its seed is 0, not 1"):
        main(["reproduce", "toss", "--out", "out", "--seed", "1"])


def test_a_study_that_fails_is_not_done(here, experiments, capfd):
    with pytest.raises(InputError, match=r"toss\.py: the script could not go on; it says above what"):
        main(["reproduce", "toss", "--out", "out", "--seed", "9"])
    assert "no such seed" in capfd.readouterr().err
    assert not Path("out").exists()
    with pytest.raises(Exception, match="exit status 3"):
        main(["reproduce", "toss", "--out", "out", "--seed", "10"])
    assert not Steps.of(Path("out"), {}).finished("script")
    with pytest.raises(InputError, match=r"absent\.py: the script of absent is missing"):
        main(["reproduce", "absent", "--out", "new"])
    with pytest.raises(InputError, match="option --seeds: a study takes one seed"):
        main(["reproduce", "toss", "--out", "new", "--seeds", "1", "2"])
    assert not Path("new").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [("[1]", "'the whole' is neither"), ('{"a": [1]}', "'a' is neither"), ('{"b": true}', "'b' is neither")],
)
def test_figures_are_numbers_by_name(tmp_path, content, words):
    file = tmp_path / "metrics.json"
    with pytest.raises(InputError, match=r"x\.py: wrote no metrics\.json"):
        run.script_figures(file, Path("x.py"))
    file.write_text(content)
    with pytest.raises(InputError, match=words):
        run.script_figures(file, Path("x.py"))


def test_the_list_tells_the_kinds_apart(here, capsys):
    main(["reproduce", "--list"])
    ranked, studies = capsys.readouterr().out.split("Studies,")
    assert line_of(ranked, "shop-fusion")[1:] == [
        *("shop", "Fusion", "of", "Popularity", "+", "TopFrequency", "honest", "–", "0.9000", "3", "0"),
    ]
    assert "toss" not in ranked
    assert "shop-mf" not in studies
    said = " ".join(studies.split())
    assert "toss.py test_auc 0.7501, runs ≥ 10, gain ≥ 0.9, test_ece ≤ 0.009" in said
