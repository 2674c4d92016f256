"""``--model.encoder.help LightGCN``: what may be named and which keys it takes, with nothing else given."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from graphrec import losses, models
from graphrec.cli import main
from graphrec.data import sources, splits
from graphrec.data.weights import Event
from graphrec.errors import InputError
from graphrec.models.base import Encoder


@pytest.fixture
def help_of(capsys):
    def ask(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["fit", *words])
        assert ended.value.code == 0
        return capsys.readouterr().out

    return ask


@pytest.mark.parametrize("option", ["--model.encoder.help", "--model.init_args.encoder.help"])
def test_all_encoders_are_listed_with_what_they_are(help_of, option):
    text = help_of(option)
    named = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
    expected = {
        name for name in models.__all__
        if issubclass(getattr(models, name), Encoder) and not inspect.isabstract(getattr(models, name))
    }  # fmt: skip
    assert set(named) == expected


def test_losses_are_listed_by_the_names_that_a_yaml_writes(help_of):
    losses_named = ["bpr", "bce", "mse", "sampled_softmax", "catalogue_squares"]
    losses_named += ["BilateralSoftmax", "CosineContrastive"]
    named = [line.split()[0] for line in help_of("--model.loss.help").splitlines() if line.startswith("  ")]
    assert set(named) == {f"graphrec.losses.{name}" for name in losses_named}
    assert all(hasattr(losses, name.rpartition(".")[2]) for name in named)


def test_sources_and_splits_are_listed(help_of):
    text = help_of("--data.source.help")
    assert all(f"graphrec.data.sources.{name}" in text for name in sources.__all__)
    assert {
        line.split()[0] for line in help_of("--data.split.help").splitlines() if line.startswith("  ")
    } == {kind.__name__ for kind in splits.Splitter.__subclasses__()}


@pytest.mark.parametrize(
    ("words", "made", "place"),
    [
        (["--model.encoder.help", "LightGCN"], models.LightGCN, "model.init_args.encoder"),
        (["--model.encoder.help=graphrec.models.NGCF"], models.NGCF, "model.init_args.encoder"),
        (["--model.recommender.help", "EASE"], models.EASE, "model.init_args.recommender"),
        (["--data.source.help", "table"], sources.table, "data.init_args.source"),
        (["--data.split.help", "Temporal"], splits.Temporal, "data.init_args.split"),
        (["--data.weights.rows.help", "Event"], Event, "data.init_args.weights.rows"),
        (["--model.loss.help", "BilateralSoftmax"], losses.BilateralSoftmax, "model.init_args.loss"),
        (["--model.recommender.response.help", "GFCF"], models.GFCF,
         "model.init_args.recommender.init_args.response"),
    ],
)  # fmt: skip
def test_every_key_is_there_as_it_is_written_with_its_default(help_of, words, made, place):
    text = help_of(*words)
    for name, parameter in inspect.signature(made).parameters.items():
        if name == "graph":  # the task gives it
            continue
        assert f"--{place}.init_args.{name} " in text
        described = re.search(rf"--{place}\.init_args\.{name} <[^>]*>\s+(\S+)", text)
        assert described is not None
        assert described[1].lower() not in ("(default:", "(required)", "one"), f"{name} is not described"
        if isinstance(parameter.default, int | float) and not isinstance(parameter.default, bool):
            assert f"(default: {parameter.default}" in " ".join(text.split())


def test_a_loss_without_keys_says_so(help_of):
    text = help_of("--model.loss.help", "bpr")
    assert "Bayesian personalised ranking" in text
    assert "It takes no keys." in text


def test_a_model_of_ones_own_is_described(help_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine_of_help.py").write_text(
        "from graphrec.models import EmbeddingTable\n\n\nclass Mine(EmbeddingTable):\n"
        '    """Is mine.\n\n    Args:\n        depth: How deep.\n    """\n\n'
        "    def __init__(self, graph, depth: int = 7):\n        super().__init__(graph)\n"
    )
    text = help_of("--model.encoder.help", "mine_of_help.Mine")
    assert "Is mine." in text
    assert "How deep. (default: 7)" in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--model.encoder.help", "LightGCNN"], "nothing called 'LightGCNN'; did you mean 'LightGCN'?"),
        (["--model.encodr.help"], "no key is called 'encodr'; did you mean 'encoder'?"),
        (["--data.batch_size.help"], "holds a value and no class; see `graphrec fit --data.help NAME`"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_line(words, line):
    with pytest.raises(InputError) as mistake:
        main(["fit", *words])
    assert line in str(mistake.value)
