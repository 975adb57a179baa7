"""Nodes of the training pipeline: each names its data and calls one function."""

from __future__ import annotations

import logging
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from drift_pipeline import components, project
from drift_pipeline.checkpoints import local_or_hub
from drift_pipeline.parameters import ConfigurationError, Train
from drift_pipeline.release import Release, write_card
from drift_pipeline.runs import Run

if TYPE_CHECKING:
    from pandas import DataFrame
    from PIL.Image import Image
    from torch import Tensor

    from drift_pipeline.rl.policy import PolicyState, StableDiffusion
    from drift_pipeline.rl.rollout import Trajectories
else:
    # Kedro reads the nodes' annotations; these types are too heavy to import for that.
    DataFrame = Image = Tensor = PolicyState = StableDiffusion = Trajectories = Any

logger = logging.getLogger(__name__)


def make_run(
    method: str,
    reward: str,
    seed: int,
    methods: dict[str, Any],
    rewards: dict[str, Any],
    encoders: dict[str, Any],
    train: Train,
) -> Run:
    """Look the names up: what this run is."""
    return Run.from_parameters(
        {
            "method": method,
            "reward": reward,
            "seed": seed,
            "methods": methods,
            "rewards": rewards,
            "encoders": encoders,
            "train": train,
        }
    )


