"""What `graphrec update` keeps of a full fit, and at which part of its time, on Complete Journey.

LightGCN is fitted and refitted on weeks 1 to 48. Then weeks 49 to 51 come: `graphrec update` begins with
that run and chooses on week 51, its gate. `graphrec fit` and `refit` begin anew on the same rows and choose
on four weeks, as the run did, 48 to 51. Week 52 is read once, in the end: NDCG@20 of new items.

    python experiments/studies/update.py --out runs/update
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import yaml
from newcomers import coded, interval, markdown, ndcg_of, ratio, shown, with_bounds, write

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.experiment.runs.folder import RunFolder
from graphrec.cli.main import main as graphrec
from graphrec.data.datasets.complete_journey import complete_journey
from graphrec.data.datasets.synthetic import synthetic
from graphrec.data.interactions import Columns

JOURNEY = Path(__file__).parents[1] / "complete_journey" / "lightgcn.yaml"
LAST, COME, FOR_CHOICES = 52, 4, 4
"""Last week; how many weeks come after the first fit, with the one read once; validation of that fit."""
KEPT = [Columns.USER, Columns.ITEM, Columns.WEEK, Columns.BASKET, Columns.QUANTITY, Columns.PRICE]

SMALL = {"num_users": 200, "num_items": 80}


class Clock:
    """CPU and wall seconds inside of `Trainer.fit`, and of whole commands."""

    def __init__(self) -> None:
        self.training = self.training_wall = self.command = self.command_wall = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the commands of a block."""
        fit, begun = pl.Trainer.fit, (time.process_time(), time.perf_counter())

        def timed(*args: object, **options: object) -> None:
            start = time.process_time(), time.perf_counter()
            fit(*args, **options)
            self.training += time.process_time() - start[0]
            self.training_wall += time.perf_counter() - start[1]

        with mock.patch.object(pl.Trainer, "fit", timed):
            yield
        self.command += time.process_time() - begun[0]
        self.command_wall += time.perf_counter() - begun[1]


def write_logs(folder: Path, made_up: bool) -> None:
    """Write the log in two Parquet files, and the week that is read once."""
    log = (synthetic(weeks=LAST, density=3.0, **SMALL) if made_up else complete_journey()).log
    log = log[[name for name in KEPT if name in log]]
    week = log[Columns.WEEK]
    parts = {"old": week <= LAST - COME, "new": (week > LAST - COME) & (week < LAST), "once": week == LAST}
    for name, rows in parts.items():
        log[rows].to_parquet(folder / f"{name}.parquet", index=False)


