"""The parameters of an environment, for commands that run outside a Kedro session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.check import AllParameters, check_parameters


def read_parameters(root: Path, env: str, params: str = "") -> AllParameters:
    """Read an environment's parameters, and check them as a run does.

    Args:
        root: The project's folder.
        env: A folder of conf/.
        params: Values that replace some of them, `name=value` with commas between.

    Raises:
        ConfigurationError: Where there is no such environment, or a parameter is unknown or wrong.
    """
    from drift_pipeline.hooks.resolvers import register_seeds
    from drift_pipeline.settings import CONFIG_LOADER_ARGS

    if not (root / "conf" / env).is_dir():
        known = sorted(path.name for path in root.glob("conf/*/"))
        raise ConfigurationError(
            f"there is no environment {env!r} in {root / 'conf'}; known are: {', '.join(known)}"
        )
    given = OmegaConf.to_container(OmegaConf.from_dotlist(params.split(",") if params else []))
    arguments: dict[str, Any] = {**CONFIG_LOADER_ARGS, "runtime_params": given}
    register_seeds(root)
    parameters = OmegaConfigLoader(root / "conf", env=env, **arguments)["parameters"]
    return check_parameters(parameters, arguments["runtime_params"])
