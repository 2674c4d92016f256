"""What a cell of a benchmark depends on, and what is refused before anything is fitted."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from graphrec.cli.benchmark.plan import Cell, Settings, fit_arguments, read_data, read_models
from graphrec.cli.main import main
from graphrec.errors import InputError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(u, (u * 3 + i) % 11) for u in range(12) for i in range(6)]
    pd.DataFrame(rows, columns=["user_id", "item_id"]).to_csv("Läden & Märkte.csv", index=False)
    for name in ("train", "test"):
        Path("lists/click.stream").mkdir(parents=True, exist_ok=True)
        Path(f"lists/click.stream/{name}.txt").write_text(f"0 {len(name)} 2\n1 2\n")
    Path("mine.yaml").write_text("model: {class_path: RankingTask, init_args: {encoder: LightGCN}}\n")


def cell(data="Läden & Märkte.csv", model="mine.yaml", seed=0, k=20, **settings) -> Cell:
    (one,), (of,) = read_data([Path(data)], {}, {}), read_models([model])
    return Cell(one, of, seed, Settings(settings), k)


def test_a_cell_depends_on_all_that_makes_it_and_on_nothing_else():
    keys = {cell().key, cell(seed=1).key, cell(k=10).key, cell(model="ease").key, cell(dim=8).key}
    keys |= {cell("lists/click.stream").key}
    assert len(keys) == 6
    Path("moved").mkdir()
    for name in ("Läden & Märkte.csv", "mine.yaml"):
        Path("moved", name).write_bytes(Path(name).read_bytes())
    assert cell("moved/Läden & Märkte.csv", "moved/mine.yaml").key == cell().key, "the place does not matter"
    before = cell("lists/click.stream").key
    Path("lists/click.stream/train.txt").write_text("0 1 2\n1 3\n")
    assert cell("lists/click.stream").key != before
    Path("mine.yaml").write_text("trainer: {max_epochs: 3}\nmodel: {class_path: RankingTask}\n")
    assert cell().key not in keys


def test_a_cell_depends_on_every_file_of_a_pattern_and_of_a_folder_of_parts():
    Path("parts").mkdir()
    for year in (2023, 2024):
        Path(f"parts/{year}.csv").write_text("Kunde,item_id\n1,2\n2,3\n")
    columns = {"user_id": "Kunde"}
    for given in ("parts/*.csv", "parts"):
        (before,) = read_data([Path(given)], columns, {})
        assert before.name == "parts"
        assert before.config["init_args"]["source"]["init_args"]["columns"] == columns
        Path("parts/2024.csv").write_text(f"Kunde,item_id\n1,2\n2,{len(given)}\n")
        assert read_data([Path(given)], columns, {})[0].sha256 != before.sha256


def test_names_are_those_of_files_and_folders():
    data = read_data([Path("Läden & Märkte.csv"), Path("lists/click.stream")], {}, {})
    assert [one.name for one in data] == ["Läden & Märkte", "click.stream"]
    assert data[1].config["init_args"]["split"]["class_path"] == "Given"
    Path("a").mkdir(), Path("b").mkdir()
    for folder in "ab":
        Path(folder, "log.csv").write_text("user_id,item_id\n1,2\n")
    assert [one.name for one in read_data([Path("a/log.csv"), Path("b/log.csv")], {}, {})] == [
        "a-log",
        "b-log",
    ]


def test_closed_forms_have_one_seed_and_the_cutoff_is_watched():
    trained, closed = read_models(["mine.yaml", "ease"])
    assert (trained.seeds([0, 1, 2]), closed.seeds([3, 4])) == ([0, 1, 2], [3])
    (data,) = read_data([Path("Läden & Märkte.csv")], {}, {})
    for k, cutoffs in ((20, [10, 20]), (7, [7])):
        words = fit_arguments(trained, data, k)
        assert json.loads(words[words.index("--data") + 1])["init_args"]["cutoffs"] == cutoffs
        assert words[-1] == f"val_ndcg_{k}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--models eaze --data x.csv", "did you mean 'ease'"),
        ("--models ease --data nowhere.csv", "nowhere.csv"),
        ("--models ease ease --data x.csv", "'ease' is given twice"),
        ("--models ease --data x.csv x.csv", "given twice"),
        ("--models ease --data x.csv --seeds 1 1", "a seed is given twice"),
        ("--models ease --data x.csv --jobs 0", "--jobs"),
        ("--models ease --data x.csv --seeds -1", "--seeds"),
        ("--models data.yaml --data x.csv", "describes no model"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(words, said):
    Path("x.csv").write_text("user_id,item_id\n1,2\n")
    Path("data.yaml").write_text("data: {}\n")
    with pytest.raises(InputError) as caught:
        main(["benchmark", *words.split(), "--defaults", "--out", "bench"])
    assert said in str(caught.value)
    assert not Path("bench").exists()
