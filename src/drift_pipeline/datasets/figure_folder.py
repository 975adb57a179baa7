"""The figures of a report: a folder, written whole or not at all."""

from __future__ import annotations

import base64
import io
import json

from drift_pipeline.analysis.figures.figure import DrawnFigure
from drift_pipeline.common.atomic import replacing_folder
from drift_pipeline.datasets.folder_dataset import FolderDataset
from drift_pipeline.datasets.previews import ImagePreview

CAPTIONS = "captions.json"
PREVIEW_WIDTH = 900


class FiguresDataset(FolderDataset[dict[str, DrawnFigure], dict[str, DrawnFigure]]):
    """A folder with `svg/<name>.svg` and `png/<name>.png` for each figure, and their captions.

    It holds the figures of the last save and no older ones. The two formats are apart so that
    DVC's plots, which take whole folders, show each figure once.
    """

    marker = CAPTIONS

    def load(self) -> dict[str, DrawnFigure]:
        """Read the figures by name, in the order in which they were saved."""
        captions = json.loads((self._filepath / CAPTIONS).read_text(encoding="utf-8"))
        return {
            name: DrawnFigure(
                (self._filepath / f"svg/{name}.svg").read_text(encoding="utf-8"),
                (self._filepath / f"png/{name}.png").read_bytes(),
                caption,
            )
            for name, caption in captions.items()
        }

    def save(self, data: dict[str, DrawnFigure]) -> None:
        """Write the folder whole."""
        with replacing_folder(self._filepath) as part:
            for kind in ("svg", "png"):
                (part / kind).mkdir()
            for name, figure in data.items():
                (part / f"svg/{name}.svg").write_text(figure.svg, encoding="utf-8")
                (part / f"png/{name}.png").write_bytes(figure.png)
            captions = {name: figure.caption for name, figure in data.items()}
            (part / CAPTIONS).write_text(
                json.dumps(captions, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )

    def preview(self) -> ImagePreview:
        """Show the figures below each other, for Kedro-Viz."""
        from PIL import Image

        from drift_pipeline.common.image_grid import Row, lay_out

        rows = []
        for figure in self.load().values():
            image = Image.open(io.BytesIO(figure.png)).convert("RGB")
            height = max(1, round(image.height * PREVIEW_WIDTH / image.width))
            rows.append(Row([image.resize((PREVIEW_WIDTH, height))]))
        sheet = lay_out(rows, gap=0, margin=0)
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        return ImagePreview(base64.b64encode(buffer.getvalue()).decode())
