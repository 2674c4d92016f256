"""The configuration that a checkpoint carries: the truth for every command that takes the checkpoint.

What is taken from it is the model, the data and the seed. Its trainer belongs to the machine and the day of
the fit, so only a fit that goes on takes that, too. A command line stands on top of it: keys that it leaves
out have the checkpoint's values, and those that it gives may not disagree
(`graphrec.cli.experiment.checkpoints.agreement`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from graphrec.cli.config.files import leaves
from graphrec.cli.config.locations import Entry, read_entries
from graphrec.cli.config.moved import renamed
from graphrec.cli.config.names import check_checkpoint_names, check_given_names
from graphrec.cli.config.vocabulary import own_modules, trusted_modules
from graphrec.cli.experiment.processes import agreed, say
from graphrec.cli.experiment.runs.folder import LAST, RunOptions, newest, read_checkpoint
from graphrec.cli.experiment.runs.resuming import warn_if_refit_unfinished
from graphrec.errors import InputError
from graphrec.notices import note

MODEL_AND_DATA = ("seed_everything", "model", "data")
OF_A_FIT = ("trainer", "optimizer", "lr_scheduler")
"""What else a fit takes that goes on or is repeated."""
NOT_OF_A_RUN = ("root", "id", "refit_of")
"""Keys of ``run`` that tell where a run was, not what it is."""
HELP = {"-h", "--help"}
PLACES = ("dirpath", "filename", "save_dir", "root_dir", "dir", "log_dir", "path")
"""Keys with which a callback says where it writes; Lightning's have no others."""


@dataclass(frozen=True)
class Basis:
    """A command line and what it stands on.

    Args:
        args: The command line, with the checkpoint's configuration before all others.
        given: What the user's files and options say.
        modules: Modules that may be named beside the known ones.
        checkpoint: The checkpoint; None for a fit from the start.
        file: The part of its configuration that is taken, as a YAML file.
    """

    args: list[str]
    given: Entry
    modules: list[str]
    checkpoint: Path | None = None
    file: Path | None = None

    @property
    def is_changed(self) -> bool:
        """Whether the user says anything about the model, the data, the seed or the run."""
        return any(key in self.given.keys for key in (*MODEL_AND_DATA, "run"))


@contextmanager
def on_checkpoint(args: list[str], trusted: bool) -> Iterator[Basis]:
    """Put a command line on the configuration of the checkpoint that it names or means.

    Args:
        args: The command with its options.
        trusted: Whether any module may be named.

    Raises:
        InputError: If there is no such checkpoint, or a configuration names code that it may not.
    """
    given = read_entries(args)
    modules = trusted_modules(given.plain()) if trusted else own_modules(given.plain())
    check_given_names(given, modules)
    _check_options(given)
    checkpoint = None if HELP.intersection(args) else _checkpoint(args[0], given)
    if checkpoint is None:
        yield Basis(args, given, modules)
        return
    config = taken(read_checkpoint(checkpoint), checkpoint, trusted, modules, fit=args[0] == "fit")
    modules += trusted_modules(config) if trusted else []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        complete = [args[0], "--config", str(file), *args[1:], "--ckpt_path", str(checkpoint)]
        yield Basis(complete, given, modules, checkpoint, file)


def _check_options(given: Entry) -> None:
    """Raise `InputError` for what only the command line, or only another command, may say."""
    refit = given.keys["run"].keys.get("refit_of") if "run" in given.keys else None
    if refit is not None and refit.value is not None:
        raise InputError("this is set by another command", column="run.refit_of", hint="use `graphrec refit`")
    if "trust" in given.keys and given.keys["trust"].value is not False:  # as --print_config writes it
        hint = "leave it out; --trust alone on the command line does it"
        raise InputError("a file cannot say whom you trust", column="trust", hint=hint)
    if "weights_only" in given.keys and given.keys["weights_only"].value not in (None, True):
        what = "a checkpoint is read for its weights only, as anything else could run code"
        raise InputError(what, column="--weights_only", hint="leave the option out")


