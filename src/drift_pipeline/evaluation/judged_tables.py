"""What encoders and rewards say of images, on the disk: tables to which judges are added.

One row per image and judge. Two columns say which images were judged and by which judge, so that
rows are never taken for those of other images or of another version of the judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from drift_pipeline.common.integrity import intact

if TYPE_CHECKING:
    from pandas import DataFrame

IMAGES, JUDGE = "pictures", "judge"
"""Columns: fingerprints of the images that were judged, and of the judge."""


def sign(table: DataFrame, images: str, by: str, digests: Mapping[str, str]) -> DataFrame:
    """Note in each row which images were judged, and by which judge.

    Args:
        table: One row per image and judge.
        images: Fingerprint of the images.
        by: The column that names the judge.
        digests: The digest of each judge.
    """
    signed = table.assign(**{IMAGES: images})
    signed[JUDGE] = table[by].map(digests)
    return signed


def keep_other_judges(path: Path, table: DataFrame, by: str) -> DataFrame:
    """Put what other judges have said of the same images before a table that replaces a file.

    Args:
        path: The file; one that is damaged, or does not say what was judged, gives nothing.
        table: The new judges' rows.
        by: The column that names the judge.
    """
    import pandas as pd

    old = read_judged(path)
    if old is None or not intact(path):
        return table
    kept = old[IMAGES].isin(table[IMAGES]) & ~old[by].isin(table[by])
    return pd.concat([old[kept], table], ignore_index=True) if kept.any() else table


def read_judged(path: Path, columns: list[str] | None = None) -> DataFrame | None:
    """Read a table of judgements.

    Args:
        path: A Parquet file.
        columns: Only these; all by default.

    Returns:
        The table; `None` where there is none, it cannot be read, or it does not say what was
        judged by whom.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path, columns=columns)
    except Exception:
        return None
    return table if {IMAGES, JUDGE} <= {*table.columns} else None
