"""Keeping a panel in a file, because its features take a minute to compute."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graphrec.data.cleaning.account import POSITION
from graphrec.data.interactions import Columns, RawData
from graphrec.files import write_atomically
from graphrec.models.base import ClosedForm
from graphrec.response.panel import Asked, Panel

_KEY = b"graphrec.panel"
FEATURES_EDITION = 3
"""Raised when a feature is computed otherwise, so that no old cache is read."""


def write_panel(panel: Panel, path: str | Path) -> Path:
    """Write rows, features and groups into one Parquet file."""
    features = pd.DataFrame(panel.features, columns=list(panel.names))
    groups = pd.DataFrame(panel.groups, columns=_group_columns(len(panel.group_sizes)))
    table = pa.Table.from_pandas(pd.concat([panel.rows, features, groups], axis=1), preserve_index=False)
    about = {"rows": list(panel.rows), "names": panel.names, "group_sizes": panel.group_sizes}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: json.dumps(about).encode()})
    return write_atomically(path, lambda temporary: pq.write_table(table, temporary))


def read_panel(path: str | Path) -> Panel:
    """Read a file that `write_panel` wrote."""
    table = pq.read_table(path)
    about, frame = json.loads(table.schema.metadata[_KEY]), table.to_pandas()
    columns = _group_columns(len(about["group_sizes"]))
    return Panel(
        frame[about["rows"]],
        frame[about["names"]].to_numpy(dtype=np.float32),
        tuple(about["names"]),
        np.ascontiguousarray(frame[columns].to_numpy(dtype=np.int64)).reshape(len(frame), len(columns)),
        tuple(about["group_sizes"]),
    )


def cache_key(source: RawData, asked: Asked, link: ClosedForm | None, settings: list[Any]) -> str:
    """Name the features of a panel by everything they depend on.

    Args:
        source: The log and the attributes; of the latter, those that are asked for count.
        asked: Groups and attributes.
        link: The recommender whose scores are a feature.
        settings: What else was chosen, and fingerprints of the files that it names.
    """
    columns = [name for name in source.log.columns if name not in POSITION]
    digest = hashlib.sha256(pd.util.hash_pandas_object(source.log[columns]).to_numpy().tobytes())
    ids = (Columns.USER, Columns.ITEM)
    for table, key, names in ((source.items, ids[1], asked.groups), (source.users, ids[0], asked.people)):
        wanted = [name for name in names if name not in ids]
        if wanted and table is not None and set(wanted) <= set(table):
            digest.update(pd.util.hash_pandas_object(table[[key, *wanted]]).to_numpy().tobytes())
    digest.update(repr((FEATURES_EDITION, asked, settings, _settings(link))).encode())
    return digest.hexdigest()[:16]


def _settings(link: ClosedForm | None) -> list[str]:
    """Write what was chosen for a recommender as text."""
    if link is None:
        return []
    response = getattr(link, "response", None)
    parts = {**_plain(link), **({} if response is None else _plain(response))}
    return [type(link).__name__, type(response).__name__, *(f"{k}={v}" for k, v in sorted(parts.items()))]


def _plain(owner: object) -> dict[str, object]:
    return {key: value for key, value in vars(owner).items() if isinstance(value, int | float | str | None)}


def _group_columns(levels: int) -> list[str]:
    return [f"group_{level}" for level in range(levels)]
