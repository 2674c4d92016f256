"""Write the tables of README.md from finished reproductions.

python experiments/table.py runs/reproduce

Reads every metrics.json of a ranking by `graphrec reproduce` below the given folders, and leaves studies
out. Seeds of one row become one line: the mean of their values and bounds, and how far apart they are. Each
data set's table replaces what stands between

    <!-- table: gowalla -->
    <!-- end of table: gowalla -->

in the README; data sets without a reproduction keep theirs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.reproduce.kinds import Ranked, Row, Study
from graphrec.cli.reproduce.rows import read_rows
from graphrec.errors import InputError
from graphrec.files import write_text
from graphrec.report.findings import ITEM_WORDS

README = Path(__file__).parent / "README.md"
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
    files = sorted({file for path in paths for file in _files(path)})
    found = [json.loads(file.read_text(encoding="utf-8")) | {"file": str(file)} for file in files]
    found = [metrics for metrics in found if "name" in metrics and "split_sha256" in metrics]
    found = [metrics for metrics in found if not isinstance(rows.get(metrics["name"]), Study)]
    if not found:
        mend = "give folders that `graphrec reproduce NAME --out` wrote"
        raise InputError("no metrics.json of a ranked reproduction", file=paths[0], mend=mend)
    for metrics in found:
        if metrics["name"] not in rows:
            what = f"'{metrics['name']}' is not in reproduce.yaml"
            raise InputError(what, file=metrics["file"], mend="add the row or leave this folder out")
    frame = pd.DataFrame(found)
    frame["dataset"] = [rows[name].dataset for name in frame["name"]]
    _check(frame)
    return frame


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError("there is no such file or folder", file=path, mend="see `graphrec reproduce --help`")
    return [path] if path.is_file() else list(path.rglob("metrics.json"))


def _check(frame: pd.DataFrame) -> None:
    """What stands in one table must have been tested alike, and once per seed."""
    if (twice := frame[frame.duplicated(["name", "seed"])]).size:
        line = twice.iloc[0]
        what = f"{line['name']} has seed {line['seed']} twice"
        raise InputError(what, file=line["file"], mend="leave one of its folders out")
    for dataset, part in frame.groupby("dataset"):
        other = part[part["split_sha256"] != part["split_sha256"].iloc[0]]
        if other.size:
            what = f"tested on another split of {dataset} than {part['file'].iloc[0]}"
            raise InputError(what, file=other["file"].iloc[0], mend="reproduce both on the same data")


def table(frame: pd.DataFrame, rows: dict[str, Ranked]) -> str:
    """The table of one data set in Markdown, best NDCG@20 first, with what it rests on below."""
    frame = frame.dropna(axis="columns", how="all")  # item sets of other data sets
    suffixes = [""] + [f"_{items}" for items in ITEM_WORDS if f"test_ndcg_20_{items}" in frame]
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


def replace_tables(text: str, tables: dict[str, str], file: Path) -> str:
    """Put each table between its markers.

    Raises:
        InputError: If a data set's markers are missing.
    """
    for dataset, content in tables.items():
        start, end = f"<!-- table: {dataset} -->", f"<!-- end of table: {dataset} -->"
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            mend = f"add the lines {start} and {end} where the table shall stand"
            raise InputError(f"has no place for the table of {dataset}", file=file, mend=mend)
        text = f"{start}\n{content}\n{end}".join(pattern.split(text))
    return text


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Read, lay out, replace; returns the tables by data set."""
    rows = read_rows()
    frame = read_metrics(options.runs, rows)
    tables = {str(name): table(part, rows) for name, part in frame.groupby("dataset")}
    text = options.readme.read_text(encoding="utf-8")
    write_text(options.readme, replace_tables(text, tables, options.readme))
    print(f"{len(frame)} reproductions of {', '.join(tables)}: {options.readme}")
    return tables


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUNS", help="folders of reproductions")
    parser.add_argument("--readme", type=Path, default=README, help="file to write into")
    try:
        run(parser.parse_args())
    except InputError as error:
        print(f"table.py: {error}", file=sys.stderr)
        sys.exit(2)
