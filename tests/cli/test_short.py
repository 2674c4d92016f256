"""`-m NAME` and `--data FILE`: shipped models on a file as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from graphrec.cli.main import main
from graphrec.cli.short import data_config, model_file, model_names, spelled
from graphrec.errors import InputError

QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def shop(users: int = 40, items: int = 25) -> pd.DataFrame:
    """Purchases of two groups of customers, with names that a shop might have."""
    draw = np.random.default_rng(3)
    rows = [
        (
            f"Kundin {user}",
            f"Artikel, {(int(item) * 2 + user) % items}",
            f"2024-{1 + place % 9:02d}-{1 + user % 27:02d}",
        )
        for user in range(users)
        for place, item in enumerate(draw.permutation(items // 2)[:6])
    ]
    return pd.DataFrame(rows, columns=["Kunde", "Ware", "Tag"])


QUICK = (
    "item_cf",
    "lightgcn",
    "spectral",
    "popularity",
    "heterogcn",
    "logistic",
    "item_cf_rating",
    "tree_rating",
)
"""One model of each kind; the others run in `make test-slow`."""


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in model_names()]
)
def test_every_model_fits_a_shop_s_own_file(name):
    log, rates = shop(), name.endswith("_rating")
    log.assign(Note=[1 + row % 5 for row in range(len(log))]).to_csv("Käufe 2024.csv", index=False)
    columns = ["--columns", "user_id=Kunde", "item_id=Ware", "timestamp=Tag", "rating=Note"]
    beside = ["--items", "Waren.csv"] if name == "heterogcn" else []
    goods = pd.DataFrame({"Ware": [f"Artikel, {number}" for number in range(25)]})
    goods.assign(Art=["Bier", "Brot", None, "Käse", "Brot"] * 5).to_csv("Waren.csv", index=False)
    words = [*beside, *columns, "--trainer.max_epochs", "1", *QUIET]

    cli = main(["fit", "-m", name, "--data", "Käufe 2024.csv", *words])

    assert cli.folder.path.parent.name == f"Käufe 2024-{name}"
    measured = cli.trainer.callback_metrics["val_rmse" if rates else "val_ndcg_20"]
    assert np.isfinite(float(measured))


def test_tables_beside_the_log_are_the_source_s():
    shop().rename(columns={"Kunde": "user_id", "Ware": "item_id"}).to_csv("log.csv", index=False)
    args = spelled(["fit", "--data", "log.csv", "--items", "i.csv", "--users=u.csv"])
    source = json.loads(args[args.index("--data") + 1])["init_args"]["source"]
    assert source["init_args"] == {"path": "log.csv", "items": "i.csv", "users": "u.csv"}
    Path("known.inter").write_text("user_id:token\titem_id:token\na\tb\n")
    with pytest.raises(InputError, match=r"--items: this log brings its own"):
        data_config("known.inter", attributes={"items": "i.csv"})


@pytest.mark.parametrize(
    ("columns", "split"),
    [
        ({"timestamp": "2024-01-0"}, "LeaveLast"),
        ({"week": ""}, "LeaveLast"),
        ({"price": ""}, "Random"),
        ({"part": "train"}, "Given"),
    ],
)
def test_the_split_follows_from_the_columns(columns, split):
    name, start = next(iter(columns.items()))
    values = [start if start == "train" else f"{start}{1 + row}" for row in range(4)]
    pd.DataFrame({"user_id": list("aabb"), "item_id": list("xyxz"), name: values}).to_csv(
        "log.csv", index=False
    )
    assert data_config("log.csv")["init_args"]["split"]["class_path"] == split
    pd.read_csv("log.csv").to_parquet("log.parquet")
    assert data_config("log.parquet")["init_args"]["split"]["class_path"] == split


@pytest.mark.parametrize("between", [" ", "\t", ","])
@pytest.mark.parametrize("fields", [2, 3, 4])
def test_a_file_without_a_header_is_read_by_its_places(between, fields, capsys):
    suffix = ".csv" if between == "," else ".txt"
    rows = [
        [7 * user, (user + item) % 9 + 1000, item + 1, 1_700_000_000 + item]
        for user in range(12)
        for item in range(5)
    ]
    Path(f"log{suffix}").write_text("\n".join(between.join(map(str, row[:fields])) for row in rows) + "\n")

    cli = main(["fit", "-m", "item_cf", "--data", f"log{suffix}", *QUIET])

    log = cli.datamodule.source.log
    assert len(log) == 60
    assert set(log["user_id"]) == {str(7 * user) for user in range(12)}
    assert ("rating" in log) == (fields > 2)
    assert ("timestamp" in log) == (fields > 3)
    assert "no header" in capsys.readouterr().err


def test_a_folder_of_text_files_is_ranked_against_the_whole_catalogue():
    for part, shift in (("train", 0), ("test", 3)):
        lines = [f"{user} {(user + shift) % 9} {(user + shift + 1) % 9}" for user in range(9)]
        Path(f"{part}.txt").write_text("\n".join(lines) + "\n")
    config = data_config(".")["init_args"]
    assert config["source"]["class_path"] == "graphrec.data.sources.lightgcn_txt"
    assert config["split"] == {"class_path": "Given", "init_args": {"whole_catalogue": True}}


def test_a_yaml_of_data_is_taken_as_it_stands():
    own = {"class_path": "RecommenderData", "init_args": {"source": "graphrec.data.sources.synthetic"}}
    Path("own.yaml").write_text(yaml.safe_dump(own))
    Path("whole.yaml").write_text(yaml.safe_dump({"data": "own.yaml", "run": {"name": "x"}}))
    assert data_config("own.yaml") == data_config("whole.yaml") == own
    assert data_config("complete_journey")["init_args"]["split"]["class_path"] == "Temporal"


def test_what_is_said_beside_them_holds():
    shop().rename(columns={"Kunde": "user_id", "Ware": "item_id", "Tag": "timestamp"}).to_csv(
        "log.csv", index=False
    )
    Path("more.yaml").write_text(yaml.safe_dump({"run": {"patience": 7}}))
    args = ["fit", "-m=popularity", "--data=log.csv", "-c", "more.yaml", "--data.init_args.cutoffs=[5, 20]"]

    cli = main([*args, "--data.split", "Random", "--run.name", "own", *QUIET])

    assert cli.folder.path.parent.name == "own"
    assert cli.run_options.patience == 7
    assert cli.datamodule.cutoffs == [5, 20]
    assert type(cli.datamodule.splitter).__name__ == "Random"
    assert main(
        [
            "test",
            "-m",
            "popularity",
            "--data",
            "log.csv",
            "--data.split",
            "Random",
            "--run.name",
            "own",
            *QUIET,
        ]
    )


def test_a_pattern_of_files_is_one_log_and_without_quotes_it_is_refused():
    for year in (2023, 2024):
        shop()[year - 2023 :: 2].to_csv(f"Käufe-{year}.csv", index=False)
    columns = ["--columns", "user_id=Kunde", "item_id=Ware", "timestamp=Tag"]
    cli = main(["fit", "-m", "item_cf", "--data", "Käufe-*.csv", *columns, *QUIET])
    assert cli.folder.path.parent.name == "Käufe-item_cf"
    assert len(cli.datamodule.source.log) == len(shop())
    words = ["--data", "Käufe-2023.csv", "Käufe-2024.csv", *columns]
    with pytest.raises(InputError, match="quote a pattern of files"):
        main(["fit", "-m", "item_cf", *words])
    with pytest.raises(InputError, match="quote a pattern of files"):
        main(["data", "check", *words[1:]])


def test_a_later_command_finds_the_run_by_the_same_words():
    shop().rename(columns={"Kunde": "user_id", "Ware": "item_id"}).to_csv("log.csv", index=False)
    fitted = main(["fit", "-m", "ease", "--data", "log.csv", *QUIET])
    main(["test", "-m", "ease", "--data", "log.csv", *QUIET])
    assert (fitted.folder.path / "test_metrics.json").is_file()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-m", "lightgnc", "--data", "log.csv"], ["lightgnc", "did you mean 'lightgcn'"]),
        (["-m", "ease", "--data", "gone.csv"], ["gone.csv", "no such file"]),
        (["-m", "ease", "--data", "odd.csv"], ["odd.csv", "'user_id'", "Kunde", "--columns user_id="]),
        (["-m", "ease", "--data", "empty.csv"], ["empty.csv", "empty"]),
        (["-m", "ease", "--data", "odd.csv", "--columns", "user_id"], ["'user_id' is no pair"]),
        (["-m"], ["-m", "expected"]),
        (["-m", "ease", "--data", "none.yaml"], ["none.yaml"]),
    ],
)
def test_a_mistake_is_told_in_one_line(args, words):
    shop().to_csv("odd.csv", index=False)
    Path("empty.csv").write_text("")
    with pytest.raises(InputError) as raised:
        main(["fit", *args, *QUIET])
    message = str(raised.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_other_forms_of_data_are_left_to_the_parser():
    args = ["fit", "-c", "x.yaml", "--data", "RecommenderData", "--data.init_args.seed", "3"]
    assert spelled(args) == args
    written = ["fit", "--data", json.dumps({"class_path": "RecommenderData"})]
    assert spelled(written) == written
    assert spelled(["fit", "-m", "ease"]) == ["fit", "--config", str(model_file("ease"))]
