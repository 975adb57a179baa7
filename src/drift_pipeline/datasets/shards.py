"""Pictures in shards: a folder of Parquet files, one per prompt, drawn one after another."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from drift_pipeline.common.integrity import sha256
from drift_pipeline.common.lock import FolderLock
from drift_pipeline.datasets.folder import FolderDataset
from drift_pipeline.runs import fingerprint
from drift_pipeline.whole import replacing, swap

MADE_OF, COMPLETE = "made_of.json", "complete.json"


@dataclass(frozen=True)
class Shards:
    """Shards to be drawn.

    Attributes:
        count: How many there are in all.
        made_of: What their content depends on.
        draw: Draws the shards of the given numbers, in order.
    """

    count: int
    made_of: dict[str, Any]
    draw: Callable[[Sequence[int]], Iterator[pd.DataFrame]]


class StoredShards:
    """Shards on the disk, read one at a time.

    Args:
        files: The Parquet files, in order.
        made_of: What they were made of.
        checksums: The SHA-256 of each file; none where the folder does not say.
    """

    def __init__(
        self, files: Sequence[Path], made_of: dict[str, Any], checksums: Sequence[str] = ()
    ) -> None:
        self.files = list(files)
        self.fingerprint = fingerprint(made_of)
        self._checksums: Sequence[str | None] = checksums or [None] * len(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for file, checksum in zip(self.files, self._checksums, strict=True):
            if not _intact(file, checksum):
                raise DatasetError(
                    f"{file} is damaged; run kedro run --pipelines=generate, which draws it again "
                    "and nothing else"
                )
            yield pd.read_parquet(file)


class ImageShardsDataset(FolderDataset[Shards, StoredShards]):
    """A folder of shards, which takes its place once it is complete.

    A shard is a Parquet file that Hugging Face `datasets` opens as pictures. Drawing goes into a
    hidden folder beside it, is resumed there after an interruption, and starts from the intact
    shards of the same content that are already there. `made_of.json` says what the content
    depends on, `complete.json` holds a checksum of each shard and is written last.
    """

    marker = COMPLETE

    def load(self) -> StoredShards:
        """Find the shards.

        Raises:
            DatasetError: Where the folder is not complete, or is of another model or protocol.
        """
        if not self._exists():
            state = "are outdated" if self.outdated else "are not all there yet"
            raise DatasetError(
                f"the pictures in {self._filepath} {state}; run kedro run --pipelines=generate"
            )
        complete = _read(self._filepath / COMPLETE)
        files = [_file(self._filepath, index) for index in range(complete["shards"])]
        return StoredShards(files, made_of(self._filepath) or {}, complete.get("sha256", ()))

    def save(self, data: Shards) -> None:
        """Draw what is missing, then replace the folder.

        The base model's pictures belong to all runs: one process draws them, others wait.
        """
        with FolderLock(self._filepath, wait=True):
            there = (self._filepath / COMPLETE).exists() and not damaged(self._filepath)
            if not there or made_of(self._filepath) != data.made_of:
                self._draw(data)
        self._saved()

    def _draw(self, data: Shards) -> None:
        draft = self._filepath.with_name(f".{self._filepath.name}.drawing")
        if made_of(draft) != data.made_of:
            shutil.rmtree(draft, ignore_errors=True)
            _write(draft / MADE_OF, data.made_of)
        if made_of(self._filepath) == data.made_of:
            _link_intact(self._filepath, draft, data.count)
        missing = [index for index in range(data.count) if not _file(draft, index).exists()]
        for index, table in zip(missing, data.draw(missing), strict=True):
            with replacing(_file(draft, index)) as part:
                _write_pictures(table, part)
        checksums = [sha256(_file(draft, index)) for index in range(data.count)]
        _write(draft / COMPLETE, {"shards": data.count, "sha256": checksums})
        swap(draft, self._filepath)


def damaged(folder: Path) -> list[str]:
    """Names of the shards of a complete folder that are missing or not what was written."""
    if not (folder / COMPLETE).exists():
        return []
    try:
        complete = _read(folder / COMPLETE)
        count = int(complete["shards"])
        checksums = complete.get("sha256") or [None] * count
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [COMPLETE]
    files = [_file(folder, index) for index in range(count)]
    return [
        f.name for f, checksum in zip(files, checksums, strict=True) if not _intact(f, checksum)
    ]


def made_of(folder: Path) -> dict[str, Any] | None:
    """What the shards of a folder depend on; `None` where there are none."""
    try:
        return _read(folder / MADE_OF)
    except (OSError, ValueError):
        return None


def _link_intact(source: Path, draft: Path, count: int) -> None:
    """Take over the shards that are as they were written, without copying them."""
    broken = {*damaged(source)}
    compared = (source / COMPLETE).exists() and COMPLETE not in broken
    for index in range(count):
        file, target = _file(source, index), _file(draft, index)
        whole = file.name not in broken if compared else _intact(file, None)
        if whole and not target.exists():
            try:
                os.link(file, target)
            except OSError:  # a file system without hard links
                shutil.copy2(file, target)


def _intact(file: Path, checksum: str | None) -> bool:
    """Whether a shard is what was written; without a checksum, whether it can be read at all."""
    if checksum is not None:
        return file.exists() and sha256(file) == checksum
    try:
        pd.read_parquet(file)
    except Exception:
        return False
    return True


def _file(folder: Path, index: int) -> Path:
    return folder / f"{index:02d}.parquet"


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def _write(path: Path, value: dict[str, Any]) -> None:
    with replacing(path) as part:
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
