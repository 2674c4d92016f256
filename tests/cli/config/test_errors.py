"""A mistake of the user is told in one line that names its place and the hint, and leaves nothing behind."""

# ruff: noqa: E501  a message is easier to compare in one line

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.cli.main import console

CONFIG = """\
run:
  name: mistakes
  root: runs
trainer:
  max_epochs: 1
data:
  class_path: RecommenderData
  init_args:
    source:
      class_path: graphrec.data.sources.table
      init_args:
        path: log.csv
    split:
      class_path: Temporal
      init_args:
        train_end: 14
        val_end: 17
        test_end: 20
model:
  class_path: RankingTask
  init_args:
    encoder:
      class_path: LightGCN
      init_args:
        dim: 8
        num_layers: 2
    learning_rate: 0.01
"""
FIT = ["fit", "-c", "exp.yaml"]


def rows() -> list[str]:
    """The lines of a sound log: a header and 400 purchases of 20 users in 20 weeks."""
    rng = np.random.default_rng(0)
    days = pd.to_timedelta(rng.integers(140, size=400), unit="D")
    log = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in rng.integers(20, size=400)],
            "item_id": [f"i{i}" for i in rng.integers(15, size=400)],
            "timestamp": pd.Timestamp("2024-01-01") + days,
            "price": rng.integers(1, 9, size=400) / 2,
        }
    )
    return log.to_csv(index=False).splitlines()


def with_row(*inserted: str) -> bytes:
    """The sound log with rows put in as its rows 6 and on."""
    lines = rows()
    return ("\n".join([*lines[:5], *inserted, *lines[5:]]) + "\n").encode()


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    Path("exp.yaml").write_text(CONFIG)
    Path("log.csv").write_text("\n".join(rows()) + "\n")


@pytest.fixture
def refused(capfd):
    """Run a command that must fail; returns its one line and checks that no file came into being."""

    def run(*args: str, lines: int = 1) -> str:
        before = sorted(Path().rglob("*"))
        with pytest.raises(SystemExit) as stop:
            console(list(args))
        said = capfd.readouterr().err
        assert stop.value.code == 2
        assert len(said.splitlines()) == lines, said
        assert all(line.startswith("graphrec: ") for line in said.splitlines()), said
        assert len(said.splitlines()[0]) < 400, said
        assert sorted(Path().rglob("*")) == before
        return said.removeprefix("graphrec: ").splitlines()[0]

    return run


def edited(old: str, new: str) -> None:
    """exp.yaml with a mistake in it."""
    assert CONFIG.count(old) == 1
    Path("exp.yaml").write_text(CONFIG.replace(old, new))


TABLES = {
    "missing column": (
        ("\n".join(rows()).replace("item_id", "sku") + "\n").encode(),
        "column 'item_id': this column is missing; the file has user_id, sku, timestamp, price",
    ),
    "text in a number column": (
        with_row("u1,i1,2024-01-03,cheap"),
        "row 6, column 'price': 'cheap' is not a number; write it with digits and a decimal point",
    ),
    "negative price": (
        with_row("u1,i1,2024-01-03,-2.5"),
        "row 6, column 'price': -2.5 is negative; prices must be >= 0, fix the row; if it is a return, ",
    ),
    "empty file": (b"", "the file is empty; give a file with a header and rows"),
    "ragged row": (
        with_row("u1,i1,2024-01-03"),
        "row 6: 3 fields are too few, 4 are expected; give it 4 fields, or quote the field",
    ),
    "duplicate key": (
        b"interaction_id,user_id,item_id\n7,u1,i1\n8,u1,i2\n7,u2,i1\n",
        "row 4, column 'interaction_id': '7' occurs more than once, it stands in row 2 already; keep one",
    ),
    "unparsable date": (
        with_row("u1,i1,last May,2.0"),
        "row 6, column 'timestamp': 'last May' is not a date; write dates as 2017-01-31",
    ),
    "wrong delimiter": (
        "\n".join(rows()).replace(",", ";").encode(),
        "row 1: read with delimiter ',' the header is one column, 'user_id;item_id;timestamp;price'; "
        "it looks delimited by ';': give that as delimiter",
    ),
    "not UTF-8": (
        with_row("café,i1,2024-01-03,2.0").decode().encode("latin-1"),
        "row 6: byte 4 of the row, 0xe9, is not UTF-8; save the file as UTF-8",
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_malformed_table_is_refused_by_check_and_by_fit(name, refused):
    content, message = TABLES[name]
    Path("bad.csv").write_bytes(content)
    edited("path: log.csv", "path: bad.csv")

    for args in (["data", "check", "bad.csv", "--columns", "user_id=user_id"], FIT):
        said = refused(*args)
        assert said.startswith("bad.csv")
        assert message in said


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("folder", "folder: this directory holds no table; there is nothing in it"),
        ("lgo.csv", "lgo.csv: there is no such file; did you mean 'log.csv'?"),
    ],
)
def test_a_folder_or_a_missing_file_instead_of_a_table(path, message, refused):
    Path("folder").mkdir()
    edited("path: log.csv", f"path: {path}")
    assert refused("data", "check", path).startswith(message)
    assert refused(*FIT).startswith(message)


