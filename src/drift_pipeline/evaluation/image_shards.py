"""The evaluation's images on the disk: a folder of Parquet files, one per prompt.

`made_of.json` says what the images depend on. `complete.json` holds a checksum of each shard and is
written last, so that a folder without it is not complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from drift_pipeline.common.atomic import replacing, swap
from drift_pipeline.common.integrity import DamagedError, sha256
from drift_pipeline.common.lock import FolderLock
from drift_pipeline.common.values import fingerprint

MADE_OF, COMPLETE = "made_of.json", "complete.json"


@dataclass(frozen=True)
class ShardsToDraw:
    """Shards that may have to be drawn.

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
        folder: A complete folder of them.
    """

    def __init__(self, folder: Path) -> None:
        complete = _read(folder / COMPLETE)
        self.files = [_file(folder, index) for index in range(complete["shards"])]
        self.fingerprint = fingerprint(made_of(folder) or {})
        # Folders of before there were checksums have none.
        self._checksums = complete.get("sha256") or [None] * len(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for file, checksum in zip(self.files, self._checksums, strict=True):
            if not _intact(file, checksum):
                raise DamagedError(
                    f"{file} is damaged; run kedro run --pipelines=generate, which draws it again "
                    "and nothing else"
                )
            yield pd.read_parquet(file)


def draw_missing(folder: Path, shards: ShardsToDraw) -> None:
    """Draw the shards that a folder does not have, then replace the folder.

    Drawing goes into a hidden folder beside it, is resumed there after an interruption, and starts
    from the intact shards of the same content that are already there. Of several processes one
    draws, and the others wait: the base model's images belong to all runs.

    Args:
        folder: Where the shards belong.
        shards: What has to be there.
    """
    with FolderLock(folder, wait=True):
        there = (folder / COMPLETE).exists() and not damaged(folder)
        if not there or made_of(folder) != shards.made_of:
            _draw(folder, shards)


def damaged(folder: Path) -> list[str]:
    """Name the shards of a complete folder that are missing or not what was written."""
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
    """Read what the shards of a folder depend on; `None` where there are none."""
    try:
        return _read(folder / MADE_OF)
    except (OSError, ValueError):
        return None


def _draw(folder: Path, shards: ShardsToDraw) -> None:
    draft = folder.with_name(f".{folder.name}.drawing")
    if made_of(draft) != shards.made_of:
        shutil.rmtree(draft, ignore_errors=True)
        _write(draft / MADE_OF, shards.made_of)
    if made_of(folder) == shards.made_of:
        _link_intact(folder, draft, shards.count)
    missing = [index for index in range(shards.count) if not _file(draft, index).exists()]
    for index, table in zip(missing, shards.draw(missing), strict=True):
        with replacing(_file(draft, index)) as part:
            _write_images(table, part)
    checksums = [sha256(_file(draft, index)) for index in range(shards.count)]
    _write(draft / COMPLETE, {"shards": shards.count, "sha256": checksums})
    swap(draft, folder)


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
    """Return whether a shard is what was written; without a checksum, whether it can be read."""
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


def _write_images(table: pd.DataFrame, path: Path) -> None:
    """Write a table with the note that makes Hugging Face `datasets` show `image` as images."""
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
