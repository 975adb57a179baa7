"""Downloads: where a model's files come from, and which of them are on this machine.

Nothing heavy is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TEXTS = ("*.json", "*.txt")
"""Small files of a model: its description, tokenizer, schedule."""

DINO_WEIGHTS = (
    "https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/dino_vitbase16_pretrain.pth"
)
"""Backbone of DreamSim's DINO branch, which is not in the package's own archive."""

DREAMSIM = {
    "ensemble": "ensemble_lora",
    "dino_vitb16": "dino_vitb16_single_lora",
    "clip_vitb32": "clip_vitb32_single_lora",
    "open_clip_vitb32": "open_clip_vitb32_single_lora",
    "synclr_vitb16": "synclr_vitb16_single_lora",
}
"""Kind to the folder with its LoRA. The kinds of DINOv2 are left out: they run GitHub's code."""


@dataclass(frozen=True)
class HubFiles:
    """Files of a repository on the Hugging Face Hub.

    Attributes:
        parameter: The parameter that asks for them.
        repo: "owner/name".
        revision: Commit, tag or branch; `None` for the main branch.
        wanted: For each file that must be there its possible names, the preferred one first.
        patterns: Small files that are taken where the repository has them.
    """

    parameter: str
    repo: str
    revision: str | None
    wanted: tuple[tuple[str, ...], ...]
    patterns: tuple[str, ...] = TEXTS

    def __str__(self) -> str:
        return self.repo + (f"@{self.revision}" if self.revision else "")

    @property
    def source(self) -> str:
        """Where they come from."""
        return "the Hugging Face Hub"

    def missing(self) -> str | None:
        """Name the first file that is not in the cache of this machine."""
        from huggingface_hub import try_to_load_from_cache

        for names in self.wanted:
            if not any(
                isinstance(try_to_load_from_cache(self.repo, name, revision=self.revision), str)
                for name in names
            ):
                return names[0]
        return None


@dataclass(frozen=True)
class DreamSimFiles:
    """A published DreamSim in the dreamsim package's cache folder.

    Attributes:
        parameter: The parameter that asks for it.
        kind: The package's name of it.
        folder: The cache folder.
    """

    parameter: str
    kind: str
    folder: Path

    def __str__(self) -> str:
        return f"DreamSim {self.kind}"

    @property
    def source(self) -> str:
        """Where it comes from."""
        return "the dreamsim package's release on GitHub"

    @property
    def has_dino(self) -> bool:
        """Whether one of its branches is DINO."""
        return self.kind in ("ensemble", "dino_vitb16")

    @property
    def dino(self) -> tuple[Path, Path]:
        """Where `torch.hub` looks for DINO's source and for its weights."""
        source = self.folder / "facebookresearch_dino_main" / "hubconf.py"
        return source, self.folder / "checkpoints" / Path(DINO_WEIGHTS).name

    def missing(self) -> str | None:
        """Name the first file that is not in the folder."""
        archive = self.folder / DREAMSIM[self.kind] / "adapter_config.json"
        files = [archive, *(self.dino if self.has_dino else ())]
        return next((str(file) for file in files if not file.exists()), None)


Need = HubFiles | DreamSimFiles
"""What can be downloaded."""
