"""What `${run:...}` and `${expected_seeds:}` stand for in conf/.

OmegaConf knows one of each name in a process, so each is registered anew for the project at hand,
before what uses it is read; a context keeps what it has read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import yaml
from omegaconf import OmegaConf

DEFAULT_RUN = {
    "name": "drift-pickscore-s42",
    "folder": "data/06_models/runs/bestiary/drift-pickscore-s42",
    "prompts": "data/01_raw/prompts/animals.txt",
    "evaluation_prompts": "data/01_raw/prompts/evaluation.txt",
    "pictures": "data/07_model_output/bestiary",
    "features": "data/04_feature/bestiary",
    "reports": "data/08_reporting/bestiary/runs",
    "reporting": "data/08_reporting/bestiary",
    "bestiary_draft": "data/06_models/.bestiary.draft",
}
"""What `${run:...}` stands for in the catalog where no hook runs, as in Kedro-Viz."""


def expected_seeds(root: Path) -> list[int]:
    """Return the seeds that `dvc repro` runs; none where a project does without it.

    Args:
        root: The project's folder.
    """
    file = root / "params.yaml"
    values = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
    return (values or {}).get("seeds") or []


def register_seeds(root: Path) -> None:
    """Have the parameters expect a project's own seeds.

    Args:
        root: The project's folder.
    """
    resolver = partial(expected_seeds, root)
    OmegaConf.register_new_resolver("expected_seeds", resolver, replace=True)


def register_run(values: Mapping[str, str]) -> None:
    """Have the catalog lead to a run's files.

    Args:
        values: With the keys of `DEFAULT_RUN`.
    """
    OmegaConf.register_new_resolver("run", values.__getitem__, replace=True)
