"""Who judges a run's images: the encoders and rewards that the parameters name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drift_pipeline.config import classes
from drift_pipeline.config.components import EncoderSpec, RewardSpec
from drift_pipeline.config.evaluation import Measure
from drift_pipeline.config.presets import look_up
from drift_pipeline.config.truths import make_truth
from drift_pipeline.runs.identity import judge_digest
from drift_pipeline.runs.run import Run


@dataclass(frozen=True)
class Judges:
    """The encoders, the scorers and, where they are known, the true rewards, by name.

    Attributes:
        encoders: Images to embeddings.
        scorers: Images and prompts to scores.
        truths: Images to true rewards.
        encoder_digests: For each encoder what changes whenever it does.
        reward_digests: The same for each reward.
    """

    encoders: dict[str, Any]
    scorers: dict[str, Any]
    truths: dict[str, Any]
    encoder_digests: dict[str, str]
    reward_digests: dict[str, str]

    @classmethod
    def load(
        cls, run: Run, measure: Measure, encoders: Mapping[str, Any], rewards: Mapping[str, Any]
    ) -> Judges:
        """Make everything that judges images; the run's own reward is always among them.

        Args:
            run: The run that is judged.
            measure: Which encoders and rewards judge it.
            encoders: All encoders' presets.
            rewards: All rewards' presets.

        Raises:
            ConfigurationError: Where one is not known or cannot be made; it is named.
        """
        device = run.train.device
        seeing, scoring = presets_of(measure, encoders, rewards, run.reward_name)
        return cls(
            {
                name: classes.make(
                    spec.encoder, spec.options, run.root, device, f"encoders.{name}.encoder"
                )
                for name, spec in seeing.items()
            },
            {
                name: classes.make(
                    spec.scorer, spec.options, run.root, device, f"rewards.{name}.scorer"
                )
                for name, spec in scoring.items()
            },
            {
                name: make_truth(
                    spec.truth, spec.truth_options, run.root, device, f"rewards.{name}.truth"
                )
                for name, spec in scoring.items()
                if spec.truth is not None
            },
            *digests_of(seeing, scoring, run.root),
        )


def presets_of(
    measure: Measure,
    encoders: Mapping[str, Any],
    rewards: Mapping[str, Any],
    own: str | None = None,
) -> tuple[dict[str, EncoderSpec], dict[str, RewardSpec]]:
    """Look up the encoders and rewards that judge.

    Args:
        measure: Which ones.
        encoders: All encoders' presets; none of them is looked up where there are none.
        rewards: All rewards' presets.
        own: The run's own reward, which always judges it, and the base model that it is compared
            with, whether it is named or not.

    Raises:
        ConfigurationError: Where one is not known, with the known ones.
    """
    presets = {"encoders": encoders, "rewards": rewards}
    seeing = measure.encoders if encoders else ()
    scoring = dict.fromkeys([*measure.rewards, *([own] if own else [])])
    return (
        {name: look_up(EncoderSpec, presets, "encoder", name) for name in seeing},
        {name: look_up(RewardSpec, presets, "reward", name) for name in scoring},
    )


def digests_of(
    encoders: Mapping[str, EncoderSpec], rewards: Mapping[str, RewardSpec], root: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """Compute the digest of each encoder and of each reward, which changes whenever it does.

    Args:
        encoders: Name to encoder.
        rewards: Name to reward.
        root: The project's folder.
    """
    return (
        {name: judge_digest(f"encoders.{name}", spec, root) for name, spec in encoders.items()},
        {name: judge_digest(f"rewards.{name}", spec, root) for name, spec in rewards.items()},
    )
