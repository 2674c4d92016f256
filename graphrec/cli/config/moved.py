"""Class paths that changed their places: YAML files and checkpoints from before still mean the same.

This is the one table of such names. It is applied wherever a configuration is read: from a YAML file, a
command line or a checkpoint. Python code imports from the new places.
"""

from __future__ import annotations

from typing import Any

RENAMED = {
    "graphrec.cli.launch": "graphrec.cli.experiment.processes",
    "graphrec.data.complete_journey": "graphrec.data.datasets.complete_journey",
    "graphrec.data.features.FeatureOptions": "graphrec.data.features.build.FeatureOptions",
    "graphrec.data.lightgcn_txt": "graphrec.data.datasets.lightgcn_txt",
    "graphrec.data.movielens": "graphrec.data.datasets.movielens",
    "graphrec.data.synthetic": "graphrec.data.datasets.synthetic",
    "graphrec.data.visits": "graphrec.response.visits",
    "graphrec.models.attention": "graphrec.models.encoders.attention",
    "graphrec.models.contrastive": "graphrec.models.encoders.contrastive",
    "graphrec.models.feature_trees": "graphrec.models.feature_ranker",
    "graphrec.models.features": "graphrec.models.encoders.features",
    "graphrec.models.fusion": "graphrec.fusion.model",
    "graphrec.models.lightgcn": "graphrec.models.encoders.lightgcn",
    "graphrec.models.links": "graphrec.response.link_scores",
    "graphrec.models.ngcf": "graphrec.models.encoders.ngcf",
    "graphrec.models.responses": "graphrec.models.filter_responses",
    "graphrec.models.response": "graphrec.response.network",
    "graphrec.models.starts": "graphrec.models.encoders.spectral_init",
    "graphrec.models.table": "graphrec.models.encoders.table",
    "graphrec.models.walks": "graphrec.models.random_walk",
    "graphrec.training.fusion": "graphrec.fusion.task",
    "graphrec.training.fusion_gate": "graphrec.fusion.gate",
    "graphrec.training.response": "graphrec.response.task",
    "graphrec.training.response_data": "graphrec.response.data",
}
"""Old path of a module or class → its new path."""


def present_name(name: str) -> str:
    """Find the path that a class or function has now: the name itself, unless it is in the table."""
    for old, new in RENAMED.items():
        if name == old or name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return name


def renamed(value: Any) -> Any:
    """Write the names of now into a configuration, at any depth."""
    if isinstance(value, dict):
        return {key: renamed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item) for item in value]
    return present_name(value) if isinstance(value, str) else value


def renamed_option(arg: str) -> str:
    """Write the name of now into a word of a command line, which may be ``--key=name``."""
    key, equals, name = arg.partition("=")
    return f"{key}={present_name(name)}" if equals else present_name(arg)
