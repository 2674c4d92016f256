"""Which errors of other libraries and of the machine are the user's mistakes.

An error is the user's where its class says so (a full disk, too little memory, Lightning's
MisconfigurationException). It is the user's, too, where a library raised it itself over what the
configuration gave it: over an argument of the trainer, of an optimizer, of a callback or a logger. Whatever
else goes wrong is a mistake of this package and keeps its traceback.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from types import FrameType

from graphrec.cli.config.errors import find_mistake, shortened
from graphrec.cli.config.locations import read_entries
from graphrec.cli.config.vocabulary import own_modules, permitted
from graphrec.cli.errors.machine import of_files, of_memory, of_text
from graphrec.cli.errors.trainer import in_place
from graphrec.errors import InputError

_LIGHTNING = ("pytorch_lightning", "lightning_fabric", "lightning", "torchmetrics")
_READERS = ("pyarrow", "pandas.errors")
_NUMBER_TYPE = re.compile(
    r"not implemented for '\w+'|must (?:have|be) the same dtype|expected .*dtype|expected scalar type"
)
_HINTS = re.compile(
    r" (?:HINT|Hint|Please refer|Please consult|See https?|Find a complete|For (?:more|further))\b| \[type="
)
_LONGEST = 320
_EXPERIMENTS = ("fit", "validate", "test", "predict")
"""Commands whose options are keys of a configuration."""


def hidden_mistake(error: BaseException) -> InputError | None:
    """Find the user's mistake that another library wrapped in an error of its own."""
    return next((one for one in _chain(error) if isinstance(one, InputError)), None)


def as_mistake(error: BaseException, args: list[str]) -> InputError | None:
    """Find the user's mistake that an error stands for, or none if it is ours.

    Args:
        error: What was raised.
        args: The command line.
    """
    if isinstance(error, argparse.ArgumentError) and args[:1] and args[0] in _EXPERIMENTS:
        given = read_entries(args)
        with permitted(own_modules(given.plain())):
            mistake = find_mistake(given)
        if mistake is not None:
            return InputError(str(mistake))
    told = (rule(one) for one in _chain(error) for rule in _RULES)
    found = next((mistake for mistake in told if mistake is not None), None)
    if found is None and isinstance(error, argparse.ArgumentError):
        return InputError(shortened(str(error)))
    return found


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from an error to what led to it, the outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _misconfigured(error: BaseException) -> InputError | None:
    """Tell if Lightning says that its configuration is wrong."""
    if type(error).__name__ != "MisconfigurationException":
        return None
    return in_place(_told(error))


def _missing_package(error: BaseException) -> InputError | None:
    """Tell if a library that is optional for another one is not installed."""
    if not isinstance(error, ImportError) or not _is_foreign(error):
        return None
    return InputError(_told(error), hint="install it, or leave out the option that asks for it")


def _refused_argument(error: BaseException) -> InputError | None:
    """Tell if a library refused an argument in making the trainer, an optimizer, a schedule or a callback."""
    if not isinstance(error, ValueError | TypeError | RuntimeError | KeyError | AttributeError):
        return None
    if not _is_foreign(error) and not _is_call(error):
        return None
    makers = (frame for frame in _frames(error) if frame.f_code.co_name in ("__init__", "instantiate_class"))
    if not any(_package(frame).startswith((*_LIGHTNING, "torch.optim")) for frame in makers):
        return None
    return in_place(_told(error))


def _refused_in_fit(error: BaseException) -> InputError | None:
    """Tell if Lightning ended a fit over what a callback, a logger, a profiler or a strategy was told."""
    if not isinstance(error, ValueError | RuntimeError):
        return None
    if not _innermost(error).startswith((*_LIGHTNING, "torch.optim", "torch.nn.utils", "torch.distributed")):
        return None
    return in_place(_told(error))


