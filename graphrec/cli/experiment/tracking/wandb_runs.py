"""The run of Weights & Biases: offline where there is no network, and no reason for a fit to end."""

from __future__ import annotations

import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.errors.foreign import is_raised_by
from graphrec.errors import InputError
from graphrec.notices import warn

MODES = ("online", "offline", "disabled", "shared", "run", "dryrun")
_ONLINE = ("online", "shared", "run")
_ANSWER_SECONDS, _START_SECONDS, _FINISH_SECONDS = 3.0, 6.0, 120.0
_SYNC = "the run is kept offline, `wandb sync` sends it later"


def mode() -> str:
    """Find what WANDB_MODE asks for, and change that to ``offline`` where nobody answers.

    If it says nothing, a trial of a sweep is online, since its agent waits for what comes of it. All else is
    offline.

    Raises:
        InputError: If there is no such mode.
    """
    asked = os.environ.get("WANDB_MODE") or ("online" if os.environ.get("WANDB_SWEEP_ID") else "offline")
    if asked not in MODES:
        hint = "set it to online, offline or disabled"
        raise InputError(f"WANDB_MODE is '{asked}', which is no mode of Weights & Biases", hint=hint)
    if asked in _ONLINE and not answers(str(wandb_settings().base_url)):
        warn("Weights & Biases does not answer", hint=_SYNC)
        asked = wandb_settings().mode = "offline"
    os.environ["WANDB_MODE"] = asked  # for the other processes of the launch as well
    return asked


def wandb_settings() -> Any:
    """Find the settings of W&B in this process, as files and environment say; they may be changed."""
    import wandb

    return wandb.setup().settings


def answers(url: str) -> bool:
    """Tell whether a server answers within three seconds, the search for its address included."""
    found: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS):
                found.append(True)
        except urllib.error.HTTPError as error:  # an answer, if not a welcome
            found.append(error.code < 500)
        except (OSError, ValueError):
            found.append(False)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_ANSWER_SECONDS)
    return bool(found) and found[0]


class QuietWandbLogger(WandbLogger):
    """Lightning's logger that goes on offline, or without W&B, where the original would end the fit.

    It also leaves out the setting ``anonymous``, which W&B gave up and warns of in every run.
    """

    def __init__(self, **settings: Any) -> None:
        chosen = mode()
        super().__init__(**settings, mode=chosen)
        self._wandb_init.pop("anonymous", None)
        if chosen in _ONLINE:
            own = self._wandb_init["settings"]
            own.init_timeout = _START_SECONDS
            own.finish_timeout = float(os.environ.get("WANDB_FINISH_TIMEOUT") or _FINISH_SECONDS)
            own.finish_timeout_raises = True

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; it is begun when it is first asked for."""
        if self._experiment is None and self._wandb_init["mode"] in _ONLINE:
            self._begin_online()
        try:
            return super().experiment
        except OSError as error:
            return give_up(self, error)

    def _begin_online(self) -> None:
        """Begin the run, or let it be one that is offline."""
        import wandb

        try:
            _ = super().experiment
        except Exception as error:
            if not _is_of_wandb(error):
                raise
            warn(f"Weights & Biases refuses this run: {_first_line(error)}", hint=_SYNC)
            os.environ["WANDB_MODE"] = self._wandb_init["mode"] = "offline"
            wandb.teardown()  # its service would say that the run is in use

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send a row, unless W&B has failed."""
        try:
            super().log_metrics(metrics, step)
        except Exception as error:
            give_up(self, error)


def send(loggers: Iterable[Logger], action: Callable[[Any], None]) -> None:
    """Do something with each run of W&B; where that fails, a line says so and the command goes on.

    A run that cannot begin is no such failure: its name or its tags are the user's mistake.

    Args:
        loggers: Of a trainer; those that are not of W&B are passed over.
        action: Takes the run.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            run = logger.experiment
            try:
                action(run)
            except Exception as error:
                give_up(logger, error)


def give_up(logger: WandbLogger, error: Exception) -> Any:
    """Go on without W&B, and give the run that does nothing; an error of others is raised again."""
    import wandb

    if not _is_of_wandb(error):
        raise error
    warn(f"Weights & Biases failed: {_first_line(error)}", hint="the command goes on without it")
    with suppress(Exception):  # it would fail at the end of the process as well
        wandb.teardown()
    logger._experiment = wandb.init(mode="disabled", reinit="create_new")
    return logger._experiment


def finish() -> None:
    """End the run of W&B, if one is open; what it does not take is left out with a line."""
    if "wandb" not in sys.modules:  # a help or a mistake came first: no run, and half a second to import it
        return
    import wandb

    run = wandb.run
    try:
        wandb.finish()
    except TimeoutError:
        folder = "FOLDER" if run is None else os.path.relpath(run.settings.sync_dir)
        rest = f"`wandb sync --no-skip-online {folder}` sends the rest"
        warn("Weights & Biases does not take the end of the run", hint=rest)
    except Exception as error:
        if not _is_of_wandb(error):
            raise
        warn(f"Weights & Biases failed: {_first_line(error)}", hint="metrics.csv has all that was logged")


def _is_of_wandb(error: Exception) -> bool:
    """Tell whether W&B raised it, or the machine under it."""
    return is_raised_by(error, "wandb") or isinstance(error, OSError)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip(". ")
