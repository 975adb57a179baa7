"""What a run gives to others: its adapter in two formats, and a model card beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline.common.values import flat
from drift_pipeline.config.classes import find, has_diffusers_files
from drift_pipeline.config.components import STABLE_DIFFUSION
from drift_pipeline.config.places import locate
from drift_pipeline.model_files.locate import local_or_hub
from drift_pipeline.model_files.parts import BrokenModel, folder_of, variants_of
from drift_pipeline.model_files.requirements import hub_model
from drift_pipeline.policies.lora_export import KOHYA
from drift_pipeline.policies.peft_files import ADAPTER, CONFIG
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from drift_pipeline.policies.base import PolicyState

CARD = "README.md"

MEASURED = {
    "reward_mean": "Reward, mean of all images drawn",
    "diversity": "Diversity: mean distance to the others of a group, of the images trained on",
    "kl": "KL divergence from the reference, mean over steps and latent dimensions",
}


@dataclass(frozen=True)
class Release:
    """A trained policy, its model card in Markdown, and how its adapter is written.

    Attributes:
        policy: The policy.
        card: Markdown.
        save_lora: Writes the adapter into a folder; its class's own (`policies.base.Policy`).
    """

    policy: PolicyState
    card: str
    save_lora: Callable[[PolicyState, Path], None]


def make_release(
    run: Run, policy: PolicyState, epochs: Sequence[Mapping[str, Any]], folder: str | None = None
) -> Release:
    """Put together what others need of a policy; the arguments are those of `write_card`.

    Raises:
        ConfigurationError: Where the class that the run's base model is loaded by is not there.
    """
    build = find(run.train.policy.policy, "train.policy.policy")
    return Release(policy, write_card(run, epochs, folder), build.save_lora)


def save_release(release: Release, folder: Path) -> None:
    """Write the adapter for other programs, and the model card.

    Args:
        release: What is written.
        folder: Made where it is missing.
    """
    release.save_lora(release.policy, folder)
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

    base, known = run.train.base_model, has_diffusers_files(run.train)
    found = hub_model(base, run.root)
    head = ModelCardData(
        base_model=found[0] if found else None,
        library_name="diffusers" if known else "peft",
        pipeline_tag="text-to-image",
        tags=["lora", "text-to-image", "reinforcement-learning", run.method_name],
    )
    train, sampling, first, last = run.train, run.train.sampling, epochs[0], epochs[-1]
    ours = train.policy.policy == STABLE_DIFFUSION
    method = flat(run.method.arithmetic())
    settings = {
        "Base model": base if ours else f"{base} ({train.policy.policy})",
        "Method": f"{run.method_name} ({', '.join(f'{k} {v}' for k, v in method.items())})",
        "Reward": f"{run.reward_name} ({run.reward.scorer}: "
        f"{', '.join(f'{k} {v}' for k, v in run.reward.options.items())})",
        "Seed": run.seed,
        "Epochs": f"{len(epochs)}; in each {train.groups_per_epoch * run.candidates} images are "
        f"drawn and {train.groups_per_epoch * train.group_size} of them trained on in "
        f"{train.optimization.updates_per_epoch} updates",
        "Learning rate": f"{train.optimization.learning_rate:g}, in {train.precision}",
        "LoRA": f"r = {train.lora.rank}, trained with α = {train.lora.alpha:g}"
        + ("; α / r is folded into the weights" if known else ""),
        "Sampling in training": ("DDIM, " if ours else "")
        + f"{sampling.steps} steps, guidance {sampling.guidance:g}, η = {sampling.eta:g}",
    }
    rows = [f"| {key} | {value} |" for key, value in settings.items()]
    measured = [
        f"| {label} | {_number(first[key])} | {_number(last[key])} |"
        for key, label in MEASURED.items()
    ]
    # Both of a folder's paths start in the project; what comes from the Hub is at home anywhere.
    adapter = "." if found else folder or f"{train.runs_folder}/{run.name}/lora"
    title = f"{run.name}, epoch {last['epoch']}" if folder else run.name
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

On images of training prompts, which each epoch draws anew. They are no evaluation: the project's
report compares checkpoints with the base model on the same prompts and seeds.

| | epoch {first["epoch"]} | epoch {last["epoch"]} |
|---|---|---|
{chr(10).join(measured)}

## How to load

{_with_diffusers(run, adapter) if known else _with_peft(run)}

## Limits

The adapter prefers what its reward model prefers, with all its biases. Mind the licences of the
base model and of the reward model.
"""


def _with_diffusers(run: Run, adapter: str) -> str:
    found, sampling = hub_model(run.train.base_model, run.root), run.train.sampling
    name, revision = found or (run.train.base_model, None)
    pinned = f', revision="{revision}"' if revision else ""
    pinned += f', variant="{variant}"' if (variant := _variant(run)) else ""
    where = "this folder, or its repository" if found else "both paths start in the project"
    return f"""```python
import torch
from diffusers import StableDiffusionPipeline

pipe = StableDiffusionPipeline.from_pretrained("{name}"{pinned}, dtype=torch.float32)
pipe.load_lora_weights("{adapter}")  # {where}
settings = {{"guidance_scale": {sampling.guidance:g}, "num_inference_steps": {sampling.steps}}}
image = pipe("a photo of a cat", **settings).images[0]
```

`{KOHYA}` is the same adapter for AUTOMATIC1111, ComfyUI and others that read kohya's names."""


def _with_peft(run: Run) -> str:
    return (
        f"`{ADAPTER}` and `{CONFIG}` are what peft reads: `PeftModel.from_pretrained(network,\n"
        f"folder)`, where the network is the one that `{run.train.policy.policy}` trains."
    )


def _variant(run: Run) -> str | None:
    """Find the variant that the base model has to be loaded as, where it is on this machine."""
    try:
        source = local_or_hub(locate(run.train.base_model, run.root), "the base model")
        variants = variants_of(folder_of(source))
    except (FileNotFoundError, BrokenModel):
        return None
    return next(iter(variants.values()), None)


def _number(value: Any) -> str:
    return "not measured" if value is None else f"{value:.4g}"
