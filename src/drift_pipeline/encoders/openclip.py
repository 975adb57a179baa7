"""CLIP image embeddings from open_clip."""

from pathlib import Path

import open_clip
import torch
from torch import Tensor
from torch.nn.functional import normalize

from drift_pipeline.common.images import to_pil
from drift_pipeline.model_files.locate import open_clip_name


class OpenCLIP:
    """The image tower of an open_clip model.

    Args:
        architecture: open_clip's name ("ViT-B-32"), or a folder with `open_clip_config.json` and
            weights.
        pretrained: Tag ("laion2b_s34b_b79k") or file of the weights; not for a folder, which has
            its own.
        device: Where to compute.
        batch_size: Images encoded at once.
        dtype: Number format to compute in (autocast); embeddings are normalised in float32.

    Raises:
        FileNotFoundError: If the folder is not there.
        RuntimeError: If open_clip finds no weights.
    """

    def __init__(
        self,
        architecture: str | Path,
        pretrained: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
        dtype: str = "float32",
    ) -> None:
        model, self.preprocess = open_clip.create_model_from_pretrained(
            open_clip_name(architecture, "OpenCLIP's architecture"), pretrained, device=device
        )
        self.model = model.eval().requires_grad_(False)
        self.device = device
        self.batch_size = batch_size
        self.dtype = getattr(torch, dtype)

    def __call__(self, images: Tensor) -> Tensor:
        """Embed images.

        Args:
            images: `(n, 3, h, w)`, uint8, RGB.

        Returns:
            `(n, d)`, unit rows, float32, on the CPU.
        """
        return torch.cat([self._embed(part) for part in images.split(self.batch_size)])

    @torch.no_grad()
    def _embed(self, images: Tensor) -> Tensor:
        pixels = torch.stack([self.preprocess(image) for image in to_pil(images)]).to(self.device)
        kind = torch.device(self.device).type
        with torch.autocast(kind, self.dtype, enabled=self.dtype != torch.float32):
            features = self.model.encode_image(pixels)
        return normalize(features.float(), dim=-1).cpu()
