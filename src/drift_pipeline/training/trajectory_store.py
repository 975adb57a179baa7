"""Where an epoch's latents lie between rollout and update; the numbers are the same everywhere."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from drift_pipeline.config.train import Store


def allocate(shape: Sequence[int], store: Store, device: torch.device) -> Tensor:
    """Make room for fp32 numbers.

    Args:
        shape: Shape of the tensor.
        store: `host` for the machine's memory, `device` for the model's, `disk` for a file in the
            folder for temporary files (`TMPDIR`), which is gone with the tensor or the process.
        device: The model's device.

    Returns:
        A tensor of this shape with any content.
    """
    if store != "disk":
        return torch.empty(*shape, device=device if store == "device" else "cpu")
    with tempfile.NamedTemporaryFile(prefix="trajectories-", delete=False) as file:
        path = Path(file.name)
    try:
        room = torch.from_file(str(path), shared=True, size=math.prod(shape), dtype=torch.float32)
    finally:
        path.unlink()  # the file lives on, without a name, as long as it is mapped
    return room.view(*shape)


def take(latents: Tensor, rows: Tensor, store: Store) -> Tensor:
    """Copy some rows to room of their own, one by one, so that no third copy is ever made.

    Args:
        latents: `(n, ...)`.
        rows: `(k,)`, indices.
        store: Where to.

    Returns:
        `(k, ...)`.
    """
    taken = allocate((len(rows), *latents.shape[1:]), store, latents.device)
    for place, row in enumerate(rows.tolist()):
        taken[place] = latents[row]
    return taken
