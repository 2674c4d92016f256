"""The models; a YAML may use the names listed here without their path."""

from graphrec.models.decoders import MLP, Cosine, CosineTrained, Dot, ScaledCosine
from graphrec.models.encoders.attention import GATv2
from graphrec.models.encoders.contrastive import SimGCL, XSimGCL
from graphrec.models.encoders.features import FeatureTowers, RawFeatures
from graphrec.models.encoders.hetero import HeteroGCN
from graphrec.models.encoders.lightgcn import LightGCN
from graphrec.models.encoders.lightgcnpp import LightGCNpp
from graphrec.models.encoders.ngcf import NGCF
from graphrec.models.encoders.simplex import SimpleX
from graphrec.models.encoders.table import EmbeddingTable
from graphrec.models.encoders.with_features import WithFeatures
from graphrec.models.feature_ranker import FeatureRanker, FeatureTrees
from graphrec.models.filter_responses import BSPM, GFCF, ChebyCF, IdealLowPass, PowerLaw
from graphrec.models.filters.link_prop import LinkProp
from graphrec.models.filters.sgfcf import SGFCF
from graphrec.models.ials import IALS
from graphrec.models.linear import EASE, EDLAE
from graphrec.models.neighbours import ItemCF, UserKNN
from graphrec.models.popularity import Popularity, TopFrequency
from graphrec.models.purchase_ranker import PurchaseRanker
from graphrec.models.random_walk import P3alpha, RP3beta
from graphrec.models.slim import SLIM
from graphrec.models.spectral import Spectral
from graphrec.models.turbo_cf import TurboCF

__all__ = [
    "BSPM",
    "EASE",
    "EDLAE",
    "GFCF",
    "IALS",
    "MLP",
    "NGCF",
    "SGFCF",
    "SLIM",
    "ChebyCF",
    "Cosine",
    "CosineTrained",
    "Dot",
    "EmbeddingTable",
    "FeatureRanker",
    "FeatureTowers",
    "FeatureTrees",
    "GATv2",
    "HeteroGCN",
    "IdealLowPass",
    "ItemCF",
    "LightGCN",
    "LightGCNpp",
    "LinkProp",
    "P3alpha",
    "Popularity",
    "PowerLaw",
    "PurchaseRanker",
    "RP3beta",
    "RawFeatures",
    "ScaledCosine",
    "SimGCL",
    "SimpleX",
    "Spectral",
    "TopFrequency",
    "TurboCF",
    "UserKNN",
    "WithFeatures",
    "XSimGCL",
]
