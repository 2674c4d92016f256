"""The settings of a run by short keys, as one compares runs by them: ``dim``, ``loss``, ``lr``, ``split``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHORTER = {"learning_rate": "lr", "num_layers": "layers"}
"""What is written shorter than the configuration has it."""
_PLAIN = (str, int, float, bool)


def short_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Take the settings that tell runs apart out of a configuration.

    A class is told by its last name, its arguments by theirs; where two parts have an argument of one name,
    that of the inner part is told with the name of its part before it.

    Args:
        config: What ``config.yaml`` holds, as plain values.

    Returns:
        Plain values by key: ``model`` (encoder, closed form or task), its settings, ``seed``, ``data``,
        ``split``, ``batch_size`` and ``epochs``.
    """
    task, data = config.get("model") or {}, config.get("data") or {}
    arguments = dict(task.get("init_args") or {})
    part = next((key for key in ("encoder", "recommender") if _is_class(arguments.get(key))), None)
    model = arguments.pop(part) if part is not None else task
    found: dict[str, Any] = {"model": _last(model.get("class_path", ""))}
    found |= _settings(arguments if part is not None else {})
    found |= {key if key not in found else f"{part or 'model'}_{key}": value
              for key, value in _settings(model.get("init_args") or {}).items()}  # fmt: skip
    of_data = dict(data.get("init_args") or {})
    source, split = of_data.get("source"), of_data.get("split")
    found |= {"data": _source(source), "split": _last((split or {}).get("class_path", ""))}
    for key in ("batch_size", "train_end", "val_end"):
        value = of_data.get(key, (split or {}).get("init_args", {}).get(key) if _is_class(split) else None)
        if value is not None:
            found[key] = value
    trainer = config.get("trainer") or {}
    found |= {"seed": config.get("seed_everything"), "epochs": trainer.get("max_epochs")}
    return {key: value for key, value in found.items() if value not in (None, "")}


def run_title(short: Mapping[str, Any]) -> str:
    """Name a run for people, as ``lightgcn-d64-s0``."""
    parts = [str(short.get("model", "run")).lower()]
    parts += [f"d{short['dim']}"] if "dim" in short else []
    parts += [f"s{short['seed']}"] if "seed" in short else []
    return "-".join(parts)


def _settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten arguments: plain ones as they are, a class by its name with its own arguments behind it."""
    found: dict[str, Any] = {}
    for key, value in arguments.items():
        name = SHORTER.get(key, key)
        if _is_class(value):
            found[name] = _last(value["class_path"])
            inner = _settings(value.get("init_args") or {})
            found |= {f"{name}_{one}": each for one, each in inner.items()}
        elif isinstance(value, str) and (key == "loss" or value.startswith("graphrec.")):
            found[name] = _last(value)
        elif isinstance(value, _PLAIN):
            found[name] = value
        elif isinstance(value, list | tuple) and all(isinstance(one, _PLAIN) for one in value):
            found[name] = list(value)
    return found


def _source(source: Any) -> str:
    """Name the data: its file, or the source itself."""
    if not _is_class(source):
        return ""
    arguments = source.get("init_args") or {}
    path = arguments.get("name") or arguments.get("path") or arguments.get("folder")
    return str(path).rstrip("/").rpartition("/")[2] if path else _last(source["class_path"])


def _is_class(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("class_path"), str)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
