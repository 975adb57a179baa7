"""Kedro's view of the evaluation's images: a folder of shards, drawn when it is saved."""

from __future__ import annotations

from kedro.io import DatasetError

from drift_pipeline.datasets.folder_dataset import FolderDataset
from drift_pipeline.evaluation.image_shards import (
    COMPLETE,
    ShardsToDraw,
    StoredShards,
    draw_missing,
)


class ImageShardsDataset(FolderDataset[ShardsToDraw, StoredShards]):
    """A folder of shards, which takes its place once it is complete.

    A shard is a Parquet file that Hugging Face `datasets` opens as images.
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
                f"the images in {self._filepath} {state}; run kedro run --pipelines=generate"
            )
        return StoredShards(self._filepath)

    def save(self, data: ShardsToDraw) -> None:
        """Draw what is missing, then replace the folder."""
        draw_missing(self._filepath, data)
        self._saved()
