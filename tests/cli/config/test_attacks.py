# ruff: noqa: E501  a table is easier to read in one line each
"""What a stranger hands over runs no code and writes nowhere else: each attack by itself, with a canary."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from small_runs import CONFIG

from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.files import write_text

SYSTEM = {"class_path": "os.system", "init_args": {"command": "touch ../canary"}}
EVIL = """from pathlib import Path
Path(__file__).parent.parent.joinpath('canary').touch()
def make(*a, **k): ...
"""
RUN = {"class_path": "subprocess.check_call", "init_args": {"args": ["touch", "../canary"]}}
MEASURE = {
    "class_path": "graphrec.evaluation.measures.Measure",
    "init_args": {"name": "mine", "title": "Mine", "compute": "os.system"},
}
TASK = "graphrec.training.RankingTask"


def ranking(**init: Any) -> dict[str, Any]:
    return {"class_path": TASK, "init_args": init}


def data(**init: Any) -> dict[str, Any]:
    return {**CONFIG["data"], "init_args": {**CONFIG["data"]["init_args"], **init}}


YAMLS: dict[str, dict[str, Any]] = {
    "the model": {"model": SYSTEM},
    "a loss by name": {"model": ranking(loss="os.system")},
    "a loss with arguments": {"model": ranking(loss=SYSTEM)},
    "an encoder": {"model": ranking(encoder="os.system")},
    "an encoder with arguments": {"model": ranking(encoder=RUN)},
    "a decoder": {"model": ranking(decoder=SYSTEM)},
    "the data": {"data": SYSTEM},
    "a source": {"data": data(source=RUN)},
    "a split": {"data": data(split=SYSTEM)},
    "a measure by name": {"data": data(measures=["os.system"])},
    "a measure with arguments": {"data": data(measures=[SYSTEM])},
    "what a measure computes": {"data": data(measures=[MEASURE])},
    "a measure through a module of ours": {"data": data(measures=["graphrec.evaluation.measures.inspect.os.system"])},
    "a callback": {"trainer": {"callbacks": [SYSTEM]}},
    "a callback's function": {
        "trainer": {
            "callbacks": [
                {
                    "class_path": "pytorch_lightning.callbacks.LambdaCallback",
                    "init_args": {"setup": "os.system"},
                }
            ]
        }
    },
    "a logger": {"trainer": {"logger": SYSTEM}},
    "a profiler": {"trainer": {"profiler": SYSTEM}},
    "a strategy": {"trainer": {"strategy": SYSTEM}},
    "plugins": {"trainer": {"plugins": [SYSTEM]}},
    "an optimizer": {"optimizer": SYSTEM},
    "a schedule": {"lr_scheduler": SYSTEM},
    "through a module of ours": {"model": ranking(loss="graphrec.files.os.system")},
    "through a module that may be named": {"model": ranking(loss="graphrec.losses.torch.hub.load")},
    "a function of ours that writes": {
        "model": ranking(loss={"class_path": "graphrec.files.write_text", "init_args": {"path": "../canary", "text": ""}})
    },
    "torch.load": {"model": ranking(loss={"class_path": "torch.load", "init_args": {"f": "bad.pickle"}})},
    "torch.hub": {"model": ranking(loss="torch.hub.load")},
    "through torch": {"model": ranking(loss="torch.nn.functional.importlib.import_module")},
    "the parser's own switch": {"model": ranking(loss="jsonargparse.set_parsing_settings")},
    "a module of Python's that acts on import": {"model": ranking(loss="antigravity.webbrowser")},
    "trust from a file": {"trust": True},
}  # fmt: skip


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """A folder with one honest run."""
    folder = tmp_path_factory.mktemp("fitted")
    (folder / "exp.yaml").write_text(yaml.safe_dump({**CONFIG, "run": {"name": "small", "id": "a"}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", "-c", "exp.yaml", "--trainer.max_epochs", "1"])
    return folder


@pytest.fixture
def here(fitted, tmp_path, monkeypatch) -> Path:
    """The working folder, with an evil module; what is above it must not change."""
    shutil.copytree(fitted, tmp_path / "work", ignore=shutil.ignore_patterns("wandb"))
    monkeypatch.chdir(tmp_path / "work")
    Path("evil.py").write_text(EVIL)
    Path("antigravity.py").write_text(EVIL)
    return tmp_path / "work"


def tree() -> dict[str, int]:
    """All files of the working folder and above it, without what Python compiles and W&B may still write."""
    found = (path for path in Path("..").rglob("*") if not {"__pycache__", "wandb"} & {*path.parts})
    return {str(path): path.lstat().st_mtime_ns if path.is_file() else 0 for path in found}


def refused(*args: str) -> str:
    """The line of a command that is refused and leaves everything as it is."""
    before = tree()
    with pytest.raises(InputError) as error:
        main(list(args))
    assert tree() == before
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", YAMLS)
def test_a_configuration_runs_no_foreign_code(name, here):
    Path("bad.yaml").write_text(yaml.safe_dump({**CONFIG, **YAMLS[name]}))
    said = refused("fit", "-c", "bad.yaml")
    assert "may not be named" in said or "class_path" in said or "trust" in said or "key '" in said


@pytest.mark.parametrize(
    "option",
    [
        ["--model.init_args.loss", "os.system"],
        ["--model", '{"class_path": "os.system", "init_args": {"command": "touch ../canary"}}'],
        [
            "--model.init_args.loss",
            '{"class_path": "os.system", "init_args": {"command": "touch ../canary"}}',
        ],
        ["--trainer.callbacks+=os.system"],
        ["--data.init_args.source", "subprocess.check_call"],
        ["--data.init_args.measures", "[os.system]"],
        ["--data.init_args.measures+=os.system"],
    ],
)
def test_the_command_line_runs_no_foreign_code(option, here):
    refused("fit", "-c", "exp.yaml", "--run.id", "b", *option)


def test_nested_files_and_tags_run_no_foreign_code(here):
    Path("model.yaml").write_text(yaml.safe_dump(ranking(loss="os.system")))
    Path("outer.yaml").write_text(yaml.safe_dump({**CONFIG, "model": "model.yaml"}))
    assert "model.yaml, row" in refused("fit", "-c", "outer.yaml")
    Path("tag.yaml").write_text("run: !!python/object/apply:os.system ['touch ../canary']\n")
    assert "not valid YAML" in refused("fit", "-c", "tag.yaml")
    Path("tagged.yaml").write_text("!!python/object/apply:os.system ['touch ../canary']\n")
    Path("outer.yaml").write_text(yaml.safe_dump({**CONFIG, "model": "tagged.yaml"}))
    assert "not valid YAML" in refused("fit", "-c", "outer.yaml")


def forged(change: Callable[[dict[str, Any]], None]) -> str:
    """A run like the honest one whose checkpoints carry another configuration."""
    shutil.copytree("runs/small/a", "runs/forged/a")
    for file in Path("runs/forged/a/checkpoints").glob("*.ckpt"):
        content = torch.load(file, weights_only=True)
        config = yaml.safe_load(content["graphrec"]["config"])
        change(config)
        content["graphrec"]["config"] = yaml.safe_dump(config)
        torch.save(content, file)
    return "runs/forged/a/checkpoints/best.ckpt"


def setting(*keys: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        for key in keys[:-1]:
            config = config[key]
        config[keys[-1]] = to

    return change


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "recommend": lambda file: ["recommend", "--ckpt", file, "--out", "r.parquet"],
    "offers": lambda file: ["offers", "--ckpt", file, "--out", "o.parquet"],
    "test": lambda file: ["test", "--ckpt_path", file],
    "test by name": lambda file: ["test", "--run.name", "forged"],
    "validate": lambda file: ["validate", "--ckpt_path", file],
    "predict": lambda file: ["predict", "--ckpt_path", file],
    "go on": lambda file: ["fit", "--ckpt_path", file.replace("best", "last"), "--trainer.max_epochs", "4"],
    "refit": lambda file: ["refit", "runs/forged/a"],
    "fuse": lambda file: ["fuse", "runs/forged/a", "runs/small/a", "--name", "both"],
    "response": lambda file: ["offers", "--ckpt", "runs/small/a/checkpoints/best.ckpt", "--response", file, "--out", "o.parquet"],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_checkpoint_runs_no_foreign_code(command, here):
    said = refused(*COMMANDS[command](forged(setting("model", "init_args", "loss", to=SYSTEM))))
    assert "names 'os.system'" in said
    assert "--trust" in said


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("model", "init_args", "loss"), "os.system"),
        (("model", "init_args", "loss"), "evil.make"),
        (("model", "init_args", "encoder"), {"class_path": "evil.make"}),
        (("model",), SYSTEM),
        (("model",), "model.yaml"),
        (("data", "init_args", "source"), RUN),
        (("data", "init_args", "split"), SYSTEM),
        (("data", "init_args", "measures"), ["os.system"]),
        (("data", "init_args", "measures"), ["evil.make"]),
        (("data", "init_args", "measures"), [SYSTEM]),
        (("data", "init_args", "measures"), [MEASURE]),
        (("data", "init_args", "cache"), "/tmp/elsewhere"),
    ],
)
def test_no_part_of_a_checkpoint_runs_foreign_code(keys, value, here):
    file = forged(setting(*keys, to=value))
    for command in ("recommend", "test"):
        refused(*COMMANDS[command](file))


def test_the_trainer_of_a_checkpoint_is_not_used(here):
    outside = {
        "class_path": "pytorch_lightning.callbacks.ModelCheckpoint",
        "init_args": {"dirpath": "../canary"},
    }
    file = forged(setting("trainer", "callbacks", to=[SYSTEM]))
    main(["test", "--ckpt_path", file])
    assert not Path("../canary").exists()
    assert "names 'os.system'" in refused("refit", "runs/forged/a")
    shutil.rmtree("runs/forged")
    forged(setting("trainer", "callbacks", to=[outside]))
    assert "writes to a place of its own: trainer.callbacks.0.init_args.dirpath" in refused(
        "refit", "runs/forged/a"
    )


def test_hyperparameters_and_pickles_of_a_checkpoint_are_not_read(here):
    file = Path("runs/small/a/checkpoints/best.ckpt")
    content = torch.load(file, weights_only=True)
    content["hyper_parameters"] = {"_class_path": "os.system", "command": "touch ../canary"}
    torch.save(content, file)
    main(["test", "--ckpt_path", str(file)])
    assert not Path("../canary").exists()

    class Bomb:
        def __reduce__(self) -> Any:
            return os.system, ("touch ../canary",)

    content["bomb"] = Bomb()
    torch.save(content, file)
    Path("bare.ckpt").write_bytes(pickle.dumps(Bomb()))
    for bad in (str(file), "bare.ckpt"):
        for command in ("recommend", "test", "offers"):
            assert "cannot be read as a checkpoint" in refused(*COMMANDS[command](bad))
    assert "weights only" in refused("test", "--ckpt_path", str(file), "--weights_only", "false")


@pytest.mark.parametrize(
    "option",
    [
        ["--run.name", "../x"],
        ["--run.name", "a/../../x"],
        ["--run.name", "/x"],
        ["--run.name", ""],
        ["--run.name", "."],
        ["--run.name", "a\nb"],
        ["--run.name", "x" * 300],
        ["--run.name", "link"],
        ["--run.id", "../x"],
        ["--run.id", "a/b"],
        ["--run.id", ".."],
        ["--run.id", "refit"],
        ["--run.root", "~/runs"],
    ],
)
def test_a_name_does_not_leave_the_root(option, here):
    Path("runs/link").symlink_to(here.parent)
    refused("fit", "-c", "exp.yaml", "--run.id", "b", *option)
    Path("zero.yaml").write_text('{run: {name: "a\\0b"}}')
    refused("fit", "-c", "exp.yaml", "-c", "zero.yaml")


@pytest.mark.parametrize("place", ["checkpoints", "wandb", "metrics.csv", "checkpoints/last.ckpt"])
def test_nothing_is_written_through_a_link_in_a_run_that_is_there(place, here):
    Path("../outside").mkdir()
    link = Path("runs/small/q", place)
    link.parent.mkdir(parents=True)
    link.symlink_to(here.parent / "outside")
    assert "this is a link out of the run's folder" in refused("fit", "-c", "exp.yaml", "--run.id", "q")


@pytest.mark.parametrize(("command", "place"), [("refit", "refit"), ("test", "wandb")])
def test_nothing_is_written_through_a_link_in_a_run_of_a_stranger(command, place, here):
    Path("../outside").mkdir()
    Path("runs/small/a", place).symlink_to(here.parent / "outside")
    run = ["runs/small/a"] if command == "refit" else ["--run.name", "small"]
    assert "this is a link out of the run's folder" in refused(command, *run)


def test_no_fusion_is_written_through_a_link(here):
    main(["fit", "-c", "exp.yaml", "--run.id", "b", "--trainer.max_epochs", "1", "--seed_everything", "8"])
    Path("../outside").mkdir()
    Path("runs/both/q").mkdir(parents=True)
    Path("runs/both/q/checkpoints").symlink_to(here.parent / "outside")
    with pytest.raises(InputError, match="this is a link out of the run's folder"):
        main(["fuse", "runs/small/a", "runs/small/b", "--name", "both", "--id", "q"])
    assert not list(Path("../outside").iterdir())


def test_a_result_is_written_to_regular_files_only(here):
    ckpt = "runs/small/a/checkpoints/best.ckpt"
    Path("../target.parquet").write_text("kept")
    Path("link.parquet").symlink_to("../target.parquet")
    os.mkfifo("pipe.parquet")
    Path("folder.parquet").mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket.parquet")
        for name in ("link", "pipe", "folder", "socket"):
            for command in ("recommend", "offers"):
                assert f"{name}.parquet, option --out: this is " in refused(
                    command, "--ckpt", ckpt, "--out", f"{name}.parquet"
                )
    for name in ("/dev/null", "link.parquet", "pipe.parquet", "a\0b"):
        with pytest.raises(InputError):
            write_text(name, "")
    assert Path("../target.parquet").read_text() == "kept"


def test_the_umask_and_the_mode_of_the_file_before_hold(tmp_path):
    old = os.umask(0o027)
    try:
        new = write_text(tmp_path / "new.txt", "x")
        (tmp_path / "private.txt").touch(0o600)
        kept = write_text(tmp_path / "private.txt", "x")
    finally:
        os.umask(old)
    assert oct(new.stat().st_mode & 0o777) == "0o640"
    assert oct(kept.stat().st_mode & 0o777) == "0o600"


def test_a_checkpoint_that_stands_alone_writes_beside_itself(here):
    deep = here / "deep" / "er"
    deep.mkdir(parents=True)
    shutil.copy("runs/small/a/checkpoints/best.ckpt", deep / "model.ckpt")
    before = set(tree())
    main(["test", "--ckpt_path", "deep/er/model.ckpt"])
    new = {path for path in set(tree()) - before if not path.startswith("../work/deep/er/model")}
    assert new == set()
    assert (deep / "model" / "test_metrics.json").is_file()


def test_a_module_of_ones_own_is_run_when_it_is_named_and_not_because_it_is_there(here):
    Path("random.py").write_text(EVIL)
    Path("own_loss.py").write_text(
        "from torch import Tensor\nfrom graphrec.losses import bpr\n"
        "def loss(p: Tensor, n: Tensor) -> Tensor:\n    return bpr(p, n)\n"
    )
    config = copy.deepcopy(CONFIG)
    config["model"]["init_args"]["loss"] = "own_loss.loss"
    config["run"] = {"name": "own_loss", "id": "a"}
    Path("own_loss.yaml").write_text(yaml.safe_dump(config))
    main(["fit", "-c", "own_loss.yaml", "--trainer.max_epochs", "1"])
    file = "runs/own_loss/a/checkpoints/best.ckpt"
    assert "names 'own_loss.loss'" in refused("recommend", "--ckpt", file, "--out", "r.parquet")
    main(["recommend", "--ckpt", file, "--out", "r.parquet", "--trust"])
    assert Path("r.parquet").is_file()
    assert not Path("../canary").exists()
