"""Ratings under the commands of trained models: fitted at once, judged on held-out ratings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor

from graphrec.data.interactions import Columns, Interactions
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError
from graphrec.evaluation.rating import MEASURES, rating_measures
from graphrec.files import write_parquet, write_text
from graphrec.graph import BipartiteGraph
from graphrec.results import source_of
from graphrec.training.experiment import ListingTask, Summary
from graphrec.training.rating.models import RatingModel, Ratings
from graphrec.training.trial import is_trial

OF_MEAN = "rmse_of_mean"
"""What the mean of the training ratings alone comes to."""


class RatingTask(ListingTask):
    """Foretells what a user gives an item, judged by the squared and absolute error on held-out ratings.

    A checkpoint holds the ratings foretold for validation and test, not the model, which is of another
    library. Where lists are asked for, it is fitted again to the same ratings.

    Args:
        model: For example ``FeatureRegressor`` or ``RatingCF`` of ``graphrec.training.rating``.
    """

    data_class: ClassVar[type[pl.LightningDataModule]] = RecommenderData
    monitor: ClassVar[str] = "val_rmse"
    noun: ClassVar[str] = "ratings"
    by_gradient: ClassVar[bool] = False
    logs_only_known: ClassVar[bool] = True
    rows: ClassVar[tuple[str, ...]] = (
        Columns.USER_CODE,
        Columns.ITEM_CODE,
        Columns.RATING,
        Columns.RATING_MISSING,
    )
    val_foretold: Tensor
    test_foretold: Tensor

    def __init__(self, model: RatingModel) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.rating_model = model
        self._is_fitted = False
        for part in ("val", "test"):
            self.register_buffer(f"{part}_foretold", torch.empty(0, dtype=torch.float64))

    @property
    def model_name(self) -> str:
        """Name of the model's class."""
        return type(self.rating_model).__name__

    @property
    def data(self) -> RecommenderData:
        """The data module of the trainer."""
        return cast(RecommenderData, self.trainer.datamodule)  # type: ignore[attr-defined]

    def logged(self, data: RecommenderData) -> dict[str, bool | None]:
        """Name what a fit logs: all the better the smaller; the mean error is best at 0."""
        return {f"val_{name}": None if name == "mean_error" else False for name in (*MEASURES, OF_MEAN)}

    def check_command(self, command: str) -> None:
        """Raise `InputError` for predict."""
        if command == "predict":
            hint = "run `graphrec test` for the test rows, `graphrec recommend` for the best items"
            raise InputError("ratings are foretold for the rows of the test part alone", hint=hint)

    def check_data(self, command: str, data: RecommenderData) -> None:
        """Raise `InputError` if there are no ratings, or none in a part that a command needs."""
        place = data.source.file or data.source.name
        if Columns.RATING not in data.split.train.frame:
            hint = "map a column of ratings: --columns rating=..."
            raise InputError("the log has no ratings", file=place, column=Columns.RATING, hint=hint)
        if data.weights is not None:
            hint = "leave weights out, or choose a model that reads them"
            raise InputError("a model of ratings reads no weights", file=place, column="weights", hint=hint)
        needed = {"fit": ("train", "val"), "validate": ("train", "val"), "test": ("train", "test")}
        for part in needed.get(command, ()):
            if not len(Ratings.of(getattr(data.split, part)).value):
                what = f"nobody gave a rating in the part {part}"
                raise InputError(what, file=place, column=Columns.RATING, hint="check the split's arguments")

    def prepare(self, trainer: pl.Trainer, data: RecommenderData, state: Mapping[str, Tensor] | None) -> None:
        """Fit and foretell both held-out parts, or take what a checkpoint holds."""
        started = time.perf_counter()
        if state is None:
            self.rating_model.fit(Ratings.of(data.split.train), data.features)
        for part in ("val", "test"):
            name = f"{part}_foretold"
            found = self._foretold(getattr(data.split, part)) if state is None else state[name]
            setattr(self, name, found)
        self._is_fitted = True
        self.fit_seconds = time.perf_counter() - started

    def serve(self, data: RecommenderData, state: Mapping[str, Tensor]) -> None:
        """Fit the model again, and make what ranks by it."""
        self.rating_model.fit(Ratings.of(data.split.train), data.features)
        for part in ("val", "test"):
            setattr(self, f"{part}_foretold", state[f"{part}_foretold"])
        self.recommender = self.rating_model.recommender(BipartiteGraph.of(data))
        self._is_fitted = True

    def made_again(self, held: Iterable[str]) -> tuple[str, ...]:
        """Say that the model is fitted again, whatever a checkpoint holds."""
        return ("rating_model.",)

    def fingerprints(self, data: RecommenderData, held: Iterable[str]) -> dict[str, str]:
        """Fingerprint the split, the features and the ratings, to which the model is fitted again."""
        rows = {"rows_sha256": data.split.train.rows_sha256(self.rows)}
        return super().fingerprints(data, held) | data.fingerprints(with_tables=False) | rows

    def configure_model(self) -> None:
        """Fit where no command has done so."""
        if not self._is_fitted:
            self.prepare(self.trainer, self.data, None)

    def _foretold(self, part: Interactions) -> Tensor:
        rows = Ratings.of(part)
        found = np.asarray(self.rating_model.predict(rows.user, rows.item), dtype=np.float64)
        if not np.isfinite(found).all():
            hint = "give its options less extreme values"
            raise InputError("the model foretells values that are no numbers", column="model", hint=hint)
        return torch.from_numpy(found)

    def training_step(self, rows: Tensor, batch_idx: int) -> None:
        """Learn nothing, for nothing is left; the step is counted so that Lightning writes a checkpoint."""
        cast(torch.optim.Optimizer, self.optimizers()).step()

    def configure_optimizers(self) -> None:
        """Make no optimizer."""

    def validation_step(self, users: Tensor, batch_idx: int) -> None:
        """Leave it to the end, where all ratings are judged."""

    def on_validation_epoch_end(self) -> None:
        """Log how far the validation ratings are missed."""
        found = self._measured(Ratings.of(self.data.split.val), self.val_foretold)
        self.log_dict({f"val_{name}": found[name] for name in (*MEASURES, OF_MEAN)})

    def test_step(self, users: Tensor, batch_idx: int) -> None:
        """Leave it to the end, where all ratings are judged."""

    def on_test_epoch_end(self) -> None:
        """Log the measures with their intervals over users, and write both with the ratings."""
        rows = Ratings.of(self.data.split.test)
        flat = {f"test_{name}": value for name, value in self._measured(rows, self.test_foretold).items()}
        self.log_dict(flat)
        if self.trainer.is_global_zero and not is_trial(self.trainer):
            self._write_test(flat, rows)

    def _measured(self, rows: Ratings, foretold: Tensor) -> dict[str, float]:
        found = rating_measures(rows.value, foretold.cpu().numpy(), rows.user)
        mean = Ratings.of(self.data.split.train).value.mean()
        return found | {OF_MEAN: float(np.sqrt(np.mean((rows.value - mean) ** 2)))}

    def summary(self, part: str, metrics: Mapping[str, Any], data: RecommenderData) -> Summary:
        """Lay out the measures, with intervals where there are some."""
        cells = []
        for name in MEASURES:
            cell = f"{float(metrics[f'{part}_{name}']):.4f}"
            if f"{part}_{name}_low" in metrics:
                low, high = (float(metrics[f"{part}_{name}_{end}"]) for end in ("low", "high"))
                cell += f" [{low:.4f}, {high:.4f}]"
            cells.append(cell)
        mean = float(metrics[f"{part}_{OF_MEAN}"])
        note = f"the mean of the training ratings has RMSE {mean:.4f}; a mean error above 0 is too high"
        return Summary(f"{part}, ratings", ["RMSE", "MAE", "mean error"], [cells], notes=[note])

    def _write_test(self, flat: dict[str, float], rows: Ratings) -> None:
        """``test_metrics.json`` and ``test_ratings.parquet``, with the ids of the log."""
        folder, split = Path(self.trainer.default_root_dir), self.data.split
        known = source_of(self.trainer.ckpt_path, split.sha256())
        frame = pd.DataFrame(
            {
                Columns.USER: split.users.ids[rows.user],
                Columns.ITEM: split.items.ids[rows.item],
                Columns.RATING: rows.value,
                "foretold": self.test_foretold.cpu().numpy(),
            }
        )
        frame.attrs = dict(known)
        write_parquet(frame, folder / "test_ratings.parquet")
        write_text(folder / "test_metrics.json", json.dumps({**known, **flat}, indent=1) + "\n")
