"""`graphrec init`: its files run as printed, say what they do, and are never written over unasked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from option_shop import log

from graphrec.cli.main import main
from graphrec.errors import InputError


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """Purchases with prices and discounts, and two tables beside them."""
    whole = log()
    names = {"user_id": "customer", "item_id": "sku", "timestamp": "date", "price": "paid"}
    whole.rename(columns=names).to_csv(tmp_path / "shop.csv", index=False)
    pd.DataFrame({"sku": whole["item_id"].unique(), "colour": "red"}).to_csv(tmp_path / "i.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_files_fit_as_the_printed_commands_say(shop, capfd):
    files = main(["init", "shop.csv", "--items", "i.csv"])
    said = capfd.readouterr().out
    assert set(files) == {"data", "ranker", "response"}
    assert files["data"] == Path("experiments/shop/data.yaml")
    printed = [line.split()[1:] for line in said.splitlines() if line.startswith("  graphrec fit")]
    assert printed == [["fit", "-c", str(files[kind])] for kind in ("ranker", "response")]
    for command in printed:
        main([*command, "--trainer.max_epochs", "1"])
    source = yaml.safe_load(files["data"].read_text())["init_args"]["source"]["init_args"]
    assert source["items"] == "i.csv"
    assert source["columns"]["user_id"] == "customer"


def test_each_line_of_the_data_says_what_it_does(shop):
    text = main(["init", "shop.csv", "--out", "mine"])["data"].read_text()
    bare = [
        line
        for line in text.splitlines()
        if "#" not in line and line.strip() not in ("class_path: RecommenderData", "init_args:", "source:")
    ]
    assert bare == ["    class_path: graphrec.data.sources.table"]


def test_files_are_written_over_only_with_force(shop):
    main(["init", "shop.csv", "--out", "mine"])
    written = Path("mine/ranker.yaml")
    written.write_text("# my own\n")
    with pytest.raises(InputError, match="there already"):
        main(["init", "shop.csv", "--out", "mine"])
    assert written.read_text() == "# my own\n"
    main(["init", "shop.csv", "--out", "mine", "--force"])
    assert "model" in written.read_text()


def test_a_table_that_does_not_join_is_refused(shop):
    pd.DataFrame({"article": ["a"], "colour": "red"}).to_csv("other.csv", index=False)
    with pytest.raises(InputError, match="there is no column 'sku'"):
        main(["init", "shop.csv", "--items", "other.csv"])
    assert not Path("experiments").exists()


def test_what_is_not_sure_is_told_and_stands_in_the_file(shop, capfd):
    days = [f"{k % 12 + 1:02d}/{k * 7 % 12 + 1:02d}/2024" for k in range(300)]
    users = [f"u{k % 30}" for k in range(300)]
    pd.DataFrame({"user": users, "item": [f"i{k % 9}" for k in range(300)], "date": days}).to_csv(
        "days.csv", index=False
    )
    files = main(["init", "days.csv"])
    assert "not sure: time_format: '%d/%m/%Y' or '%m/%d/%Y' fit all values" in capfd.readouterr().err
    assert "# Not sure: time_format: " in files["data"].read_text()
