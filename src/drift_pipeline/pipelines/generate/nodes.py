"""Nodes that draw the evaluation's images; their dataset draws what it does not have yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drift_pipeline.config.evaluation import Generate
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from PIL.Image import Image

    from drift_pipeline.evaluation.image_shards import ShardsToDraw, StoredShards
    from drift_pipeline.policies.base import Policy, PolicyState
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    Image = ShardsToDraw = StoredShards = PolicyState = Policy = Any


def draw_checkpoint(
    base_model: Policy,
    policy: PolicyState,
    run: Run,
    protocol: Protocol,
    generate: Generate,
) -> ShardsToDraw:
    """Draw the images of a checkpoint."""
    from drift_pipeline.evaluation.checkpoint_images import checkpoint_images

    return checkpoint_images(base_model, policy, run, protocol, generate)


def draw_free(
    base_model: Policy,
    policy: PolicyState,
    run: Run,
    protocol: Protocol,
    generate: Generate,
    blend: str,
) -> ShardsToDraw:
    """Draw the images of a checkpoint that is blended with the base model."""
    from drift_pipeline.evaluation.checkpoint_images import free_images

    return free_images(base_model, policy, run, protocol, generate, blend)


def draw_base(
    base_model: Policy, run: Run, protocol: Protocol, generate: Generate, place: str
) -> ShardsToDraw:
    """Draw images of the base model."""
    from drift_pipeline.evaluation.checkpoint_images import base_images

    return base_images(base_model, run, protocol, generate, place)


def contact_sheet(images: StoredShards, generate: Generate) -> Image:
    """Show the first images of a few prompts."""
    from itertools import islice

    from drift_pipeline.evaluation.contact_sheet import draw_prompt_rows

    return draw_prompt_rows(islice(images, generate.sheet_prompts))