def load_base_model(run: Run) -> StableDiffusion:
    """Load the model to be trained, with an empty adapter.

    Raises:
        ConfigurationError: Where a library cannot load it, with the library's reason.
    """
    from drift_pipeline.rl.policy import StableDiffusion

    components.hide_loading_bars()
    train = run.train
    try:
        model = StableDiffusion(
            local_or_hub(project.current.locate(train.base_model), "the base model"),
            lora=train.lora,
            precision=train.precision,
            device=train.device,
            channels_last=train.channels_last,
            gradient_checkpointing=train.gradient_checkpointing,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ConfigurationError(
            f"train.base_model: {train.base_model} cannot be loaded: {' '.join(str(error).split())}"
        ) from error
    logger.info(
        "Policy: %s, %s trainable parameters (LoRA r=%d, alpha=%g), on %s in %s",
        train.base_model,
        f"{model.trainable_parameters:,}",
        train.lora.rank,
        train.lora.alpha,
        model.device,
        train.precision,
    )
    return model


def load_reward(run: Run) -> Any:
    """Make the scorer."""
    where = f"rewards.{run.reward_name}.scorer"
    return components.make(run.reward.scorer, run.reward.options, run.train.device, where)


def load_encoder(run: Run) -> Any:
    """Make the encoder of the intra-group diversity."""
    where = f"encoders.{run.train.encoder}.encoder"
    return components.make(run.encoder.encoder, run.encoder.options, run.train.device, where)


def identify(run: Run, prompts: list[str]) -> dict[str, Any]:
    """Say what the policies depend on, before anything can be edited while the run goes on."""
    return run.identity(prompts)


def initial_policy(base_model: StableDiffusion, run: Run, identity: dict[str, Any]) -> PolicyState:
    """Make the policy before training, which draws what the base model draws."""
    return base_model.initial_state(run.seed, identity)


def rollout(
    base_model: StableDiffusion, policy: PolicyState, run: Run, prompts: list[str]
) -> tuple[Trajectories, Tensor, float]:
    """Draw the epoch's candidates."""
    from drift_pipeline.rl import rollout as rl

    start = perf_counter()
    train, epoch = run.train, policy.epoch + 1
    with base_model.policy(policy):
        trajectories, images = rl.rollout(
            base_model,
            policy,
            rl.draw_prompts(prompts, train.groups_per_epoch, run.seed, epoch),
            run.candidates,
            run.seed,
            epoch,
            train.sampling,
            train.prompt_noise if run.method.prompt_noise else None,
            train.progress,
            train.workers,
        )
    return trajectories, images, perf_counter() - start


def score(
    run: Run, scorer: Any, images: Tensor, trajectories: Trajectories
) -> tuple[Tensor, float]:
    """Reward the candidates.

    Raises:
        JudgeError: Where the reward fails or does not give one finite number an image; the last
            policy stays as it is.
    """
    from drift_pipeline.common.judging import ask_scorer

    start = perf_counter()
    asked = ask_scorer(run.reward_name, scorer, images, trajectories.prompts, trajectories.where)
    return asked.float(), perf_counter() - start


def select(run: Run, rewards: Tensor, trajectories: Trajectories) -> tuple[Tensor, Trajectories]:
    """Choose the samples to train on, and let the other trajectories go."""
    from drift_pipeline.rl import credit

    grouped = rewards.view(-1, run.candidates)
    chosen = credit.select(grouped, run.method.selection, run.train.group_size)
    offsets = run.candidates * chosen.new_tensor(range(len(grouped))).view(-1, 1)
    rows = chosen + offsets
    return rows, trajectories.select(rows.flatten())


def shape(
    run: Run,
    encoder: Any,
    images: Tensor,
    rewards: Tensor,
    selected: Tensor,
    batch: Trajectories,
) -> tuple[DataFrame, Tensor, float]:
    """Measure the groups' diversity and turn both rewards into advantages.

    Raises:
        JudgeError: Where the encoder fails or an embedding cannot be used; the last policy stays
            as it is.
    """
    from drift_pipeline.common.judging import ask_encoder
    from drift_pipeline.config.idle import idle_epoch
    from drift_pipeline.drift.shaping import intra_group_diversity
    from drift_pipeline.rl import credit
    from drift_pipeline.tables import candidates_table

    start = perf_counter()
    embeddings = ask_encoder(run.train.encoder, encoder, images[selected.flatten()], batch.where)
    diversity = intra_group_diversity(embeddings.view(*selected.shape, -1))
    earned = credit.assign(rewards[selected], diversity, run.method, run.reward.bounds)
    for line in idle_epoch(earned, run.method, run.method_name):
        logger.warning("epoch %d: %s", batch.epoch, line)
    table = candidates_table(batch, rewards, selected, diversity, earned)
    return table, earned.total.flatten(), perf_counter() - start


def contact_sheet(run: Run, candidates: DataFrame, images: Tensor) -> Image:
    """Draw a few of the epoch's groups."""
    from drift_pipeline.pictures import draw_contact_sheet

    return draw_contact_sheet(candidates, images, run.train.contact_sheet_groups)


def update(
    base_model: StableDiffusion,
    policy: PolicyState,
    run: Run,
    identity: dict[str, Any],
    batch: Trajectories,
    advantages: Tensor,
    candidates: DataFrame,
    rollout_seconds: float,
    score_seconds: float,
    shape_seconds: float,
) -> tuple[DataFrame, dict[str, Any], PolicyState]:
    """Train the policy on the chosen samples, and sum the epoch up."""
    from drift_pipeline.rl import update as rl
    from drift_pipeline.tables import epoch_line, epoch_summary, updates_table, without_nan

    train = run.train
    start = perf_counter()
    with base_model.policy(policy):
        new_policy, rows = rl.update(
            base_model,
            policy,
            batch,
            advantages,
            train.sampling,
            train.optimization,
            train.prompt_noise if run.method.prompt_noise else None,
            run.method.kl_beta,
            train.progress,
            train.workers,
        )
    seconds = {
        "seconds_rollout": rollout_seconds,
        "seconds_score": score_seconds,
        "seconds_shape": shape_seconds,
        "seconds_update": perf_counter() - start,
    }
    updates = updates_table(batch.epoch, rows)
    summary = epoch_summary(candidates, updates, seconds)
    logger.info(epoch_line(summary, run.epochs))
    # A run that goes on by other source, knowingly, says from here on by which.
    return updates, without_nan(summary), replace(new_policy, parameters=identity)


def training_curve(run: Run, *tables: Any) -> tuple[DataFrame, list[dict[str, Any]], Image]:
    """Put the epochs together: a table, points for DVC's plots, and a picture.

    Args:
        run: The run.
        *tables: The epochs' summaries, then their gradient updates.
    """
    import pandas as pd

    from drift_pipeline.pictures import draw_training_curve

    points, updates = list(tables[: len(tables) // 2]), tables[len(tables) // 2 :]
    # A number that was not finite is null in the summary.
    curve = pd.DataFrame(
        [{k: float("nan") if v is None else v for k, v in p.items()} for p in points]
    )
    curve.insert(0, "run", run.name)
    return curve, points, draw_training_curve(curve, pd.concat(updates), run.name)


def training_pictures(run: Run, *epochs: Any) -> Image:
    """Show how the pictures of one prompt change over some epochs, where a prompt comes again.

    Args:
        run: The run.
        *epochs: The epochs' candidates, then their contact sheets.
    """
    from drift_pipeline.pictures import draw_training_pictures

    tables, sheets = epochs[: len(epochs) // 2], epochs[len(epochs) // 2 :]
    rows = run.train.contact_sheet_groups
    prompts = [list(table.groupby("group")["prompt"].first())[:rows] for table in tables]
    return draw_training_pictures(sheets, prompts)


def release(run: Run, policy: PolicyState, *summaries: dict[str, Any]) -> Release:
    """Put the last policy and its model card together, to be written for others."""
    return Release(policy, write_card(run, summaries))


def finish(run: Run, *_results: Any) -> dict[str, int]:
    """Note how many epochs the results cover, once all of them are written."""
    return {"epochs": run.epochs}
