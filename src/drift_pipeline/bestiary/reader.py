"""An independent reader of the bestiary's images: what is on them, and how good they are.

It classifies attributes and estimates qualities.

No taste asks for a coat, a pattern, a direction or a background, so a policy that no longer varies
them has lost them for nothing; and the true reward behind a preference model can be computed from
the qualities that are read. The reader learns from drawings, whose answers are known, and shares
nothing with the preference models.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from drift_pipeline.bestiary.drawing.animal import SIZE
from drift_pipeline.bestiary.drawing.pictures import CATEGORIES
from drift_pipeline.bestiary.drawing.quality import QUALITIES, in_own_units
from drift_pipeline.bestiary.tastes import TASTES

FILE = "reader.safetensors"
#: What it reads in kinds, and in how many: facing is left or right.
KINDS = {**CATEGORIES, "facing": 2}
#: Of these, what no prompt names and no taste asks for.
FREE = ("coat", "pattern", "facing", "background")
_WIDTHS = (24, 48, 96, 128)


class Reader(nn.Module):
    """A small residual network with a linear layer for each kind, and one for the qualities."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _WIDTHS[0], 5, stride=2, padding=2)
        ends = [*_WIDTHS[1:], _WIDTHS[-1]]
        self.blocks = nn.Sequential(*map(_Block, _WIDTHS, ends))
        self.kinds = nn.ModuleDict({name: nn.Linear(ends[-1], n) for name, n in KINDS.items()})
        self.quality = nn.Linear(ends[-1] + 2 * _WIDTHS[0], len(QUALITIES))

    def forward(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Read images.

        Args:
            images: uint8, ``(n, 3, 64, 64)``.

        Returns:
            For each of `KINDS` the logits, ``(n, kinds)``; the qualities, ``(n, 6)``, columns as in
            `QUALITIES`, each in widths of its range from its middle.
        """
        near = self.stem(images.float() / 127.5 - 1)
        seen = self.blocks(near).mean(dim=(2, 3))
        both = torch.cat([seen, near.mean(dim=(2, 3)), near.std(dim=(2, 3))], dim=1)
        return {name: head(seen) for name, head in self.kinds.items()}, self.quality(both)

    def save(self, folder: Path) -> None:
        """Write the weights, in half precision, into a folder."""
        state = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        save_file(state, folder / FILE)


class _Block(nn.Module):
    """Two convolutions beside a shortcut, to half the size."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.GroupNorm(8, width), nn.GroupNorm(8, out)
        self.first = nn.Conv2d(width, out, 3, stride=2, padding=1)
        self.second = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(width, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(F.silu(self.first_norm(x)))
        inner = self.second(F.silu(self.second_norm(inner)))
        shortcut: Tensor = self.shortcut(F.avg_pool2d(x, 2))
        return shortcut + inner


def load_reader(folder: str | Path) -> Reader:
    """Load a trained reader.

    Raises:
        FileNotFoundError: Where there is none, with the command that makes it.
    """
    file = Path(folder) / FILE
    if not file.is_file():
        raise FileNotFoundError(f"there is no {file}; `kedro run --pipelines=bestiary` makes it")
    reader = Reader()
    reader.load_state_dict({name: value.float() for name, value in load_file(file).items()})
    return reader.eval().requires_grad_(False)


@torch.no_grad()
def read(reader: Reader, images: Tensor, batch_size: int = 64) -> tuple[dict[str, Tensor], Tensor]:
    """Read images.

    Args:
        reader: The network, on any device.
        images: uint8, ``(n, 3, 64, 64)``.
        batch_size: Images read at once.

    Returns:
        The index of each kind, ``(n,)``, and the qualities in their own units, ``(n, 6)``.

    Raises:
        ValueError: If the images are not the bestiary's.
    """
    if images.shape[1:] != (3, SIZE, SIZE):
        raise ValueError(
            f"the reader reads the bestiary's images of {SIZE} x {SIZE} pixels, got "
            f"{tuple(images.shape[1:])}; leave it out of measure.rewards and of the rewards' truth"
        )
    device = reader.quality.weight.device
    parts = [reader(part.to(device)) for part in images.split(batch_size)]
    kinds = {
        name: torch.cat([logits[name].argmax(dim=1) for logits, _ in parts]).cpu() for name in KINDS
    }
    return kinds, in_own_units(torch.cat([quality for _, quality in parts]).cpu())


class _Shared:
    """A reader for all who ask one folder: the same images are read once, however many ask."""

    def __init__(self, folder: Path, device: str) -> None:
        self.network = load_reader(folder).to(device)
        self._seen: tuple[Tensor, int] | None = None
        self._answer: tuple[dict[str, Tensor], Tensor] | None = None

    def read(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return what `read` says of images, without reading again those that it has just read."""
        last = self._seen
        if last is None or last[0] is not images or last[1] != images._version:
            self._answer = read(self.network, images)
            self._seen = images, images._version
        assert self._answer is not None
        return self._answer


@cache
def _shared(folder: Path, device: str, changed: int) -> _Shared:
    return _Shared(folder, device)


def _reader_of(folder: str | Path, device: str) -> _Shared:
    """Return the reader of a folder, loaded once as long as its file does not change."""
    file = Path(folder) / FILE
    return _shared(Path(folder), device, file.stat().st_mtime_ns if file.is_file() else 0)


class ReadKind:
    """What kind of coat, pattern, direction or background an image shows, as a number.

    Args:
        reader: Folder of the trained reader.
        kind: One of `KINDS`.
        device: Where to compute.

    Raises:
        ValueError: Where it does not read such a kind.
    """

    def __init__(self, reader: str | Path, kind: str, device: str = "cpu") -> None:
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        self.kind = kind
        self.reader = _reader_of(reader, device)

    def __call__(self, images: Tensor, prompts: Sequence[str]) -> Tensor:
        """Return the index of each image's kind, ``(n,)``, whatever was asked for."""
        return self.reader.read(images)[0][self.kind]


class TrueTaste:
    """What somebody really likes in a picture, by the qualities that the reader sees.

    It does not know what was asked for: a good picture of the wrong animal is liked, too. Read it
    beside the share of images that show what was asked.

    Args:
        reader: Folder of the trained reader.
        taste: One of `TASTES`.
        device: Where to compute.

    Raises:
        ValueError: Where there is no such taste.
    """

    def __init__(self, reader: str | Path, taste: str, device: str = "cpu") -> None:
        if taste not in TASTES:
            raise ValueError(f"taste must be one of {', '.join(TASTES)}, got {taste!r}")
        self.taste = TASTES[taste]
        self.reader = _reader_of(reader, device)

    def __call__(self, images: Tensor) -> Tensor:
        """Return how much each image is liked, ``(n,)``, at most 1."""
        return self.taste(self.reader.read(images)[1])
