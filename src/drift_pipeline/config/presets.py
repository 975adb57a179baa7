"""Reading a group of parameters, and looking a preset up by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.mistakes import meant, one_line

Spec = TypeVar("Spec", bound=BaseModel)


def read(model: type[Spec], values: Any, where: str) -> Spec:
    """Check values by a model.

    Raises:
        ConfigurationError: In one line, what is wrong and where.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(one_line(error, where, model)) from error


def look_up(model: type[Spec], parameters: Mapping[str, Any], kind: str, name: Any = None) -> Spec:
    """Find a preset by its name and check it.

    Args:
        model: What it is checked by.
        parameters: With the presets under `<kind>s`, and under `<kind>` the name.
        kind: method, reward or encoder.
        name: The name, if it is not the one in the parameters.

    Raises:
        ConfigurationError: Where there is no such name, with the known ones, or it is wrong.
    """
    name = parameters.get(kind) if name is None else name
    known = parameters.get(f"{kind}s") or {}
    if not isinstance(known, Mapping):
        raise ConfigurationError(f"{kind}s: must be presets by name (it is {known!r})")
    if not isinstance(name, str) or name not in known:
        near = meant(name, [*known]) if isinstance(name, str) else None
        hint = f"; did you mean {near}?" if near else ""
        raise ConfigurationError(
            f"unknown {kind} {name!r}; known are: {', '.join(map(str, known)) or 'none'} "
            f"(see {kind}s in parameters_{kind}s.yml; conf/local is not read with --env){hint}"
        )
    return read(model, known[name], f"{kind}s.{name}")
