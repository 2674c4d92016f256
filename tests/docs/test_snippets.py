"""What README and docs show runs: the way through from a CSV to offers, and every part of a user's own."""

from __future__ import annotations

import doctest
import json
import os
import re
from pathlib import Path

import pandas as pd
import pytest
from option_shop import log
from pages import PAGES, ROOT, blocks, file_named, shown
from pytorch_lightning.cli import LightningArgumentParser
from scripts import run_python
from wandb_files import wandb_runs_of

import graphrec as gr
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.option_help import help_asked
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.main import LIGHTNING
from graphrec.cli.short import spelled
from graphrec.report.runs import read_runs

README, DOCS = ROOT / "README.md", ROOT / "docs"
OWN = {
    "closed form": ("model.md", 0, ["mymodels.py"]),
    "encoder": ("model.md", 1, ["myencoders.py"]),
    "source": ("source.md", 0, ["mysource.py"]),
    "loss": ("loss.md", 0, ["mylosses.py"]),
    "task": ("model.md", 2, ["mytasks.py"]),
}
CONSOLE = """
import json, sys
from pathlib import Path
from graphrec.cli import console
for command in json.loads(sys.argv[1]):
    checkpoint = next(iter(sorted(Path("runs").glob("*/*/checkpoints/best.ckpt"))), "CKPT")
    console([str(checkpoint) if word == "CKPT" else word for word in command])
"""
TOLD = [page for page in PAGES if page.parent.name != "tutorials"]  # test_tutorials.py runs those whole
FITS = [(page, args) for page in TOLD for args in shown(page) if args[0] in LIGHTNING]


def graphrec(*commands: list[str], folder: Path) -> str:
    """Commands in one process, as the console script starts them."""
    script = folder.parent / "graphrec"
    script.write_text(CONSOLE)
    return run_python(str(script), json.dumps(commands), folder=folder)


@pytest.fixture
def shop(tmp_path) -> Path:
    """A folder with the purchases of the README, under its column names."""
    folder = tmp_path / "work"
    folder.mkdir()
    names = {"user_id": "customer", "item_id": "sku", "timestamp": "date", "price": "paid"}
    log().rename(columns=names)[list(names.values())].to_csv(folder / "purchases.csv", index=False)
    (folder / "mine.yaml").write_text(file_named(README, "mine.yaml"))
    return folder


def without_model(text: str) -> str:
    """The README's file without its last line, as the guides say."""
    lines = text.splitlines(keepends=True)
    assert lines[-1].startswith("model:")
    return "".join(lines[:-1])


def test_start_shows_the_file_of_the_readme():
    assert file_named(DOCS / "start.md", "mine.yaml") == file_named(README, "mine.yaml")


def test_the_way_from_a_csv_to_offers_runs_as_the_readme_shows_it(shop):
    commands = [
        [*args, *(["--trainer.max_epochs", "2"] if args[0] == "fit" else [])] for args in shown(README)
    ]

    said = graphrec(*commands, folder=shop)

    assert "customer" not in said.split("Cleaning")[0]
    assert pd.read_parquet(shop / "items.parquet").columns.tolist() == [
        "user_id",
        "item_id",
        "rank",
        "score",
        "basis",
    ]
    offers = pd.read_parquet(shop / "offers.parquet")
    assert set(offers["policy"]) == {"none", "knapsack"}
    assert (offers.loc[offers["policy"] == "knapsack", "rate"] > 0).any()
    assert (shop / "runs" / "comparison" / "report.html").is_file()
    (run,) = (shop / "runs" / "mine-lightgcn").iterdir()
    assert (run / "refit" / "checkpoints" / "last.ckpt").is_file()
    assert (run / "refit" / "test_metrics.json").is_file()


def test_parts_of_a_users_own_run_as_the_guides_show_them(shop):
    commands = []
    (shop / "mine.yaml").write_text(without_model((shop / "mine.yaml").read_text()))
    for name, (page, place, modules) in OWN.items():
        text = (DOCS / "how-to" / page).resolve()
        for module in modules:
            (shop / module).write_text(file_named(text, module))
        found = [b.text for b in blocks(text) if b.kind == "fence" and b.language == "yaml"]
        (shop / f"{name}.yaml").write_text(found[place])
        model = [] if name != "source" else ["-c", "loss.yaml"]
        given = ["-c", "mine.yaml"] if name not in ("source", "task") else []
        run = ["--run.name", name.replace(" ", "_"), "--run.id", "a", "--trainer.max_epochs", "1"]
        commands.append(["fit", *given, "-c", f"{name}.yaml", *model, *run])
    commands.sort(key=lambda command: "source.yaml" in command)  # it takes the model of the loss

    graphrec(*commands, folder=shop)

    for name in OWN:
        assert (shop / "runs" / name.replace(" ", "_") / "a" / "checkpoints" / "best.ckpt").is_file(), name


