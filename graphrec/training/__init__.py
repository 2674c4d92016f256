"""Lightning modules that wire encoder, decoder, loss and evaluation together."""

from graphrec.training.adaptive import AdaptiveTemperatureTask
from graphrec.training.closed_form import ClosedFormTask
from graphrec.training.contrastive import ContrastiveTask
from graphrec.training.direct_au import DirectAUTask
from graphrec.training.experiment import ExperimentTask
from graphrec.training.ranked import RankedTask
from graphrec.training.ranking import RankingTask
from graphrec.training.ultragcn.task import UltraGCNTask

__all__ = [
    "AdaptiveTemperatureTask",
    "ClosedFormTask",
    "ContrastiveTask",
    "DirectAUTask",
    "ExperimentTask",
    "RankedTask",
    "RankingTask",
    "UltraGCNTask",
]
