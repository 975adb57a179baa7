"""Make what a run names: its policy, its method, its reward and its encoder.

These functions are nodes of the pipelines.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config import classes
from drift_pipeline.config.places import locate
from drift_pipeline.model_files.locate import local_or_hub
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from drift_pipeline.methods.base import Method
    from drift_pipeline.policies.base import Policy
else:
    # Kedro reads the annotations of functions that are nodes; these types are heavy to import.
    Method = Policy = Any

logger = logging.getLogger(__name__)


def load_policy(run: Run) -> Policy:
    """Load the base model as a policy, with an empty adapter.

    Raises:
        ConfigurationError: Where it cannot be loaded, with the reason, or where its class has no
            use for a setting that was changed, or is no policy's.
    """
    from drift_pipeline.policies import base

    classes.hide_loading_bars()
    train, spec = run.train, run.train.policy
    build = classes.find(spec.policy, "train.policy.policy")
    given = classes.policy_settings(build, train) | locate(spec.options, run.root)
    try:
        policy = build(local_or_hub(locate(train.base_model, run.root), "the base model"), **given)
    except Exception as error:  # a class of one's own may fail in any way
        logger.debug("%s cannot be loaded", train.base_model, exc_info=True)
        usual = isinstance(error, OSError | ValueError | RuntimeError | KeyError)
        reason = ("" if usual else f"{type(error).__name__}: ") + " ".join(str(error).split())
        raise ConfigurationError(
            f"train.base_model: {train.base_model} cannot be loaded: {reason}"
        ) from error
    _require_members(policy, base.Policy, spec.policy, "train.policy.policy")
    logger.info(
        "Policy: %s, %s trainable parameters (LoRA r=%d, alpha=%g), on %s in %s",
        train.base_model,
        f"{policy.trainable_parameters:,}",
        train.lora.rank,
        train.lora.alpha,
        policy.device,
        train.precision,
    )
    _warn_of_slow_precision(policy)
    _say_how_loud_steps_are(policy, run)
    return policy


def _warn_of_slow_precision(policy: Policy) -> None:
    """Warn where this CPU takes longer in the run's precision than in fp32."""
    from drift_pipeline.common.devices import slowdown
    from drift_pipeline.policies.adapted import DTYPES

    if policy.device.type != "cpu" or policy.precision == "fp32":
        return
    factor = slowdown(DTYPES[policy.precision])
    if factor > 1:
        logger.warning(
            "train.precision: this CPU takes %.1f times as long in %s as in fp32 (measured on a "
            "convolution); set it to fp32",
            factor,
            policy.precision,
        )


def _say_how_loud_steps_are(policy: Policy, run: Run) -> None:
    """Log each step's share of the squared score norm, where the policy's schedule tells it."""
    from drift_pipeline.policies.denoising import schedule_of
    from drift_pipeline.rl.step_weights import score_shares

    schedule = schedule_of(policy, run.train.sampling)
    shares = score_shares(schedule.stochastic, schedule.deviations, schedule.responses)
    if shares is None:
        return
    most = int(shares.argmax())
    fair = 1 / int(schedule.stochastic.sum())
    logger.info(
        "Steps: %d of %d draw noise; step %d (t = %g) has %.0f %% of the squared score norm, "
        "%.1f times its equal share",
        schedule.stochastic.sum(),
        len(schedule),
        most + 1,
        schedule.times[most],
        100 * shares[most],
        shares[most] / fair,
    )


def load_method(run: Run) -> Method:
    """Make the method, from its preset and what it needs of the run.

    Raises:
        ConfigurationError: Where its class cannot be made, or is no method's.
    """
    from drift_pipeline.methods import base
    from drift_pipeline.methods.checked import CheckedMethod

    where = f"methods.{run.method_name}.method"
    build = classes.find(run.method.method, where)
    given = {
        "preset": run.method,
        "group_size": run.train.group_size,
        "prompt_noise": run.train.prompt_noise,
        "bounds": run.reward.bounds,
    }
    path, options = run.method.method, locate(run.method.options, run.root)
    method = classes.construct(build, given | options, path, where)
    _require_members(method, base.Method, path, where)
    return CheckedMethod(method, run.method_name, run.train.group_size)


def load_reward(run: Run) -> Any:
    """Make the scorer."""
    where = f"rewards.{run.reward_name}.scorer"
    return classes.make(run.reward.scorer, run.reward.options, run.root, run.train.device, where)


def load_encoder(run: Run) -> Any:
    """Make the encoder of the intra-group diversity."""
    where = f"encoders.{run.train.encoder}.encoder"
    spec = run.encoder
    return classes.make(spec.encoder, spec.options, run.root, run.train.device, where)


def check_members(run: Run) -> None:
    """Refuse classes that have forgotten what a policy or a method must do, before one is made.

    Raises:
        ConfigurationError: With what is lacking.
    """
    from drift_pipeline.methods.base import Method
    from drift_pipeline.policies.base import Policy

    asked: list[tuple[type, str, str]] = [
        (Policy, run.train.policy.policy, "train.policy.policy"),
        (Method, run.method.method, f"methods.{run.method_name}.method"),
    ]
    for protocol, path, where in asked:
        # What a constructor sets is not there yet.
        done = [name for name, member in vars(protocol).items() if callable(member)]
        _require_members(classes.find(path, where), protocol, path, where, done)


def _require_members(
    made: object, protocol: type, path: str, where: str, names: Iterable[str] | None = None
) -> None:
    """Refuse what a class of one's own has forgotten before anything is drawn."""
    names = {**vars(protocol), **protocol.__annotations__} if names is None else names
    lacking = [n for n in names if n[0] != "_" and getattr(made, n, None) is None]
    if lacking:
        raise ConfigurationError(
            f"{where}: {path} is no {protocol.__name__} ({protocol.__module__}): it has no "
            f"{', '.join(lacking)}"
        )
