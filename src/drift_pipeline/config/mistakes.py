"""Say what is wrong with a configuration in one line, and which name was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

SHOWN = 6
"""Problems that one message names."""
OWN = "a key of your own may stand at the top under a name that begins with _"


def one_line(error: ValidationError, prefix: str, model: type[BaseModel] | None = None) -> str:
    """Say what a validation found in one line: each parameter, the rule, the value given.

    Args:
        error: What pydantic found.
        prefix: Dotted name of what was validated; "" for all parameters.
        model: What it was validated by, for the names that may have been meant.

    Returns:
        The problems, separated by semicolons.
    """
    found = error.errors(include_url=False)
    problems = []
    for problem in found[:SHOWN]:
        path = [str(part) for part in problem["loc"] if part != "[key]"]
        where = ".".join(filter(None, [prefix, *path]))
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            what = f"is not a known parameter; {_hint(path, prefix, model)}"
        elif problem["type"] == "missing":
            what = "is missing"
        elif problem["type"] in ("model_type", "dict_type"):
            inside = known_at(model, path)
            names = f", such as {where}.{inside[0]}" if inside else ""
            what = f"is a group of parameters{names}, not a value (it is {problem['input']!r})"
        elif problem["type"] != "value_error":
            what = f"{what[0].lower()}{what[1:]} (it is {problem['input']!r})"
        problems.append(f"{where}: {what}")
    if len(found) > SHOWN:
        problems.append(f"and {len(found) - SHOWN} more")
    return "; ".join(problems).replace("\n", " ")


def meant(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that is nearest to a mistaken one, if any is near."""
    lower = {option.lower(): option for option in known}
    near = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    return lower[near[0]] if near else None


def known_at(model: Any, path: Sequence[str]) -> list[str]:
    """List the parameters of a group.

    Args:
        model: The model of the whole.
        path: The group's names from the top.

    Returns:
        Names; none where the path leads to no group of known parameters.
    """
    for part in path:
        model = _inside(model, part)
    model = _plain(model)
    return list(model.model_fields) if _is_model(model) else []


def all_names(model: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all parameters; `<name>` stands for a name that users choose."""
    model = _plain(model)
    if get_origin(model) is dict:
        yield from all_names(get_args(model)[1], f"{prefix}<name>.")
    if not _is_model(model):
        return
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        yield from all_names(field.annotation, f"{prefix}{name}.")


def _hint(path: Sequence[str], prefix: str, model: type[BaseModel] | None) -> str:
    *parents, name = path
    here = known_at(model, parents)
    if near := meant(name, here):
        return f"did you mean {'.'.join(filter(None, [prefix, *parents, near]))}?"
    # Of several of one name the last stays: the least nested, in no group of the user's naming.
    order = sorted(all_names(model), key=lambda full: (full.count("<"), full.count(".")))
    everywhere = {full.rpartition(".")[2]: full for full in reversed(order)}
    if elsewhere := get_close_matches(name, everywhere, n=1, cutoff=0.8):
        return f"did you mean {'.'.join(filter(None, [prefix, everywhere[elsewhere[0]]]))}?"
    known = f"known are: {', '.join(here) or 'none'}"
    return known if parents or prefix else f"{known} ({OWN})"


def _inside(model: Any, part: str) -> Any:
    model = _plain(model)
    if _is_model(model):
        field = model.model_fields.get(part)
        return field.annotation if field else None
    return get_args(model)[-1] if get_origin(model) in (dict, Mapping, list, tuple) else None


def _plain(model: Any) -> Any:
    """Take the type out of `Annotated` and `... | None`."""
    while get_origin(model) in (Annotated, Union, UnionType):
        model = next(kind for kind in get_args(model) if kind is not type(None))
    return model


def _is_model(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)
