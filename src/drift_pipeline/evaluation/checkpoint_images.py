"""Which images a checkpoint, or the base model, has to have: how they are drawn, and of what."""

from __future__ import annotations

from functools import partial

from drift_pipeline.common.values import fingerprint
from drift_pipeline.config.evaluation import Generate
from drift_pipeline.evaluation.generation import draw_shards
from drift_pipeline.evaluation.image_shards import ShardsToDraw
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.evaluation.staleness import base_identity, images_identity
from drift_pipeline.policies.base import Policy, PolicyState
from drift_pipeline.runs.run import Run


def checkpoint_images(
    model: Policy, policy: PolicyState, run: Run, protocol: Protocol, generate: Generate
) -> ShardsToDraw:
    """Describe the images of a checkpoint.

    Args:
        model: The base model.
        policy: The policy that draws.
        run: Its run.
        protocol: What is drawn.
        generate: How many images are drawn at once.
    """
    return _images(model, policy, run.name, run, protocol, generate)


def free_images(
    model: Policy,
    policy: PolicyState,
    run: Run,
    protocol: Protocol,
    generate: Generate,
    blend: str,
) -> ShardsToDraw:
    """Describe the images of a checkpoint that is blended with the base model, or draws with noise.

    Args:
        model: The base model.
        policy: The policy that is blended.
        run: Its run.
        protocol: What is drawn.
        generate: The blends, and how many images are drawn at once.
        blend: The name of one of `Generate.drawn_anew`.
    """
    how = generate.drawn_anew(run.method_name)[blend]
    drawn = protocol.anew(how, run.train.prompt_noise)
    return _images(model, policy, run.name, run, drawn, generate)


def base_images(
    model: Policy, run: Run, protocol: Protocol, generate: Generate, place: str = "base"
) -> ShardsToDraw:
    """Describe images of the base model.

    Args:
        model: The base model.
        run: Any run with this base model.
        protocol: What checkpoints draw.
        generate: How many images are drawn for the best front, and how many at once.
        place: Which of `Protocol.of_base`.
    """
    policy = model.initial_state(0, base_identity(run))
    draws = protocol.of_base(generate.best_front_images)
    return _images(model, policy, place, run, draws[place], generate)


def _images(
    model: Policy,
    policy: PolicyState,
    name: str,
    run: Run,
    protocol: Protocol,
    generate: Generate,
) -> ShardsToDraw:
    drawn_by = policy.fingerprint or fingerprint(policy.parameters)
    made_of = images_identity(run, drawn_by, policy.epoch, protocol)
    draw = partial(
        draw_shards,
        model,
        policy,
        name,
        protocol,
        batch_size=generate.batch_size,
        workers=run.train.workers,
        progress=run.train.progress,
    )
    return ShardsToDraw(len(protocol.prompts), made_of, draw)
