"""Write the tables of docs/results.md and README.md from finished reproductions and the demo.

python experiments/table.py runs/reproduce
python experiments/table.py --demo runs/demo/comparison.csv
python experiments/table.py --benchmark runs/benchmark

Reads every metrics.json of a ranking by `graphrec reproduce` below the given folders, and of the studies
that of the simulator alone. Seeds of one row become one line: the mean of their values and bounds, and how
far apart they are. Each data set's table replaces what stands between

    <!-- table: gowalla -->
    <!-- end of table: gowalla -->

in docs/results.md; data sets without a reproduction keep theirs. The table of the demo stands in README.md,
too. A benchmark's picture of average ranks goes to experiments/figures, where README.md shows it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.reproduce.kinds import Ranked, Row, Study
from graphrec.cli.reproduce.rows import read_rows
from graphrec.errors import InputError
from graphrec.files import write_text
from graphrec.report.runs import ITEM_SETS

ROOT = Path(__file__).parents[1]
PAGE, README = ROOT / "docs" / "results.md", ROOT / "README.md"
FIGURES, RANKS = ROOT / "experiments" / "figures", "average_ranks.svg"
SIMULATOR, SHARE = "offers-simulator", "_share_of_oracle"
MEASURES = {"recall_20": "Recall@20", "ndcg_20": "NDCG@20"}
LEGEND = (
    "Test part, with 95 % bootstrap intervals over users (means over the seeds). Spread: largest less"
    " smallest Recall@20 / NDCG@20 of the seeds. Minutes: all steps, mean over the seeds. Trials: settings"
    " tried on the validation part. Protocol paper: settings and epochs as published, chosen on the test part"
    " by their authors; honest: chosen on the validation part. Written by `python experiments/table.py`."
)


def read_metrics(paths: Sequence[Path], rows: dict[str, Row]) -> pd.DataFrame:
    """One line per reproduction, with its data set.

    Raises:
        InputError: If there is none, one is of no known row, a row has a seed twice, or the reproductions of
            a data set were tested on different splits.
    """
    found = [metrics for metrics in _found(paths) if "name" in metrics and "split_sha256" in metrics]
    found = [metrics for metrics in found if not isinstance(rows.get(metrics["name"]), Study)]
    if not found:
        hint = "give folders that `graphrec reproduce NAME --out` wrote"
        raise InputError("no metrics.json of a ranked reproduction", file=paths[0], hint=hint)
    for metrics in found:
        if metrics["name"] not in rows:
            what = f"'{metrics['name']}' is not in reproduce.yaml"
            raise InputError(what, file=metrics["file"], hint="add the row or leave this folder out")
    frame = pd.DataFrame(found)
    frame["dataset"] = [rows[name].dataset for name in frame["name"]]
    _check(frame)
    return frame


def _found(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Every metrics.json below the paths, with its file."""
    files = sorted({file for path in paths for file in _files(path)})
    return [json.loads(file.read_text(encoding="utf-8")) | {"file": str(file)} for file in files]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError("there is no such file or folder", file=path, hint="see `graphrec reproduce --help`")
    return [path] if path.is_file() else list(path.rglob("metrics.json"))


def _check(frame: pd.DataFrame) -> None:
    """What stands in one table must have been tested alike, and once per seed."""
    if (twice := frame[frame.duplicated(["name", "seed"])]).size:
        line = twice.iloc[0]
        what = f"{line['name']} has seed {line['seed']} twice"
        raise InputError(what, file=line["file"], hint="leave one of its folders out")
    for dataset, part in frame.groupby("dataset"):
        other = part[part["split_sha256"] != part["split_sha256"].iloc[0]]
        if other.size:
            what = f"tested on another split of {dataset} than {part['file'].iloc[0]}"
            raise InputError(what, file=other["file"].iloc[0], hint="reproduce both on the same data")


