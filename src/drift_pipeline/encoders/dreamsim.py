"""DreamSim image embeddings (Fu et al. 2023, arXiv 2306.09344) from the `dreamsim` package."""

import json
from pathlib import Path
from typing import Any

import torch
from dreamsim.config import dreamsim_args
from dreamsim.model import PerceptualModel, dreamsim
from peft import PeftModel
from PIL.Image import Resampling
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from drift_pipeline.common.images import to_pil
from drift_pipeline.model_files.locate import existing

CONFIG_FILE = "dreamsim.json"
LORA_FOLDER = "lora"


class DreamSim:
    """Embeddings whose squared distance is twice DreamSim's: `|a - b|^2 = 2 (1 - cos)`.

    Resizing and scaling are the package's own (PIL's bicubic, both sides to `image_size`), so the
    embeddings are the package's, up to the rounding of a merged LoRA and of batching.

    Args:
        folder: The package's cache folder, or a folder with a `dreamsim.json`, which holds the
            `model_type`, `feat_type` and `stride` of `dreamsim.PerceptualModel`, beside the
            checkpoints it loads and, where the model has one, a LoRA in a folder `lora`.
        kind: A published model ("ensemble", "dino_vitb16", "open_clip_vitb32", ...), which the
            package downloads to the folder if it is not there; None for a `dreamsim.json`.
        device: Where to compute.
        batch_size: Images embedded at once.
        image_size: Side of the image that the networks see.

    Raises:
        FileNotFoundError: If there is no such folder or no `dreamsim.json` in it.
        ValueError: If `kind` is not published.
    """

    def __init__(
        self,
        folder: str | Path,
        kind: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
        image_size: int = 224,
    ) -> None:
        model: Any = _bespoke(folder, device) if kind is None else _published(kind, folder, device)
        if isinstance(model, PeftModel):
            model = model.merge_and_unload()
        self.model: Any = model.to(device).eval().requires_grad_(False)
        self.device = device
        self.batch_size = batch_size
        self.image_size = image_size

    def __call__(self, images: Tensor) -> Tensor:
        """Embed images.

        Args:
            images: `(n, 3, h, w)`, uint8, RGB.

        Returns:
            `(n, d)`, rows of mean zero and length one, float32, on the CPU.
        """
        return torch.cat([self._embed(part) for part in images.split(self.batch_size)])

    @torch.no_grad()
    def _embed(self, images: Tensor) -> Tensor:
        return self.model.embed(preprocess(images, self.image_size).to(self.device)).float().cpu()


def preprocess(images: Tensor, size: int) -> Tensor:
    """Resize as the package does: both sides to `size`, PIL's bicubic, then values in [0, 1].

    Args:
        images: `(n, 3, h, w)`, uint8, RGB.
        size: Side of the result.

    Returns:
        `(n, 3, size, size)`, float32.
    """
    return torch.stack(
        [to_tensor(image.resize((size, size), Resampling.BICUBIC)) for image in to_pil(images)]
    )


def _published(kind: str, folder: str | Path, device: str) -> torch.nn.Module:
    kinds = [name for name in dreamsim_args["model_config"] if not name.endswith("_patch")]
    if kind not in kinds:
        raise ValueError(f"DreamSim has no kind {kind!r}; it has {', '.join(kinds)}")
    Path(folder).mkdir(parents=True, exist_ok=True)
    hub = torch.hub.get_dir()
    try:
        return dreamsim(device=device, cache_dir=str(folder), dreamsim_type=kind)[0]
    finally:
        torch.hub.set_dir(hub)  # the package points all of torch.hub at its own cache


def _bespoke(folder: str | Path, device: str) -> torch.nn.Module:
    config = json.loads(existing(Path(folder) / CONFIG_FILE, "DreamSim's description").read_text())
    model = PerceptualModel(
        **config, baseline=True, normalize_embeds=True, load_dir=str(folder), device=device
    )
    lora = Path(folder) / LORA_FOLDER
    return PeftModel.from_pretrained(model, str(lora)) if lora.exists() else model
