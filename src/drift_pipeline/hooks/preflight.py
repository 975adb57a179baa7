"""Whether what a run needs can be had and made, before any of it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from drift_pipeline.config.classes import (
    check_classes,
    check_method,
    check_policy,
    find,
    has_diffusers_files,
)
from drift_pipeline.config.components import STABLE_DIFFUSION, EncoderSpec, RewardSpec
from drift_pipeline.config.train import Train
from drift_pipeline.config.truths import check_truths
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.model_files.base_model import check_base_model
from drift_pipeline.model_files.requirements import needs_of, require
from drift_pipeline.model_files.tokens import warn_of_unread
from drift_pipeline.runs.loading import check_members
from drift_pipeline.runs.run import Run


def check_models(
    run: Run,
    given: Mapping[str, Any],
    draws: bool,
    rewards: Mapping[str, RewardSpec],
    encoders: Mapping[str, EncoderSpec],
    prompts: Sequence[str] = (),
    parameter: str = "train.prompts",
) -> None:
    """Check the models of a run, and say which words of the prompts they will not read.

    Args:
        run: The run.
        given: What Kedro's command line was given.
        draws: Whether the base model will draw.
        rewards: Rewards that will score, by name.
        encoders: Encoders that will embed, by name.
        prompts: What will be drawn.
        parameter: The parameter that names their file.

    Raises:
        ConfigurationError: In one line, what is missing or cannot be made.
    """
    train = run.train
    if draws:
        check_policy(train)
        check_method(run.method_name, run.method)
        check_members(run)
    # Another policy looks after its files itself.
    base_model = train.base_model if draws and has_diffusers_files(train) else None
    require(needs_of(run.root, base_model, rewards, encoders), given)
    if base_model:
        sampling = train.sampling if _takes_the_schedulers_steps(train) else None
        check_base_model(base_model, sampling, run.root)
    check_classes(rewards, encoders)
    check_truths(rewards)
    warn_of_unread(prompts, parameter, run.root, base_model, rewards)


def _takes_the_schedulers_steps(train: Train) -> bool:
    """Return whether the policy's schedule is Stable Diffusion's, not one of its own."""
    policies = (
        find(path, "train.policy.policy") for path in (train.policy.policy, STABLE_DIFFUSION)
    )
    own, standard = (getattr(policy, "schedule", None) for policy in policies)
    return own is standard


def refuse_damaged_policies(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Look at the checkpoints that a run will draw from, before it draws from any.

    Args:
        pipeline: What will be run; nodes whose outputs are there are not asked.
        catalog: Where the checkpoints are.

    Raises:
        ConfigurationError: In one line, which checkpoint is missing or damaged and what to do.
    """
    made = pipeline.all_outputs()
    for node in pipeline.nodes:
        names = [name for name in node.inputs if name.endswith(".policy") and name not in made]
        if names and not all(catalog.exists(name) for name in node.outputs):
            for dataset in map(catalog.get, names):
                if isinstance(dataset, PolicyDataset):
                    dataset.verify()
