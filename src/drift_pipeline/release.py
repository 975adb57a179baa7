"""What a run gives to others: its adapter in two formats, and a model card beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline import project
from drift_pipeline.checkpoints import local_or_hub
from drift_pipeline.model_files.parts import BrokenModel, folder_of, variants_of
from drift_pipeline.needs import hub_model
from drift_pipeline.runs import Run, flat

if TYPE_CHECKING:
    from drift_pipeline.rl.policy import PolicyState

CARD = "README.md"
KOHYA = "kohya.safetensors"

MEASURED = {
    "reward_mean": "Reward, mean of all pictures drawn",
    "diversity": "Diversity: mean distance to the others of a group, of the pictures trained on",
    "kl": "KL divergence from the base model, mean over steps and latent dimensions",
}


@dataclass(frozen=True)
class Release:
    """A trained policy and its model card in Markdown."""

    policy: PolicyState
    card: str


def save_release(release: Release, folder: Path) -> None:
    """Write the adapter for diffusers, for other tools, and the model card.

    In both files α is folded into the weights and stated as the rank, so that every reader arrives
    at full strength. The second has the names of kohya's sd-scripts, which AUTOMATIC1111 and
    ComfyUI read.

    Args:
        release: What is written.
        folder: Made where it is missing.
    """
    from diffusers.utils import convert_state_dict_to_kohya
    from safetensors.torch import load_file, save_file

    from drift_pipeline.rl.export import save_lora

    layers = load_file(save_lora(release.policy, folder))
    save_file(convert_state_dict_to_kohya(layers), folder / KOHYA, metadata={"format": "pt"})
    (folder / CARD).write_text(release.card, encoding="utf-8")


def write_card(run: Run, epochs: Sequence[Mapping[str, Any]], folder: str | None = None) -> str:
    """Describe a trained adapter as the Hugging Face Hub wants it described.

    Args:
        run: The run.
        epochs: The summaries of its epochs, from the first to the adapter's.
        folder: Where the adapter will be; by default where a run puts its last epoch's. Where it
            is given, the card names the epoch.

    Returns:
        Markdown with a YAML head.
    """
    from huggingface_hub import ModelCardData

    base = run.train.base_model
    found = hub_model(base)
    head = ModelCardData(
        base_model=found[0] if found else None,
        library_name="diffusers",
        pipeline_tag="text-to-image",
        tags=["lora", "text-to-image", "reinforcement-learning", run.method_name],
    )
    train, sampling, first, last = run.train, run.train.sampling, epochs[0], epochs[-1]
    method = flat(run.method.arithmetic())
    settings = {
        "Base model": base,
        "Method": f"{run.method_name} ({', '.join(f'{k} {v}' for k, v in method.items())})",
        "Reward": f"{run.reward_name} ({run.reward.scorer}: "
        f"{', '.join(f'{k} {v}' for k, v in run.reward.options.items())})",
        "Seed": run.seed,
        "Epochs": f"{len(epochs)}; in each {train.groups_per_epoch * run.candidates} pictures are "
        f"drawn and {train.groups_per_epoch * train.group_size} of them trained on in "
        f"{train.optimization.updates_per_epoch} updates",
        "Learning rate": f"{train.optimization.learning_rate:g}, in {train.precision}",
        "LoRA": f"r = {train.lora.rank}, trained with α = {train.lora.alpha:g}; α / r is folded "
        "into the weights",
        "Sampling in training": f"DDIM, {sampling.steps} steps, guidance {sampling.guidance:g}, "
        f"η = {sampling.eta:g}",
    }
    rows = [f"| {key} | {value} |" for key, value in settings.items()]
    measured = [
        f"| {label} | {_number(first[key])} | {_number(last[key])} |"
        for key, label in MEASURED.items()
    ]
    name, revision = found or (base, None)
    pinned = f', revision="{revision}"' if revision else ""
    pinned += f', variant="{variant}"' if (variant := _variant(base)) else ""
    # Both of a folder's paths start in the project; what comes from the Hub is at home anywhere.
    adapter = "." if found else folder or f"{train.runs_folder}/{run.name}/lora"
    title = f"{run.name}, epoch {last['epoch']}" if folder else run.name
    where = "this folder, or its repository" if found else "both paths start in the project"
    shared = "" if found else f"The base model is `{base}` of that project: share it with this.\n"
    return f"""---
{head.to_yaml()}
---

# {title}

A LoRA adapter for `{base}`, fine-tuned by reinforcement learning with `{run.method_name}` to raise
{run.reward_name}. Made with drift_pipeline, which implements DRIFT
([arXiv 2601.12401](https://arxiv.org/abs/2601.12401)) and its baselines.
{shared}
| | |
|---|---|
{chr(10).join(rows)}

## Measured while training

On pictures of training prompts, which each epoch draws anew. They are no evaluation: the project's
report compares checkpoints with the base model on the same prompts and seeds.

| | epoch {first["epoch"]} | epoch {last["epoch"]} |
|---|---|---|
{chr(10).join(measured)}

## How to load

```python
import torch
from diffusers import StableDiffusionPipeline

pipe = StableDiffusionPipeline.from_pretrained("{name}"{pinned}, dtype=torch.float32)
pipe.load_lora_weights("{adapter}")  # {where}
settings = {{"guidance_scale": {sampling.guidance:g}, "num_inference_steps": {sampling.steps}}}
image = pipe("a photo of a cat", **settings).images[0]
```

`{KOHYA}` is the same adapter for AUTOMATIC1111, ComfyUI and others that read kohya's names.

## Limits

The adapter prefers what its reward model prefers, with all its biases. Mind the licences of the
base model and of the reward model.
"""


def _variant(base_model: str) -> str | None:
    """The variant that a base model has to be loaded as, where it is on this machine."""
    try:
        source = local_or_hub(project.current.locate(base_model), "the base model")
        variants = variants_of(folder_of(source))
    except (FileNotFoundError, BrokenModel):
        return None
    return next(iter(variants.values()), None)


def _number(value: Any) -> str:
    return "not measured" if value is None else f"{value:.4g}"
