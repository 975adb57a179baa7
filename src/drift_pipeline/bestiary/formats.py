"""The bestiary's models in the on-disk formats of the libraries that will load them."""

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from dreamsim.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

from drift_pipeline.bestiary.perceptual import DreamSimViT, make_dreamsim_vit
from drift_pipeline.bestiary.tokenizer import save_vocabulary, small_tokenizer
from drift_pipeline.encoders.dreamsim import CONFIG_FILE
from drift_pipeline.whole import replacing_folder

__all__ = [
    "HPSV2_FILE",
    "build_open_clip",
    "clip_processor",
    "clip_to_open_clip",
    "make_dreamsim_vit",
    "save_dreamsim",
    "save_hpsv2",
    "save_openclip",
    "save_pickscore",
    "small_tokenizer",
]

HPSV2_FILE = "HPS_v2_bestiary.pt"


def save_pickscore(folder: str | Path, model: CLIPModel, processor: CLIPProcessor) -> None:
    """Saves a CLIP and its processor as `transformers` does, in half precision.

    Args:
        folder: What `scorers.pickscore.PickScore` takes as model and as processor.
        model: The CLIP.
        processor: See `clip_processor`.
    """
    with replacing_folder(Path(folder)) as draft:
        model.save_pretrained(draft, state_dict=_half(model.state_dict()))
        processor.save_pretrained(draft)
        save_vocabulary(processor.tokenizer, draft)


def clip_processor(tokenizer: CLIPTokenizer, image_size: int) -> CLIPProcessor:
    """Makes CLIP's preprocessing for square pictures of this size."""
    size = {"height": image_size, "width": image_size}
    images = CLIPImageProcessorPil(size={"shortest_edge": image_size}, crop_size=size)
    return CLIPProcessor(images, tokenizer)


def save_openclip(
    folder: str | Path, config: dict[str, Any], state: dict[str, Tensor], tokenizer: CLIPTokenizer
) -> None:
    """Saves a CLIP so that open_clip loads it, weights and tokenizer, as "local-dir:<folder>".

    Args:
        folder: What `encoders.openclip.OpenCLIP` takes as architecture.
        config: open_clip's `model_cfg`, as `clip_to_open_clip` gives it.
        state: The weights, as `clip_to_open_clip` gives them; saved in half precision.
        tokenizer: The text tower's tokenizer.
    """
    with replacing_folder(Path(folder)) as draft:
        _save_open_clip_config(draft, config, tokenizer)
        save_file(_half(state), draft / "open_clip_model.safetensors")


def build_open_clip(config: dict[str, Any]) -> open_clip.CLIP:
    """Makes the network that open_clip's `model_cfg` describes, with random weights."""
    text = {key: value for key, value in config["text_cfg"].items() if not key.startswith("hf_")}
    return open_clip.CLIP(config["embed_dim"], config["vision_cfg"], text)


def save_hpsv2(
    folder: str | Path, config: dict[str, Any], state: dict[str, Tensor], tokenizer: CLIPTokenizer
) -> None:
    """Saves a CLIP as HPSv2's authors publish theirs: a `.pt` file with a "state_dict".

    Args:
        folder: What `scorers.hpsv2.HPSv2` takes as architecture; its checkpoint lies therein and
            is called `HPSV2_FILE`.
        config: open_clip's `model_cfg`, as `clip_to_open_clip` gives it.
        state: The weights, as `clip_to_open_clip` gives them; saved in half precision.
        tokenizer: The text tower's tokenizer.
    """
    with replacing_folder(Path(folder)) as draft:
        _save_open_clip_config(draft, config, tokenizer)
        torch.save({"state_dict": _half(state)}, draft / HPSV2_FILE)


def save_dreamsim(folder: str | Path, clip: DreamSimViT, openclip: DreamSimViT) -> None:
    """Saves two towers as the `dreamsim` package keeps its CLIP ViT-L/14 and open_clip ViT-L/14.

    Args:
        folder: What `encoders.dreamsim.DreamSim` takes.
        clip: The tower with QuickGELU.
        openclip: The tower with GELU.
    """
    towers = (clip, openclip)
    description = {
        "model_type": "clip_vitl14,open_clip_vitl14",
        "feat_type": "embedding,embedding",
        "stride": ",".join(str(tower.kwargs["patch_size"]) for tower in towers),
    }
    with replacing_folder(Path(folder)) as draft:
        (draft / CONFIG_FILE).write_text(json.dumps(description, indent=2) + "\n")
        for tower, name in zip(towers, ("clip", "open_clip"), strict=True):
            # The package uses `proj` as it finds it, so it must not be in half precision.
            state = {**_half(tower.vit.state_dict()), "proj": tower.proj.detach().float().cpu()}
            checkpoint = {"kwargs": tower.kwargs, "state_dict": state}
            torch.save(checkpoint, draft / f"{name}l14_as_dino_vitl.pth.tar")


def _save_open_clip_config(folder: Path, config: dict[str, Any], tokenizer: CLIPTokenizer) -> None:
    preprocessing = {"mean": OPENAI_CLIP_MEAN, "std": OPENAI_CLIP_STD, "interpolation": "bicubic"}
    description = {"model_cfg": config, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(description, indent=2) + "\n")
    tokenizer.save_pretrained(folder)
    save_vocabulary(tokenizer, folder)


def _half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Half-precision copies on the CPU; scalars (CLIP's logit scale) stay as they are."""
    return {
        name: (value.half() if value.ndim else value).detach().cpu().contiguous()
        for name, value in state.items()
    }


def clip_to_open_clip(model: CLIPModel) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Turns a Hugging Face CLIP into open_clip's layout of the same network.

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
