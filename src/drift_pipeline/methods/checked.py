"""Ask a method, whoever wrote it, and check what it answers before anything is trained on it."""

from __future__ import annotations

import torch
from torch import Tensor

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.methods.base import Credit, Method

COLUMNS = {"epoch", "group", "prompt", "candidate", "seed", "reward", "selected", "diversity",
           "advantage_total"}  # fmt: skip
"""Columns of the candidates' table that no method may write."""


class MethodError(ConfigurationError):
    """A method that answers what it should not; the message is one line."""


class CheckedMethod:
    """A method whose answers have the right shape, are finite, and weigh nothing negatively.

    Args:
        method: Is asked.
        name: Its preset's, for messages.
        group_size: g, samples of a group that are trained on.
    """

    def __init__(self, method: Method, name: str, group_size: int) -> None:
        self.method, self.name, self.group_size = method, name, group_size

    @property
    def perturbs_prompts(self) -> bool:
        """Whether `perturb` is asked at all."""
        return bool(self.method.perturbs_prompts)

    def perturb(self, embeddings: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Perturb prompts, `(b, tokens, d)`."""
        given = self.method.perturb(embeddings, noise, times)
        self._require(given, "perturb", tuple(embeddings.shape))
        return given

    def select(self, rewards: Tensor) -> Tensor:
        """Choose samples, `(groups, c)` → `(groups, g)`."""
        groups, candidates = rewards.shape
        given = self.method.select(rewards.clone())
        self._require(given, "select", (groups, self.group_size))
        ordered = given.sort(dim=1).values
        twice = bool((ordered.diff(dim=1) == 0).any())
        if given.is_floating_point() or twice or ordered.min() < 0 or ordered.max() >= candidates:
            raise MethodError(
                f"the method {self.name!r}: select must give {self.group_size} different places "
                f"per group, whole numbers from 0 to {candidates - 1}; it gave {given.tolist()}"
            )
        return given

    def credit(self, rewards: Tensor, embeddings: Tensor) -> Credit:
        """Say what samples are worth, `(groups, g)`."""
        credit = self.method.credit(rewards.clone(), embeddings.clone())
        if not isinstance(credit, Credit):
            raise MethodError(
                f"the method {self.name!r}: credit must give a Credit "
                f"({Credit.__module__}); it gave {type(credit).__name__}"
            )
        for part, values in {"total": credit.total, **credit.parts}.items():
            self._require(values, f"credit, {part}:", tuple(rewards.shape))
        if taken := COLUMNS.intersection(credit.parts):
            raise MethodError(
                f"the method {self.name!r}: credit names a part {min(taken)!r}, which the "
                "candidates' table has already; call it something else"
            )
        return credit

    def step_weights(self, times: Tensor) -> Tensor:
        """Weigh steps, `(s,)`."""
        given = self._weights(self.method.step_weights(times), "step_weights", (len(times),))
        if not given.any():
            raise MethodError(f"the method {self.name!r}: step_weights leaves every step out")
        return given

    def kl_weights(self, advantages: Tensor, times: Tensor) -> Tensor:
        """Weigh KL divergences, `(n, s)`."""
        given = self.method.kl_weights(advantages, times)
        return self._weights(given, "kl_weights", (len(advantages), len(times)))

    def renews_reference(self, epoch: int) -> bool:
        """Whether the reference is renewed after an epoch."""
        return bool(self.method.renews_reference(epoch))

    def _weights(self, given: Tensor, what: str, shape: tuple[int, ...]) -> Tensor:
        self._require(given, what, shape)
        if (given < 0).any():
            raise MethodError(f"the method {self.name!r}: {what} gave a negative weight")
        return given

    def _require(self, given: object, what: str, shape: tuple[int, ...]) -> None:
        if not isinstance(given, Tensor) or tuple(given.shape) != shape:
            raise MethodError(
                f"the method {self.name!r}: {what} must give a tensor of shape {shape}; it gave "
                f"{tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__}"
            )
        if not torch.isfinite(given).all():
            raise MethodError(f"the method {self.name!r}: {what} gave a number that is not finite")