def configuration(name: str, seed: int, paths: list[Path], ends: tuple[int, int], epochs: int | None) -> str:
    """Write the configuration of `experiments/complete_journey/lightgcn.yaml` on files of ours."""
    config = yaml.safe_load(JOURNEY.read_text())
    data = yaml.safe_load((JOURNEY.parent / config["data"]).read_text())
    arguments = {"path": [str(path) for path in paths], "outlier_factor": None}
    data["init_args"]["source"] = {"class_path": "graphrec.data.sources.table", "init_args": arguments}
    data["init_args"]["split"]["init_args"] |= {"train_end": ends[0], "val_end": ends[1], "test_end": ends[1]}
    config |= {"data": data, "seed_everything": seed}
    config["run"] |= {"name": name, "id": f"s{seed}", "root": "runs"}
    config["trainer"] |= {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    config["trainer"] |= {} if epochs is None else {"max_epochs": epochs}
    file = Path(f"{name}-{seed}.yaml")
    file.write_text(yaml.safe_dump(config))
    return str(file)


def fit_and_refit(config: str, folder: Path) -> Clock:
    """Do what a full fit takes."""
    clock = Clock()
    with clock.running():
        graphrec(["fit", "-c", config])
        graphrec(["refit", str(folder)])
    return clock


def judged(checkpoint: Path) -> pd.Series:
    """NDCG@20 of new items in the week that is read once, by user."""
    task, data = load_run(checkpoint)
    rows = pd.read_parquet("once.parquet").astype(
        {Columns.USER: "str", Columns.ITEM: "str"}
    )  # as a table is read
    wanted = coded(rows, data.split.users, data.split.items)
    found = ndcg_of(task.recommender, wanted, np.unique(wanted.pairs()[:, 0]))
    return found.set_axis(data.split.users.ids[found.index])


def one_seed(seed: int, epochs: int | None) -> tuple[pd.DataFrame, dict[str, float]]:
    """Measure the run of before, the update and the full fit."""
    old, full = Path("runs/old") / f"s{seed}", Path("runs/full") / f"s{seed}"
    ends = LAST - COME - FOR_CHOICES, LAST - COME
    fit_and_refit(configuration("old", seed, [Path("old.parquet")], ends, epochs), old)
    update = Clock()
    with update.running():
        updated = graphrec(["update", str(old), "--log", "new.parquet"])
    files = [Path("old.parquet"), Path("new.parquet")]
    ends = LAST - 1 - FOR_CHOICES, LAST - 1
    whole = fit_and_refit(configuration("full", seed, files, ends, epochs), full)
    refits = {name: RunFolder(run).refit.checkpoints for name, run in (("old", old), ("full", full))}
    checkpoints = {name: folder / "last.ckpt" for name, folder in refits.items()} | {"update": updated}
    users = pd.DataFrame({name: judged(Path(file)) for name, file in checkpoints.items()})
    clocks = {"update": update, "full": whole}
    return users, {f"{name}_{key}": value for name, one in clocks.items() for key, value in vars(one).items()}


def tell(out: Path, found: list[tuple[pd.DataFrame, dict[str, float]]]) -> None:
    """Write means over the seeds: of each user who has something to find, and of the seconds."""
    users = (sum(frame for frame, _ in found) / len(found)).dropna()
    seconds = pd.DataFrame([one for _, one in found]).mean()
    rows, metrics = [], {name: float(value) for name, value in seconds.items()}
    for name in users:
        level = interval(users[name].to_numpy())
        share = ratio(users[name].to_numpy(), users["full"].to_numpy())
        times = [
            seconds.get(f"{name}_{key}") for key in ("training", "training_wall", "command", "command_wall")
        ]
        metrics |= with_bounds(f"{name}_ndcg", level) | with_bounds(f"{name}_of_full", share)
        rows.append(
            [name, shown(level), shown(share, 3), *("" if one is None else f"{one:.0f}" for one in times)]
        )
    metrics["time_of_full"] = seconds["update_training"] / seconds["full_training"]
    metrics["command_time_of_full"] = seconds["update_command"] / seconds["full_command"]
    of_time = ["training, CPU s", "wall s", "commands, CPU s", "wall s"]
    write(out, metrics, markdown(["model", "NDCG@20, new items, week 52", "of full", *of_time], rows))
    share, whole = metrics["time_of_full"], metrics["command_time_of_full"]
    print(f"training takes {share:.1%} of the CPU seconds of the full fit, the commands {whole:.1%}")


def main() -> None:
    """Run the seeds, write metrics.json and table.md."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--out", type=Path, required=True, help="folder of the figures and the runs")
    parser.add_argument("--seeds", type=int, default=2, help="number of seeds")
    parser.add_argument("--epochs", type=int, help="most epochs of a full fit; those of the YAML if missing")
    parser.add_argument("--synthetic", action="store_true", help="take a made-up log, for a quick try")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    write_logs(options.out, options.synthetic)
    here = Path.cwd()
    os.chdir(options.out)  # where the commands of it can be repeated
    found = [one_seed(seed, options.epochs) for seed in range(options.seeds)]
    os.chdir(here)
    tell(options.out, found)


if __name__ == "__main__":
    main()
