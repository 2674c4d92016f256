"""The data of an exported model, in place of a log and its split."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.cleaning.rules import CleaningRule
from graphrec.data.features.build import Features
from graphrec.data.features.stored import load_features
from graphrec.data.interactions import Columns, IdMap, Interactions, RawData
from graphrec.data.module import RecommenderData
from graphrec.data.purchases import PurchaseRules
from graphrec.data.splits import Given, Split
from graphrec.data.weights.edges import EdgeWeights
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.serving import packing
from graphrec.serving.bundle import MANIFEST, read_bundle
from graphrec.serving.offers.facts import OFFERS, OfferFacts


@dataclass(frozen=True)
class PackedSplit(Split):
    """The training part alone, which answers for the split that it is of.

    Args:
        of: Fingerprint of the whole split.
    """

    of: str = ""

    def sha256(self) -> str:
        """Give the fingerprint that the split had when the model was exported."""
        return self.of


class PackedData(RecommenderData):
    """What an exported model was fitted to.

    Args:
        path: The export: a zip file or a folder.
        weights: Weights of the edges, by which a history is weighed too.
        item_sets: As in `RecommenderData`.
        category: As in `RecommenderData`.
        cleaning: How the log was cleaned, by which a history is cleaned too.
        purchases: Which of its rows were purchases, by which a history is told, too.

    Raises:
        InputError: If the export cannot be read.
    """

    def __init__(
        self,
        path: str,
        weights: EdgeWeights | None = None,
        item_sets: list[Literal["all", "repeat", "new"]] | None = None,
        category: str | None = None,
        cleaning: list[CleaningRule] | None = None,
        purchases: PurchaseRules | None = None,
    ) -> None:
        self.path, self._rules, self._kept = Path(path), tuple(cleaning or ()), purchases
        self.about, self._parts = read_bundle(path)
        try:
            self._split = self._train()
            source = self._source()
        except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise self._wrong(str(error)) from error
        super().__init__(source, Given(), weights=weights, item_sets=item_sets, category=category)

    @cached_property
    def split(self) -> Split:
        """The training part; validation and test are empty."""
        return self._split

    @cached_property
    def features(self) -> Features | None:
        """Feature vectors as they were computed."""
        if (content := self._parts.get(packing.FEATURES)) is None:
            return None
        header = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + header])["__metadata__"][packing.ABOUT])
        turned = about.pop("turned")
        tables = {
            side: table.numpy().T if side in turned else table.numpy()
            for side, table in self._tensors(packing.FEATURES).items()
        }
        encoders = self._parts.get(packing.ENCODERS)
        fitted = None if encoders is None else load_features(encoders, self.path)
        return Features(tables["user"], tables["item"], **about, fitted=fitted)

    def features_sha256(self) -> str | None:
        """Give nothing: what the features were made of stayed with the log."""
        return None

    @cached_property
    def offers(self) -> OfferFacts | None:
        """What live offers are made of; None if the export holds nothing of the kind.

        Raises:
            InputError: If it cannot be read.
        """
        if OFFERS not in self._parts:
            return None
        try:
            return OfferFacts.of(self._parts)
        except (pa.ArrowException, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise self._wrong(f"{OFFERS}: {error}") from error

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """Weights of the model."""
        return self._tensors(packing.WEIGHTS)

    def let_go(self) -> None:
        """Forget the bytes of the parts, and the weights, which the model has by now."""
        _ = self.features, self.offers  # what may be asked for later is read before
        self._parts = {}
        vars(self).pop("state", None)

    def result_source(self, checkpoint: Path) -> dict[Any, str]:
        """Tell what a result is of: the checkpoint that was exported."""
        kept = {key: self.about[key] for key in ("checkpoint", "checkpoint_sha256") if key in self.about}
        return {**kept, "split_sha256": self.split.sha256()}

    def report(self) -> None:
        """Print what was exported."""
        about = self.about
        sizes = f"{about['users']:,} users, {about['items']:,} items, {about['pairs']:,} pairs"
        note(f"{self.path}: {about['model']} of the run {about['run']!r}, fitted to {about['data']}: {sizes}")

    def _train(self) -> PackedSplit:
        users, items = (
            IdMap(_ids(self._frame(name)[column]))
            for name, column in ((packing.USERS, Columns.USER), (packing.ITEMS, Columns.ITEM))
        )
        rows = self._frame(packing.HISTORY)
        user, item = rows[Columns.USER_CODE].to_numpy(), rows[Columns.ITEM_CODE].to_numpy()
        named = rows.assign(**{Columns.USER: users.ids[user], Columns.ITEM: items.ids[item]})
        train = Interactions(named, users, items)
        if packing.EDGE_WEIGHTS in self._parts:
            weight = self._frame(packing.EDGE_WEIGHTS)["weight"].to_numpy(dtype="float32", copy=True)
            train = replace(train, edge_weight=weight)
        empty = Interactions(named.iloc[:0], users, items)
        return PackedSplit(train, empty, empty, {}, of=self.about["split_sha256"])

    def _source(self) -> RawData:
        tables = {
            name: self._frame(name) if name in self._parts else None
            for name in (packing.USER_TABLE, packing.ITEM_TABLE)
        }
        filled = int(self.about.get("filled_items", 0))
        step = CleaningStep("missing values filled in before the export", 0, filled=filled, table="items")
        return RawData(
            name=self.about["data"],
            log=self._split.train.frame,
            users=tables[packing.USER_TABLE],
            items=tables[packing.ITEM_TABLE],
            steps=(step,) if filled else (),
            file=str(self.path),
            rules=self._rules,
            kept=self._kept,
        )

    def _frame(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(io.BytesIO(self._parts[name]))

    def _tensors(self, name: str) -> dict[str, Tensor]:
        try:
            return load(self._parts[name])
        except (SafetensorError, KeyError) as error:
            raise self._wrong(f"{name}: {error}") from error

    def _wrong(self, reason: str) -> InputError:
        what = (
            f"does not hold what its {MANIFEST} says ({reason.splitlines()[0][:120] if reason else 'empty'})"
        )
        return InputError(what, file=self.path, hint="run `graphrec export` again")


def _ids(column: pd.Series[Any]) -> Any:
    """Take ids as an `IdMap` has them: text as objects, numbers as they are."""
    return column.to_numpy(dtype=object) if column.dtype == "str" else column.to_numpy()
