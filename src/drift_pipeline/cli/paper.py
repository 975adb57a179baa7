"""The runs of the whole paper, as `params.yaml` lists them for `dvc repro`."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import yaml

from drift_pipeline.common.errors import ConfigurationError

FILE = "params.yaml"
PARTS = (
    ("methods", "rewards", "seeds"),
    ("ablations", "ablation_rewards", "ablation_seeds"),
    ("repeats", "repeat_rewards", "repeat_seeds"),
    ("demanding", "demanding_rewards", "demanding_seeds"),
)
"""Each part of the paper runs every method with every reward and seed of it."""

RunKey = tuple[str, str, int]


def read_paper(project: Path) -> dict[str, Any]:
    """Read `params.yaml`.

    Args:
        project: The project's folder.

    Raises:
        ConfigurationError: Where it is missing or lacks a list.
    """
    try:
        values = yaml.safe_load((project / FILE).read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigurationError(f"{project / FILE} cannot be read ({error.strerror})") from error
    for name in dict.fromkeys(name for part in PARTS for name in part):
        if not isinstance(values.get(name), list):
            raise ConfigurationError(f"{FILE}: {name} must be a list (it is {values.get(name)!r})")
    return dict(values)


def runs_of(paper: dict[str, Any]) -> list[RunKey]:
    """List the runs, each once.

    Args:
        paper: As `read_paper` gives it.

    Returns:
        (method, reward, seed) of each.
    """
    keys = [key for part in PARTS for key in product(*(paper[name] for name in part))]
    return list(dict.fromkeys(keys))
