"""A fitted run: its measures, its lists, its offers, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from graphrec.cli.experiment.command import run_experiment
from graphrec.cli.experiment.loading import as_ranker, load_lister
from graphrec.cli.experiment.runs.folder import BEST, RunFolder, run_at
from graphrec.cli.trust import TRUST
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.front.arguments import check_kind
from graphrec.front.asking import asked, asked_alike
from graphrec.front.measures import Measures, Part, averaged
from graphrec.front.stored import config_in, experiment_in, test_of
from graphrec.front.surroundings import at_work
from graphrec.training import RankedTask
from graphrec.training.experiment import ListingTask

PARTS = get_args(Part)
_QUIET = ["--trainer.enable_progress_bar=false"]


class Run:
    """A model that was fitted, with one seed or several; from `fit` or `Run.of`.

    Args:
        folders: Of the runs, one for each seed.
        modules: Packages that their configurations may name beside ours.
        trust: Whether they may name any.
        told: Lines that were told of them already.

    Raises:
        InputError: If a folder holds no run, or two hold the same seed.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        modules: Sequence[str] = (),
        trust: bool = False,
        told: set[str] | None = None,
    ) -> None:
        self.folders = tuple(folders)
        self._modules, self.is_trusted, self._told = list(modules), trust, set() if told is None else told
        self._configs = {int(one["seed_everything"]): one for one in map(config_in, self.folders)}
        if not self.folders or len(self._configs) < len(self.folders):
            hint = "give one run of each seed"
            raise InputError("two runs have the same seed, or there is none", hint=hint)
        self._loaded: tuple[int, ListingTask, RecommenderData] | None = None
        self._measures: dict[tuple[Part, int], Measures] = {}

    @classmethod
    def of(cls, *folders: str | Path, trust: bool = False) -> Run:
        """Take runs that are there, such as those of the command line.

        Args:
            folders: A run's folder, or that of a name: then its newest run. Several are seeds of one
                experiment.
            trust: Whether their checkpoints may name code that is not graphrec's.

        Raises:
            InputError: If there is no run, or the runs are not of one model and data.
        """
        for folder in folders:
            hint = "give the path of a run's folder, as runs/x/20260101-120000-ab12"
            check_kind(folder, (str, Path), "folder", "folders", hint)
        run = cls([run_at(Path(folder)).path for folder in folders], trust=trust)
        configs = run._configs.values()
        first, *others = map(experiment_in, run.folders, configs)
        if any(other != first for other in others):
            hint = "compare them instead: gr.compare([gr.Run.of(...), gr.Run.of(...)])"
            raise InputError("these runs differ in more than their seed", file=run.folders[1], hint=hint)
        return run

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return str(next(iter(self._configs.values()))["run"]["name"])

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, one for each folder."""
        return tuple(self._configs)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the first seed, as its YAML holds it."""
        return dict(next(iter(self._configs.values())))

    def checkpoint(self, seed: int | None = None) -> Path:
        """Find the best checkpoint of a seed; of the first if missing.

        Raises:
            InputError: If there is no such seed.
        """
        return self.folders[self.seeds.index(self._seed(seed))] / "checkpoints" / BEST

    def metrics(self, part: Part = "validation") -> pd.DataFrame:
        """Measure the ranking of the whole catalogue, means over users.

        Choose on ``validation``. ``test`` runs ``graphrec test`` the first time and reads its result later;
        it is of the refit where there is one.

        Args:
            part: ``validation`` or ``test``.

        Returns:
            A row per metric: ``metric`` (as ``ndcg_20_new``); ``value`` (mean over users, then over seeds; a
            share from 0 to 1, for novelty bits); ``low`` and ``high`` (95 % bootstrap interval over users,
            averaged over seeds); ``spread`` (standard deviation of the seeds, missing for one); ``seeds``
            (their number), ``measure``, ``k``, ``items``.

        Raises:
            InputError: If there is no such part, or it is empty.
        """
        return averaged(self.measured(part))

    def measured(self, part: Part) -> dict[int, Measures]:
        """Measure each seed on a part; see `metrics`."""
        if part not in PARTS:
            raise InputError(f"{part!r} is no part", column="part", hint="give validation or test")
        for seed in self.seeds:
            if (part, seed) not in self._measures:
                found = self._tested(seed) if part == "test" else self._validated(seed)
                self._measures[part, seed] = found
        return {seed: self._measures[part, seed] for seed in self.seeds}

    def recommend(
        self,
        users: Any = None,
        k: int = 20,
        items: Any = "new",
        seed: int | None = None,
        *,
        history: Any = None,
        exclude: Any = None,
        where: str | None = None,
        item_table: Any = None,
        boost: Any = None,
        segment: str | None = None,
        user_table: Any = None,
        new_items: Any = None,
        explain: bool = False,
        name_column: str | None = None,
    ) -> pd.DataFrame:
        """Rank the items of users, as ``graphrec recommend`` does.

        Args:
            users: Ids, a frame or a file with a column ``user_id``; those of `history` if missing, else all.
            k: Items per user.
            items: ``all``, only those ``repeat`` bought before, or only ``new`` ones. Or the only items that
                may be listed, if new: ids, a frame or a file.
            seed: Which of several models; the first if missing.
            history: What people bought who were not in training: a log as frame or file, or the ids of what
                one person bought.
            exclude: Items that are never listed: ids, a frame or a file; with ``user_id``, for that user.
            where: SQL condition on the table of items: ``"category = 'beer' and stock > 0"``.
            item_table: Table that `where` is about; the one of the data if missing.
            boost: What is added to scores: item → number, or a table with ``item_id`` and ``boost``.
            segment: Column of the users: who has no purchase gets what most of the same segment buy.
            user_table: Table that `segment` is about, and what a model that reads attributes ranks by.
            new_items: Table of items that were not in training, with the attributes that the model reads.
            explain: Say of each row which purchases, or which features, add how much to its score.
            name_column: Column of the data's items with their names, for `explain`.

        Returns:
            ``user_id``, ``item_id``, ``rank`` from 1, ``score`` (raw, without a unit; the larger the better)
            and ``basis``: the ``model``, the ``history`` or ``popularity``. A user with fewer such items has
            fewer rows.

        Raises:
            InputError: If an argument is out of its range.
        """
        with self.at_work("recommend"):
            found = asked(
                users, history, k, items, exclude=exclude, where=where, item_table=item_table,
                boost=boost, segment=segment, user_table=user_table, new_items=new_items,
                explain=explain, name_column=name_column,
            )  # fmt: skip
            task, data = self.loaded(seed)
            frame, _ = found.request.lists(task, data, k, found.item_set)
            frame.attrs = data.result_source(self.checkpoint(seed))
        return frame

    def similar(
        self,
        items: Any = None,
        k: int = 10,
        seed: int | None = None,
        *,
        only: Any = None,
        exclude: Any = None,
        where: str | None = None,
        item_table: Any = None,
        boost: Any = None,
    ) -> pd.DataFrame:
        """List the items that are most alike, as ``graphrec similar`` does.

        Args:
            items: Ids, a frame or a file with a column ``item_id``; all if missing.
            k: Similar items for each.
            seed: Which of several models; the first if missing.
            only: The only items that may be listed: ids, a frame or a file.
            exclude: Items that are never listed, given alike.
            where: SQL condition on the table of items.
            item_table: Table that `where` is about; the one of the data if missing.
            boost: What is added to scores: item → number, or a table with ``item_id`` and ``boost``.

        Returns:
            ``item_id``, ``similar_id``, ``rank`` from 1 and ``score``.

        Raises:
            InputError: If an argument is out of its range, or the model does not know which items are alike.
        """
        with self.at_work("similar"):
            found = asked_alike(
                items, k, only, exclude=exclude, where=where, item_table=item_table, boost=boost
            )
            task, data = self.loaded(seed)
            frame, _ = found.lists(task, data, k)
            frame.attrs = data.result_source(self.checkpoint(seed))
        return frame

    def loaded(self, seed: int | None = None) -> tuple[ListingTask, RecommenderData]:
        """Read the model of a seed and its data from the best checkpoint."""
        wanted = self._seed(seed)
        if self._loaded is None or self._loaded[0] != wanted:
            with self.at_work("recommend"):
                self._loaded = (wanted, *load_lister(self.checkpoint(wanted), trusted=self.is_trusted))
        return self._loaded[1:]

    def ranker(self, seed: int | None = None) -> tuple[RankedTask, RecommenderData]:
        """Read the same where rankings are judged, which those of foretold ratings are not."""
        task, data = self.loaded(seed)
        return as_ranker(task, self.checkpoint(seed)), data

    def _seed(self, seed: int | None) -> int:
        if seed is None:
            return self.seeds[0]
        if seed not in self.seeds:
            hint = f"there are {', '.join(map(str, self.seeds))}"
            raise InputError(f"{seed!r} is no seed of this run", column="seed", hint=hint)
        return seed

    def _validated(self, seed: int) -> Measures:
        task, data = self.ranker(seed)
        with self.at_work("validate"):
            found = task.validated(data)
        return Measures.of_validation(found, data)

    def _tested(self, seed: int) -> Measures:
        """Test a seed, unless the result of this very checkpoint is there."""
        folder = RunFolder(self.folders[self.seeds.index(seed)])
        checkpoint = folder.test_checkpoint()
        assert checkpoint is not None
        if test_of(checkpoint) is None:
            with self.at_work("test"):
                trust = [TRUST] if self.is_trusted else []
                run_experiment(["test", "--ckpt_path", str(checkpoint), *_QUIET, *trust])
        return Measures.of_test(checkpoint.parent.parent)

    def at_work(self, command: str) -> AbstractContextManager[None]:
        """Set what holds while a command works on this run."""
        return at_work(command, self._modules, self._told)

    def __repr__(self) -> str:
        """Show name, seeds and place."""
        return f"Run({self.name!r}, seeds={list(self.seeds)}, folder={str(self.folders[0])!r})"
