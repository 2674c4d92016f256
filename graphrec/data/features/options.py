"""Which features are built: the settings that a YAML writes out below ``features``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphrec.data.features.given import GivenMatrix
from graphrec.data.features.item import ATTRIBUTES, BASE, ITEM_GROUPS, REVIEWS
from graphrec.data.features.reduction.estimators import make_estimator
from graphrec.data.features.sizes.columns import SizeFeatures
from graphrec.data.features.text import TextFeatures
from graphrec.data.features.user import BEHAVIOUR, DEMOGRAPHICS, INTEREST, USER_GROUPS
from graphrec.errors import InputError, check_at_least


@dataclass(frozen=True)
class FeatureOptions:
    """Which features are built, and how far they are reduced.

    The group ``document``, alone on both sides, is the pair of inputs of the articles' second one: the
    user's purchase frequency and the item's average rating.

    Args:
        user_groups: Any of 'interest', 'behaviour', 'demographics', 'document', 'interest_recency',
            'interest_trend', 'habits', 'times', 'events'; empty for none.
        item_groups: Any of 'base', 'attributes', 'reviews', 'document', 'price_history', 'promotion',
            'ratings', 'events'; empty for none.
        max_categories: Levels kept per categorical column; the rest become 'other'.
        min_variance: Columns with less variance are dropped. It is measured before standardising, in the
            column's own units: shares and one-hot columns 0..1, logarithms, weeks; numeric attributes come
            with variance 1.
        pca: Principal components kept on each side; a side with no more columns than that is left as it
            is, and so is every side if this is null.
        seed: Seed of the randomised solver that scikit-learn picks for very wide tables.
        text: Columns of text that become numbers.
        matrices: Vectors of your own, such as sentence embeddings or those of images.
        max_correlation: Columns that correlate more, either way, with an earlier one are dropped.
        informative: Columns kept on each side: those with the most mutual information with a purchase. The
            target is whether a pair was bought in training; as many pairs at random were not.
        user_pipeline: Transformers of scikit-learn for the standardised features of users, before `pca`.
            Each is written as ``{class_path: sklearn.preprocessing.PowerTransformer, init_args: {}}``.
        item_pipeline: The same for items.
        sizes: Columns of items with sizes of packages, as ``12 OZ``, that become numbers.
    """

    user_groups: list[str] = field(default_factory=lambda: [INTEREST, BEHAVIOUR, DEMOGRAPHICS])
    item_groups: list[str] = field(default_factory=lambda: [BASE, ATTRIBUTES, REVIEWS])
    max_categories: int = 30
    min_variance: float = 1e-4
    pca: int | None = 32
    seed: int = 0
    text: list[TextFeatures] = field(default_factory=list)
    matrices: list[GivenMatrix] = field(default_factory=list)
    max_correlation: float | None = None
    informative: int | None = None
    user_pipeline: list[dict[str, Any]] = field(default_factory=list)
    item_pipeline: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[SizeFeatures] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check names and ranges.

        Raises:
            InputError: If a group is not known or named twice, or a number is out of its range.
        """
        for key, groups, known in (
            ("user_groups", self.user_groups, USER_GROUPS),
            ("item_groups", self.item_groups, ITEM_GROUPS),
        ):
            wrong = [group for group in groups if group not in known]
            if wrong:
                raise InputError(
                    f"there is no group {wrong[0]!r}", column=key, hint=f"use {', '.join(known)}"
                )
            if len(set(groups)) < len(groups):
                raise InputError("a group is named twice", column=key, hint="name each once")
        if self.max_categories < 1:
            raise InputError("must be at least 1", column="max_categories")
        if self.pca is not None and self.pca < 1:
            raise InputError("must be at least 1", column="pca", hint="or null for no PCA")
        if not self.min_variance >= 0:
            raise InputError("must not be negative", column="min_variance")
        if self.max_correlation is not None and not 0 < self.max_correlation <= 1:
            raise InputError("must be above 0 and at most 1", column="max_correlation")
        if self.informative is not None:
            check_at_least(1, informative=self.informative)
        self._check_names()

    def _texts_of_items(self) -> list[str]:
        """Name the texts of the table of items, which are no sizes beside."""
        return [one.column for one in self.text if one.of == "items" and one.source == "table"]

    def _check_names(self) -> None:
        """Raise `InputError` if two columns would have one name, or a step is no transformer."""
        asked = [one.column for one in self.sizes]
        for key, labels in (
            ("text", [(one.of, one.column) for one in self.text]),
            ("matrices", [(one.of, one.label) for one in self.matrices]),
            ("sizes", [("items", name) for name in (*self._texts_of_items(), *asked)]),
        ):
            twice = [name for place, (_, name) in enumerate(labels) if labels[place] in labels[:place]]
            if twice:
                raise InputError(f"{twice[0]!r} is named twice", column=key, hint="name each once")
        for key in ("user_pipeline", "item_pipeline"):
            for place, step in enumerate(getattr(self, key)):
                make_estimator(step, f"{key}.{place}", ["fit", "transform"])
