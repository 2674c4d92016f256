"""Weights of the rows of a log that is a table of expressions, by the rules of `EdgeWeights`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.data.engine.backends import Engine
from graphrec.data.interactions import Columns
from graphrec.data.weights.edges import LARGEST, LEAST, EdgeWeights
from graphrec.data.weights.refusals import no_column
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

NO_WEIGHT = "rows of weight 0"


def weighed_rows(
    rows: ir.Table, weights: EdgeWeights, engine: Engine, file: str
) -> tuple[ir.Table, dict[str, int]]:
    """Add `Columns.WEIGHT` to rows, leave out those of weight 0 and count them.

    Args:
        rows: The training part, in our names.
        weights: What a row weighs.
        engine: Where the expressions run.
        file: For messages.

    Raises:
        InputError: If a column is missing, a row cannot be weighed, or all weigh 0.
    """
    for one in weights.rows:
        if not any(column in rows.columns for column in one.reads):
            what, hint = no_column(one.reads[0], type(one).__name__, one.reads)
            raise InputError(what, file=file, column=one.reads[0], hint=hint)
    single = {f"w{place}": one.weigh(rows) for place, one in enumerate(weights.rows)}
    weighed = rows.mutate(**single)
    product = weighed["w0"]
    for name in list(single)[1:]:
        product = product * weighed[name]
    weighed = weighed.mutate(**{Columns.WEIGHT: product})
    most = _checked(weighed, weights, engine, file)
    kept = weighed[Columns.WEIGHT] >= LEAST * most
    left_out = weighed.aggregate(rows=kept.ifelse(0, 1).sum())
    count = int(engine.fetched(left_out).column("rows")[0].as_py() or 0)
    return weighed.filter(kept).drop(*single), {NO_WEIGHT: count}


def _checked(weighed: ir.Table, weights: EdgeWeights, engine: Engine, file: str) -> float:
    """Find the largest weight, and refuse what cannot be weighed."""
    counts = {"most": weighed[Columns.WEIGHT].max()}
    for place in range(len(weights.rows)):
        weight = weighed[f"w{place}"]
        counts[f"absent_{place}"] = weight.isnull().ifelse(1, 0).sum()
        counts[f"below_{place}"] = (weight < 0).fill_null(False).ifelse(1, 0).sum()
    found = engine.fetched(weighed.aggregate(**counts)).to_pylist()[0]
    for place, one in enumerate(weights.rows):
        for kind, words in (("absent", "have nothing to weigh"), ("below", "would weigh less than 0")):
            if rows := found[f"{kind}_{place}"]:
                what = f"{int(rows):,} rows {words} by {type(one).__name__}"
                raise InputError(what, file=file, column=one.reads[0], hint="mend or leave out such rows")
    most = float(found["most"] or 0.0)
    if not 0 < most <= LARGEST:
        what = "every training row weighs 0" if most <= 0 else f"a row would weigh {most:g}"
        hint = "give the rows of the graph a weight above 0" if most <= 0 else f"scale it to {LARGEST:g}"
        raise InputError(what, file=file, column="weights", hint=hint)
    return most