def test_check_lists_every_problem_and_fit_counts_the_rest(refused):
    Path("bad.csv").write_bytes(with_row("u1,i1,2024-01-03,-2.5", "u1,i1,someday,cheap"))
    edited("path: log.csv", "path: bad.csv")
    refused("data", "check", "bad.csv", lines=3)
    assert "(and 2 more problems: see `graphrec data check bad.csv`)" in refused(*FIT)


def test_an_item_of_the_test_part_that_the_training_part_does_not_know(refused):
    Path("later.csv").write_text("user_id,item_id,timestamp\nu1,i1,2024-06-01\nu1,i99,2024-06-02\n")
    text = CONFIG.replace("path: log.csv", "path: log.csv\n        test_path: later.csv")
    text = text.replace("Temporal", "Given").replace(
        "        train_end: 14\n        val_end: 17\n        test_end: 20\n",
        "        drop_cold_items: false\n",
    )
    Path("exp.yaml").write_text(text)
    for args in (["data", "check", "log.csv", "--test", "later.csv"], FIT):
        said = refused(*args)
        assert said.startswith(
            "later.csv, row 3, column 'item_id': the training part does not know the item_id"
        )
        assert (
            "i99; set whole_catalogue: true to keep them; drop_cold_items: true would leave out 1 test"
            in said
        )
        assert said.rstrip().endswith("figures are then not comparable with others'")


