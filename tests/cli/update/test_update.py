"""`graphrec update` as its user meets it: a shop with odd ids, whose log grows week by week."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from growing_shop import EASE, OLD, START, WEEKS, build, config

from graphrec.cli.experiment.live import load_live
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.serving.live.answers import Filter, Shopper

NEWEST = "runs/gcn/a-update-0001/refit/checkpoints/last.ckpt"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Files of old and new weeks, and runs on the old ones."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        build()
    return folder


@pytest.fixture
def shop(built, tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(built, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def once_updated(built, tmp_path_factory) -> Path:
    """The same with an update of the trained run by the next week, and what it said."""
    folder = tmp_path_factory.mktemp("updated") / "shop"
    shutil.copytree(built, folder)
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(folder)
        main(["update", "runs/gcn", "--log", "next.parquet", "--export", "models"])
    (folder / "said.txt").write_text(said.getvalue())
    return folder


@pytest.fixture
def updated(once_updated, tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(once_updated, folder)
    monkeypatch.chdir(folder)
    return folder


def record(folder: str) -> dict:
    return json.loads(Path(folder, "update.json").read_text())


def weights(checkpoint: str | Path) -> dict[str, torch.Tensor]:
    return torch.load(checkpoint, weights_only=True)["state_dict"]


def listed(checkpoint: str | Path) -> pd.DataFrame:
    main(["recommend", "--ckpt_path", str(checkpoint), "-k", "5", "--out", "lists.parquet"])
    return pd.read_parquet("lists.parquet").sort_values(["user_id", "rank"], ignore_index=True)


def ease_by_hand(log: pd.DataFrame, l2: float) -> pd.DataFrame:
    """Steck, "Embarrassingly shallow autoencoders", WWW 2019, eq. 8, by NumPy."""
    bought = log.drop_duplicates(["Kunde", "Artikel"]).assign(one=1.0)
    matrix = bought.pivot_table(index="Kunde", columns="Artikel", values="one", fill_value=0.0)
    gram = matrix.to_numpy().T @ matrix.to_numpy()
    inverse = np.linalg.inv(gram + l2 * np.eye(len(gram)))
    weight = -inverse / np.diag(inverse)
    np.fill_diagonal(weight, 0.0)
    return pd.DataFrame(matrix.to_numpy() @ weight, index=matrix.index, columns=matrix.columns)


def test_a_closed_form_equals_a_full_fit(shop):
    """That of the commands, and the formula of the paper on the union of the files, to 1e-6."""
    checkpoint = main(["update", "runs/ease", "--log", "next.parquet", "later.parquet", "--gate_weeks", "2"])
    split = {"train_end": WEEKS - 2, "val_end": WEEKS, "test_end": WEEKS}
    full = config("full", EASE, {"class_path": "Temporal", "init_args": split}, path="whole.parquet")
    Path("full.yaml").write_text(yaml.safe_dump(full))
    main(["fit", "-c", "full.yaml"])
    ours, theirs = weights(checkpoint), weights(main(["refit", "runs/full"]))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.allclose(value, theirs[name], atol=1e-6), name
    lists = listed(checkpoint)
    scores = ease_by_hand(pd.read_parquet("whole.parquet"), 3.0)
    pairs = zip(lists["user_id"], lists["item_id"], strict=True)
    assert np.abs(np.array([scores.loc[pair] for pair in pairs]) - lists["score"]).max() < 1e-6
    assert {"nº 34", "00035"} & set(lists["item_id"])  # new items
    assert set(lists["user_id"]) == set(pd.read_parquet("whole.parquet")["Kunde"])  # and new people


def test_a_trained_model_begins_with_what_it_knew_and_all_commands_find_it(updated, capsys):
    found = record("runs/gcn/a-update-0001")
    assert found["opens"] is True
    assert found["log"]["used"] == len(pd.read_parquet("next.parquet").drop_duplicates())
    assert found["gate"]["newcomers"] == 0 < found["drift"]["population"]["users"]["new"]
    assert found["full_epochs"] in range(1, 6)
    assert found["most_epochs"] == 1
    said = Path("said.txt").read_text()
    for line in ("warm start", "fitting on all weeks", "What was foretold", "gate: open", "response: "):
        assert line in said
    assert Path("runs/gcn/a-update-0001/drift_tenths.csv").is_file()
    assert not Path("runs/gcn/a/updates").exists()
    lists = listed("models/a-update-0001")
    pd.testing.assert_frame_equal(lists, listed("runs/gcn/a-update-0001/refit/checkpoints/last.ckpt"))
    main(["export", "runs/gcn", "--out", "newest.zip"])  # by the name: the newest run
    pd.testing.assert_frame_equal(lists, listed("newest.zip"))


def test_offers_take_the_calibration_of_the_gate(updated):
    main(["offers", "--ckpt", f"{NEWEST}", "--policy", "none", "--out", "offers.parquet"])
    assert pd.read_parquet("offers.parquet")["probability"].between(0, 1).all()
    kept = torch.load(NEWEST, weights_only=True)["calibration"]
    assert kept["source"] == "validation, week 17, by the fit that was repeated"
    assert kept["weeks"] == 1.0


def test_the_same_question_is_answered_without_a_fit(updated, capsys):
    begun = Path(NEWEST).stat().st_mtime_ns
    shutil.rmtree("models")
    for run in ("runs/gcn", "runs/gcn/a"):  # by the name it is the update itself
        capsys.readouterr()
        again = main(["update", run, "--log", "next.parquet", "--export", "models"])
        assert "made before" in capsys.readouterr().err
        assert Path(again).stat().st_mtime_ns == begun
    assert [one.name for one in Path("models").iterdir()] == ["a-update-0001"]
    assert sorted(one.name for one in Path("runs/gcn").iterdir()) == ["a", "a-update-0001"]


def test_a_new_version_makes_offers_as_the_one_before(updated):
    words = ["--offers", "--objective", "units", "--budget", "5"]
    main(["update", "runs/gcn/a", "--log", "next.parquet", "--export", "live", *words])
    model = load_live(Path("live/a-update-0001"))
    assert model.decides_offers
    assert model.purse()["budget"] == 5.0
    user = str(pd.read_parquet("next.parquet")["Kunde"].iloc[0])
    assert model.candidates(Shopper(user), 5, Filter(item_set="all"))


def test_updates_follow_each_other(updated):
    main(["update", "runs/gcn", "--log", "later.parquet"])
    first, second = record("runs/gcn/a-update-0001"), record("runs/gcn/a-update-0002")
    assert second["of"] == "a-update-0001"
    assert second["full_epochs"] == first["full_epochs"]
    assert second["log"]["last"] == WEEKS
    assert second["gate"]["newcomers"] > 0
    assert first["log"]["before"] + first["log"]["used"] == second["log"]["before"]


def test_equal_rows_and_weeks_of_both_logs_are_told(shop, capsys):
    main(["update", "runs/ease", "--log", "over.parquet"])
    found, over = record("runs/ease/a-update-0001")["log"], pd.read_parquet("over.parquet")
    known = pd.read_parquet("known.parquet")
    assert found["equal"] >= len(known)
    assert found["given"] == len(over)
    assert found["shared"] == []  # all rows of that week are known
    assert "equal earlier rows" in capsys.readouterr().err


def test_the_gate_stays_closed_for_a_worse_model_and_nothing_is_replaced(shop, monkeypatch, capsys):
    """A learning rate that throws what was learnt away, with two steps to learn anew."""
    content = torch.load("runs/gcn/a/checkpoints/best.ckpt", weights_only=True)
    text = content["graphrec"]["config"]
    content["graphrec"]["config"] = text.replace("learning_rate: 0.02", "learning_rate: 30.0")
    torch.save(content, "runs/gcn/a/checkpoints/best.ckpt")
    before = {file: file.read_bytes() for file in Path("runs").rglob("*") if file.is_file()}
    arguments = ["update", "runs/gcn", "--log", "all_new.parquet", "--gate_weeks", "3", "--export", "models"]
    for _ in range(2):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 1
        assert "the gate stays closed, so a goes on to serve" in capsys.readouterr().err
    assert all(file.read_bytes() == content for file, content in before.items())
    assert [one.name for one in Path("runs/gcn").iterdir()] == ["a"]
    assert not Path("models").exists()
    (kept,) = Path("runs/gcn/a/updates").glob("*/update.json")
    assert json.loads(kept.read_text())["gate"]["high"] < 0


REFUSED = {
    "known": (["--log", "known.parquet"], "nothing to update"),
    "itself": (["--log", "old.parquet"], "in the log of the run"),
    "nothing": (["--log", "nowhere.parquet"], "no such file"),
    "gate": (["--log", "next.parquet", "--gate_weeks", "8"], "give --gate_weeks 4"),
    "no gate": (["--log", "next.parquet", "--gate_weeks", "0"], "0 is too small"),
    "no epochs": (["--log", "next.parquet", "--epochs", "0"], "0 is too small"),
    "a file": (["--log", "next.parquet", "--export", "old.parquet"], "is a file and no folder"),
    "columns": (["--log", "other.parquet"], "Artikel.* is missing here"),
    "offers of nothing": (["--log", "next.parquet", "--offers", "--budget", "5"], "name --export FOLDER"),
    "offers": (["--log", "next.parquet", "--export", "m", "--offers", "--policy", "uniform"], "worth most"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_said_in_a_line(shop, case):
    pd.DataFrame({"user": ["a"], "item": ["b"], "day": [START]}).to_parquet("other.parquet")
    arguments, said = REFUSED[case]
    with pytest.raises(InputError, match=said):
        main(["update", "runs/ease", *arguments])
    assert sorted(one.name for one in Path("runs/ease").iterdir()) == ["a"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"class_path": "graphrec.data.sources.synthetic", "init_args": {}}, "source synthetic"),
        ({"class_path": "graphrec.data.sources.complete_journey"}, "source complete_journey"),
    ],
)
def test_other_sources_are_refused(shop, source, said):
    file = "runs/ease/a/checkpoints/best.ckpt"
    content = torch.load(file, weights_only=True)
    changed = yaml.safe_load(content["graphrec"]["config"])
    changed["data"]["init_args"]["source"] = source
    content["graphrec"]["config"] = yaml.safe_dump(changed)
    torch.save(content, file)
    with pytest.raises(InputError, match=said) as refused:
        main(["update", "runs/ease", "--log", "next.parquet"])
    assert "--data FILE" in str(refused.value)


def test_a_folder_of_parts_that_holds_the_new_file_by_now(shop):
    Path("parts").mkdir()
    shutil.copy("old.parquet", "parts/1.parquet")
    Path("folder.yaml").write_text(yaml.safe_dump(config("folder", EASE, path="parts")))
    main(["fit", "-c", "folder.yaml"])
    shutil.copy("next.parquet", "parts/2.parquet")
    main(["update", "runs/folder", "--log", "parts/2.parquet"])
    found = record("runs/folder/a-update-0001")["log"]
    assert (found["old_last"], found["last"]) == (OLD, OLD + 1)
    assert found["used"] == len(pd.read_parquet("next.parquet").drop_duplicates())
