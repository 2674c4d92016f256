"""A shop's damaged export goes from the raw file to a fit by YAML alone, in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damaged_shop import DAMAGE, SPOILT, clean_shop

from graphrec.cli.cleaning_option import rules_of
from graphrec.cli.main import main
from graphrec.data import sources, splits
from graphrec.data.cleaning.rules import Guests, Returns
from graphrec.errors import InputError

DONE = (
    "returns",
    "duplicates",
    "cancellations",
    "zero quantities",
    "missing users",
    "guest ids",
    "returns alone",
)
GERMAN = {
    "user_id": "Kunde",
    "item_id": "Artikel",
    "quantity": "Menge",
    "timestamp": "Datum",
    "basket_id": "Bon",
    "price": "Preis",
    "region": "Region",
}
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "table.md"


def guide_yaml() -> str:
    """The YAML that the guide gives to be pasted; the shop here is too small to rank new items alone."""
    blocks = re.findall(r"```yaml\n(class_path: RecommenderData.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 1
    return f"{blocks[0]}  item_sets: [all]\n"


def damaged(clean: pd.DataFrame) -> pd.DataFrame:
    log = clean
    for place, name in enumerate(DONE):
        log = DAMAGE[name].spoil(log, np.random.default_rng(place))
    return log


def write_german(log: pd.DataFrame, path: Path) -> None:
    log = log.assign(
        timestamp=log["timestamp"].dt.strftime("%d.%m.%Y %H:%M"),
        user_id=log["user_id"].replace("guest", "0"),
        region="Süd",
    )
    log = log.drop(columns="interaction_id").rename(columns=GERMAN)
    log.to_csv(path, index=False, sep=";", decimal=",", encoding="latin-1")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Folder of a fit on the damaged file, and what it printed."""
    folder = tmp_path_factory.mktemp("laden")
    write_german(damaged(clean_shop(0)), folder / "laden.csv")
    (folder / "my.yaml").write_text(guide_yaml())
    command = [sys.executable, "-m", "graphrec", "fit", "-m", "item_cf", "--data", "my.yaml"]
    done = subprocess.run(
        [*command, "--trainer.logger", "false"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return next(folder.glob("runs/*/*/cleaning.csv")).parent, done.stderr


def test_a_damaged_export_trains_on_what_the_clean_one_would(fitted, tmp_path):
    run, _ = fitted
    clean_shop(0).to_csv(tmp_path / "clean.csv", index=False)
    split = splits.LeaveLast()(sources.table(str(tmp_path / "clean.csv")).log, 0)
    said = json.loads((run / "run.json").read_text())
    assert said["split_sha256"] == split.sha256()
    card = said["data_card"]
    assert (card["train"], card["validation"], card["test"]) == tuple(
        map(len, (split.train, split.val, split.test))
    )


def test_each_step_is_printed_and_kept_with_examples(fitted):
    run, printed = fitted
    kept = pd.read_csv(run / "cleaning.csv", keep_default_na=False)
    kept = kept[kept["rule"] != ""]
    assert kept["rule"].tolist() == [
        "Ignore",
        "Guests",
        "Duplicates",
        "ZeroQuantities",
        *["Returns"] * 3,
        "Outliers",
        "Missing",
    ]
    assert kept["removed"].tolist() == [0, 2 * SPOILT, SPOILT, SPOILT, 4 * SPOILT, 0, SPOILT, 0, 0]
    lines = [line for line in printed.splitlines() if line.startswith("graphrec: cleaning, ")]
    assert len(lines) == len(kept)
    for line, step in zip(lines, kept.to_dict("records"), strict=True):
        assert line.startswith(f"graphrec: cleaning, {step['rule']}: {step['removed']} of ")
        assert step["examples"] in line
        assert len(step["examples"].split("; ")) == 3 or not step["removed"]


def test_check_suggests_what_a_file_needs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spoilt = (
        damaged(clean_shop(0)).assign(price=lambda log: log["price"].abs()).drop(columns="interaction_id")
    )
    spoilt.to_csv("shop.csv", index=False)
    main(["data", "check", "shop.csv"])
    suggested = capsys.readouterr().out.partition("cleaning:\n")[2]
    Path("steps.yaml").write_text(f"cleaning:\n{suggested}")
    names = [type(rule).__name__ for rule in rules_of("steps.yaml")]
    assert names == ["Guests", "Duplicates", "Returns", "ZeroQuantities"]
    main(["data", "check", "shop.csv", "--cleaning", "steps.yaml", "--strict"])


def test_what_is_suggested_for_derived_prices_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shop = clean_shop(0).rename(columns={"price": "listed"})
    shop["off"] = [None if row == 3 else 10 * (row % 3) for row in range(len(shop))]
    shop.to_csv("shop.csv", index=False)
    command = ["data", "check", "shop.csv", "--columns", "list_price=listed", "discount_pct=off"]
    main(command)
    suggested = capsys.readouterr().out.partition("cleaning:\n")[2]
    assert [type(rule).__name__ for rule in rules_of(suggested)] == ["Prices", "Missing", "Missing"]
    main([*command, "--cleaning", suggested])
    assert "cleaning, Missing: 1 values changed" in capsys.readouterr().err


def test_check_takes_the_yaml_of_the_fit(fitted, monkeypatch, capsys):
    run, printed = fitted
    monkeypatch.chdir(run.parents[2])
    main(["data", "check", "my.yaml"])
    checked = [line for line in capsys.readouterr().err.splitlines() if "graphrec: cleaning, " in line]
    assert checked == [line for line in printed.splitlines() if "graphrec: cleaning, " in line]
    Path("odd.yaml").write_text("class_path: RecommenderData\ninit_args: {source: shop.Log}\n")
    with pytest.raises(InputError, match=r"odd.yaml, column 'source': this file names no source of graphrec"):
        main(["data", "check", "odd.yaml"])


def test_the_option_takes_yaml_as_a_source_does(tmp_path):
    text = "[Guests, {class_path: Returns, init_args: {how: drop}}]"
    assert rules_of(text) == [Guests(), Returns(how="drop")]
    for wrong in ("[Guest]", "[{class_path: Returns, init_args: {how: nett}}]", "no.yaml", "{a"):
        with pytest.raises(InputError) as caught:
            rules_of(wrong)
        assert caught.value.column == "--cleaning"


def data_yaml(weights: str) -> None:
    Path("data.yaml").write_text(
        "class_path: RecommenderData\ninit_args:\n  source:\n"
        "    class_path: graphrec.data.sources.table\n    init_args: {path: log.csv}\n"
        f"  split: {{class_path: LeaveLast}}\n  weights: {weights}\n"
    )


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ("{rows: [Rating]}", "log.csv, column 'rating': the weight Rating needs this column"),
        ("{rows: [Ratng]}", "column 'weights': these are no weights"),
        ("{rows: [{class_path: Recency, init_args: {half_life: -1}}]}", "half_life"),
    ],
)
def test_check_looks_at_the_weights_of_a_yaml(weights, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"u{n % 7},i{n % 5},2024-01-{n % 28 + 1:02d}\n" for n in range(60))
    Path("log.csv").write_text(f"user_id,item_id,timestamp\n{rows}")
    data_yaml(weights)
    with pytest.raises(InputError, match=told):
        main(["data", "check", "data.yaml"])
    data_yaml("{rows: [{class_path: Recency, init_args: {half_life: 2}}]}")
    capsys.readouterr()
    main(["data", "check", "data.yaml"])
    said = capsys.readouterr().err
    assert "split LeaveLast by timestamp" in said
    assert "weights Recency, sum per edge" in said
    main(["data", "describe", "data.yaml"])
    assert "split and weights of the file change nothing here" in capsys.readouterr().err


def test_a_fit_reads_decimal_commas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"u{n % 7};i{n % 5};2024-01-{n % 28 + 1:02d};{n},5\n" for n in range(60))
    Path("log.csv").write_text(f"user_id;item_id;timestamp;price\n{rows}")
    words = ["fit", "-m", "item_cf", "--data", "log.csv", "--delimiter", ";"]
    with pytest.raises(InputError, match="a comma is read with decimal"):
        main(words)
    cli = main([*words, "--decimal", ","])
    assert cli.datamodule.source.log["price"].iloc[3] == 3.5
