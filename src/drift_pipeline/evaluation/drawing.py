"""Images for people: a few prompts and seeds, drawn by several models beside each other.

They are the evaluation's images. Each is drawn alone, so that not even the last bit depends on what
is drawn with it; the evaluation's, which are drawn in batches, may differ from it by one of 256
levels here and there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from drift_pipeline.common.image_grid import Row, enlarge, lay_out
from drift_pipeline.common.integrity import write_sums
from drift_pipeline.evaluation.generation import draw_shards
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.policies.base import PolicyState
from drift_pipeline.runs.identity import drawing_code
from drift_pipeline.runs.loading import load_policy
from drift_pipeline.runs.run import Run

SHEET = "sheet.png"
COLUMNS = 16
"""Seeds in a row of the sheet; further ones go below."""


@dataclass(frozen=True)
class Painter:
    """A model that draws.

    Attributes:
        title: What the sheet calls it.
        folder: Name of the folder of its images, another one for each painter.
        state: Its policy; `None` for the base model.
        about: Further settings that its images name.
    """

    title: str
    folder: str
    state: PolicyState | None
    about: Mapping[str, str]


Drawn = Sequence[tuple[Painter, Sequence[pd.DataFrame]]]
"""For each painter one table per prompt, as `draw_shards` gives them."""


def draw_beside(painters: Sequence[Painter], run: Run, protocol: Protocol) -> Drawn:
    """Draw the same prompts and seeds with each of some models.

    Args:
        painters: Who draws.
        run: Says which base model they have in common, and how it computes.
        protocol: What is drawn.

    Returns:
        The painters in the same order, with what they have drawn.

    Raises:
        ConfigurationError: Where the base model cannot be loaded.
        ValueError: Where a policy does not fit the base model.
        FloatingPointError: Where the latents of an image are not finite.
    """
    tuned = [painter.state.lora for painter in painters if painter.state is not None]
    usual = tuned[0] if tuned else run.train.lora
    loras = [usual if p.state is None else p.state.lora for p in painters]
    drawn: dict[int, list[pd.DataFrame]] = {}
    for lora in dict.fromkeys(loras):  # a model has one rank and α for as long as it lives
        train = run.train.model_copy(update={"lora": lora})
        policy = load_policy(run.model_copy(update={"train": train}))
        for number, painter in enumerate(painters):
            if loras[number] == lora:
                state = policy.initial_state(0) if painter.state is None else painter.state
                shards = draw_shards(
                    policy,
                    state,
                    painter.title,
                    protocol,
                    range(len(protocol.prompts)),
                    batch_size=1,
                    workers=train.workers,
                    progress=train.progress,
                )
                drawn[number] = list(shards)
    return [(painter, drawn[number]) for number, painter in enumerate(painters)]


def save_drawn(drawn: Drawn, run: Run, protocol: Protocol, folder: Path) -> None:
    """Write the sheet and the single images, which say in text chunks how they were drawn.

    Args:
        drawn: As `draw_beside` gives it.
        run: As for `draw_beside`.
        protocol: What was drawn.
        folder: An empty folder. It gets `sheet.png`, and a folder per painter with an image
            `<number of the prompt>-<seed>.png` for each prompt and seed.
    """
    shared = _shared_settings(run, protocol)
    lay_out_beside(drawn).save(folder / SHEET, pnginfo=_chunks(shared))
    write_sums(folder)
    for painter, shards in drawn:
        target = folder / painter.folder
        target.mkdir()
        for name, png, own in _files(shards):
            about = {"model": painter.title, **painter.about, **own, **shared}
            (target / name).write_bytes(_with_settings(png, about))
        write_sums(target)


def lay_out_beside(drawn: Drawn, columns: int = COLUMNS) -> Image.Image:
    """Lay images out: for each prompt one row per painter, in which each column is a seed.

    Args:
        drawn: As `draw_beside` gives it.
        columns: Seeds in a row; the rows of further ones follow.
    """
    rows = []
    for tables in zip(*(shards for _, shards in drawn), strict=True):
        rows.append(Row([], title=str(tables[0]["prompt"].iloc[0])))
        for start in range(0, len(tables[0]), columns):
            for (painter, _), table in zip(drawn, tables, strict=True):
                part = table.iloc[start : start + columns]
                files = [BytesIO(file["bytes"]) for file in part["image"]]
                images = [enlarge(Image.open(file).convert("RGB")) for file in files]
                captions = [f"seed {seed}" for seed in part["seed"]]
                rows.append(Row(images, title=painter.title, captions=captions))
    return lay_out(rows)


def _files(shards: Sequence[pd.DataFrame]) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Yield each image's name, its content, and its prompt and seed."""
    for table in shards:
        for prompt, seed, file in zip(table["prompt"], table["seed"], table["image"], strict=True):
            yield file["path"], file["bytes"], {"prompt": prompt, "seed": str(seed)}


def _shared_settings(run: Run, protocol: Protocol) -> dict[str, str]:
    sampling = protocol.sampling
    return {
        "base_model": run.train.base_model,
        "precision": run.train.precision,
        "steps": str(sampling.steps),
        "guidance": f"{sampling.guidance:g}",
        "eta": f"{sampling.eta:g}",
        "code": drawing_code(),
    }


def _with_settings(png: bytes, settings: Mapping[str, str]) -> bytes:
    buffer = BytesIO()
    Image.open(BytesIO(png)).save(buffer, "PNG", pnginfo=_chunks(settings))
    return buffer.getvalue()


def _chunks(settings: Mapping[str, str]) -> PngInfo:
    chunks = PngInfo()
    for name, value in settings.items():
        chunks.add_text(name, value)
    return chunks
