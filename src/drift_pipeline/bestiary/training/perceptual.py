"""A small DreamSim to train: two transformers, just as the `dreamsim` package builds them."""

from typing import Any

import torch
from dreamsim.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from dreamsim.feature_extraction.load_clip_as_dino import QuickGELU
from dreamsim.feature_extraction.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.functional import normalize as unit
from torchvision.transforms.functional import normalize


class DreamSimViT(nn.Module):
    """A CLIP image tower in the clothes of a DINO transformer, and its projection.

    Attributes:
        kwargs: What the package's `VisionTransformer` is built from.
        vit: The transformer; `pos_drop` is CLIP's first layer norm.
        proj: `(embed_dim, out_dim)`, from the class token to the embedding.
    """

    def __init__(self, kwargs: dict[str, Any], out_dim: int, quick_gelu: bool) -> None:
        super().__init__()
        self.kwargs = kwargs
        self.vit = VisionTransformer(**kwargs)
        self.vit.pos_drop = nn.LayerNorm(self.vit.embed_dim)
        self.proj = nn.Parameter(torch.randn(self.vit.embed_dim, out_dim))
        with torch.no_grad():  # the package starts these at zero
            self.proj.mul_(self.vit.embed_dim**-0.5)
            self.vit.cls_token.normal_(std=0.02)
            self.vit.pos_embed.normal_(std=0.02)
        for block in self.vit.blocks:
            block.mlp.act = QuickGELU() if quick_gelu else nn.GELU()

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn normalised images `(n, 3, s, s)` into embeddings `(n, out_dim)`."""
        return self.vit(pixels) @ self.proj


def make_dreamsim_vit(
    embed_dim: int,
    depth: int,
    num_heads: int,
    patch_size: int,
    out_dim: int,
    quick_gelu: bool = False,
    image_size: int = 224,
) -> DreamSimViT:
    """Make a random tower for `DreamSimEnsemble` and `DreamSimModel`.

    Args:
        embed_dim: Width of the tokens.
        depth: Number of blocks.
        num_heads: Attention heads.
        patch_size: Side of a patch; the cost falls with its square (28 of 224 gives 64 patches).
        out_dim: Width of the embedding.
        quick_gelu: The activation: True for the ensemble's first tower (OpenAI's CLIP), False for
            its second (open_clip).
        image_size: Side of the images.
    """
    kwargs = {
        "img_size": [image_size],
        "patch_size": patch_size,
        "embed_dim": embed_dim,
        "depth": depth,
        "num_heads": num_heads,
        "mlp_ratio": 4.0,
        "qkv_bias": True,
    }
    return DreamSimViT(kwargs, out_dim, quick_gelu)


class DreamSimEnsemble(nn.Module):
    """The two towers' embeddings side by side, centred and normalised: DreamSim's, with gradient.

    Args:
        clip: Tower with QuickGELU.
        open_clip: Tower with GELU.

    Raises:
        ValueError: If an activation is not the one that DreamSim will load the tower with.
    """

    def __init__(self, clip: DreamSimViT, open_clip: DreamSimViT) -> None:
        super().__init__()
        for tower, activation in ((clip, QuickGELU), (open_clip, nn.GELU)):
            if not isinstance(tower.vit.blocks[0].mlp.act, activation):
                raise ValueError("the first tower must have QuickGELU, the second GELU")
        self.clip = clip
        self.open_clip = open_clip

    def forward(self, images: Tensor) -> Tensor:
        """Embed images.

        Args:
            images: `(n, 3, s, s)` in [0, 1], as `encoders.dreamsim.preprocess` gives them.

        Returns:
            `(n, d)`, rows of mean zero and length one.
        """
        pixels = normalize(images, list(OPENAI_CLIP_MEAN), list(OPENAI_CLIP_STD))
        features = torch.cat([self.clip(pixels), self.open_clip(pixels)], dim=-1)
        return unit(features - features.mean(dim=-1, keepdim=True), dim=-1)
