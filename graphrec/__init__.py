"""graphrec: from a log of purchases to ranked items and the discount each shopper should be offered.

What is here is for notebooks and services, on the objects that the command line makes of a YAML. A pandas
frame may stand wherever the path of a table may; measures, lists and offers are frames. Here the names of the
columns are those of a shop's own file:

>>> import graphrec as gr
>>> columns = {"user_id": "customer", "item_id": "sku", "timestamp": "date"}
>>> data = gr.load("purchases.csv", columns=columns, split=gr.LeaveLast())
>>> run = gr.fit(gr.LightGCN(dim=64), data, seeds=range(3))
>>> measures = run.metrics("validation")  # mean of the seeds, their spread, 95 % interval over users
>>> items = run.recommend(["C17"], k=10)
>>> leaders = gr.compare([run, gr.fit(gr.ItemCF(), data)])
>>> ablation = gr.trials(gr.LightGCN(dim=8), data, {"num_layers": [0, 1]}, seeds=range(2), epochs=2)
>>> both = gr.fuse([gr.fit(gr.TopFrequency(), data), gr.fit(gr.ItemCF(), data)], items="new")
>>> offers = gr.offers(run, policy="knapsack", budget=500)

All models of `graphrec.models` are here too, such as ``gr.LightGCN`` and ``gr.ItemCF``: a call names the
model with its arguments, and `fit` builds it. ``gr.Model(MyEncoder, dim=8)`` does so for a class of your own.
Whatever is wrong with what was given raises ``gr.InputError``, in one line.
"""

import importlib
from typing import Any

__version__ = "0.2.0"
__all__ = [
    "Given",
    "InputError",
    "LeaveLast",
    "Model",
    "Random",
    "Run",
    "Temporal",
    "compare",
    "fit",
    "fuse",
    "load",
    "models",
    "offers",
    "trials",
]
_HOMES = {
    "InputError": "errors",
    "Model": "front.models",
    "Run": "front.runs",
    "compare": "front.compare",
    "fit": "front.fit",
    "fuse": "front.fuse",
    "load": "front.data",
    "trials": "front.trials",
}
_SPLITS = ("Given", "LeaveLast", "Random", "Temporal")
_DEPARTMENTS = ("models", "offers")
"""What is a package itself: of classes, and one that can be called."""


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for, so that ``import graphrec`` costs nothing."""
    if name in _DEPARTMENTS:
        return _module(name)
    if name in _HOMES:
        found = getattr(_module(_HOMES[name]), name)
    elif name in _SPLITS:
        found = _module("front.makers").split_named(name)
    elif name[:1].isupper() and name in _module("models").__all__:
        found = _module("front.models").named(name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    """List the public names, and those of the models."""
    return sorted([*globals(), *__all__, *_module("models").__all__])
