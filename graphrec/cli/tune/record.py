"""What is kept of a search while it goes on: the table of trials, and checkpoints of the best ones alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graphrec.tuning.loop import Told
from graphrec.tuning.trials import Trial, best_of, write_trials


@dataclass
class Recorded:
    """Writes the table after each trial, and removes the checkpoints that nobody needs any more.

    Args:
        told: Who is told of each trial as well.
        out: Folder of the search.
        larger: Whether the largest value is the best.
        trials: All that are known, of all models, in order.
    """

    told: Told
    out: Path
    larger: bool = True
    trials: list[Trial] = field(default_factory=list)

    def known(self, model: str, trials: Sequence[Trial]) -> None:
        """Take over what an earlier session did."""
        self.trials = [one for one in self.trials if one.model != model]
        self.trials += [one for one in trials if one.outcome.state != "running"]
        self.told.known(model, trials)

    def begun(self, trial: Trial) -> None:
        """Pass it on."""
        self.told.begun(trial)

    def epoch(self, trial: Trial, epoch: int, value: float) -> None:
        """Pass it on."""
        self.told.epoch(trial, epoch, value)

    def ended(self, trial: Trial) -> None:
        """Write the table, tidy up, pass it on."""
        self.trials.append(trial)
        models = list(dict.fromkeys(one.model for one in self.trials))
        self.trials.sort(key=lambda one: (models.index(one.model), one.number))
        write_trials(self.trials, self.out)
        self._tidy(trial.model)
        self.told.ended(trial)

    def _tidy(self, model: str) -> None:
        own = [one for one in self.trials if one.model == model]
        best = best_of(own, self.larger)
        for one in own:
            if one is not best and one.settings and one.run:
                for file in (Path(one.run) / "checkpoints").glob("*.ckpt"):
                    file.unlink()