KEYS = {
    "group": ("trainer:", "trainr:", "row 4, key 'trainr': this key is not accepted; did you mean 'trainer'?"),
    "run": ("root: runs", "rot: runs", "row 3, key 'rot': this key is not accepted by RunOptions; did you mean 'root'?"),
    "trainer": ("max_epochs", "max_epoch", "row 5, key 'max_epoch': this key is not accepted by Trainer; did you mean 'max_epochs'?"),
    "data": ("    split:", "    splt:", "row 13, key 'splt': this key is not accepted by RecommenderData; did you mean 'split'?"),
    "source": ("path: log", "pth: log", "row 12, key 'pth': this key is not accepted by table; did you mean 'path'?"),
    "split": ("train_end", "trainend", "row 16, key 'trainend': this key is not accepted by Temporal; did you mean 'train_end'?"),
    "task": ("learning_rate", "learningrate", "row 27, key 'learningrate': this key is not accepted by RankingTask; did you mean 'learning_rate'?"),
    "encoder": ("num_layers", "num_layer", "row 26, key 'num_layer': this key is not accepted by LightGCN; did you mean 'num_layers'?"),
    "encoder class": ("LightGCN", "LightGNC", "row 23, key 'class_path': there is no class 'LightGNC'; did you mean 'LightGCN'?"),
    "task class": ("RankingTask", "RankTask", "row 20, key 'class_path': there is no class 'RankTask'; did you mean 'RankingTask'?"),
    "split class": ("Temporal", "Temporl", "row 14, key 'class_path': there is no class 'Temporl'; did you mean 'Temporal'?"),
    "data class": ("RecommenderData", "Recommender", "row 7, key 'class_path': Recommender cannot stand here, a RecommenderData is expected; did you mean 'RecommenderData'?"),
    "source function": ("sources.table", "sources.tabel", "row 10, key 'class_path': there is no function 'graphrec.data.sources.tabel'; did you mean 'graphrec.data.sources.table'?"),
    "wrong kind": ("LightGCN", "Temporal", "row 23, key 'class_path': Temporal cannot stand here, an Encoder is expected; known are"),
    "loss": ("learning_rate:", "loss: graphrec.losses.bprr\n    learning_rate:", "row 27, key 'loss': there is no function 'graphrec.losses.bprr'; did you mean 'graphrec.losses.bpr'?"),
    "whole number": ("dim: 8", "dim: many", "row 25, key 'dim': 'many' is not a whole number; write one"),
    "number": ("learning_rate: 0.01", "learning_rate: fast", "row 27, key 'learning_rate': 'fast' is not a number; write one"),
    "null": ("max_epochs: 1", "max_epochs: lots", "row 5, key 'max_epochs': 'lots' is not a whole number or null; write one"),
    "required": ("        path: log.csv", "        name: shop", "row 10, key 'path': table needs this key; add `path:` to its init_args"),
    "reference": ("data:\n  class", "data: dta.yaml\nseed_everything:\n  class", "row 6, key 'data': there is no such file: dta.yaml; paths start at the folder"),
    "features of text": ("    split:", "    features: {text: [{colum: title}]}\n    split:", "row 13, key 'colum': this key is not accepted by TextFeatures; did you mean 'column'?"),
    "no mapping": ("run:\n  name: mistakes\n  root: runs\n", "run: shop\n", "row 1, key 'run': 'shop' is no mapping of keys to values; indent its keys below it"),
    "list of a run": ("run:\n  name: mistakes\n  root: runs\n", "run: [shop]\n", "row 1, key 'run': ['shop'] is no mapping of keys to values; indent"),
    "list of a trainer": ("trainer:\n  max_epochs: 1\n", "trainer: [fast]\n", "row 4, key 'trainer': ['fast'] is no mapping of keys to values; indent"),
    "syntax": ("  max_epochs: 1", "  max_epochs: 1\n bad: [", "row 6: not valid YAML: "),
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_a_mistake_in_the_yaml_is_found_with_its_row_and_the_mend(name, refused):
    old, new, message = KEYS[name]
    edited(old, new)
    assert refused(*FIT).startswith(f"exp.yaml, {message}")


def test_a_mistake_in_a_file_that_the_yaml_refers_to_is_found_there(refused):
    Path("shared").mkdir()
    Path("shared/data.yaml").write_text(
        "# the split\nclass_path: RecommenderData\ninit_args:\n"
        "  source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}\n"
        "  split: {class_path: Temporal, init_args: {train_en: 14, val_end: 17, test_end: 20}}\n"
    )
    head, tail = CONFIG[: CONFIG.index("data:")], CONFIG[CONFIG.index("model:") :]
    Path("shared/exp.yaml").write_text(f"{head}data: data.yaml\n{tail}")
    said = refused("fit", "-c", "shared/exp.yaml")
    assert said.startswith(
        "shared/data.yaml, row 5, key 'train_en': this key is not accepted by Temporal; did you"
    )


COMMAND_LINES = {
    "name of a run": ([*FIT, "--name", "x"], "command line, key 'name': this key is not accepted; did you mean '--run.name'?"),
    "number as a text": ([*FIT, "--run.id", "7", "--bogus", "1"], "command line, key 'bogus': this key is not accepted"),
    "folder of runs": ([*FIT, "--out", "x"], "command line, key 'out': this key is not accepted; did you mean '--run.root'?"),
    "typo of a group's": ([*FIT, "--max_epoch", "1"], "command line, key 'max_epoch': this key is not accepted; did you mean '--trainer.max_epochs'?"),
    "argument of data": ([*FIT, "--batch_size", "1"], "command line, key 'batch_size': this key is not accepted; did you mean '--data.init_args.batch_size'?"),
    "argument of model": ([*FIT, "--learning_rat", "1"], "command line, key 'learning_rat': this key is not accepted; did you mean '--model.init_args.learning_rate'?"),
    "unknown option": ([*FIT, "--bogus", "1"], "command line, key 'bogus': this key is not accepted; known are run"),
    "unknown nested option": (
        [*FIT, "--model.init_args.learning_rat", "0.1"],
        "command line, key 'learning_rat': this key is not accepted by RankingTask; did you mean 'learning_rate'?",
    ),
    "text for a number": (
        [*FIT, "--trainer.max_epochs=abc"],
        "command line, key 'max_epochs': 'abc' is not a whole number or null",
    ),
    "class": (
        [*FIT, "--model.init_args.encoder", "LightGNC"],
        "command line, key 'encoder': there is no class 'LightGNC'; did you mean 'LightGCN'?",
    ),
    "no file after -c": (["fit", "-c", "absent.yaml"], "absent.yaml, option --config: there is no such file; check the path"),
    "a folder after -c": (["fit", "-c", "."], "., option --config: is a folder, not a YAML file"),
    "no configuration": (["fit"], "command line, key 'data': this key is missing; add `data:`"),
    "unknown command": (["fti"], "there is no command 'fti'; did you mean 'fit'?"),
    "no command": ([], "the following arguments are required: COMMAND; see `graphrec --help`"),
    "unknown action": (["data", "chek", "log.csv"], "there is no action 'chek'; did you mean 'check'?"),
    "pairs": (["data", "check", "log.csv", "--columns", "x"], "option --columns: 'x' is no pair; write user_id=customer"),
    "mapped column": (
        ["data", "check", "log.csv", "--columns", "user_id=customer"],
        "log.csv, column 'customer': this column is missing; the file has user_id, item_id, timestamp, price",
    ),
    "policy": (
        ["offers", "--ckpt", "x", "--out", "o.parquet", "--policy", "expected_proft"],
        "option --policy: there is no policy 'expected_proft'; did you mean 'expected_profit'?",
    ),
    "promotion": (
        ["offers", "--ckpt", "x", "--out", "o.parquet", "--promotion", "percnt"],
        "there is no --promotion 'percnt'; did you mean 'percent'?",
    ),
    "missing option": (["recommend", "--out", "o.parquet"], "the following arguments are required: --ckpt_path/--ckpt"),
    "missing checkpoint": (
        ["recommend", "--ckpt", "x.ckpt", "--out", "o.parquet"],
        "x.ckpt: there is no such file; checkpoints are in runs/",
    ),
    "unreadable checkpoint": (
        ["recommend", "--ckpt", "log.csv", "--out", "o.parquet"],
        "log.csv, option --ckpt_path: cannot be read as a checkpoint",
    ),
    "unreadable checkpoint in test": (
        ["test", "--ckpt_path", "log.csv"],
        "log.csv, option --ckpt_path: cannot be read as a checkpoint",
    ),
    "no run to test": (["test", "-c", "exp.yaml"], "runs/mistakes: no checkpoint of a run with this name; run `graphrec fit`"),
    "nothing to resume": (
        [*FIT, "--ckpt_path", "last"],
        "runs/mistakes: no checkpoint of a run with this name; run `graphrec fit`",
    ),
    "refit of no run": (["refit", "runs/x"], "runs/x: holds no best.ckpt; give the folder of a finished `graphrec fit`"),
    "no runs": (["compare", ".", "--out", "o"], ".: holds no run; give a run folder"),
    "no items": (["recommend", "--ckpt", "x", "--out", "o.csv", "-k", "0"], "option -k: 0 is not a number of items; give 1"),
    "negative budget": (
        ["offers", "--ckpt", "x", "--out", "o.parquet", "--budget", "-1"],
        "option --budget: -1.0 is not a number of 0 or more; give an amount of money",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_a_mistake_on_the_command_line(name, refused):
    args, message = COMMAND_LINES[name]
    assert refused(*args).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("root: runs", "monitor: val_ndgc_20", "column 'run.monitor': no metric is called 'val_ndgc_20'; did you mean 'val_ndcg_20'?"),
        ("        num_layers: 2\n", "        num_layers: 2\n    decoder: Dott\n", "exp.yaml, row 27, key 'decoder': there is no class 'Dott'; did you mean 'Dot'?"),
    ],
)  # fmt: skip
def test_what_only_the_data_can_show_is_refused_before_the_run_has_a_folder(old, new, message, refused):
    edited(old, new)
    assert refused(*FIT).startswith(message)


def test_an_encoder_without_its_features_is_refused_before_the_run_has_a_folder(refused):
    Path("exp.yaml").write_text(
        CONFIG.replace("LightGCN", "FeatureTowers").replace("        num_layers: 2\n", "")
    )
    assert "this model reads feature vectors and the data has none; set it to a mapping" in refused(*FIT)


def test_a_split_without_validation_is_refused_before_the_run_has_a_folder(refused):
    Path("exp.yaml").write_text(
        CONFIG.replace("val_end: 17", "val_end: 34")
        .replace("train_end: 14", "train_end: 30")
        .replace("test_end: 20", "test_end: 40")
    )
    said = refused(*FIT)
    assert said.startswith("log.csv, column 'train_end': the validation part of the split is empty")
    assert said.endswith("the log, whose last is week 20; give one before week 20")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["data", "check", "bad.csv"], "bad.csv, row 6, column 'price': -2.5 is negative"),
        (FIT, "bad.csv, row 6, column 'price': -2.5 is negative"),
        (
            [*FIT, "--model.init_args.lr", "1"],
            "command line, key 'lr': this key is not accepted by RankingTask",
        ),
    ],
)
def test_a_real_process_says_one_line_and_exits_with_2(args, message):
    Path("bad.csv").write_bytes(with_row("u1,i1,2024-01-03,-2.5"))
    edited("path: log.csv", "path: bad.csv")
    before = sorted(Path().rglob("*"))

    done = subprocess.run(
        [sys.executable, "-m", "graphrec", *args], capture_output=True, text=True, env=os.environ
    )

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"graphrec: {message}")
    assert sorted(Path().rglob("*")) == before


