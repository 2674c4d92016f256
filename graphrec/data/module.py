"""The Lightning data module: source, split and features in, batches of edge ids and of users out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler

from graphrec.data.features.build import FeatureOptions, Features, build_features, features_sha256
from graphrec.data.features.nodes import AttributeTables
from graphrec.data.features.stored import dump_features
from graphrec.data.interactions import Columns, Interactions, RawData
from graphrec.data.ledger import cold_line, events_line, refuse_loss, report_reading, split_line
from graphrec.data.splits import Split, Splitter
from graphrec.data.weights.edges import EdgeWeights
from graphrec.errors import InputError, check_at_least
from graphrec.kernels.shards import evaluation_shard
from graphrec.notices import note, warn
from graphrec.results import source_of

_SMALLEST, _LARGEST, _STEPS = 256, 8192, 10
"""Edges of a batch and batches of an epoch, where nobody says how many."""


def run_seed() -> int:
    """Read the seed of the run, as ``seed_everything`` set it; 0 where nobody did."""
    return int(os.environ.get("PL_GLOBAL_SEED", "0"))


def _check_list(**given: Sequence[object]) -> None:
    """Raise `InputError` if a list is empty or holds something twice."""
    for name, values in given.items():
        if not values:
            raise InputError("the list is empty", column=name, hint="name one or more, or leave it out")
        twice = [value for place, value in enumerate(values) if value in values[:place]]
        if twice:
            raise InputError(f"{twice[0]} is given twice", column=name, hint="give it once")


class EdgeBatches(Sampler[Tensor]):
    """Edge ids in an order that depends on the seed and the epoch alone, so that a resumed fit sees the same.

    Args:
        num_edges: Number of training edges ``E``.
        batch_size: Edges per batch ``B``.
        seed: Seed of the order.
    """

    def __init__(self, num_edges: int, batch_size: int, seed: int) -> None:
        self.num_edges, self.batch_size, self.seed, self.epoch = num_edges, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning does so at the start of each."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Count the batches per epoch."""
        return -(-self.num_edges // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        """Yield tensors of edge ids, each ``[B]``."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.num_edges, generator=generator, dtype=self._type())
        yield from (edges.long() for edges in torch.split(order, self.batch_size))

    def _type(self) -> torch.dtype:
        """Choose the narrowest that holds every id; the order does not depend on it."""
        return torch.int32 if self.num_edges < 2**31 else torch.int64


class FixedBatches(SequentialSampler):
    """Batches that are the same in each epoch, in one order; Lightning's ``overfit_batches`` asks for them.

    Args:
        batches: What a loader is to ask for, each ``[B]``.
    """

    def __init__(self, batches: Iterable[Tensor]) -> None:
        self.batches = list(batches)
        super().__init__(self.batches)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches."""
        return iter(self.batches)


def training_batches(num_rows: int, batch_size: int, trainer: Any) -> Sampler[Any]:
    """Make batches of row numbers, in another order each epoch, unless a few are to be overfitted."""
    batches = EdgeBatches(num_rows, batch_size, run_seed())
    return FixedBatches(batches) if trainer is not None and trainer.overfit_batches > 0 else batches


class RowNumbers(Dataset[Tensor]):
    """Numbers of rows, such as edges, are their own data: a batch of them is what was asked for.

    Args:
        count: Number of rows.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        """Count the rows."""
        return self.count

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Give the same numbers, ``[B]``."""
        return rows


class RecommenderData(pl.LightningDataModule):
    """What a model trains on and how it is judged.

    Args:
        source: Where the log comes from, for example ``graphrec.data.sources.complete_journey``.
        split: How it is cut: Temporal, LeaveLast, Random or Given.
        features: Feature vectors for the encoders that use them; null for none.
        weights: Weights of the edges by rating, quantity, age or event; null for edges that all count alike.
            ``graphrec fit --data.weights.rows.help`` lists them.
        item_sets: What is ranked in evaluation: ``all`` items, only ``repeat`` (bought before) or only
            ``new`` ones. The first gives the metrics without a suffix, such as ``val_ndcg_20``.
        cutoffs: The K of the metrics; 20 must be among them for ``val_ndcg_20``.
        measures: Your own beside those of graphrec, by their dotted paths: functions of
            ``graphrec.evaluation.measures.Lists``, or a ``Measure`` of it.
        category: Attribute of the items, such as ``department``, whose mix diversity and miscalibration are
            measured by; without it there is neither.
        batch_size: Training edges per step; a tenth of all, from 256 to 8,192, if missing.
        eval_batch_size: Users ranked at a time; bounds the memory of evaluation.
        refit: Train on train and validation together, once all choices are made.
        seed: Seed of a random split; the order of the batches follows ``seed_everything``.
        strict: Refuse to leave out a row of the log; ``--strict`` on the command line.

    Raises:
        InputError: If an argument is out of its range.
    """

    def __init__(
        self,
        source: RawData,
        split: Splitter,
        features: FeatureOptions | None = None,
        item_sets: list[Literal["all", "repeat", "new"]] | None = None,
        cutoffs: list[int] | None = None,
        measures: list[Callable[..., Any]] | None = None,
        category: str | None = None,
        batch_size: int | None = None,
        eval_batch_size: int = 256,
        refit: bool = False,
        seed: int = 0,
        strict: bool = False,
        weights: EdgeWeights | None = None,
    ) -> None:
        super().__init__()
        check_at_least(1, batch_size=_LARGEST if batch_size is None else batch_size)
        check_at_least(1, eval_batch_size=eval_batch_size)
        check_at_least(0, seed=seed)
        self.source, self.splitter, self.options = source, split, features
        self.item_sets: list[Literal["all", "repeat", "new"]] = ["new"] if item_sets is None else item_sets
        self.cutoffs = [10, 20] if cutoffs is None else cutoffs
        self.measures, self.category = [] if measures is None else measures, category
        _check_list(item_sets=self.item_sets)
        _check_list(cutoffs=self.cutoffs)
        for cutoff in self.cutoffs:
            check_at_least(1, cutoffs=cutoff)
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.refit, self.seed, self.strict, self.weights = refit, seed, strict, weights

    @cached_property
    def split(self) -> Split:
        """The three parts of the log."""
        if self.strict:
            refuse_loss(self.source)
        weighed = (
            {} if self.weights is None else {"weights": self.weights}
        )  # a split of one's own may know none
        split = self.splitter(self.source.log, self.seed, self.refit, **weighed)
        if self.strict:
            refuse_loss(self.source, split)
        return split

    def report(self) -> None:
        """Print what became of the rows; commands call it once nothing is wrong."""
        report_reading(self.source)
        note(split_line(self.split, self.splitter, self.source.log))
        if line := cold_line(self.split):
            note(line)
        if self.weights is not None:
            note(self.weights.line(self.split.train))
        if line := events_line(self.source.log, self.split):
            warn(line, file=self.source.file or self.source.name, column=Columns.EVENT)

    @cached_property
    def features(self) -> Features | None:
        """Feature vectors computed from the training part alone."""
        if self.options is None:
            return None
        return build_features(self.split.train, self.source.users, self.source.items, self.options)

    def state_dict(self) -> dict[str, Any]:
        """Keep the encoders of the features in checkpoints, for users and items to come."""
        fitted = None if self.features is None else self.features.fitted
        if fitted is None:
            return {}
        return {"features": torch.frombuffer(bytearray(dump_features(fitted)), dtype=torch.uint8)}

    @property
    def tables(self) -> AttributeTables:
        """The tables of attributes beside the training part."""
        return AttributeTables(self.source.users, self.source.items, self.split.users, self.split.items)

    def features_sha256(self) -> str | None:
        """Compute a fingerprint of what the features are made of; nothing without features."""
        if self.options is None:
            return None
        tables = (self.source.users, self.source.items)
        return features_sha256(self.split.train, *tables, self.options.matrices)

    def fingerprints(self, with_tables: bool) -> dict[str, str]:
        """Fingerprint what stands beside the split: features, weights and, if a model reads them, tables."""
        found = {"features": self.features_sha256(), "weights": self.split.train.weights_sha256()}
        found["tables"] = self.tables.sha256() if with_tables else None
        return {f"{name}_sha256": value for name, value in found.items() if value is not None}

    def result_source(self, checkpoint: Path) -> dict[Any, str]:
        """Tell what a result of a model on this data is of, see `graphrec.results`."""
        return source_of(checkpoint, self.split.sha256())

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Make batches of edge ids, the same global ones in every process; the task takes its rows."""
        edges = RowNumbers(len(self.split.train.pairs()))
        size = self.batch_size or min(max(len(edges) // _STEPS, _SMALLEST), _LARGEST)
        batches = training_batches(len(edges), size, self.trainer)
        return DataLoader(edges, batch_size=None, sampler=batches)

    def val_dataloader(self) -> DataLoader[Tensor] | list[Any]:
        """Make batches of the users who have validation items; none after a refit."""
        return self._users(self.split.val) if len(self.split.val) else []

    def test_dataloader(self) -> DataLoader[Tensor]:
        """Make batches of the users who have test items.

        Raises:
            InputError: If there are none.
        """
        self.check_part("test")
        return self._users(self.split.test)

    def predict_dataloader(self) -> DataLoader[Tensor]:
        """Make batches of all users."""
        return self._users(self.split.train)

    def check_part(self, part: Literal["validation", "test"]) -> None:
        """Raise `InputError` if a part that is to be measured has no rows."""
        rows = self.split.val if part == "validation" else self.split.test
        if len(rows):
            return
        what, hint = f"the {part} part of the split is empty", "check the split's arguments"
        if part == "validation" and self.refit:
            what = "the validation part was trained on"
            hint = "give best.ckpt of the fit, or measure the refit with `graphrec test`"
        raise InputError(what, file=self.source.file or self.source.name, column="split", hint=hint)

    def check_to_find(self, part: Literal["validation", "test"], item_sets: Sequence[str]) -> None:
        """Raise `InputError` if nobody has anything to find on any of some item sets."""
        rows = (self.split.val if part == "validation" else self.split.test).pairs()
        train, width = self.split.train.targets().frame, len(self.split.items)
        known = train[Columns.USER_CODE] * width + train[Columns.ITEM_CODE]
        wanted = rows[:, 0] * width + rows[:, 1]
        repeated = known[known.isin(wanted)].nunique()
        there = {"all": len(wanted), "repeat": repeated, "new": len(wanted) - repeated}
        if any(there[items] for items in item_sets):
            return
        which = "new to its user" if "new" in item_sets else "one that its user had bought before"
        raise InputError(
            f"no item of the {part} part is {which}: there is nothing to find",
            file=self.source.file or self.source.name,
            hint="rank all items: item_sets: [all]",
        )

    def _users(self, part: Interactions) -> DataLoader[Tensor]:
        """Make batches of the users this process ranks; an empty one for a process that has none.

        Every process must see a batch. For Lightning leaves the end of the epoch out where there is none,
        and the others would wait for it to gather.
        """
        users = torch.from_numpy(np.unique(part.pairs()[:, 0]))
        own = evaluation_shard(self.trainer).rows(torch.arange(len(users)))
        batches = FixedBatches(torch.split(own, self.eval_batch_size))
        return DataLoader(users, batch_size=None, sampler=batches)  # type: ignore[arg-type]
