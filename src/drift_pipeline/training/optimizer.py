"""The optimizer between two epochs: out of a policy's state and back into one."""

from __future__ import annotations

from dataclasses import replace

import torch

from drift_pipeline.config.train import Optimization
from drift_pipeline.policies.base import Policy, PolicyState

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def restore_optimizer(
    policy: Policy, state: PolicyState, optimization: Optimization
) -> torch.optim.AdamW:
    """Make AdamW over the adapter, with the memory that the state carries.

    Args:
        policy: Its adapter is optimized.
        state: Where training resumes.
        optimization: Step size and decay rates.

    Raises:
        ValueError: Where the state has kept the adapter alone.
    """
    moments_of = state.optimizer
    if moments_of is None and state.epoch == 0:
        moments_of = {}  # before the first epoch there is nothing to remember
    if moments_of is None:
        raise ValueError(
            f"the checkpoint of epoch {state.epoch} has kept no optimizer state, so training "
            "cannot resume from it"
        )
    assert optimization.learning_rate is not None  # the run has looked it up
    optimizer = torch.optim.AdamW(
        policy.adapter.values(),
        lr=optimization.learning_rate,
        betas=optimization.betas,
        eps=optimization.epsilon,
        weight_decay=optimization.weight_decay,
    )
    for name, parameter in policy.adapter.items() if moments_of else ():
        moments = {moment: moments_of[f"{name}.{moment}"] for moment in MOMENTS}
        optimizer.state[parameter] = {
            # AdamW keeps its step counter on the CPU and the moments beside the parameter.
            moment: tensor.to("cpu" if moment == "step" else parameter.device, copy=True)
            for moment, tensor in moments.items()
        }
    return optimizer


def restore_scaler(policy: Policy, state: PolicyState) -> torch.amp.GradScaler:
    """Make fp16's gradient scaler with the scale that the state carries; idle elsewhere."""
    scaler = torch.amp.GradScaler(policy.device.type, enabled=policy.precision == "fp16")
    if state.scaler:
        scaler.load_state_dict(dict(state.scaler))
    return scaler


def capture(
    policy: Policy,
    state: PolicyState,
    epoch: int,
    optimizer: torch.optim.AdamW,
    scaler: torch.amp.GradScaler,
) -> PolicyState:
    """Copy the adapter, the optimizer and the scaler out into a state of their own.

    Args:
        policy: Holds the adapter.
        state: The state that the epoch began with; its parameters are kept.
        epoch: The epoch that has been trained.
        optimizer: From `restore_optimizer`.
        scaler: From `restore_scaler`.
    """
    adapter = {
        name: tensor.detach().to("cpu", copy=True) for name, tensor in policy.adapter.items()
    }
    moments = {
        f"{name}.{moment}": optimizer.state[parameter][moment].detach().to("cpu", copy=True)
        for name, parameter in policy.adapter.items()
        for moment in MOMENTS
        if parameter in optimizer.state
    }
    return replace(
        state,
        epoch=epoch,
        adapter=adapter,
        optimizer=moments,
        scaler=dict(scaler.state_dict()),
        fingerprint=None,
    )
