"""Prompts: a text file, one prompt per line."""

from __future__ import annotations

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from drift_pipeline.config.places import local
from drift_pipeline.config.prompt_files import read_prompts


class PromptsDataset(AbstractDataset[NoReturn, list[str]]):
    """Loads prompts, and refuses a file with blank or repeated lines.

    Args:
        filepath: A UTF-8 text file.
        parameter: Which parameter names the file, for messages.
        metadata: For Kedro-Viz and other readers of the catalog.
    """

    def __init__(
        self,
        *,
        filepath: str,
        parameter: str = "train.prompts",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = local(filepath, type(self).__name__)
        self._parameter = parameter
        self.metadata = metadata

    def load(self) -> list[str]:
        """Read the prompts."""
        return read_prompts(self._filepath, self._parameter)

    def save(self, data: NoReturn) -> None:
        """Refuse to save: prompts are written by people."""
        raise DatasetError(f"{self._filepath} is an input of the project and is never written")

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
