"""What a search shows: a line per trial that ended, and on a terminal a line per trial that runs."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from graphrec.tuning.budget import clock
from graphrec.tuning.settings import shown
from graphrec.tuning.trials import Trial


class Lines:
    """Tells of trials.

    Args:
        wanted: How many there are to be; None where the time bounds them.
        larger: Whether the largest value is the best.
    """

    def __init__(self, wanted: int | None = None, larger: bool = True) -> None:
        self.wanted, self.larger = wanted, larger
        self._best: dict[str, float] = {}
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        terminal = Console(stderr=True, force_jupyter=False)
        self._progress = Progress(
            *columns, console=terminal, transient=True, disable=not terminal.is_terminal
        )
        self._tasks: dict[tuple[str, int], TaskID] = {}

    def __enter__(self) -> Lines:
        """Show what runs."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear what runs."""
        self._progress.stop()

    def known(self, model: str, trials: Sequence[Trial]) -> None:
        """Say what is there already."""
        done = [one for one in trials if one.outcome.state != "running"]
        values = [one.outcome.value for one in done if one.counts and one.outcome.value is not None]
        if values:
            self._best[model] = max(values) if self.larger else min(values)
        if trials:
            left = len(trials) - len(done)
            more = f", {left} begun" if left else ""
            self.say(f"{model}: goes on, {len(done)} trials are done{more}")

    def begun(self, trial: Trial) -> None:
        """Show a trial that runs."""
        self._tasks[trial.model, trial.number] = self._progress.add_task(
            f"{self._name(trial)}: begun", total=None
        )

    def epoch(self, trial: Trial, epoch: int, value: float) -> None:
        """Show where it is."""
        task = self._tasks.get((trial.model, trial.number))
        if task is not None:
            self._progress.update(task, description=f"{self._name(trial)}: epoch {epoch}, {value:.4f}")

    def ended(self, trial: Trial) -> None:
        """Print what it came to."""
        if (task := self._tasks.pop((trial.model, trial.number), None)) is not None:
            self._progress.remove_task(task)
        self.say(f"{self._name(trial)}: {self._came_to(trial)}; {in_words(trial)}")

    def say(self, line: str) -> None:
        """Print a line above what is shown."""
        self._progress.console.file.flush()
        print(line, flush=True)

    def _name(self, trial: Trial) -> str:
        return f"{trial.model} {trial.number}" + (f" of {self.wanted}" if self.wanted else "")

    def _came_to(self, trial: Trial) -> str:
        outcome, best = trial.outcome, self._best.get(trial.model)
        if outcome.value is None or not trial.counts:
            value = "" if outcome.value is None else f" at {outcome.value:.4f}"
            why = f": {outcome.why}" if outcome.why else ""
            return f"{outcome.state}{value} after {clock(outcome.seconds)}{why}"
        better = best is None or (outcome.value > best if self.larger else outcome.value < best)
        if better:
            self._best[trial.model] = outcome.value
        mark = ", the best so far" if better and best is not None else ""
        cut = ", cut where the time was over" if outcome.state == "cut" else ""
        return f"{outcome.value:.4f} in epoch {outcome.epoch}, {clock(outcome.seconds)}{cut}{mark}"


def in_words(trial: Trial) -> str:
    """Write the settings of a trial in a line."""
    if not trial.settings:
        return "the default"
    return ", ".join(f"{key.rpartition('.')[2]} {shown(value)}" for key, value in trial.settings.items())