def test_policies_of_a_users_own_run_as_the_guide_shows_them(shop):
    page = DOCS / "how-to" / "policy.md"
    for file in ("mypolicies.py", "loyal.yaml", "mylevels.py", "mine_scenario.yaml"):
        (shop / file).write_text(file_named(page, file))
    fit = next(args for args in shown(README) if args[0] == "fit")

    graphrec([*fit, "--trainer.max_epochs", "1"], *shown(page), folder=shop)

    loyal, deepest = (pd.read_parquet(shop / f"{name}.parquet") for name in ("loyal", "deepest"))
    assert set(loyal["policy"]) == {"loyal"}
    assert loyal.loc[loyal["reason_code"] == "asked", "rate"].max() == 0.1
    assert loyal["reason"].str.contains("a thank-you for buying it again").any()
    assert set(deepest["policy"]) == {"deepest"}
    assert (deepest["promotion"] == "amount").any()


def test_a_measure_of_a_users_own_is_found_in_the_csv_the_page_and_wandb(shop):
    page = DOCS / "how-to" / "measure.md"
    for name in ("mymeasures.py", "measure.yaml"):
        (shop / name).write_text(file_named(page, name))
    fit, *others = shown(page)

    said = graphrec([*fit, "--trainer.max_epochs", "1"], *others, folder=shop)

    assert "Places to a hit" in said
    assert "Surprise@20" in (shop / "runs/comparison/comparison.md").read_text()
    table = pd.read_csv(shop / "runs/comparison/comparison.csv").set_index("metric")
    assert table.loc["surprise_20_new", "title"] == "Surprise"
    assert not table.loc["first_hit_20_new", "higher_is_better"]
    written = (shop / "runs/comparison/report.html").read_text()
    assert "Places to a hit@20, items never bought before, shorter is better" in written
    (run,) = read_runs([shop / "runs" / "measured"])
    assert run.measures["first_hit"] == ("Places to a hit", False)
    assert run.summary["test_surprise_20_new"] == table.loc["surprise_20_new", "value"]
    assert run.summary["test_first_hit_20_new_low"] >= 1
    assert "val_surprise_20" in run.history
    logged = wandb_runs_of(run.path)
    assert any("test_first_hit_20_new" in row for row in logged["test"].rows)
    assert logged["fit"].metrics["val_surprise_20"] == {"max": True}
    users = pd.read_parquet(run.path / "test_users.parquet")
    assert users["surprise_20"].mean() == pytest.approx(run.summary["test_surprise_20_new"], abs=1e-5)


def test_the_ablation_runs_as_it_is_shown_in_twelve_lines(shop, monkeypatch):
    monkeypatch.chdir(shop)
    (text,) = [b.text for b in blocks(DOCS / "how-to" / "ablation.md") if b.language == "python"]
    example = doctest.DocTestParser().get_doctest(text, {}, "ablation.md", None, 0)
    assert len(example.examples) <= 12
    assert doctest.DocTestRunner().run(example, clear_globs=False).failed == 0
    found, table = example.globs["found"], example.globs["table"]
    assert found["folder"].nunique() == 6
    assert (table["min"] <= table["mean"]).all()
    assert (table["mean"] <= table["max"]).all()
    models = {
        one: gr.Run.of(rows["folder"].iloc[0]).config["model"]["init_args"]
        for one, rows in found.groupby("num_layers")
    }
    assert {one: model["encoder"]["init_args"]["num_layers"] for one, model in models.items()} == {
        one: one for one in (0, 1, 2)
    }, "settings must reach the model"


class ParserMadeError(Exception):
    """Carries the parser out of Lightning before anything is read."""


def parser_for(args: list[str]) -> LightningArgumentParser:
    """The parser that reads a command of Lightning."""

    class Stopped(GraphRecCLI):
        def parse_arguments(self, parser, args):
            raise ParserMadeError(parser)

    with pytest.raises(ParserMadeError) as made:
        run_lightning(args, Stopped)
    return made.value.args[0]


@pytest.mark.parametrize("page", sorted({page for page, _ in FITS}), ids=lambda page: page.stem)
def test_a_command_of_lightning_is_read_as_it_is_shown(page, shop, monkeypatch):
    monkeypatch.chdir(shop)
    os.symlink(ROOT / "experiments", shop / "experiments")
    (shop / "model.yaml").write_text("model: {class_path: RankingTask, init_args: {encoder: LightGCN}}\n")
    (shop / "measure.yaml").write_text("run: {name: measured}\n")
    for block in re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        if not (shop / block[0]).exists():
            (shop / block[0]).write_text(block[1])  # as the page shows it
    for args in (args for shown_by, args in FITS if shown_by == page):
        if help_asked(args) is not None:  # it is answered before anything is parsed
            continue
        args = spelled(args)
        read = parser_for(args).parse_args(args)
        assert read["subcommand"] == args[0]
