"""``metrics.csv`` stays a table, wherever a fit was stopped."""

from __future__ import annotations

import pandas as pd
import pytest

from graphrec.cli.experiment.tracking import metrics_file
from graphrec.cli.experiment.tracking.metrics_file import MetricsFile


@pytest.fixture
def logger(tmp_path):
    found = MetricsFile(tmp_path, name="", version="a")
    (tmp_path / "a").mkdir()
    return found


def test_columns_that_come_later_are_empty_before(logger, tmp_path):
    for step, row in enumerate(
        ({"epoch": 0, "loss": 1.0}, {"epoch": 0, "ndcg": 0.5}, {"epoch": 1, "loss": 0.5})
    ):
        logger.log_metrics(row, step)
        logger.save()
    found = pd.read_csv(tmp_path / "a" / "metrics.csv")
    assert found["loss"].tolist()[::2] == [1.0, 0.5]
    assert found["ndcg"].isna().tolist() == [True, False, True]


def test_an_interrupt_before_a_new_header_is_made_good_by_the_next_row(logger, tmp_path, monkeypatch):
    logger.log_metrics({"epoch": 0, "loss": 1.0}, 0)
    logger.save()

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(metrics_file, "write_text", interrupt)
        logger.log_metrics({"epoch": 1, "ndcg": 0.5}, 1)
        with pytest.raises(KeyboardInterrupt):
            logger.save()
    logger.log_metrics({"epoch": 2, "loss": 0.25}, 2)
    logger.save()

    found = pd.read_csv(tmp_path / "a" / "metrics.csv")
    assert found["epoch"].tolist() == [0, 1, 2]
    assert found["ndcg"].dropna().tolist() == [0.5]
    assert found["loss"].dropna().tolist() == [1.0, 0.25]
