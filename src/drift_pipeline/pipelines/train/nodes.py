"""Nodes of the training pipeline: each names its data and calls one function."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drift_pipeline.runs.model_card import Release, make_release
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from pandas import DataFrame
    from PIL.Image import Image
    from torch import Tensor

    from drift_pipeline.methods.base import Method
    from drift_pipeline.policies.base import Policy, PolicyState
    from drift_pipeline.training.trajectories import Trajectories
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    DataFrame = Image = Tensor = Method = Policy = PolicyState = Trajectories = Any

logger = logging.getLogger(__name__)


def identify(run: Run, prompts: list[str]) -> dict[str, Any]:
    """Say what the policies depend on, before anything can be edited during the run."""
    return run.identity(prompts)


def initial_policy(base_model: Policy, run: Run, identity: dict[str, Any]) -> PolicyState:
    """Make the policy before training, which draws what the base model draws."""
    return base_model.initial_state(run.seed, identity)


def rollout(
    base_model: Policy, policy: PolicyState, method: Method, run: Run, prompts: list[str]
) -> tuple[Trajectories, Tensor]:
    """Draw the epoch's candidates."""
    from drift_pipeline.training import rollout as training

    train, epoch = run.train, policy.epoch + 1
    with base_model.using(policy):
        return training.rollout(
            base_model,
            policy,
            method,
            training.draw_prompts(prompts, train.groups_per_epoch, run.seed, epoch),
            run.candidates,
            run.seed,
            epoch,
            train.sampling,
            train.progress,
            train.workers,
        )


def score(run: Run, scorer: Any, images: Tensor, trajectories: Trajectories) -> Tensor:
    """Reward the candidates.

    Raises:
        JudgeError: Where the reward fails or does not give one finite number per image; the last
            policy stays as it is.
    """
    from drift_pipeline.common.asking import ask_scorer

    prompts, where = trajectories.prompts, trajectories.where
    return ask_scorer(run.reward_name, scorer, images, prompts, where).float()


def select(
    run: Run, method: Method, rewards: Tensor, trajectories: Trajectories
) -> tuple[Tensor, Trajectories]:
    """Choose the samples to train on, and let the other trajectories go."""
    from drift_pipeline.training.samples import select_samples

    return select_samples(method, rewards, trajectories, run.candidates)


def shape(
    run: Run,
    method: Method,
    encoder: Any,
    images: Tensor,
    rewards: Tensor,
    selected: Tensor,
    batch: Trajectories,
) -> tuple[DataFrame, Tensor]:
    """Embed the chosen images, and have the method say what each is worth.

    Raises:
        JudgeError: Where the encoder fails or an embedding cannot be used; the last policy stays
            as it is.
    """
    from drift_pipeline.training.records import candidates_table
    from drift_pipeline.training.samples import credit_samples

    name = run.train.encoder
    embeddings, credit = credit_samples(method, name, encoder, images, rewards, selected, batch)
    for line in credit.remarks:
        logger.warning("epoch %d: %s", batch.epoch, line)
    return candidates_table(batch, rewards, selected, embeddings, credit), credit.total.flatten()


def contact_sheet(run: Run, candidates: DataFrame, images: Tensor) -> Image:
    """Draw a few of the epoch's groups."""
    from drift_pipeline.training.contact_sheets import draw_contact_sheet

    return draw_contact_sheet(candidates, images, run.train.contact_sheet_groups)


def update(
    base_model: Policy,
    policy: PolicyState,
    method: Method,
    run: Run,
    identity: dict[str, Any],
    batch: Trajectories,
    advantages: Tensor,
    candidates: DataFrame,
) -> tuple[DataFrame, dict[str, Any], PolicyState]:
    """Train the policy on the chosen samples, and sum the epoch up."""
    from drift_pipeline.training import update as training
    from drift_pipeline.training.records import epoch_remarks, epoch_summary, updates_table

    train = run.train
    with base_model.using(policy):
        new_policy, rows = training.update(
            base_model,
            policy,
            method,
            batch,
            advantages,
            train.sampling,
            train.optimization,
            train.progress,
            train.workers,
        )
    updates = updates_table(batch.epoch, rows)
    summary = epoch_summary(candidates, updates)
    for line in epoch_remarks(summary, train.precision):
        logger.warning("epoch %d: %s", batch.epoch, line)
    # A run that resumes by other source, knowingly, says from here on by which.
    return updates, summary, replace(new_policy, parameters=identity)


def training_curve(run: Run, *tables: Any) -> tuple[DataFrame, list[dict[str, Any]], Image]:
    """Put the epochs together: a table, points for DVC's plots, and a figure.

    Args:
        run: The run.
        *tables: The epochs' summaries, then their gradient updates.
    """
    import pandas as pd

    from drift_pipeline.training.curve_figure import draw_training_curve
    from drift_pipeline.training.records import curve_table

    points, updates = list(tables[: len(tables) // 2]), tables[len(tables) // 2 :]
    curve = curve_table(run.name, points)
    return curve, points, draw_training_curve(curve, pd.concat(updates), run.name)


def training_images(run: Run, *epochs: Any) -> Image:
    """Show how the images of one prompt change over some epochs, where a prompt comes again.

    Args:
        run: The run.
        *epochs: The epochs' candidates, then their contact sheets.
    """
    from drift_pipeline.training.contact_sheets import draw_prompt_over_epochs

    tables, sheets = epochs[: len(epochs) // 2], epochs[len(epochs) // 2 :]
    rows = run.train.contact_sheet_groups
    prompts = [list(table.groupby("group")["prompt"].first())[:rows] for table in tables]
    return draw_prompt_over_epochs(sheets, prompts)


def release(run: Run, policy: PolicyState, *summaries: dict[str, Any]) -> Release:
    """Put the last policy and its model card together, to be written for others."""
    return make_release(run, policy, summaries)


def finish(run: Run, *_results: Any) -> dict[str, int]:
    """Note how many epochs the results cover, once all of them are written."""
    return {"epochs": run.epochs}
