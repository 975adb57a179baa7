"""HPSv2 (Wu et al. 2023, arXiv 2306.09341), without the `hpsv2` package, on open_clip alone."""

from pathlib import Path

import open_clip
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import normalize, pad, resize

from drift_pipeline.common.images import check_images
from drift_pipeline.model_files.locate import existing, open_clip_name
from drift_pipeline.scorers.clip_score import ClipScore


class HPSv2(ClipScore):
    """The raw cosine of image and prompt; v2.1 gives about 0.25 to 0.33.

    The image's longer side is resized to the network's input and the rest padded with black.
    The versions v2.0 and v2.1 are not comparable: the checkpoint decides.

    Args:
        architecture: open_clip's name of the network ("ViT-H-14"), or a folder with an
            `open_clip_config.json` and a tokenizer.
        checkpoint: The `.pt` file with its weights ("HPS_v2.1_compressed.pt").
        device: Where to compute.
        batch_size: Images encoded at once.
        dtype: Number format to compute in (autocast); features are normalised in float32.
        repo: Hub repository to fetch `checkpoint` from ("xswu/HPSv2"); by default it is a path.
        revision: Commit or tag of that repository.

    Raises:
        FileNotFoundError: If the folder or the checkpoint is not there.
    """

    def __init__(
        self,
        architecture: str | Path,
        checkpoint: str | Path,
        device: str = "cpu",
        batch_size: int = 64,
        dtype: str = "float32",
        repo: str | None = None,
        revision: str | None = None,
    ) -> None:
        name = open_clip_name(architecture, "HPSv2's architecture")
        if repo is not None:
            from huggingface_hub import hf_hub_download

            checkpoint = hf_hub_download(repo, str(checkpoint), revision=revision)
        path = existing(checkpoint, "HPSv2's checkpoint")
        model = open_clip.CLIP(**open_clip.get_model_config(name))
        open_clip.load_checkpoint(model, str(path), weights_only=True)
        self.model = model.to(device).eval().requires_grad_(False)
        size = model.visual.image_size
        self.image_size: int = size if isinstance(size, int) else size[0]
        self.tokenizer = open_clip.get_tokenizer(name)
        self.device = device
        self.batch_size = batch_size
        self.dtype = getattr(torch, dtype)

    def image_features(self, images: Tensor) -> Tensor:
        """Turn images `(n, 3, h, w)`, uint8, into features `(n, d)`."""
        return self.model.encode_image(preprocess(images.to(self.device), self.image_size))

    def text_features(self, prompts: list[str]) -> Tensor:
        """Turn prompts, padded and cut to the network's context length, into features `(n, d)`."""
        return self.model.encode_text(self.tokenizer(prompts).to(self.device))


def preprocess(images: Tensor, side: int) -> Tensor:
    """Resize as the package does: after the division by 255, so that nothing is rounded.

    Args:
        images: `(n, 3, h, w)`, uint8, RGB.
        side: Length that the longer side gets; the shorter one is padded with black.

    Returns:
        `(n, 3, side, side)`, float32, normalised as CLIP's.

    Raises:
        ValueError: If it is not such a tensor.
    """
    check_images(images)
    pixels = images.float() / 255
    scale = side / max(images.shape[-2:])
    height, width = (round(length * scale) for length in images.shape[-2:])
    if (height, width) != images.shape[-2:]:
        pixels = resize(pixels, [height, width], InterpolationMode.BICUBIC, antialias=True)
    left, top = (side - width) // 2, (side - height) // 2
    pixels = pad(pixels, [left, top, side - width - left, side - height - top])
    return normalize(pixels, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
