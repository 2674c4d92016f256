"""Several runs as one, in Python: the options, checks and steps of ``graphrec fuse``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from graphrec.cli.commands.fuse import run as fuse_runs
from graphrec.cli.experiment.runs.folder import RunFolder
from graphrec.cli.main import parser
from graphrec.cli.trust import TRUST
from graphrec.errors import check_seed
from graphrec.front.arguments import check_kind
from graphrec.front.runs import Run
from graphrec.models.base import ItemSet


def fuse(
    runs: Iterable[Run | str | Path],
    *,
    items: ItemSet | None = None,
    combine: Literal["score", "rank"] = "score",
    gate: bool = False,
    seed: int = 0,
    name: str | None = None,
    root: str | Path = "runs",
) -> Run:
    """Fuse runs into one, each counting as much as is best for NDCG@20 of the validation part.

    The weights stand in the run's ``config["model"]["init_args"]["weights"]``, in the order of the runs. Of a
    run of several seeds the first one is taken.

    Args:
        runs: Two or more, fitted to the same split.
        items: Items whose NDCG is maximised; the first of the data's ``item_sets`` if missing.
        combine: What is summed: standardised scores or reciprocal ranks.
        gate: Whether to learn weights that depend on a user's habits.
        seed: Of the search.
        name: Of the new run; ``fusion`` if missing.
        root: Folder above all runs.

    Raises:
        InputError: If the runs do not go together, or an option is wrong.
    """
    hint = "give a list of runs: gr.fuse([one, other])"
    check_kind(runs, (list, tuple, set, Iterator), "list of runs", "runs", hint)
    check_kind(gate, (bool,), "truth value", "gate", "give True or False")
    check_kind(seed, (int,), "seed", "seed", "give a whole number such as 0")
    check_seed(seed=seed)
    taken = [run if isinstance(run, Run) else Run.of(run) for run in runs]
    trusted = any(run.is_trusted for run in taken)
    words = ["fuse", *(str(run.folders[0]) for run in taken), f"--name={name or 'fusion'}", f"--root={root}"]
    words += [f"--combine={combine}", f"--seed={seed}", *(["--gate"] if gate else [])]
    words += [*([] if items is None else [f"--items={items}"]), *([TRUST] if trusted else [])]
    with taken[0].at_work("fuse"):
        folder = RunFolder(fuse_runs(parser("fuse").parse_args(words)).parent.parent)
    return Run([folder.path.parent if folder.is_refit else folder.path], trust=trusted)
