"""The measures that a reproduced row is judged by."""

from __future__ import annotations

MEASURES = {"recall_20": "Recall@20", "ndcg_20": "NDCG@20"}
