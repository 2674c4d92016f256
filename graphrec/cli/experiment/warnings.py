"""What Lightning says and a user of graphrec need not read; imported for its effect."""

from __future__ import annotations

import logging
import warnings

for _message in (
    "LightningCLI's args parameter",
    ".*does not have many workers.*",
    ".*LeafSpec.*",
    "Experiment logs directory .* exists and is not empty",  # the folder holds config.yaml already
    ".*configure_optimizers` returned `None`.*",
    "Be aware that when using `ckpt_path`, callbacks used",  # a test needs no callbacks of the fit
    "The dirpath has changed from",  # nor their folder
    "Total length of `list` across ranks is zero",  # a refit has no validation part
    "The number of training batches .* is smaller than the logging interval",  # losses are logged per epoch
    ".*to accumulate the metric across devices",  # what is logged has been gathered by then
    r"You are trying to `self.log\(\)` but `Trainer\(barebones=True\)`",  # which is what was asked for
    "Couldn't infer the batch indices fetched",  # a batch of predictions carries its users
):
    warnings.filterwarnings("ignore", message=_message)
for _logger in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities"):
    logging.getLogger(_logger).setLevel(logging.WARNING)  # seeds, tips and which hardware there is not
