"""All parameters at once: what nobody reads is refused, whichever pipeline is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.values import flat
from drift_pipeline.config.analysis import Analyze
from drift_pipeline.config.base import Parameters
from drift_pipeline.config.bestiary import Bestiary
from drift_pipeline.config.components import ALL_KINDS, EncoderSpec, RewardSpec
from drift_pipeline.config.evaluation import Generate, Measure
from drift_pipeline.config.method import MethodPreset
from drift_pipeline.config.mistakes import meant
from drift_pipeline.config.presets import read
from drift_pipeline.config.train import Train

Name = Annotated[str, Field(pattern=r"^\w[\w-]*$")]
"""It names folders and datasets."""
RESERVED = {"methods": ("base", "gain"), "rewards": ("findings", "made_of", ALL_KINDS)}
"""Names that the analysis has for something else: rows of Table 1, files beside `<reward>.json`,
the sum of bits."""


class AllParameters(Parameters):
    """Everything that `conf/*/parameters*.yml` and `--params` may say."""

    method: Any
    reward: Any
    seed: Any
    methods: dict[Name, MethodPreset]
    rewards: dict[Name, RewardSpec]
    encoders: dict[Name, EncoderSpec]
    train: Train
    generate: Generate
    measure: Measure
    analyze: Analyze | None = None
    bestiary: Bestiary | None = None


def check_parameters(
    parameters: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> AllParameters:
    """Check everything that the configuration says.

    Args:
        parameters: Merged, as Kedro gives them. Keys at the top whose names begin with `_` are
            the user's own.
        given: What the command line gave of it.

    Returns:
        The parameters, typed.

    Raises:
        ConfigurationError: In one line: an unknown key, with the one that was probably meant, a
            value that cannot be, a preset whose name stands for something else in the analysis,
            or a preset of the command line that nothing uses.
    """
    known = {key: value for key, value in parameters.items() if not str(key).startswith("_")}
    everything = read(AllParameters, known, "")
    _refuse_reserved(everything)
    _refuse_kinds(everything)
    _refuse_unknown_drawn(everything)
    _refuse_unused(everything, known, given or {})
    return everything


def _refuse_reserved(everything: AllParameters) -> None:
    """Refuse names of presets under which the analysis would mix up what it writes."""
    named = {"methods": {*everything.methods}, "rewards": {*everything.rewards}}
    if everything.analyze is not None:
        named["rewards"] |= {*everything.analyze.rewards}
    for kind, reserved in RESERVED.items():
        if taken := [name for name in reserved if name in named[kind]]:
            raise ConfigurationError(
                f"{kind}.{taken[0]}: the analysis has this name for something else; choose "
                f"another one (reserved are: {', '.join(reserved)})"
            )


def _refuse_kinds(everything: AllParameters) -> None:
    """Refuse kinds as a reward that runs are compared by."""
    for name in everything.analyze.rewards if everything.analyze is not None else ():
        if name in everything.rewards and everything.rewards[name].kinds:
            raise ConfigurationError(
                f"analyze.rewards.{name}: its answers are kinds, by which runs cannot be compared; "
                "leave it out here (measure.rewards measures it)"
            )


def _refuse_unknown_drawn(everything: AllParameters) -> None:
    """Refuse to draw anew by methods that are not there."""
    generate, known = everything.generate, [*everything.methods]
    for key, names in (("free", generate.free), ("noisy", generate.noisy)):
        if absent := [name for name in names if name not in known]:
            near = meant(absent[0], known)
            hint = f"did you mean {near}?" if near else f"known are: {', '.join(known)}"
            raise ConfigurationError(f"generate.{key}: there is no method {absent[0]!r}; {hint}")


def _refuse_unused(
    everything: AllParameters, parameters: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Refuse presets that only the command line has and nothing uses: names misspelled."""
    analyze = everything.analyze
    used = {
        "methods": {everything.method},
        "rewards": {everything.reward, *everything.measure.rewards},
        "encoders": {everything.train.encoder, *everything.measure.encoders},
    }
    if analyze is not None:
        used["rewards"] |= {*analyze.rewards}
    for kind, names in used.items():
        presets = parameters[kind]
        for name, values in (given.get(kind) or {}).items():
            if name in names or flat(presets[name]) != flat(values):
                continue
            others = [other for other in presets if other != name]
            near = meant(name, others)
            hint = f"did you mean {kind}.{near}?" if near else f"known are: {', '.join(others)}"
            raise ConfigurationError(
                f"{kind}.{name}: nothing here uses a preset of this name; {hint}"
            )
