"""Pictures in shards: a folder of Parquet files, one a prompt, that is filled bit by bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from drift_pipeline.datasets.folder import FolderDataset
from drift_pipeline.whole import replacing

MADE_OF, COMPLETE = "made_of.json", "complete.json"


@dataclass(frozen=True)
class Shards:
    """Shards still to be drawn.

    Attributes:
        count: How many there are in all.
        made_of: What their content depends on; a folder begun with anything else is refused.
        draw: Draws the shards of the given numbers, in order.
    """

    count: int
    made_of: dict[str, Any]
    draw: Callable[[Sequence[int]], Iterator[pd.DataFrame]]


class StoredShards:
    """Shards on the disk, read one at a time.

    Args:
        files: The Parquet files, in order.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for file in self.files:
            try:
                yield pd.read_parquet(file)
            except Exception as error:
                raise DatasetError(
                    f"{file} cannot be read ({error}); delete it and "
                    f"{file.parent / COMPLETE}, and run generate again: it alone is drawn anew"
                ) from error


class ImageShardsDataset(FolderDataset[Shards, StoredShards]):
    """A folder of shards. Saving goes on at the next missing one; each is written whole.

    A shard is a Parquet file that Hugging Face `datasets` opens as pictures. `made_of.json` says
    what the folder was begun with, `complete.json` that no shard is missing.
    """

    marker = COMPLETE

    def load(self) -> StoredShards:
        """Find the shards.

        Raises:
            DatasetError: Where the folder is not complete.
        """
        if not self._exists():
            raise DatasetError(f"{self._filepath} has not all its pictures yet: run generate")
        count = json.loads((self._filepath / COMPLETE).read_text(encoding="utf-8"))["shards"]
        return StoredShards([self._file(index) for index in range(count)])

    def save(self, data: Shards) -> None:
        """Draw and write what is missing.

        Raises:
            DatasetError: Where the shards that are there were made of something else.
        """
        found = made_of(self._filepath)
        if found is None:
            self._write(MADE_OF, data.made_of)
        elif found != data.made_of:
            raise DatasetError(
                f"{self._filepath} holds pictures made of {found}, not of {data.made_of}; "
                "delete the folder to draw them anew"
            )
        missing = [index for index in range(data.count) if not self._file(index).exists()]
        for index, table in zip(missing, data.draw(missing), strict=True):
            with replacing(self._file(index)) as part:
                _write_pictures(table, part)
        self._write(COMPLETE, {"shards": data.count})

    def _file(self, index: int) -> Path:
        return self._filepath / f"{index:02d}.parquet"

    def _write(self, name: str, value: dict[str, Any]) -> None:
        with replacing(self._filepath / name) as part:
            part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _write_pictures(table: pd.DataFrame, path: Path) -> None:
    """Write a table with the note that makes Hugging Face `datasets` show `image` as pictures."""
    import pyarrow as pa
    from pyarrow import parquet

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    features = {
        name: {"_type": "Image"}
        if name == "image"
        else {"_type": "Value", "dtype": str(arrow.schema.field(name).type)}
        for name in table.columns
    }
    note = json.dumps({"info": {"features": features}})
    metadata = {**(arrow.schema.metadata or {}), b"huggingface": note.encode()}
    parquet.write_table(arrow.replace_schema_metadata(metadata), path)


def made_of(folder: Path) -> dict[str, Any] | None:
    """What the shards of a folder depend on; `None` where there are none."""
    try:
        found: dict[str, Any] = json.loads((folder / MADE_OF).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
