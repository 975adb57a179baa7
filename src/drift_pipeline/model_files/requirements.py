"""Which downloads an environment needs, read from its parameters.

A model is named once, in the parameters: a hub id is looked for in the Hugging Face cache, a folder
of this disk needs no download. `fetch` downloads what this module lists, and a run that lacks
something says so before it starts. Nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.values import flat
from drift_pipeline.config.components import EncoderSpec, RewardSpec
from drift_pipeline.config.places import find
from drift_pipeline.model_files.locate import hub_id
from drift_pipeline.model_files.parts import INDEX, TRANSFORMERS_WEIGHTS, WEIGHTS, weights_of
from drift_pipeline.model_files.sources import DREAMSIM, DreamSimFiles, HubFiles, Need

OPENCLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def _base_model(name: str, root: Path) -> list[Need]:
    found = hub_model(name, root)
    if found is None:
        return []
    files = (
        (INDEX,),
        *(_in(part, weights_of(part)) for part in WEIGHTS),
    )
    return [HubFiles("train.base_model", *found, files)]


def _pickscore(options: Mapping[str, Any], where: str, root: Path) -> list[Need]:
    needs: list[Need] = []
    if model := hub_model(options.get("model"), root):
        repo, revision = model[0], options.get("revision") or model[1]
        files = (("config.json",), TRANSFORMERS_WEIGHTS)
        needs.append(HubFiles(f"{where}.model", repo, revision, files))
    if processor := hub_model(options.get("processor"), root):
        files = (("preprocessor_config.json",), ("tokenizer.json", "vocab.json"))
        needs.append(HubFiles(f"{where}.processor", *processor, files))
    return needs


def _hpsv2(options: Mapping[str, Any], where: str, root: Path) -> list[Need]:
    repo, file = options.get("repo"), str(options.get("checkpoint"))
    if not repo:
        return []
    return [HubFiles(f"{where}.checkpoint", repo, options.get("revision"), ((file,),), ())]


def _openclip(options: Mapping[str, Any], where: str, root: Path) -> list[Need]:
    architecture, tag = str(options.get("architecture")), options.get("pretrained")
    if not tag or find(architecture, root) or find(str(tag), root):
        return []
    from open_clip.pretrained import get_pretrained_cfg

    repo, _, file = (get_pretrained_cfg(architecture, tag) or {}).get("hf_hub", "").rpartition("/")
    if not repo:
        raise ConfigurationError(
            f"{where}.pretrained: open_clip has no weights {tag!r} of {architecture!r} on the Hub; "
            f"`open_clip.list_pretrained()` says which there are"
        )
    names = (file,) if file else OPENCLIP_WEIGHTS
    return [HubFiles(f"{where}.pretrained", repo, None, (names,), ())]


def _dreamsim(options: Mapping[str, Any], where: str, root: Path) -> list[Need]:
    kind, folder = options.get("kind"), str(options.get("folder"))
    if kind is None:  # a folder with a model of one's own
        return []
    if kind not in DREAMSIM:
        raise ConfigurationError(
            f"{where}.kind: {kind!r} cannot be fetched; these can: {', '.join(DREAMSIM)}"
        )
    return [DreamSimFiles(f"{where}.kind", kind, root / folder)]


ADAPTERS: dict[str, Callable[[Mapping[str, Any], str, Path], list[Need]]] = {
    "drift_pipeline.scorers.pickscore.PickScore": _pickscore,
    "drift_pipeline.scorers.hpsv2.HPSv2": _hpsv2,
    "drift_pipeline.encoders.openclip.OpenCLIP": _openclip,
    "drift_pipeline.encoders.dreamsim.DreamSim": _dreamsim,
}
"""What the options of each adapter ask for; one's own adapters look after their files."""


def needs_of(
    root: Path,
    base_model: str | None = None,
    rewards: Mapping[str, RewardSpec] | None = None,
    encoders: Mapping[str, EncoderSpec] | None = None,
) -> list[Need]:
    """List what models need that are not folders of this disk, each once.

    Args:
        root: The project's folder.
        base_model: `train.base_model`.
        rewards: Name to reward.
        encoders: Name to encoder.

    Raises:
        ConfigurationError: Where something is asked for that nobody offers.
    """
    needs = _base_model(base_model, root) if base_model else []
    for name, reward in (rewards or {}).items():
        if reward.scorer in ADAPTERS:
            needs += ADAPTERS[reward.scorer](reward.options, f"rewards.{name}.options", root)
    for name, encoder in (encoders or {}).items():
        if encoder.encoder in ADAPTERS:
            needs += ADAPTERS[encoder.encoder](encoder.options, f"encoders.{name}.options", root)
    return list(dict.fromkeys(needs))


def require(needs: Iterable[Need], given: Mapping[str, Any]) -> None:
    """Refuse to begin without downloads that are needed.

    Args:
        needs: From `needs_of`.
        given: What Kedro's command line was given: `env` and `runtime_params`.

    Raises:
        ConfigurationError: In one line, what is missing, from where, and that command.
    """
    lacking = [
        f"{need.parameter}: {need} is not on this machine (no {file}; it comes from {need.source})"
        for need in needs
        if (file := need.missing())
    ]
    if lacking:
        command = f"python -m drift_pipeline fetch --env {given.get('env') or 'local'}"
        values = flat(given.get("runtime_params") or {})
        models = ("train.base_model", "rewards.", "encoders.")
        params = [f"{key}={value}" for key, value in values.items() if key.startswith(models)]
        command += f" --params {','.join(params)}" if params else ""
        raise ConfigurationError(f"{'; '.join(lacking)}. To download: {command}")


def refuse_untrainable(name: str, pipeline: str | None) -> None:
    """Refuse a base model of another kind than Stable Diffusion 1.x and 2.x, such as SDXL.

    Args:
        name: The base model.
        pipeline: The class that it was saved with; `None` where that is not known.

    Raises:
        ConfigurationError: In one line, what it is and what is possible.
    """
    if pipeline not in (None, "StableDiffusionPipeline"):
        raise ConfigurationError(
            f"train.base_model: {name} is a {pipeline}; what can be trained are Stable Diffusion "
            "1.x and 2.x, saved as StableDiffusionPipeline"
        )


def hub_model(name: Any, root: Path) -> tuple[str, str | None] | None:
    """Read a hub id: repository and revision; `None` for what is, or can only be, on this disk."""
    return None if not name or find(str(name), root) else hub_id(str(name))


def _in(folder: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)