def _checkpoint(command: str, given: Entry) -> Path | None:
    """Find the checkpoint that is named, or the newest of the run's name."""
    entry = given.keys.get("ckpt_path")
    if entry is not None and entry.keys:
        what, hint = "this is a YAML file, not a checkpoint", "give best.ckpt or last.ckpt of a run"
        raise InputError(what, file=entry.file, column="--ckpt_path", hint=hint)
    named = None if entry is None or entry.value is None else str(entry.value)
    if named is not None and named != "last":
        return Path(named)
    if named is None and command == "fit":
        return None
    run = given.keys["run"].keys if "run" in given.keys else {}
    said = {key: entry.value for key, entry in run.items() if entry.value is not None}
    name, root, own = (str(said[key]) if key in said else None for key in ("name", "root", "id"))
    options = RunOptions(name=name or RunOptions.name, root=root or RunOptions.root, id=own)
    found = newest(options, None if named is None else LAST)
    checkpoint = Path(agreed("checkpoint", str(found)))
    if "print_config" not in given.keys:  # what is printed then is a file
        say(f"checkpoint: {checkpoint}")
    if named is None:
        warn_if_refit_unfinished(checkpoint)
    return checkpoint


def config_of(content: dict[str, Any], file: Path) -> dict[str, Any]:
    """Read the whole configuration that a checkpoint carries.

    Raises:
        InputError: If it is no mapping with a model and data.
    """
    try:
        config = yaml.safe_load(content["graphrec"]["config"])
        whole = all(isinstance(config[group]["class_path"], str) for group in ("model", "data"))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        whole = False
    if not whole:
        what = "the configuration in this checkpoint is damaged"
        raise InputError(what, file=file, hint="take another checkpoint of the run, or fit again")
    return dict(renamed(config))


def taken(
    content: dict[str, Any], file: Path, trusted: bool, modules: list[str] | None = None, *, fit: bool = False
) -> dict[str, Any]:
    """Take the part of a checkpoint's configuration that counts, checked before any of it is built.

    Args:
        content: The checkpoint.
        file: Where it is.
        trusted: Whether it may name any module and any place.
        modules: Modules that it may name in any case.
        fit: Whether a fit goes on from it or is repeated.

    Raises:
        InputError: If it names code or a place that is not allowed, by the name.
    """
    whole = config_of(content, file)
    config = {key: whole[key] for key in MODEL_AND_DATA if key in whole}
    run = whole.get("run")
    if isinstance(run, dict):
        config["run"] = {key: value for key, value in run.items() if key not in NOT_OF_A_RUN}
    if fit:
        config |= {key: whole[key] for key in OF_A_FIT if whole.get(key) is not None}
        config["trainer"] = _trainer(whole.get("trainer") or {}, file, trusted)
    if not trusted:
        check_checkpoint_names(config, file, modules or [])
        _check_cache(config, file)
    return config


def _trainer(settings: dict[str, Any], file: Path, trusted: bool) -> dict[str, Any]:
    """Keep the settings of a trainer but those that write somewhere else than into the run's folder."""
    left_out = ["default_root_dir", *([] if trusted else ["profiler", "logger"])]
    dropped = [key for key in left_out if isinstance(settings.get(key), str | dict | list)]
    if dropped:
        note(f"{file}: trainer.{' and trainer.'.join(dropped)} of the checkpoint is not taken over")
    kept = {key: value for key, value in settings.items() if key not in dropped}
    for key in () if trusted else ("callbacks", "plugins", "strategy"):
        for name, value in leaves(kept.get(key), key):
            if value is not None and name.rpartition(".")[2] in PLACES:
                what = f"the checkpoint writes to a place of its own: trainer.{name} is {value!r}"
                raise InputError(what, file=file, hint="give --trust if you know who made it")
    return kept


def _check_cache(config: dict[str, Any], file: Path) -> None:
    """Raise `InputError` for a cache outside of the current folder: it would be written to."""
    cache = (config["data"].get("init_args") or {}).get("cache")
    if cache is not None and not Path(str(cache)).resolve().is_relative_to(Path.cwd().resolve()):
        what = f"the checkpoint writes to a place of its own: data.init_args.cache is {cache!r}"
        raise InputError(what, file=file, hint="give --trust if you know who made it")
