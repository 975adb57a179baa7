"""Replacing the kept models with newly trained ones, all at once."""

from __future__ import annotations

import filecmp
import logging
import shutil
from pathlib import Path

from drift_pipeline.common.atomic import replacing_folder, swap
from drift_pipeline.runs.folder import SET_ASIDE, free_place

logger = logging.getLogger(__name__)


def install(draft: Path, folder: Path) -> Path | None:
    """Move finished models to the folder that runs load them from.

    Models that the draft lacks are taken over from the folder. Where anything changes, the folder
    as it was is set aside: its models may have been trained by other code or other parameters.

    Args:
        draft: One folder per model; gone afterwards.
        folder: The models in use.

    Returns:
        `<parent>/set_aside/<folder>-<number>`, the old models; `None` where nothing changed.
    """
    if not folder.exists():
        swap(draft, folder)
        return None
    for path in sorted(folder.iterdir()):
        target = draft / path.name
        if path.is_dir() and not target.exists():
            shutil.copytree(path, target)
        elif not path.is_dir() and not target.exists():
            shutil.copy2(path, target)
    aside = None
    if not same_files(draft, folder):
        aside = free_place(folder.parent / SET_ASIDE / folder.name)
        with replacing_folder(aside) as part:
            shutil.copytree(folder, part, dirs_exist_ok=True)
        logger.warning("Set the earlier models aside: %s", aside)
    swap(draft, folder)
    return aside


def same_files(one: Path, other: Path) -> bool:
    """Say whether two folders have the same files with the same content."""
    names = [
        {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        for root in (one, other)
    ]
    return names[0] == names[1] and all(
        filecmp.cmp(one / name, other / name, shallow=False) for name in names[0]
    )