def _of_schedule(error: BaseException) -> InputError | None:
    """Tell if torch cannot compute a learning rate, as with a step of 0 epochs."""
    if not isinstance(error, ArithmeticError) or not _innermost(error).startswith("torch.optim"):
        return None
    what = f"no learning rate can be computed so ({_told(error)})"
    return InputError(what, column="--lr_scheduler", hint="give its arguments other values")


def _of_number_type(error: BaseException) -> InputError | None:
    """Tell if torch has no such operation for numbers of the precision that was asked for."""
    if not isinstance(error, RuntimeError | NotImplementedError) or not _NUMBER_TYPE.search(str(error)):
        return None
    what = f"this model cannot be computed in this precision ({_told(error)})"
    return InputError(
        what, column="--trainer.precision", hint="leave it out, or choose 32-true or bf16-mixed"
    )


def _of_several_processes(error: BaseException) -> InputError | None:
    """Tell if the processes of a launch did not find each other, or one of them ended."""
    if type(error).__name__ not in ("DistNetworkError", "DistStoreError", "DistBackendError", "DistError"):
        return None
    hint = "check that all processes run, MASTER_ADDR and MASTER_PORT, and --trainer.num_nodes"
    return InputError(f"the processes lost each other: {_told(error)}", hint=hint)


def _of_wandb(error: BaseException) -> InputError | None:
    """Tell if Weights & Biases refuses something."""
    if not isinstance(error, Exception) or not is_raised_by(error, "wandb"):
        return None
    return InputError(f"Weights & Biases: {_told(error)}", hint="or set WANDB_MODE=disabled")


def _of_reader(error: BaseException) -> InputError | None:
    """Tell if a table or a file is not what its reader takes."""
    if not type(error).__module__.startswith(_READERS) or not _is_foreign(error):
        return None
    return InputError(f"a file cannot be read: {_told(error)}", hint="see `graphrec data check FILE`")


def _of_recursion(error: BaseException) -> InputError | None:
    """Tell if a YAML is nested too deeply, or in itself."""
    if not isinstance(error, RecursionError) or not _is_foreign(error):
        return None
    return InputError("a YAML is nested too deeply, or in itself", hint="write its parts out once")


_RULES: tuple[Callable[[BaseException], InputError | None], ...] = (
    _misconfigured, of_memory, of_files, of_text, _missing_package, _of_recursion, _of_several_processes,
    _of_wandb, _of_reader, _of_number_type, _of_schedule, _refused_argument, _refused_in_fit,
)  # fmt: skip


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Walk the frames an error went through, the innermost last."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _innermost(error: BaseException) -> str:
    """Find the module that raised an error, the import machinery aside."""
    names = [name for name in map(_package, _frames(error)) if not name.startswith("importlib")]
    return names[-1] if names else ""


def is_raised_by(error: BaseException, package: str) -> bool:
    """Tell whether the error, or what led to it, was raised in a package or is of its kind."""
    modules = (name for one in _chain(error) for name in (_innermost(one), type(one).__module__))
    passed = (_package(frame) for frame in _frames(error))
    return any(name.split(".")[0] == package for name in [*modules, *passed])


def _is_foreign(error: BaseException) -> bool:
    """Tell whether another library raised it, and none of our lines."""
    return not _innermost(error).startswith(("graphrec", "__main__"))


def _is_call(error: BaseException) -> bool:
    """Tell whether the arguments of a call do not fit, which is raised where the call stands."""
    return isinstance(error, TypeError) and "argument" in str(error)


def _told(error: BaseException) -> str:
    """Write what an error says, in one line and not too long, without hints about code."""
    text = " ".join((str(error) or type(error).__name__).split()).replace("`", "'")
    text = _HINTS.split(text)[0]
    if (part := re.search(r"Problem with given class_path (.*?)(?: - |$)", text)) is not None:
        text = part[1]
    text = re.sub(r"^\d+ validation errors? for \w+ ", "", text)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST].rsplit(' ', 1)[0]} ..."
    return text.rstrip(". ;")