WEIGHTS = """\
    weights:
      rows:
        - {class_path: Recency, init_args: {half_life: 8}}
        - {class_path: Event, init_args: {weights: {view: 0.1, purchase: 1}}}
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("Recency", "Recensy"), "key 'class_path': there is no class 'Recensy'; did you mean 'Recency'?"),
        (
            ("half_life", "halflife"),
            "key 'halflife': this key is not accepted by Recency; did you mean 'half_life'?",
        ),
        (
            ("half_life: 8", "half_life: soon"),
            "key 'half_life': 'soon' is not a number; write one, or leave the key out for its default",
        ),
        (
            ("view: 0.1", "view: some"),
            "key 'weights': {'view': 'some', 'purchase': 1} is not a mapping of keys to values, each a number; write one, or leave the key out for its default",
        ),
        (
            ("class_path: Recency, ", ""),
            "key 'rows': class_path is missing here; name one of Rating, Quantity, Recency, Event after `class_path:`",
        ),
    ],
)
def test_a_mistake_in_a_list_of_classes_is_told_by_its_own_key(change, said, refused):
    Path("exp.yaml").write_text(CONFIG.replace("model:\n", WEIGHTS.replace(*change) + "model:\n"))
    assert refused(*FIT) == f"exp.yaml, row 20, {said}"
