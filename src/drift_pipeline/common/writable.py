"""Whether the folders that a run writes to can be written to, before anything is computed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node

from drift_pipeline.common.errors import ConfigurationError


def outputs_of(nodes: Iterable[Node], catalog: CatalogProtocol) -> dict[Path, str]:
    """List the local files and folders that nodes write, each with its dataset.

    Args:
        nodes: The nodes that are going to run.
        catalog: Knows the files.
    """
    found: dict[Path, str] = {}
    for name in sorted({output for node in nodes for output in node.outputs}):
        dataset = catalog.get(name) if name in catalog else None
        path = getattr(dataset, "_filepath", None)
        if path is not None and getattr(dataset, "_protocol", "file") == "file":
            found[Path(path)] = name
    return found


def require_writable(outputs: dict[Path, str]) -> None:
    """Refuse to begin where something could not be written in the end.

    A file is made beside each and removed again: permissions alone do not know of file systems
    that are mounted read-only, nor of full ones.

    Args:
        outputs: Files and folders, with what they are for.

    Raises:
        ConfigurationError: With the first that cannot be written, and why.
    """
    tried: set[Path] = set()
    for path, name in outputs.items():
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        if folder in tried:
            continue
        tried.add(folder)
        try:
            if not folder.is_dir():
                raise NotADirectoryError(f"{folder} is a file")
            with tempfile.TemporaryFile(dir=folder, prefix=".writable"):
                pass
        except OSError as error:
            raise ConfigurationError(
                f"{name}: {path} cannot be written ({error.strerror or error}); free or unlock "
                f"{folder}, or name another folder (train.runs_folder, generate.folder, "
                "measure.features, measure.reports)"
            ) from error
