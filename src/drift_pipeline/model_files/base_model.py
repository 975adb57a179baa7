"""What a run asks of its base model, checked before any model is loaded."""

from __future__ import annotations

from pathlib import Path

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.places import locate
from drift_pipeline.config.train import Sampling
from drift_pipeline.model_files.locate import local_or_hub, pipeline_class
from drift_pipeline.model_files.parts import BrokenModel, check_parts, folder_of
from drift_pipeline.model_files.requirements import refuse_untrainable


def check_base_model(base_model: str, sampling: Sampling | None, root: Path) -> None:
    """Make sure that a base model can be loaded and sampled from.

    Reads descriptions and the heads of files, and no weights.

    Args:
        base_model: `train.base_model`.
        sampling: `train.sampling`, which the evaluation shares; `None` where the policy has a
            schedule of its own, of which nothing is known.
        root: The project's folder.

    Raises:
        ConfigurationError: In one line, what is wrong with which file, and what to change.
    """
    name = locate(base_model, root)
    try:
        source = local_or_hub(name, "the base model")
        kind = pipeline_class(source)
    except FileNotFoundError as error:
        raise ConfigurationError(f"train.base_model: {error}") from error
    refuse_untrainable(name, kind)
    if (folder := folder_of(source)) is None:  # `needs` has said so
        return
    try:
        check_parts(folder)
        if sampling is not None:
            _check_sampling(folder, sampling)
    except BrokenModel as error:
        raise ConfigurationError(f"train.base_model: {name} {error}") from error


def _check_sampling(folder: Path, sampling: Sampling) -> None:
    from drift_pipeline.model_files.parts import read_json
    from drift_pipeline.model_files.scheduler import to_ddim
    from drift_pipeline.rl.ddim import check_schedule

    file = folder / "scheduler" / "scheduler_config.json"
    saved = read_json(file)
    try:
        scheduler = to_ddim(saved)
        scheduler.set_timesteps(sampling.steps)
        check_schedule(scheduler, sampling.eta)
    except ValueError as error:
        kind = saved.get("_class_name", "of no class")
        reason = " ".join(str(error).split())
        raise BrokenModel(
            f"cannot be sampled from with train.sampling.steps={sampling.steps} and its "
            f"scheduler/{file.name} ({kind}): {reason}"
        ) from error
