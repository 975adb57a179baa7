"""Which images a checkpoint, or the base model, has to have: how they are drawn, and of what."""

from __future__ import annotations

from dataclasses import replace
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
    """Describe the images of a checkpoint that is blended with the base model.

    Args:
        model: The base model.
        policy: The policy that is blended.
        run: Its run.
        protocol: What is drawn.
        generate: The blends, and how many images are drawn at once.
        blend: The name of one.
    """
    blended = replace(protocol, blend=generate.blends[blend])
    return _images(model, policy, run.name, run, blended, generate)


def base_images(model: Policy, run: Run, protocol: Protocol, generate: Generate) -> ShardsToDraw:
    """Describe the base model's images: the reference of recall, and the table's first row.

    Args:
        model: The base model.
        run: Any run with this base model.
        protocol: What is drawn.
        generate: How many images are drawn at once.
    """
    policy = model.initial_state(0, base_identity(run))
    return _images(model, policy, "base", run, protocol, generate)


def fresh_base_images(
    model: Policy, run: Run, protocol: Protocol, generate: Generate
) -> ShardsToDraw:
    """Describe the base model's images of other seeds: how much recall chance alone allows.

    Args:
        model: The base model.
        run: Any run with this base model.
        protocol: What is drawn of the first seeds; the seeds that follow are taken.
        generate: How many images are drawn at once.
    """
    policy = model.initial_state(0, base_identity(run))
    return _images(model, policy, "base_fresh", run, protocol.fresh(), generate)


def many_base_images(
    model: Policy, run: Run, protocol: Protocol, generate: Generate
) -> ShardsToDraw:
    """Describe the many images of the base model that the best front is estimated from.

    Args:
        model: The base model.
        run: Any run with this base model.
        protocol: What is drawn of the first seeds; seeds that follow the fresh ones are taken.
        generate: How many images there are, and how many are drawn at once.
    """
    policy = model.initial_state(0, base_identity(run))
    many = protocol.many(generate.best_front_images)
    return _images(model, policy, "base_many", run, many, generate)


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
