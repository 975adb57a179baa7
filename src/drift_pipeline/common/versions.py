"""Versions of what a policy is computed with: kept with it, and compared when training resumes."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("torch", "diffusers", "transformers", "peft", "numpy")


def versions() -> dict[str, str]:
    """List the versions of Python and of the libraries that compute; a missing one is left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def other_versions(old: Mapping[str, str]) -> list[str]:
    """Say in which versions this process differs from an earlier one.

    Args:
        old: From `versions`; what it does not name does not differ.
    """
    now = versions()
    changed = [name for name in now if old.get(name, now[name]) != now[name]]
    return [f"{name} {old[name]} -> {now[name]}" for name in changed]
