"""What the pipelines must know before a node runs: where it is, how long to train, on what.

Kedro builds the pipelines without arguments and after the hooks have seen the parameters, so a
hook leaves these here. Without a hook, as in `kedro registry list`, the defaults hold: two
epochs are enough to see the loop, and the rewards are the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_RUN = {
    "name": "drift-pickscore-s42",
    "folder": "data/06_models/runs/bestiary/drift-pickscore-s42",
    "prompts": "data/01_raw/prompts/animals.txt",
    "evaluation_prompts": "data/01_raw/prompts/evaluation.txt",
    "pictures": "data/07_model_output/bestiary",
    "features": "data/04_feature/bestiary",
    "reports": "data/08_reporting/bestiary/runs",
    "reporting": "data/08_reporting/bestiary",
}
"""What `${run:...}` stands for in the catalog where no hook runs, as in Kedro-Viz."""


def expected_seeds() -> list[int]:
    """What `${expected_seeds:}` stands for: the seeds that `dvc repro` runs; none without it."""
    import yaml

    file = Path(__file__).resolve().parents[2] / "params.yaml"
    values = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else None
    return (values or {}).get("seeds") or []


@dataclass
class Project:
    """The project that this process works on."""

    path: Path = field(default_factory=Path.cwd)
    epochs: int = 2
    judged_epochs: tuple[int, ...] = (1, 2)
    rewards: tuple[str, ...] = ("pickscore", "hpsv2")

    def locate(self, value: Any) -> Any:
        """Make paths in plain values absolute, where the project has such a file.

        Args:
            value: A value from the configuration, possibly nested; hub ids and numbers stay.
        """
        if isinstance(value, dict):
            return {key: self.locate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.locate(item) for item in value]
        if isinstance(value, str) and (found := self.find(value)) is not None:
            return str(found)
        return value

    def find(self, text: str) -> Path | None:
        """Return the file or folder that a text names, seen from the project; `None` for others."""
        try:
            return self.path / text if text and (self.path / text).exists() else None
        except (OSError, ValueError):  # too long for a path, or with a null character
            return None


current = Project()
