"""Keeping a panel in a file, because its features take a minute to compute."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graphrec.files import write_atomically
from graphrec.response.panel import ROW_COLUMNS, Panel

_KEY = b"graphrec.panel"


def write_panel(panel: Panel, path: str | Path) -> Path:
    """Write rows, features and groups into one Parquet file."""
    features = pd.DataFrame(panel.features, columns=list(panel.names))
    groups = pd.DataFrame(panel.groups, columns=_group_columns(len(panel.group_sizes)))
    table = pa.Table.from_pandas(pd.concat([panel.rows, features, groups], axis=1), preserve_index=False)
    about = {"names": panel.names, "group_sizes": panel.group_sizes}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: json.dumps(about).encode()})
    return write_atomically(path, lambda temporary: pq.write_table(table, temporary))


def read_panel(path: str | Path) -> Panel:
    """Read a file that `write_panel` wrote."""
    table = pq.read_table(path)
    about, frame = json.loads(table.schema.metadata[_KEY]), table.to_pandas()
    columns = _group_columns(len(about["group_sizes"]))
    return Panel(
        frame[ROW_COLUMNS],
        frame[about["names"]].to_numpy(dtype=np.float32),
        tuple(about["names"]),
        np.ascontiguousarray(frame[columns].to_numpy(dtype=np.int64)).reshape(len(frame), len(columns)),
        tuple(about["group_sizes"]),
    )


def _group_columns(levels: int) -> list[str]:
    return [f"group_{level}" for level in range(levels)]
