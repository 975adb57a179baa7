"""What Kedro and the files of an epoch take, here and at the paper's size.

Not for a person: `limit.py` uses it.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
import torch
from cost import PIXELS, lora_parameters
from peer import epochs_on_disk, run_kedro
from PIL.Image import Image
from torch.nn.functional import interpolate

from drift_pipeline.datasets import ImageDataset, JSONDataset, ParquetDataset, PolicyDataset
from drift_pipeline.policies.base import PolicyState
from drift_pipeline.training.contact_sheets import draw_contact_sheet

SHOWN_GROUPS = 4
"""As `train.contact_sheet_groups` has it."""
PAPER_SECONDS = {"RTX 4090": 677, "A100": 369}
"""An epoch of DRIFT at the paper's size, counted by `cost.py`."""


def measure_saving(method: str, epochs: int) -> pd.DataFrame:
    """Measure what an epoch of `kedro run` takes besides its work.

    The whole is measured: from policy to policy, less what the nodes take that compute. So are the
    contact sheet and the files, one by one, at both sizes; what remains is Kedro's own, and the
    same at any size.

    Args:
        method: The preset to train.
        epochs: Measured, after a first one.

    Returns:
        A row per part: seconds here, and at the paper's size.
    """
    with tempfile.TemporaryDirectory() as folder:
        run_kedro({"method": method}, epochs + 1, folder)
        folders = sorted(Path(folder).glob("*/epoch_*"))
        besides = [
            row["epoch"] - computing(epoch)
            for row, epoch in zip(epochs_on_disk(folders), folders[1:], strict=True)
        ]
        last = folders[-1]
        candidates = pd.read_parquet(last / "candidates.parquet")
        updates = pd.read_parquet(last / "updates.parquet")
        summary = json.loads((last / "summary.json").read_text())
        policy = PolicyDataset(filepath=str(last / "policy")).load()
        drawings = ImageDataset(filepath=str(last / "contact_sheet.png")).load()
    parts = {
        "contact sheet: drawing, PNG": (
            sheet(candidates, 64, drawings),
            sheet(candidates, PIXELS),
        ),
        "policy: adapter, optimizer, checksums": (
            saving(PolicyDataset, "policy", policy),
            saving(PolicyDataset, "policy", enlarged(policy)),
        ),
        "tables (Parquet) and summary (JSON)": (tables(candidates, updates, summary),) * 2,
    }
    whole = statistics.median(besides[1:])
    left = whole - sum(here for here, _ in parts.values())
    parts["Kedro: nodes, hooks, datasets in memory, selection"] = (left, left)
    table = pd.DataFrame.from_dict(parts, "index", columns=["here, s", "at the paper's size, s"])
    table.loc["all"] = table.sum()
    return table.rename_axis("part").reset_index()


def computing(epoch: Path) -> float:
    """Read the seconds of an epoch's nodes that compute."""
    summary = json.loads((epoch / "summary.json").read_text())
    return sum(value for name, value in summary.items() if name.startswith("seconds_"))


def sheet(candidates: pd.DataFrame, side: int, drawings: Image | None = None) -> float:
    """Seconds of drawing and writing a contact sheet.

    Args:
        candidates: Of an epoch.
        side: Of its images, in pixels. They are noise, smoothed over four pixels.
        drawings: A sheet to write, of real images; without one, the noise, which PNG finds harder.
    """
    noise = torch.rand(len(candidates), 3, side // 4, side // 4)
    images = (255 * interpolate(noise, side, mode="bilinear")).to(torch.uint8)

    def draw() -> Image:
        return draw_contact_sheet(candidates, images, SHOWN_GROUPS)

    return timed(draw) + saving(ImageDataset, "sheet.png", drawings or draw())


def tables(candidates: pd.DataFrame, updates: pd.DataFrame, summary: dict[str, Any]) -> float:
    """Seconds of writing an epoch's tables; at the paper's size they have the same rows."""
    written = (candidates, "a.parquet"), (updates, "b.parquet")
    seconds = sum(saving(ParquetDataset, name, table) for table, name in written)
    return seconds + saving(JSONDataset, "summary.json", summary)


def enlarged(policy: PolicyState) -> PolicyState:
    """Make a policy whose adapter has as many numbers as the paper's, if in fewer tensors."""
    assert policy.optimizer is not None
    numbers = sum(tensor.numel() for tensor in policy.adapter.values())
    times = round(lora_parameters(8) / numbers)

    def repeated(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: t.repeat(times, 1) if t.ndim else t for name, t in tensors.items()}

    changed = {name: repeated(getattr(policy, name)) for name in ("adapter", "optimizer")}
    return replace(policy, **changed)


def saving(dataset: type[Any], name: str, data: Any) -> float:
    """Seconds of writing with one of the catalog's datasets."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(lambda: dataset(filepath=f"{folder}/{name}").save(data))


def timed(call: Callable[[], Any], repeat: int = 3) -> float:
    """Seconds of a call, the median of a few."""
    seconds = []
    for _ in range(repeat):
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return statistics.median(seconds)
