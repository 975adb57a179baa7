"""Nodes that draw the evaluation's pictures; their dataset draws what it does not have yet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from drift_pipeline.evaluation.freshness import base_identity, pictures_identity
from drift_pipeline.evaluation.parameters import Generate
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.runs import Run, fingerprint

if TYPE_CHECKING:
    from PIL.Image import Image

    from drift_pipeline.datasets.shards import Shards, StoredShards
    from drift_pipeline.rl.policy import PolicyState, StableDiffusion
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    Image = Shards = StoredShards = PolicyState = StableDiffusion = Any


def make_protocol(generate: Generate, run: Run, prompts: list[str]) -> Protocol:
    """Put together what every judged checkpoint has to draw."""
    return Protocol.of(generate, run.train, prompts)


def draw_checkpoint(
    base_model: StableDiffusion,
    policy: PolicyState,
    run: Run,
    protocol: Protocol,
    generate: Generate,
) -> Shards:
    """Draw the pictures of a checkpoint."""
    return _shards(base_model, policy, run.name, run, protocol, generate)


def draw_base(
    base_model: StableDiffusion, run: Run, protocol: Protocol, generate: Generate
) -> Shards:
    """Draw the base model's pictures: the reference of recall, and the table's first row."""
    state = base_model.initial_state(0, base_identity(run))
    return _shards(base_model, state, "base", run, protocol, generate)


def draw_base_fresh(
    base_model: StableDiffusion, run: Run, protocol: Protocol, generate: Generate
) -> Shards:
    """Draw the base model's pictures of other seeds: how much recall chance alone allows."""
    state = base_model.initial_state(0, base_identity(run))
    return _shards(base_model, state, "base_fresh", run, protocol.fresh(), generate)


def contact_sheet(pictures: StoredShards, generate: Generate) -> Image:
    """Show the first pictures of a few prompts."""
    from itertools import islice

    from drift_pipeline.pictures import draw_picture_sheet

    return draw_picture_sheet(list(islice(pictures, generate.sheet_prompts)))


def _shards(
    model: StableDiffusion,
    state: PolicyState,
    name: str,
    run: Run,
    protocol: Protocol,
    generate: Generate,
) -> Shards:
    from drift_pipeline.datasets.shards import Shards
    from drift_pipeline.evaluation.generation import draw_shards

    policy = state.fingerprint or fingerprint(state.parameters)
    made_of = pictures_identity(policy, state.epoch, protocol)
    draw = partial(
        draw_shards,
        model,
        state,
        name,
        protocol,
        batch_size=generate.batch_size,
        workers=run.train.workers,
        progress=run.train.progress,
    )
    return Shards(len(protocol.prompts), made_of, draw)