def table(frame: pd.DataFrame, rows: dict[str, Ranked]) -> str:
    """The table of one data set in Markdown, best NDCG@20 first, with what it rests on below."""
    frame = frame.dropna(axis="columns", how="all")  # item sets of other data sets
    suffixes = [""] + [f"_{items}" for items in ITEM_SETS if f"test_ndcg_20_{items}" in frame]
    titles = [f"{title}{suffix.replace('_', ', ')}" for suffix in suffixes for title in MEASURES.values()]
    header = ["row", "model", *titles, "seeds", "spread", "minutes", "trials", "protocol", "command"]
    lines = [header, ["---", "---", *["---:"] * (len(titles) + 4), "---", "---"]]
    means = frame.groupby("name")["test_ndcg_20"].mean().sort_values(ascending=False)
    for name in map(str, means.index):
        lines.append(_line(frame[frame["name"] == name], rows[name], suffixes))
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    machines, split = "; ".join(sorted(set(frame["machine"]))), frame["split_sha256"].iloc[0]
    return f"{body}\n\n{LEGEND} Machine: {machines}. The split's sha256 begins {split[:16]}."


def _line(seeds: pd.DataFrame, row: Ranked, suffixes: list[str]) -> list[str]:
    cells = [_value(seeds, f"test_{measure}{suffix}") for suffix in suffixes for measure in MEASURES]
    spread = [seeds[f"test_{measure}"].max() - seeds[f"test_{measure}"].min() for measure in MEASURES]
    apart = " / ".join(f"{value:.4f}" for value in spread) if len(seeds) > 1 else "–"
    numbers = [str(len(seeds)), apart, f"{seeds['seconds'].mean() / 60:.1f}", str(row.trials)]
    data = " --data FOLDER" if row.data_folder is not None else ""
    command = f"`graphrec reproduce {row.name}{data} --out DIR`"
    return [row.name, row.model, *cells, *numbers, row.protocol, command]


