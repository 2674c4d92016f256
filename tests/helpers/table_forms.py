"""Ways to write one table of ids: text of every kind, Parquet of every type, folders of parts."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graphrec.data.tables.read import TextFormat

PLAIN = TextFormat()
# A form writes a frame into a folder and returns the path and how to read it


def _text(
    frame: pd.DataFrame, delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL, end: str = "\n"
) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(frame.columns)
    writer.writerows(frame.astype(object).where(frame.notna(), "").to_numpy().tolist())
    return buffer.getvalue()


def _bytes(name, pack, encoding="utf-8", **how):
    def write(frame, folder):
        (folder / name).write_bytes(pack(_text(frame, **how).encode(encoding)))
        return folder / name, PLAIN

    return write


def _zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner.csv", content)
    return buffer.getvalue()


def _zstd(content):
    return pa.Codec("zstd").compress(content, asbytes=True)


def _semicolons(frame, folder):
    (folder / "t.csv").write_text(_text(frame, ";"), encoding="utf-8", newline="")
    return folder / "t.csv", TextFormat(";")


def _latin(frame, folder):
    try:
        (folder / "t.csv").write_text(_text(frame), encoding="cp1252", newline="")
    except UnicodeEncodeError:
        return _semicolons(frame, folder)
    return folder / "t.csv", TextFormat(encoding="cp1252")


def _padded(frame, folder):
    space = frame.map(lambda value: f" {value}\u00a0 " if isinstance(value, str) else value)
    (folder / "t.csv").write_text(_text(space), encoding="utf-8", newline="")
    return folder / "t.csv", PLAIN


def _with_index(frame, folder):
    frame.to_csv(folder / "t.csv")
    return folder / "t.csv", PLAIN


def _headerless(frame, folder):
    text = _text(frame).split("\n", 1)[1]
    (folder / "t.csv").write_text(text, encoding="utf-8", newline="")
    return folder / "t.csv", TextFormat(names=tuple(frame.columns))


def _csv_parts(frame, folder):
    half = len(frame) // 2
    for place, part in enumerate((frame[:half], frame[half:])):
        (folder / f"part-{place}.csv").write_text(_text(part), encoding="utf-8", newline="")
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.csv.crc").write_bytes(b"\0\1")
    return folder, PLAIN


def _parquet(kind, column="item_id"):
    def write(frame, folder):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        place = table.column_names.index(column)
        values = pa.array(frame[column], pa.string(), from_pandas=True)
        whole = values if pa.types.is_dictionary(kind) else values.cast(kind)
        if pa.types.is_dictionary(kind):
            whole = values.dictionary_encode()
        pq.write_table(table.set_column(place, column, whole), folder / "t.PARQUET")
        return folder / "t.PARQUET", PLAIN

    return write


def _pandas_index(frame, folder):
    frame.set_index("item_id").to_parquet(folder / "t.pq")
    return folder / "t.pq", PLAIN


def _partitioned(frame, folder):
    rows = frame.assign(month=[f"0{place % 2}" for place in range(len(frame))])
    rows = rows.sort_values("month", kind="stable")
    pq.write_to_dataset(pa.Table.from_pandas(rows, preserve_index=False), folder, partition_cols=["month"])
    return folder, PLAIN


ORDERED = {
    "csv": _bytes("t.csv", bytes),
    "all quoted": _bytes("t.csv", bytes, quoting=csv.QUOTE_ALL),
    "tabs": _bytes("t.tsv", bytes, delimiter="\t"),
    "tabs, all quoted": _bytes("t.TXT", bytes, delimiter="\t", quoting=csv.QUOTE_ALL),
    "gzip": _bytes("t.csv.gz", gzip.compress),
    "bzip2": _bytes("t.csv.bz2", bz2.compress),
    "xz": _bytes("t.csv.xz", lzma.compress),
    "zip": _bytes("t.csv.zip", _zipped),
    "zstd": _bytes("t.csv.zst", _zstd),
    "byte order mark": _bytes("t.csv", bytes, encoding="utf-8-sig"),
    "utf-16": _bytes("t.csv", bytes, encoding="utf-16"),
    "windows lines": _bytes("t.csv", bytes, end="\r\n"),
    "semicolons": _semicolons,
    "cp1252": _latin,
    "padded": _padded,
    "index in csv": _with_index,
    "headerless": _headerless,
    "parts of csv": _csv_parts,
    "strings": _parquet(pa.string()),
    "large strings": _parquet(pa.large_string()),
    "views": _parquet(pa.string_view()),
    "bytes": _parquet(pa.binary()),
    "categories": _parquet(pa.dictionary(pa.int32(), pa.string())),
    "index in parquet": _pandas_index,
}
"""Forms that keep any text and the order of the rows."""

UNORDERED = {"partitioned": _partitioned}

WHOLE = {
    "int64": _parquet(pa.int64()),
    "uint64": _parquet(pa.uint64()),
    "decimal": _parquet(pa.decimal128(38, 0)),
    "decimal with zeros": _parquet(pa.decimal128(38, 2)),
}
"""Forms for ids that are whole numbers below 2^63."""

SMALL = {"float64": _parquet(pa.float64())}
"""Forms for whole numbers below 2^53."""


def point_zero(frame, folder):
    """What pandas writes of whole numbers of which some are missing."""
    texts = frame.assign(item_id=frame["item_id"].where(frame["item_id"].isna(), frame["item_id"] + ".0"))
    return ORDERED["csv"](texts, folder)
