"""The models; a YAML may use the names listed here without their path."""

from graphrec.models.decoders import MLP, Cosine, Dot
from graphrec.models.features import FeatureTowers, RawFeatures
from graphrec.models.lightgcn import LightGCN
from graphrec.models.neighbours import ItemCF
from graphrec.models.popularity import Popularity, TopFrequency
from graphrec.models.table import EmbeddingTable

__all__ = [
    "MLP",
    "Cosine",
    "Dot",
    "EmbeddingTable",
    "FeatureTowers",
    "ItemCF",
    "LightGCN",
    "Popularity",
    "RawFeatures",
    "TopFrequency",
]
