"""DINO for DreamSim, made of the dreamsim package's own code.

The package asks `torch.hub` for DINO, which downloads a repository and runs what is in it. `fetch`
puts this file where `torch.hub` looks first, so that no code but the installed one is ever run.
"""

from typing import Any

import torch
from dreamsim.feature_extraction.vision_transformer import vit_base

from drift_pipeline.model_files.sources import DINO_WEIGHTS

dependencies = ["torch", "dreamsim"]


def dino_vitb16(pretrained: bool = True) -> Any:
    """DINO's ViT-B/16, without a head.

    Args:
        pretrained: With the published weights, from `torch.hub`'s folder of checkpoints.
    """
    model = vit_base(patch_size=16, num_classes=0)
    if pretrained:
        weights = torch.hub.load_state_dict_from_url(
            DINO_WEIGHTS, map_location="cpu", weights_only=True
        )
        model.load_state_dict(weights)
    return model
