"""What is tuned: models by their names on a file as it is, or a YAML file of one's own, with their spaces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec.cli.config.locations import read_entries
from graphrec.cli.short import data_config, model_file, spelled, with_features
from graphrec.cli.tune.engine import Base
from graphrec.cli.tune.files import read_space, shipped_space
from graphrec.errors import InputError, check_above
from graphrec.tuning.space import Space

Entry = tuple[Base, Space]
"""A model with what may be tried."""
_SHARE = "graphrec.data.sources.share_of_users"


@dataclass(frozen=True)
class Asked:
    """What is the same for all models of a search.

    Args:
        data: The value of the key ``data``; None where the YAML file of the model says it.
        options: Further options of every fit, as ``--trainer.max_epochs=50``.
    """

    data: Mapping[str, Any] | None = None
    options: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        data: str | None,
        settings: Sequence[str] = (),
        columns: Mapping[str, str | None] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Asked:
        """Read what a command line says.

        Args:
            data: A file, a folder or a YAML file.
            settings: ``KEY=VALUE`` of every fit.
            columns: Our name → the file's name.
            form: Of text files, see `data_config`.

        Raises:
            InputError: If there is no such data, or a setting is no pair.
        """
        for pair in settings:
            if not pair.partition("=")[0] or "=" not in pair:
                hint = "write trainer.max_epochs=50"
                raise InputError(f"{pair!r} is no pair", column="--set", hint=hint)
        known = None if data is None else data_config(data, columns, form)
        return cls(known, tuple(f"--{pair}" for pair in settings))

    def base(self, model: str) -> Base:
        """Make the base of a model, by its name or its YAML file."""
        data = [] if self.data is None else ["--data", json.dumps(with_features(self.data, model))]
        return Base(Path(model).stem, ("--config", str(model_file(model)), *data, *self.options))


def entry_of(model: str, asked: Asked, space: Path | None = None) -> Entry:
    """Find base and space of a model.

    Args:
        model: Its name, or a YAML file.
        asked: What is the same for all.
        space: File of the space; the one that comes with graphrec if missing.

    Raises:
        InputError: If there is no such model, or no space for it.
    """
    file = space or shipped_space(Path(model).stem)
    base = asked.base(model)
    if file is None:
        hint = "write one, see docs/how-to/tune.md, and give it with --space"
        raise InputError(f"no space comes with graphrec for '{base.name}'", column="--space", hint=hint)
    return base, read_space(file)


def on_a_share(base: Base, share: float, seed: int) -> Base:
    """Give a base a share of the users of its data.

    Raises:
        InputError: If this is no share, or the base has no source to take it of.
    """
    check_above(0, **{"--subsample": share})
    if share >= 1:
        raise InputError(f"{share:g} is no share", column="--subsample", hint="give less than 1, such as 0.2")
    said = read_entries(["fit", *base.args]).plain()
    data = said.get("data") or {}
    source = data.get("init_args", {}).get("source") if isinstance(data, dict) else None
    if source is None:
        what = "the configuration names no source of data to take a share of"
        raise InputError(what, column="--subsample", hint="leave it out")
    wrapped = {"class_path": _SHARE, "init_args": {"source": source, "share": share, "seed": seed}}
    return Base(
        base.name, (*spelled(["fit", *base.args])[1:], f"--data.init_args.source={json.dumps(wrapped)}")
    )
