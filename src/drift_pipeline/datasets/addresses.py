"""The catalog that a user has changed: what has to lie on the disk is not sent elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.io import AbstractVersionedDataset

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.places import local_path

OURS = "drift_pipeline.datasets."


def refuse_addresses(conf_catalog: Mapping[str, Any]) -> None:
    """Refuse entries whose dataset writes a folder and whose place is no path on the disk.

    Datasets of Kedro's own, and ours that are made of them, know fsspec and may lie anywhere.

    Args:
        conf_catalog: The catalog's entries, patterns among them.

    Raises:
        ConfigurationError: In one line, the entry, its place, and what is possible.
    """
    for name, entry in conf_catalog.items():
        if not isinstance(entry, Mapping) or not _lies_on_disk(str(entry.get("type"))):
            continue
        for key in ("filepath", "path"):
            try:
                local_path(str(entry.get(key, "")))
            except ValueError as error:
                raise ConfigurationError(f"catalog, {name}.{key}: {error}") from error


def _lies_on_disk(kind: str) -> bool:
    if not kind.startswith(OURS):
        return False
    from drift_pipeline import datasets

    found = getattr(datasets, kind.removeprefix(OURS), None)
    return found is not None and not issubclass(found, AbstractVersionedDataset)
