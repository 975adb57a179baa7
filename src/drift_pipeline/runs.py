"""A run: a method, a reward and a seed, everything they stand for, and where it is kept.

`Run` is made of the project's parameters, checks them, and says what a state on the disk must
have been made with to be continued.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from drift_pipeline.common.values import fingerprint as fingerprint
from drift_pipeline.common.values import flat as flat
from drift_pipeline.config.mistakes import meant, one_line
from drift_pipeline.identity import SOURCE, TRAINING_CODE, named_by, source_of, training_code
from drift_pipeline.parameters import (
    MAX_SAMPLES,
    ConfigurationError,
    EncoderSpec,
    Method,
    RewardSpec,
    Train,
)

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

Spec = TypeVar("Spec", bound=BaseModel)


class Run(BaseModel):
    """A training run with all names looked up."""

    model_config = ConfigDict(frozen=True)

    method_name: str
    reward_name: str
    seed: int
    method: Method
    reward: RewardSpec
    encoder: EncoderSpec
    train: Train

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Run:
        """Read the project's parameters.

        Args:
            parameters: With the keys method, reward, seed, methods, rewards, encoders, train.

        Raises:
            ConfigurationError: In one line, what is wrong and what is possible.
        """
        seed = parameters.get("seed")
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise ConfigurationError(f"seed: must be a whole number (it is {seed!r})")
        if abs(seed) >= 2**63:
            raise ConfigurationError(f"seed: must lie within ±2⁶³ (it is {seed})")
        train = read(Train, parameters.get("train", {}), "train")
        method = look_up(Method, parameters, "method")
        if (train.epochs or method.epochs) is None:
            raise ConfigurationError(
                f"train.epochs: neither it nor methods.{parameters['method']}.epochs says how long "
                "to train; give one of them a number of epochs"
            )
        drawn = train.groups_per_epoch * train.group_size * method.candidates
        if drawn > MAX_SAMPLES:
            raise ConfigurationError(
                f"train.groups_per_epoch: {train.groups_per_epoch} groups of {train.group_size} × "
                f"{method.candidates} candidates are {drawn:,} pictures an epoch, more than "
                f"{MAX_SAMPLES:,}; make fewer or smaller groups"
            )
        return cls(
            method_name=str(parameters.get("method")),
            reward_name=str(parameters.get("reward")),
            seed=seed,
            method=method,
            reward=look_up(RewardSpec, parameters, "reward"),
            encoder=look_up(EncoderSpec, parameters, "encoder", train.encoder),
            train=train,
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
        """What the policies of this run depend on, flat; two runs agree where these agree.

        Models count with the contents of their files, or with their commit on the Hub; the reward
        and the encoder count with their source, and so does the training code of this package.

        Args:
            prompts: The training prompts; only a hash of them and of their order is kept.

        Raises:
            ConfigurationError: Where the reward's or the encoder's class cannot be found.
        """
        settings = self.train.model_dump(mode="json")
        values = {
            "method": self.method_name,
            "reward": self.reward_name,
            "seed": self.seed,
            **flat(self.method.arithmetic(), f"methods.{self.method_name}"),
            **flat(self.reward.model_dump(mode="json"), f"rewards.{self.reward_name}"),
            **flat(self.encoder.model_dump(mode="json"), f"encoders.{self.train.encoder}"),
            **{f"train.{key}": value for key, value in flat(settings).items() if key not in FREE},
            "train.prompts (hash)": fingerprint(prompts),
            TRAINING_CODE: training_code(),
        }
        del values[f"rewards.{self.reward_name}.truth"]  # it is only looked at
        if self.method.shaping.merge == "advantage":  # then the reward's scale changes nothing
            del values[f"rewards.{self.reward_name}.bounds"]
        classes = {
            f"rewards.{self.reward_name}.scorer": self.reward.scorer,
            f"encoders.{self.train.encoder}.encoder": self.encoder.encoder,
        }
        sources = {f"{key} {SOURCE}": source_of(path, key) for key, path in classes.items()}
        return values | sources | named_by(values)


def run_name(method: Any, reward: Any, seed: Any) -> str:
    """Name of a run, which is also its folder's."""
    return f"{method}-{reward}-s{seed}"


def read(model: type[Spec], values: Any, where: str) -> Spec:
    """Check values by a model.

    Raises:
        ConfigurationError: In one line, what is wrong and where.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(one_line(error, where, model)) from error


def look_up(model: type[Spec], parameters: Mapping[str, Any], kind: str, name: Any = None) -> Spec:
    """Find a preset by its name and check it.

    Args:
        model: What it is checked by.
        parameters: With the presets under `<kind>s`, and under `<kind>` the name.
        kind: method, reward or encoder.
        name: The name, if it is not the one in the parameters.

    Raises:
        ConfigurationError: Where there is no such name, with the known ones, or it is wrong.
    """
    name = parameters.get(kind) if name is None else name
    known = parameters.get(f"{kind}s") or {}
    if not isinstance(known, Mapping):
        raise ConfigurationError(f"{kind}s: must be presets by name (it is {known!r})")
    if not isinstance(name, str) or name not in known:
        near = meant(name, [*known]) if isinstance(name, str) else None
        raise ConfigurationError(
            f"unknown {kind} {name!r}; known are: {', '.join(map(str, known)) or 'none'} "
            f"(see {kind}s in parameters_{kind}s.yml)" + (f"; did you mean {near}?" if near else "")
        )
    return read(model, known[name], f"{kind}s.{name}")
