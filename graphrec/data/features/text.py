"""Features of texts, by scikit-learn: TF-IDF weights reduced by a truncated SVD, or topics (LDA)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray
from graphrec.data.features.attributes import UNKNOWN
from graphrec.data.features.encoding import Block
from graphrec.data.interactions import Columns, Interactions
from graphrec.errors import InputError, check_at_least, check_seed

TEXT = "text"
Tokens = Literal["auto", "characters", "words"]
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")
"""Letters of Chinese, Japanese and Thai, which put no space between words."""


@dataclass(frozen=True)
class TextFeatures:
    """A column of text that becomes numbers.

    Args:
        column: Of the table of attributes, or of the log.
        of: Whose features they are: ``items`` or ``users``.
        source: ``table`` of attributes, or ``log``: all texts of the training rows of an item, or of a user.
        method: ``svd`` of TF-IDF weights, or ``lda`` topics of counts.
        components: Columns that the text becomes.
        tokens: ``words`` and pairs of words, or runs of one to three ``characters``. ``auto`` takes
            characters if a tenth of the texts has letters of a language without spaces, such as Chinese.
        min_texts: Terms that stand in fewer texts are left out.
        max_terms: The most frequent terms that are kept.
        seed: Of the solver.

    Raises:
        InputError: If an argument is out of its range.
    """

    column: str
    of: Literal["items", "users"] = "items"
    source: Literal["table", "log"] = "table"
    method: Literal["svd", "lda"] = "svd"
    components: int = 16
    tokens: Tokens = "auto"
    min_texts: int = 2
    max_terms: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the arguments."""
        check_at_least(1, components=self.components, min_texts=self.min_texts, max_terms=self.max_terms)
        check_seed(seed=self.seed)

    def texts(self, aligned: pd.DataFrame, train: Interactions) -> list[str]:
        """Collect the text of each code, empty where there is none.

        Args:
            aligned: Table of attributes in the order of the codes.
            train: Training rows.

        Raises:
            InputError: If there is no such column.
        """
        rows = aligned if self.source == "table" else train.frame
        if self.column not in rows:
            what = f"no {'table of ' + self.of if self.source == 'table' else 'log'} has this column of text"
            raise InputError(what, column=f"features.text.{self.column}", hint=self._hint(rows))
        if self.source == "table":
            return texts_of(aligned[self.column])
        code = rows[Columns.ITEM_CODE if self.of == "items" else Columns.USER_CODE].to_numpy()
        known = pd.Series(texts_of(rows[self.column]))
        # in the order of the text itself, so that the order of the rows says nothing
        order = np.lexsort((known.to_numpy(dtype="U"), code))
        joined = known.iloc[order].groupby(code[order]).agg("\n".join)
        return list(joined.reindex(range(len(aligned)), fill_value=""))

    def fit(self, texts: list[str]) -> FittedText:
        """Learn terms and components from the texts of training.

        Raises:
            InputError: If fewer than two terms are left.
        """
        from sklearn.pipeline import make_pipeline

        some = [text for text in texts if text.strip()]
        by_characters = self.tokens == "characters" or (self.tokens == "auto" and _is_unspaced(some))
        counter = self._counter(by_characters)
        try:
            terms = counter.fit_transform(some).shape[1]
        except ValueError:  # scikit-learn's word for no term at all
            terms = 0
        if terms < 2:
            what = f"fewer than two terms stand in {self.min_texts} or more of the {len(some):,} texts"
            hint = "lower min_texts, or take the column out"
            raise InputError(what, column=f"features.text.{self.column}", hint=hint)
        reducer = self._reducer(min(self.components, terms, len(some)))
        return FittedText(self, make_pipeline(counter, reducer).fit(some), not all(map(str.strip, texts)))

    def _counter(self, by_characters: bool) -> Any:
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

        how: dict[str, Any] = {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
        if by_characters:
            how = {"analyzer": "char", "ngram_range": (1, 3)}
        how |= {"min_df": self.min_texts, "max_features": self.max_terms}
        return CountVectorizer(**how) if self.method == "lda" else TfidfVectorizer(sublinear_tf=True, **how)

    def _reducer(self, components: int) -> Any:
        from sklearn.decomposition import LatentDirichletAllocation, TruncatedSVD

        if self.method == "lda":
            return LatentDirichletAllocation(components, random_state=self.seed)
        return TruncatedSVD(components, random_state=self.seed)

    def _hint(self, rows: pd.DataFrame) -> str:
        if self.source == "log":
            return "map it: columns: {review: COMMENT}, and write column: review"
        there = ", ".join(map(str, rows.columns[:8]))
        return f"the table has {there}" if there else "give the source a table: items: FILE"


@dataclass(frozen=True)
class FittedText:
    """What was learnt of a column of text.

    Args:
        options: How.
        pipeline: Fitted counter and reduction.
        gaps: Whether some texts of training were empty, so that a column says where.
    """

    options: TextFeatures
    pipeline: Any
    gaps: bool

    @property
    def name(self) -> str:
        """What its columns begin with."""
        return f"{TEXT}:{self.options.column}"

    def block(self, texts: list[str]) -> Block:
        """Turn texts into columns; an empty text has zeros, and a mark where training had such."""
        empty = np.array([not text.strip() for text in texts], dtype=bool)
        values = np.zeros((len(texts), self._width()))
        if not empty.all():
            values[~empty] = self.pipeline.transform([text for text in texts if text.strip()])
        names = [f"{self.name}={place}" for place in range(values.shape[1])]
        block = Block(names, values.astype(np.float32))
        return self._marked(block, empty) if self.gaps else block

    def _width(self) -> int:
        width: int = len(self.pipeline[-1].components_)
        return width

    def _marked(self, block: Block, empty: BoolArray) -> Block:
        mark = Block([f"{self.name}={UNKNOWN}"], empty[:, None].astype(np.float32))
        return Block.joined([block, mark], len(empty))


def texts_of(column: pd.Series[Any]) -> list[str]:
    """Take a column as text, empty where it is missing."""
    return [str(text) for text in column.astype("object").where(column.notna(), "")]


def _is_unspaced(texts: list[str]) -> bool:
    return sum(bool(_UNSPACED.search(text)) for text in texts) > len(texts) / 10
