"""Fitted features as a file: what a model needs to encode newcomers, without the log.

skops is scikit-learn's own safe format: maintained, and unlike a pickle it runs no code of strangers.
"""

from __future__ import annotations

from pathlib import Path

from graphrec.data.features.fitted import FittedFeatures
from graphrec.errors import InputError

OWN = (
    *(f"graphrec.data.features.fitted.{name}" for name in ("FittedFeatures", "FittedSide", "ItemLevels")),
    *(
        f"graphrec.data.features.attributes.{name}"
        for name in ("AttributeEncoder", "LevelColumn", "NumberColumn")
    ),
    *(f"graphrec.data.features.text.{name}" for name in ("FittedText", "TextFeatures")),
    "graphrec.data.features.given.GivenMatrix",
    "graphrec.data.features.sizes.columns.SizeFeatures",
    "graphrec.data.interactions.IdMap",
    "scipy.sparse._csr.csr_matrix",
)
"""Types of ours that such a file holds; most of scikit-learn, NumPy and SciPy are known to skops."""


def dump_features(fitted: FittedFeatures) -> bytes:
    """Write fitted features into bytes, as a checkpoint keeps them."""
    from skops.io import dumps

    content: bytes = dumps(fitted)
    return content


def load_features(content: bytes, file: str | Path | None = None) -> FittedFeatures:
    """Read what `dump_features` wrote; types that are neither ours nor scikit-learn's are refused.

    Args:
        content: The bytes.
        file: Where they are from, for messages.

    Raises:
        InputError: If they hold something else.
    """
    from skops.io import loads
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        found = loads(content, trusted=list(OWN))
    except UntrustedTypesFoundException as error:
        what = f"the features hold types that may run code: {error}"
        raise InputError(
            what, file=file, hint="fit the model again with transformers of scikit-learn"
        ) from error
    if not isinstance(found, FittedFeatures):
        raise InputError("this holds no features", file=file)
    return found
