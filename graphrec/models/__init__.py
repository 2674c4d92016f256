"""The models; a YAML may use the names listed here without their path."""

from graphrec.models.decoders import MLP, Cosine, Dot
from graphrec.models.features import FeatureTowers, RawFeatures
from graphrec.models.lightgcn import LightGCN
from graphrec.models.neighbours import ItemCF
from graphrec.models.popularity import Popularity, TopFrequency
from graphrec.models.responses import BSPM, GFCF, ChebyCF, IdealLowPass
from graphrec.models.spectral import Spectral
from graphrec.models.table import EmbeddingTable

__all__ = [
    "BSPM",
    "GFCF",
    "MLP",
    "ChebyCF",
    "Cosine",
    "Dot",
    "EmbeddingTable",
    "FeatureTowers",
    "IdealLowPass",
    "ItemCF",
    "LightGCN",
    "Popularity",
    "RawFeatures",
    "Spectral",
    "TopFrequency",
]
