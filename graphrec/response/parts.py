"""The parts of a panel, and what a step of training takes of one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.response.panel import Panel

PanelBatch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Features ``[B, F]``, groups ``[B, G]``, rates, purchases and importance, each ``[B]``, of a batch."""


class PanelRows(Dataset[PanelBatch]):
    """Rows of a panel; a batch is asked for by its row numbers at once.

    Args:
        panel: All rows.
        numbers: The rows of this part.
        importance: How much each row of the part counts; all alike if missing.
    """

    def __init__(self, panel: Panel, numbers: IntArray, importance: FloatArray | None = None) -> None:
        self.features = torch.from_numpy(panel.features[numbers])
        self.groups = torch.from_numpy(panel.groups[numbers])
        rows = panel.rows.iloc[numbers]
        self.rate = torch.tensor(rows["rate"].to_numpy(), dtype=torch.float32)
        self.bought = torch.tensor(rows["bought"].to_numpy(), dtype=torch.float32)
        alike = torch.ones_like(self.rate)
        self.importance = alike if importance is None else torch.tensor(importance, dtype=torch.float32)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rate)

    def __getitem__(self, rows: Tensor) -> PanelBatch:
        """Take the rows asked for."""
        of_rows = (self.rate[rows], self.bought[rows], self.importance[rows])
        return self.features[rows], self.groups[rows], *of_rows


@dataclass(frozen=True)
class ResponseSplit:
    """Row numbers of the three parts of a panel, by weeks."""

    panel: Panel
    train: IntArray
    val: IntArray
    test: IntArray

    def sha256(self) -> str:
        """Compute a fingerprint of the rows of each part and of what was bought in them."""
        digest = hashlib.sha256()
        for part in (self.train, self.val, self.test):
            rows = self.panel.rows.iloc[part][[Columns.USER, Columns.ITEM, Columns.WEEK, "bought", "rate"]]
            digest.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
        return digest.hexdigest()
