"""A benchmark from its plan to its page: settings, cells, what is left, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphrec.benchmarking.cells import RESULT, Finished, finished, main_value
from graphrec.benchmarking.report import Protocol, write_report
from graphrec.cli.benchmark.job import write_result
from graphrec.cli.benchmark.plan import Cell, DataSet, Model, Settings
from graphrec.cli.benchmark.processes import Processes, reason
from graphrec.cli.benchmark.progress import Progress
from graphrec.cli.benchmark.settings import read_settings, search_job, settings_of, tried, unsettled
from graphrec.evaluation.correction import Correction

_CELL, _SEARCH = "graphrec.cli.benchmark.cell", "graphrec.cli.benchmark.tuning"


@dataclass(frozen=True)
class Plan:
    """What a benchmark does.

    Args:
        models: The models.
        data: The data sets.
        seeds: Of trained models; closed forms have the first alone.
        k: Cut-off of what is watched and ranked by.
        trials: Settings that each model may try on each data set; 0 takes the defaults.
        jobs: Cells that are fitted side by side.
        out: Folder to write to.
        correction: How the p of a lead is corrected.
        command: The command line, for the page.
    """

    models: Sequence[Model]
    data: Sequence[DataSet]
    seeds: Sequence[int]
    k: int
    trials: int
    jobs: int
    out: Path
    correction: Correction
    command: str

    @property
    def pairs(self) -> list[tuple[DataSet, Model]]:
        """Each model on each data set."""
        return [(data, model) for data in self.data for model in self.models]

    def cells(self, settings: Mapping[tuple[str, str], Settings]) -> list[Cell]:
        """List the cells of the pairs whose settings are known."""
        return [
            Cell(data, model, seed, settings[data.name, model.name], self.k)
            for data, model in self.pairs
            if (data.name, model.name) in settings
            for seed in model.seeds(self.seeds)
        ]

    def told(self) -> list[str]:
        """Say what will be done, a line each."""
        trained = ", ".join(model.name for model in self.models if not model.closed_form)
        closed = ", ".join(model.name for model in self.models if model.closed_form)
        count = sum(len(model.seeds(self.seeds)) for model in self.models) * len(self.data)
        lines = [f"data sets: {', '.join(one.name for one in self.data)}"]
        lines += [f"trained, seeds {', '.join(map(str, self.seeds))}: {trained}"] if trained else []
        lines += [f"closed forms, which draw nothing and have one seed: {closed}"] if closed else []
        lines.append(f"settings: {self.settings_told}")
        return [*lines, f"{count} cells: fit, refit on train and validation, test once"]

    @property
    def settings_told(self) -> str:
        """Say how settings are chosen."""
        if not self.trials:
            return "the defaults of each model"
        trials = f"{self.trials} trial{'s' * (self.trials != 1)}"
        return f"chosen on validation with an equal budget, {trials} for every model on every data set"


def run_benchmark(plan: Plan) -> Path:
    """Do what is not done yet, and write tables and page.

    Returns:
        The page.

    Raises:
        InputError: If no cell has a result.
    """
    for line in plan.told():
        print(line)
    settings, unsettled = _settings(plan)
    cells = plan.cells(settings)
    done = {cell.key: found for cell in cells if (found := _done(cell, plan.out))}
    todo = [cell for cell in cells if cell.key not in done]
    done |= _fitted(todo, len(cells), plan)
    ended = [*(done[cell.key] for cell in cells), *unsettled]
    protocol = Protocol(plan.k, plan.settings_told, tuple(plan.seeds), plan.command, plan.correction)
    return write_report(ended, protocol, plan.out)


def _settings(plan: Plan) -> tuple[dict[tuple[str, str], Settings], list[Finished]]:
    """Choose the settings of each model on each data set; where the search failed there are none."""
    if not plan.trials:
        return {(data.name, model.name): Settings({}) for data, model in plan.pairs}, []
    jobs = [
        search_job(model, data, plan.k, plan.trials, plan.seeds[0], plan.out) for data, model in plan.pairs
    ]
    todo = [job for job in jobs if (said := read_settings(job)) is None or "failed" in said]
    progress = Progress(len(jobs), len(todo), "searches")
    with Processes(_SEARCH, plan.jobs) as processes, progress:
        for job, code, seconds in processes.run(todo, progress.watch):
            said = read_settings(job) or write_result(job, {"failed": reason(code)})
            progress.ended(job["name"], str(said.get("failed", "")), tried(said), seconds)
    ended = [(job, said) for job in jobs if (said := read_settings(job)) is not None]
    found = {(job["data"], job["model"]): settings_of(said) for job, said in ended if "failed" not in said}
    return found, [unsettled(said, job) for job, said in ended if "failed" in said]


def _done(cell: Cell, out: Path) -> Finished | None:
    """Read a cell that has a result; one that failed is tried again."""
    found = finished(cell.folder(out), cell.key)
    return found if found is not None and not found.why_failed else None


def _fitted(cells: Sequence[Cell], count: int, plan: Plan) -> dict[str, Finished]:
    """Fit cells, tell of each as it ends, and give what came of them by their keys."""
    progress, found = Progress(count, len(cells), "cells"), {}
    jobs = [cell.job(plan.out) for cell in cells]
    for job in jobs:
        (Path(job["folder"]) / RESULT).unlink(missing_ok=True)  # of an earlier failure
    with Processes(_CELL, plan.jobs) as processes, progress:
        for job, code, seconds in processes.run(jobs, progress.watch):
            folder = Path(job["folder"])
            ended = finished(folder, job["key"]) or Finished(
                folder, write_result(job, {"failed": reason(code)})
            )
            found[job["key"]] = ended
            came = "" if ended.why_failed else f"NDCG@{plan.k} {main_value(folder, plan.k):.4f}"
            progress.ended(job["name"], ended.why_failed, came, seconds)
    return found
