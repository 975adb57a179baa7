"""What a report is made of: a text, and a folder of figures, each written whole or not at all."""

from __future__ import annotations

import base64
import io
import json
from typing import Any, ClassVar

from kedro_datasets import text

from drift_pipeline.analysis.picture import Picture
from drift_pipeline.datasets.files import _WrittenWhole
from drift_pipeline.datasets.folder import FolderDataset
from drift_pipeline.datasets.previews import ImagePreview
from drift_pipeline.whole import replacing_folder

CAPTIONS = "captions.json"
PREVIEW_WIDTH = 900


class TextDataset(_WrittenWhole, text.TextDataset):
    """A UTF-8 text, whatever the system's own encoding is."""

    DEFAULT_FS_ARGS: ClassVar[dict[str, Any]] = {
        "open_args_save": {"mode": "w", "encoding": "utf-8"},
        "open_args_load": {"mode": "r", "encoding": "utf-8"},
    }


class PicturesDataset(FolderDataset[dict[str, Picture], dict[str, Picture]]):
    """A folder with `svg/<name>.svg` and `png/<name>.png` for each figure, and their captions.

    It holds the figures of the last save and no older ones. The two formats are apart so that
    DVC's plots, which take whole folders, show each figure once.
    """

    marker = CAPTIONS

    def load(self) -> dict[str, Picture]:
        """Read the figures by name, in the order in which they were saved."""
        captions = json.loads((self._filepath / CAPTIONS).read_text(encoding="utf-8"))
        return {
            name: Picture(
                (self._filepath / f"svg/{name}.svg").read_text(encoding="utf-8"),
                (self._filepath / f"png/{name}.png").read_bytes(),
                caption,
            )
            for name, caption in captions.items()
        }

    def save(self, data: dict[str, Picture]) -> None:
        """Write the folder whole."""
        with replacing_folder(self._filepath) as part:
            for kind in ("svg", "png"):
                (part / kind).mkdir()
            for name, picture in data.items():
                (part / f"svg/{name}.svg").write_text(picture.svg, encoding="utf-8")
                (part / f"png/{name}.png").write_bytes(picture.png)
            captions = {name: picture.caption for name, picture in data.items()}
            (part / CAPTIONS).write_text(
                json.dumps(captions, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )

    def preview(self) -> ImagePreview:
        """The figures below each other, for Kedro-Viz."""
        from PIL import Image

        pictures = [Image.open(io.BytesIO(picture.png)) for picture in self.load().values()]
        small = [
            picture.convert("RGB").resize(
                (PREVIEW_WIDTH, max(1, round(picture.height * PREVIEW_WIDTH / picture.width)))
            )
            for picture in pictures
        ]
        sheet = Image.new("RGB", (PREVIEW_WIDTH, max(1, sum(p.height for p in small))), "white")
        top = 0
        for picture in small:
            sheet.paste(picture, (0, top))
            top += picture.height
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        return ImagePreview(base64.b64encode(buffer.getvalue()).decode())
