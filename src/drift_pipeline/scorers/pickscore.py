"""PickScore (Kirstain et al. 2023, arXiv 2305.01569): a CLIP trained on human choices."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPModel, CLIPProcessor

from drift_pipeline.common.images import to_pil
from drift_pipeline.model_files.locate import local_or_hub
from drift_pipeline.scorers.clip_score import ClipScore


class PickScore(ClipScore):
    """`exp(logit_scale) * cos(image, prompt)`; images of SD v1.5 score about 20 to 21.

    Args:
        model: Hub id or folder of the `CLIPModel` ("yuvalkirstain/PickScore_v1").
        processor: Hub id or folder of its `CLIPProcessor`
            ("laion/CLIP-ViT-H-14-laion2B-s32B-b79K").
        device: Where to compute.
        batch_size: Images encoded at once.
        dtype: Number format to compute in (autocast); features are normalised in float32.
        revision: Commit or tag of the model on the Hub.

    Raises:
        FileNotFoundError: If a folder is not there.
    """

    def __init__(
        self,
        model: str | Path,
        processor: str | Path,
        device: str = "cpu",
        batch_size: int = 64,
        dtype: str = "float32",
        revision: str | None = None,
    ) -> None:
        clip: Any = CLIPModel.from_pretrained(
            local_or_hub(model, "PickScore's model"),
            dtype=torch.float32,
            revision=revision or "main",
        )
        # PIL resizes as the published scores were made; torchvision's resizing differs a little.
        self.processor = CLIPProcessor.from_pretrained(
            local_or_hub(processor, "PickScore's processor"), backend="pil"
        )
        self.model = clip.to(device).eval().requires_grad_(False)
        self.device = device
        self.batch_size = batch_size
        self.dtype = getattr(torch, dtype)
        self.scale = self.model.logit_scale.exp().item()
        self.max_length = min(
            self.processor.tokenizer.model_max_length,
            self.model.config.text_config.max_position_embeddings,
        )

    def image_features(self, images: Tensor) -> Tensor:
        """Turn images `(n, 3, h, w)`, uint8, into features `(n, d)`."""
        inputs = self.processor.image_processor(to_pil(images), return_tensors="pt")
        return self.model.get_image_features(inputs.pixel_values.to(self.device)).pooler_output

    def text_features(self, prompts: list[str]) -> Tensor:
        """Turn prompts, padded and cut to the tokenizer's length, into features `(n, d)`."""
        tokens = self.processor.tokenizer(
            prompts,
            padding="max_length",
            truncation=True,
            max_length=self.max_length,
            return_tensors="pt",
        ).to(self.device)
        return self.model.get_text_features(**tokens).pooler_output
