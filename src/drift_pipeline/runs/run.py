"""A run: a method, a reward and a seed, everything they stand for, and where it is kept.

`Run` is made of the project's parameters, checks them, and says what a state on the disk must
have been made with to be continued.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.values import fingerprint, flat
from drift_pipeline.config.base import MAX_SAMPLES
from drift_pipeline.config.components import STABLE_DIFFUSION, EncoderSpec, RewardSpec
from drift_pipeline.config.method import STANDARD, MethodPreset
from drift_pipeline.config.presets import look_up, read
from drift_pipeline.config.train import Train
from drift_pipeline.runs.identity import SOURCE, TRAINING_CODE, named_by, source_of, training_code

SHOWN = {"truth", "truth_options", "label", "measured_only", "kinds"}
"""Parameters of a reward that only its reports depend on."""
FREE = {
    "epochs",
    "device",
    "channels_last",
    "gradient_checkpointing",
    "workers",
    "contact_sheet_groups",
    "progress",
    "runs_folder",
    "if_changed",
    "start_over",
    "prompts",
    "sampling.batch_size",
    "sampling.decode_batch_size",
    "sampling.store",
    "optimization.micro_batch_size",
    "optimization.measure_kl_rows",
}
"""Parameters of `train` that may change between the parts of one run."""


class Run(BaseModel):
    """A training run with all names looked up.

    `root`, the folder of its project, is where its paths start; it is no part of its identity.
    """

    model_config = ConfigDict(frozen=True)

    method_name: str
    reward_name: str
    seed: int
    method: MethodPreset
    reward: RewardSpec
    encoder: EncoderSpec
    train: Train
    root: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], root: Path) -> Run:
        """Read the project's parameters.

        Args:
            parameters: With the keys method, reward, seed, methods, rewards, encoders, train.
            root: The project's folder.

        Raises:
            ConfigurationError: In one line, what is wrong and what is possible.
        """
        seed = parameters.get("seed")
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise ConfigurationError(f"seed: must be a whole number (it is {seed!r})")
        if abs(seed) >= 2**63:
            raise ConfigurationError(f"seed: must lie within ±2⁶³ (it is {seed})")
        train = read(Train, parameters.get("train", {}), "train")
        method = look_up(MethodPreset, parameters, "method")
        where = f"methods.{parameters['method']}"
        if (train.epochs or method.epochs) is None:
            raise ConfigurationError(
                f"train.epochs: neither it nor {where}.epochs says how long to train; give one of "
                "them a number of epochs"
            )
        train = _with_learning_rate(train, method, where)
        reward = look_up(RewardSpec, parameters, "reward")
        if reward.kinds:
            raise ConfigurationError(
                f"reward: the answers of {parameters['reward']!r} are kinds, which can be measured "
                "(measure.rewards) and not trained on; choose another one"
            )
        drawn = train.groups_per_epoch * train.group_size * method.candidates
        if drawn > MAX_SAMPLES:
            raise ConfigurationError(
                f"train.groups_per_epoch: {train.groups_per_epoch} groups of {train.group_size} × "
                f"{method.candidates} candidates are {drawn:,} images per epoch, more than "
                f"{MAX_SAMPLES:,}; make fewer or smaller groups"
            )
        return cls(
            method_name=str(parameters.get("method")),
            reward_name=str(parameters.get("reward")),
            seed=seed,
            method=method,
            reward=reward,
            encoder=look_up(EncoderSpec, parameters, "encoder", train.encoder),
            train=train,
            root=root,
        )

    @property
    def name(self) -> str:
        """`<method>-<reward>-s<seed>`."""
        return run_name(self.method_name, self.reward_name, self.seed)

    @property
    def epochs(self) -> int:
        """Epochs to train in all."""
        epochs = self.train.epochs or self.method.epochs
        assert epochs is not None  # `from_parameters` has seen to it
        return epochs

    @property
    def candidates(self) -> int:
        """Candidates of a group."""
        return self.method.candidates * self.train.group_size

    def identity(self, prompts: list[str]) -> dict[str, Any]:
        """Say what the policies of this run depend on, flat; two runs agree where these agree.

        Models count with the contents of their files, or with their commit on the Hub; the classes
        that YAML names count with their source, and so does the training code of this package.

        Args:
            prompts: The training prompts; only a hash of them and of their order is kept.

        Raises:
            ConfigurationError: Where one of these classes cannot be found.
        """
        settings = self.train.model_dump(mode="json")
        values = {
            "method": self.method_name,
            "reward": self.reward_name,
            "seed": self.seed,
            **flat(self.method.arithmetic(), f"methods.{self.method_name}"),
            **flat(
                self.reward.model_dump(mode="json", exclude=SHOWN), f"rewards.{self.reward_name}"
            ),
            **flat(self.encoder.model_dump(mode="json"), f"encoders.{self.train.encoder}"),
            **{f"train.{key}": value for key, value in flat(settings).items() if key not in FREE},
            "train.prompts (hash)": fingerprint(prompts),
            TRAINING_CODE: training_code(),
        }
        classes = {
            f"rewards.{self.reward_name}.scorer": self.reward.scorer,
            f"encoders.{self.train.encoder}.encoder": self.encoder.encoder,
        }
        # The project's own classes go without saying, as in runs from before there were others.
        own = {
            f"methods.{self.method_name}.method": (self.method.method, STANDARD),
            "train.policy.policy": (self.train.policy.policy, STABLE_DIFFUSION),
        }
        for key, (path, usual) in own.items():
            if path == usual:
                del values[key]
            else:
                classes[key] = path
        if self.train.optimization.step_weights == "uniform":  # as in runs that had no choice
            del values["train.optimization.step_weights"]
        if self.method.method == STANDARD and self.method.shaping.merge == "advantage":
            # The reward's scale changes nothing then.
            del values[f"rewards.{self.reward_name}.bounds"]
        sources = {f"{key} {SOURCE}": source_of(path, key) for key, path in classes.items()}
        return values | sources | named_by(values, self.root)


def _with_learning_rate(train: Train, method: MethodPreset, where: str) -> Train:
    """Take the learning rate from the method where `train` does not say."""
    if train.optimization.learning_rate is not None:
        return train
    if method.learning_rate is None:
        raise ConfigurationError(
            f"train.optimization.learning_rate: neither it nor {where}.learning_rate says how far "
            "an update moves; give one of them a number, such as 5e-4"
        )
    changed = {"learning_rate": method.learning_rate}
    optimization = train.optimization.model_copy(update=changed)
    return train.model_copy(update={"optimization": optimization})


def run_name(method: Any, reward: Any, seed: Any) -> str:
    """Name a run; its folder has the same name."""
    return f"{method}-{reward}-s{seed}"
