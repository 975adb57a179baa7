"""A Hugging Face Hub of a few repositories, and a project that has none of their files."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from drift_pipeline.config.components import EncoderSpec, RewardSpec
from drift_pipeline.model_files import download as downloading

SD = "stable-diffusion-v1-5/stable-diffusion-v1-5"
PICKSCORE = "yuvalkirstain/PickScore_v1"
PROCESSOR = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"

# As these repositories are laid out, with more in them than is needed; sizes are made up.
HUB = {
    SD: [
        "README.md", "model_index.json", "v1-5-pruned-emaonly.safetensors", "v1-inference.yaml",
        "feature_extractor/preprocessor_config.json", "scheduler/scheduler_config.json",
        "safety_checker/config.json", "safety_checker/model.safetensors",
        "text_encoder/config.json", "text_encoder/model.safetensors",
        "text_encoder/model.fp16.safetensors", "text_encoder/pytorch_model.bin",
        "tokenizer/merges.txt", "tokenizer/special_tokens_map.json",
        "tokenizer/tokenizer_config.json", "tokenizer/vocab.json", "unet/config.json",
        "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
        "vae/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.safetensors",
    ],
    PICKSCORE: ["README.md", "config.json", "model.safetensors", "pytorch_model.bin"],
    PROCESSOR: [
        "merges.txt", "open_clip_pytorch_model.bin", "preprocessor_config.json", "vocab.json",
        "tokenizer.json", "pytorch_model.bin",
    ],
    "xswu/HPSv2": ["HPS_v2_compressed.pt", "HPS_v2.1_compressed.pt", "README.md"],
    "laion/CLIP-ViT-B-32-laion2B-s34B-b79K": [
        "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "open_clip_config.json",
    ],
}  # fmt: skip
CONFIGS = {
    SD: {"diffusers": {"_class_name": "StableDiffusionPipeline"}},
    "owner/xl": {"diffusers": {"_class_name": "StableDiffusionXLPipeline"}},
}
"""What the Hub says of a repository beside its files."""
SIZE = 20_000_000


@pytest.fixture
def root(project_path, tmp_path, monkeypatch) -> Path:
    """A project with the real configuration and nothing downloaded."""
    (tmp_path / "conf").symlink_to(project_path / "conf")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hub(monkeypatch) -> list[tuple[str, str | None, set[str]]]:
    """A Hub of the repositories above; what is downloaded from it."""
    downloads: list[tuple[str, str | None, set[str]]] = []

    class Api:
        def model_info(self, repo, revision=None, files_metadata=False):
            assert files_metadata
            files = [SimpleNamespace(rfilename=name, size=SIZE) for name in HUB[repo]]
            return SimpleNamespace(siblings=files, config=CONFIGS.get(repo))

    def snapshot(repo, revision=None, allow_patterns=None):
        downloads.append((repo, revision, set(allow_patterns)))

    monkeypatch.setattr(downloading, "HfApi", Api)
    monkeypatch.setattr(downloading, "snapshot_download", snapshot)
    return downloads


def cached(root: Path, repo: str, *names: str) -> None:
    """Put files into the cache of this machine, as the Hub's client does."""
    folder = root / "hub" / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("c0ffee")
    for name in names:
        file = folder / "snapshots" / "c0ffee" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")


def preset(adapter: str, **options) -> dict:
    """An adapter's preset, as `needs_of` takes it."""
    if adapter in ("PickScore", "HPSv2"):
        path = f"drift_pipeline.scorers.{adapter.lower()}.{adapter}"
        return {"rewards": {"mine": RewardSpec(scorer=path, options=options)}}
    path = f"drift_pipeline.encoders.{adapter.lower()}.{adapter}"
    return {"encoders": {"mine": EncoderSpec(encoder=path, options=options)}}