def _value(seeds: pd.DataFrame, metric: str) -> str:
    """`0.1829 [0.1800, 0.1858]`; a dash where this item set was not measured."""
    if metric not in seeds or seeds[metric].isna().any():
        return "–"
    value, low, high = (seeds[f"{metric}{bound}"].mean() for bound in ("", "_low", "_high"))
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def demo_table(comparison: pd.DataFrame) -> str:
    """The table of `make demo` in Markdown, best NDCG on all items first, the best of a column bold.

    Args:
        comparison: What the demo wrote to comparison.csv.
    """
    shown = comparison[(comparison["k"] == 20) & comparison["measure"].isin(["ndcg", "recall"])]
    columns = [(measure, items) for measure in ("ndcg", "recall") for items in ITEM_SETS]
    best = shown.groupby(["measure", "items"])["value"].max()
    header = ["model", *(f"{MEASURES[f'{measure}_20']}, {items}" for measure, items in columns)]
    lines = [header, ["---", *["---:"] * len(columns)]]
    main = shown[(shown["measure"] == "ndcg") & (shown["items"] == "all")]
    for run in main.sort_values("value", ascending=False)["run"]:
        cells = shown[shown["run"] == run].set_index(["measure", "items"])
        lines.append([str(run).partition("-")[2], *(_bold(cells.loc[at], best[at]) for at in columns)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _bold(cell: pd.Series, best: float) -> str:
    text = f"**{cell['value']:.3f}**" if cell["value"] == best else f"{cell['value']:.3f}"
    return f"{text} [{cell['low']:.3f}, {cell['high']:.3f}]"


def simulator_table(metrics: dict[str, Any]) -> str:
    """The table of policies at equal spend in Markdown, the largest share of the oracle's gain first.

    Args:
        metrics: What `graphrec reproduce offers-simulator` wrote.
    """
    shares = {key.removesuffix(SHARE): key for key in metrics if key.endswith(SHARE)}
    lines = [["policy", "share of the oracle's gain in units", "units more than without offers"]]
    lines += [["---", "---:", "---:"]]
    for policy in sorted(shares, key=lambda policy: -metrics[shares[policy]]):
        keys = (shares[policy], f"{policy}_units_gain")
        lines.append([f"`{policy}`", *(_percent(metrics, key) for key in keys)])
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    seeds, pairs = int(metrics["seeds"]), int(metrics["pairs"])
    return (
        f"{body}\n\n{seeds} seeds, {pairs:,} pairs of shopper and item, with 95 % intervals over the seeds."
    )


def _percent(metrics: dict[str, Any], key: str) -> str:
    value, low, high = (100 * metrics[f"{key}{bound}"] for bound in ("", "_low", "_high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def benchmark_table(folder: Path) -> str:
    """The table of `graphrec benchmark` in Markdown: NDCG@20 by data set, the best average rank first.

    Args:
        folder: What the benchmark wrote.
    """
    whole, ranks = (_read(folder / name) for name in ("benchmark.csv", "ranks.csv"))
    shown = whole[(whole["measure"] == "ndcg") & (whole["k"] == 20) & whole["rank"].notna()]
    values = shown.set_index(["model", "data"])
    best, names = shown.groupby("data", sort=False)["value"].max(), list(shown["data"].unique())
    lines = [["model", "average rank", *names], ["---", *["---:"] * (len(names) + 1)]]
    for model, average in zip(ranks["model"], ranks["average_rank_ndcg"], strict=True):
        cells = [_seeds(values.loc[(model, name)], best[name]) for name in names]
        lines.append([f"`{model}`", f"{average:.1f}", *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _read(file: Path) -> pd.DataFrame:
    if not file.exists():
        raise InputError("there is no such file", file=file, hint="give what `graphrec benchmark` wrote")
    return pd.read_csv(file)


def _seeds(cell: pd.Series, best: float) -> str:
    """`**0.1829** ± 0.0003 [0.1800, 0.1858]`; without ± where nothing is drawn."""
    spread = f" ± {cell['spread']:.4f}" if cell["seeds"] > 1 else ""
    value = f"**{cell['value']:.4f}**" if cell["value"] == best else f"{cell['value']:.4f}"
    return f"{value}{spread} [{cell['low']:.4f}, {cell['high']:.4f}]"


def replace_tables(text: str, tables: dict[str, str], file: Path) -> str:
    """Put each table between its markers.

    Raises:
        InputError: If a data set's markers are missing.
    """
    for dataset, content in tables.items():
        start, end = f"<!-- table: {dataset} -->", f"<!-- end of table: {dataset} -->"
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            hint = f"add the lines {start} and {end} where the table shall stand"
            raise InputError(f"has no place for the table of {dataset}", file=file, hint=hint)
        text = f"{start}\n{content}\n{end}".join(pattern.split(text))
    return text


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Read, lay out, replace; returns the tables by data set."""
    tables: dict[str, str] = {}
    if options.demo is not None:
        tables["demo"] = demo_table(pd.read_csv(options.demo))
        _write(options.readme, tables)
    if options.benchmark is not None:
        tables["benchmark"] = benchmark_table(options.benchmark)
        if (picture := options.benchmark / RANKS).exists():  # it takes three data sets
            shutil.copy(picture, options.figures / RANKS)
    for name, _, folder in (given.partition("=") for given in options.study):
        tables[name] = (Path(folder) / "table.md").read_text(encoding="utf-8").strip()
    studied = [found for found in _found(options.runs) if found.get("name") == SIMULATOR]
    if studied:
        tables["simulator"] = simulator_table(studied[-1])
    if len(_found(options.runs)) > len(studied) or (options.runs and not studied):
        rows = read_rows()
        frame = read_metrics(options.runs, rows)
        tables |= {str(name): table(part, rows) for name, part in frame.groupby("dataset")}
    if not tables:
        raise InputError("nothing to read", hint="give folders of reproductions, --demo or --benchmark")
    _write(options.page, tables)
    print(f"{', '.join(tables)}: {options.page}")
    return tables


def _write(page: Path, tables: dict[str, str]) -> None:
    write_text(page, replace_tables(page.read_text(encoding="utf-8"), tables, page))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUNS", help="folders of reproductions")
    parser.add_argument("--demo", type=Path, metavar="CSV", help="comparison.csv of `make demo`")
    parser.add_argument("--benchmark", type=Path, metavar="FOLDER", help="what `graphrec benchmark` wrote")
    study = "a table of the page, and the folder whose table.md it is: cold_start=runs/cold-start"
    parser.add_argument("--study", nargs="+", default=[], metavar="NAME=FOLDER", help=study)
    parser.add_argument("--figures", type=Path, default=FIGURES, help="folder for the benchmark's picture")
    parser.add_argument("--page", type=Path, default=PAGE, help="file to write into")
    parser.add_argument("--readme", type=Path, default=README, help="another for the table of the demo")
    try:
        run(parser.parse_args())
    except InputError as error:
        print(f"table.py: {error}", file=sys.stderr)
        sys.exit(2)
