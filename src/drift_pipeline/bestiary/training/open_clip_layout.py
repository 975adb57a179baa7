"""The networks of open_clip: made from its `model_cfg`, or out of a CLIP of transformers."""

from __future__ import annotations

from typing import Any

import open_clip
import torch
from torch import Tensor
from transformers import CLIPConfig, CLIPModel


def build_open_clip(config: dict[str, Any]) -> open_clip.CLIP:
    """Make the network that open_clip's `model_cfg` describes, with random weights."""
    text = {key: value for key, value in config["text_cfg"].items() if not key.startswith("hf_")}
    return open_clip.CLIP(config["embed_dim"], config["vision_cfg"], text)


def clip_to_open_clip(model: CLIPModel) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Turn a Hugging Face CLIP into open_clip's layout of the same network.

    Args:
        model: A CLIP with `hidden_act` "gelu" or "quick_gelu" (the same in both towers).

    Returns:
        The `model_cfg` that open_clip builds the network from, and its state dict; with both,
        open_clip computes the same image and text features.
    """
    return _open_clip_config(model.config), _open_clip_state(model.state_dict())


def _open_clip_config(config: CLIPConfig) -> dict[str, Any]:
    text: Any = config.text_config
    vision: Any = config.vision_config
    return {
        "embed_dim": config.projection_dim,
        "quick_gelu": vision.hidden_act == "quick_gelu",
        "vision_cfg": {
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "width": vision.hidden_size,
            "layers": vision.num_hidden_layers,
            "head_width": vision.hidden_size // vision.num_attention_heads,
            "mlp_ratio": vision.intermediate_size / vision.hidden_size,
            "norm_kwargs": {"eps": vision.layer_norm_eps},
        },
        "text_cfg": {
            "context_length": text.max_position_embeddings,
            "vocab_size": text.vocab_size,
            "width": text.hidden_size,
            "layers": text.num_hidden_layers,
            "heads": text.num_attention_heads,
            "mlp_ratio": text.intermediate_size / text.hidden_size,
            "norm_kwargs": {"eps": text.layer_norm_eps},
            # Any name: from a folder, open_clip reads the tokenizer that lies in it.
            "hf_tokenizer_name": "clip",
        },
    }


def _open_clip_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    vision, text = "vision_model.", "text_model."
    return {
        "logit_scale": state["logit_scale"],
        "visual.class_embedding": state[vision + "embeddings.class_embedding"],
        "visual.positional_embedding": state[vision + "embeddings.position_embedding.weight"],
        "visual.conv1.weight": state[vision + "embeddings.patch_embedding.weight"],
        **_rename(state, vision + "pre_layrnorm.", "visual.ln_pre."),
        **_blocks(state, vision, "visual."),
        **_rename(state, vision + "post_layernorm.", "visual.ln_post."),
        "visual.proj": state["visual_projection.weight"].T.contiguous(),
        "token_embedding.weight": state[text + "embeddings.token_embedding.weight"],
        "positional_embedding": state[text + "embeddings.position_embedding.weight"],
        **_blocks(state, text, ""),
        **_rename(state, text + "final_layer_norm.", "ln_final."),
        "text_projection": state["text_projection.weight"].T.contiguous(),
    }


def _rename(state: dict[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    return {new + kind: state[old + kind] for kind in ("weight", "bias")}


def _blocks(state: dict[str, Tensor], tower: str, prefix: str) -> dict[str, Tensor]:
    blocks: dict[str, Tensor] = {}
    layer = 0
    while f"{tower}encoder.layers.{layer}.layer_norm1.weight" in state:
        old = f"{tower}encoder.layers.{layer}."
        new = f"{prefix}transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            parts = [state[f"{old}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            blocks[f"{new}attn.in_proj_{kind}"] = torch.cat(parts)
        blocks |= _rename(state, old + "self_attn.out_proj.", new + "attn.out_proj.")
        blocks |= _rename(state, old + "layer_norm1.", new + "ln_1.")
        blocks |= _rename(state, old + "layer_norm2.", new + "ln_2.")
        blocks |= _rename(state, old + "mlp.fc1.", new + "mlp.c_fc.")
        blocks |= _rename(state, old + "mlp.fc2.", new + "mlp.c_proj.")
        layer += 1
    return blocks
