"""What an environment has to download, what is said before, and what a run without it says."""

import json
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
import torch
from click.testing import CliRunner
from diffusers import StableDiffusionPipeline
from diffusers.pipelines import pipeline_utils
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import filter_repo_objects

from drift_pipeline import downloads, fetch, hubconf, needs, project
from drift_pipeline.checkpoints import files_digest, hub_id, local_or_hub
from drift_pipeline.parameters import ConfigurationError, EncoderSpec, RewardSpec

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
    monkeypatch.setattr(project.current, "path", tmp_path)
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

    monkeypatch.setattr(fetch, "HfApi", Api)
    monkeypatch.setattr(fetch, "snapshot_download", snapshot)
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


def test_the_paper_needs_its_models(root):
    found = {str(need): need for need in fetch.environment_needs(root, "paper")}
    assert found.keys() == {*HUB, "DreamSim ensemble"}
    assert found["DreamSim ensemble"].folder == root / "data/06_models/dreamsim"
    assert all(need.missing() for need in found.values())


def test_another_model_than_the_environments(root):
    given = "train.base_model=owner/name@v2,encoders.dreamsim.options.folder=elsewhere"
    base_model, *others = fetch.environment_needs(root, "paper", given)
    assert str(base_model) == "owner/name@v2"
    assert others[-2].folder == root / "elsewhere"
    with pytest.raises(ConfigurationError) as error:
        needs.require([base_model], {"env": "paper", "runtime_params": {"train": {
            "base_model": "owner/name@v2", "epochs": 3}}})  # fmt: skip
    assert str(error.value).endswith("--env paper --params train.base_model=owner/name@v2")


def test_only_what_is_needed_is_taken_and_safetensors_before_pickles(root, hub):
    taken = {
        str(need): {name for name, _ in fetch.hub_files(need)}
        for need in fetch.environment_needs(root, "paper")
        if isinstance(need, downloads.HubFiles)
    }
    assert taken["xswu/HPSv2"] == {"HPS_v2.1_compressed.pt"}
    assert taken["laion/CLIP-ViT-B-32-laion2B-s34B-b79K"] == {"open_clip_model.safetensors"}
    assert taken[PICKSCORE] == {"config.json", "model.safetensors"}
    assert taken[PROCESSOR] == {
        "merges.txt", "preprocessor_config.json", "vocab.json", "tokenizer.json"
    }  # fmt: skip
    weights = {name for name in taken[SD] if not name.endswith((".json", ".txt"))}
    assert weights == {
        "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    }


def test_a_repository_of_fp16_files_alone(root, hub, monkeypatch):
    """Where a part has plain files, they are preferred, whatever their format."""
    half = [name for name in HUB[SD] if not name.endswith(("model.safetensors", "model.bin"))]
    names = ["vae/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.bin"]
    monkeypatch.setitem(HUB, "owner/half", half + names)
    (need,) = needs.needs_of(base_model="owner/half")
    taken = {name for name, _ in fetch.hub_files(need) if not name.endswith((".json", ".txt"))}
    assert taken == {
        "text_encoder/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.bin",
    }
    assert need.missing() == "model_index.json"
    cached(root, "owner/half", "model_index.json", *taken)
    assert need.missing() is None


def test_diffusers_finds_all_that_it_asks_for(root, hub, monkeypatch):
    """Every file that diffusers' own download would take is among ours."""
    index = root / "model_index.json"
    parts = {
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    index.write_text(json.dumps({"_class_name": "StableDiffusionPipeline", **parts}))
    files = [SimpleNamespace(rfilename=name) for name in HUB[SD]]
    asked = {}

    def snapshot(repo, allow_patterns, ignore_patterns, **_):
        asked["files"] = set(filter_repo_objects(
            HUB[SD], allow_patterns=allow_patterns, ignore_patterns=ignore_patterns
        ))  # fmt: skip
        return str(root)

    monkeypatch.setattr(pipeline_utils, "_resolve_revision", lambda *_, **__: "main")
    monkeypatch.setattr(
        pipeline_utils, "model_info", lambda *_, **__: SimpleNamespace(siblings=files)
    )
    monkeypatch.setattr(pipeline_utils, "hf_hub_download", lambda *_, **__: str(index))
    monkeypatch.setattr(pipeline_utils, "snapshot_download", snapshot)
    StableDiffusionPipeline.download(SD, safety_checker=None)
    need = needs.needs_of(base_model=SD)[0]
    assert "unet/diffusion_pytorch_model.safetensors" in asked["files"]
    assert asked["files"] - {name for name, _ in fetch.hub_files(need)} == set()


def test_a_revision_is_pinned(root, hub):
    (need,) = needs.needs_of(base_model=f"{SD}@c0ffee")
    assert (need.repo, need.revision) == (SD, "c0ffee")
    fetch.download(need, fetch.files_of(need))
    assert hub[0][:2] == (SD, "c0ffee")
    (pinned,) = needs.needs_of(**preset("PickScore", model=PICKSCORE, revision="abc"))
    assert pinned.revision == "abc"
    (pinned,) = needs.needs_of(
        **preset("HPSv2", architecture="ViT-H-14", checkpoint="a.pt", repo="x/y", revision="v1")
    )
    assert (pinned.revision, pinned.wanted) == ("v1", (("a.pt",),))


def test_hub_ids():
    assert hub_id("owner/name") == ("owner/name", None)
    assert hub_id("owner/name@refs/pr/1") == ("owner/name", "refs/pr/1")
    assert hub_id("data/06_models/bestiary/clip") is None
    assert hub_id("/none/sd") is None


def test_a_pinned_model_is_read_from_its_folder_in_the_cache(root):
    cached(root, SD, "model_index.json")
    folder = local_or_hub(f"{SD}@c0ffee", "the base model")
    assert (Path(folder) / "model_index.json").exists()
    with pytest.raises(FileNotFoundError, match="not in the Hugging Face cache"):
        local_or_hub(f"{SD}@other", "the base model")


def test_a_folder_needs_no_download(root):
    (root / "a" / "b").mkdir(parents=True)
    assert needs.needs_of(base_model="a/b") == []
    assert needs.needs_of(**preset("PickScore", model="a/b", processor="a/b")) == []
    assert needs.needs_of(**preset("DreamSim", folder="a/b")) == []


def test_what_is_in_the_cache_is_not_missing(root):
    (need,) = needs.needs_of(base_model=SD)
    assert need.missing() == "model_index.json"
    cached(root, SD, "model_index.json", "unet/diffusion_pytorch_model.bin",
           "vae/diffusion_pytorch_model.safetensors")  # fmt: skip
    assert need.missing() == "text_encoder/model.safetensors"
    cached(root, SD, "text_encoder/model.safetensors")
    assert need.missing() is None


def test_a_dry_run_lists_sizes_and_downloads_nothing(root, hub, monkeypatch):
    monkeypatch.setattr(fetch, "_remote_size", lambda url: 300_000_000)
    ended = CliRunner().invoke(fetch.main, ["--env", "paper", "--dry-run"])
    assert ended.exit_code == 0, ended.output
    assert f"train.base_model: {SD}, " in ended.output
    assert "0.02 GB  unet/diffusion_pytorch_model.safetensors" in ended.output
    assert "dreamsim_ensemble_checkpoint.zip" in ended.output
    assert "In all " in ended.output
    assert hub == []


def test_the_hubs_files_are_downloaded_with_their_exact_names(root, hub, monkeypatch):
    monkeypatch.setattr(fetch, "environment_needs", lambda *_: needs.needs_of(base_model=SD))
    ended = CliRunner().invoke(fetch.main, ["--env", "paper"])
    assert ended.exit_code == 0, ended.output
    assert ended.output.endswith("Done.\n")
    ((repo, revision, names),) = hub
    assert (repo, revision) == (SD, None)
    assert "unet/diffusion_pytorch_model.safetensors" in names
    assert not any("*" in name for name in names)


def test_the_bestiary_needs_nothing(project_path, monkeypatch):
    monkeypatch.chdir(project_path)
    monkeypatch.setattr(project.current, "path", project_path)
    for env in ("bestiary", "smoke", "local"):
        ended = CliRunner().invoke(fetch.main, ["--env", env])
        assert ended.exit_code == 0, ended.output
        assert ended.output.startswith("Nothing needs to be fetched")


@pytest.mark.parametrize("error", [OfflineModeIsEnabled("offline\nmore"), OSError("no route")])
def test_without_the_hub_it_says_so_in_one_line(root, monkeypatch, error):
    class Api:
        def model_info(self, *_, **__):
            raise error

    monkeypatch.setattr(fetch, "HfApi", Api)
    ended = CliRunner().invoke(fetch.main, ["--env", "paper"])
    assert ended.exit_code == 1
    assert ended.output.count("\n") == 1
    assert ended.output.startswith("Error: cannot download")
    assert str(error).split("\n")[0] in ended.output


def test_the_real_client_offline(root, monkeypatch):
    """With HF_HUB_OFFLINE=1, which the tests run under, the Hub's client refuses at once."""
    assert constants.HF_HUB_OFFLINE
    ended = CliRunner().invoke(fetch.main, ["--env", "paper", "--dry-run"])
    assert ended.exit_code == 1
    assert ended.output.count("\n") == 1
    assert SD in ended.output


def test_mistakes_are_named(root, hub):
    ended = CliRunner().invoke(fetch.main, ["--env", "papre"])
    assert ended.exit_code == 1
    assert "known are: base, bestiary, local, paper, smoke" in ended.output
    with pytest.raises(
        ConfigurationError, match="'dinov2_vitb14' cannot be fetched; these can: ens"
    ):
        needs.needs_of(**preset("DreamSim", folder="x", kind="dinov2_vitb14"))
    with pytest.raises(ConfigurationError, match=r"no weights 'none' of 'ViT-B-32'"):
        needs.needs_of(**preset("OpenCLIP", architecture="ViT-B-32", pretrained="none"))
    (need,) = needs.needs_of(**preset("HPSv2", checkpoint="none.pt", repo="xswu/HPSv2"))
    with pytest.raises(ConfigurationError, match=r"xswu/HPSv2 on the Hub has no none.pt"):
        fetch.hub_files(need)


def test_what_cannot_be_trained_is_not_downloaded(root, hub, monkeypatch):
    monkeypatch.setitem(HUB, "owner/xl", HUB[SD])
    given = ["--env", "paper", "--params", "train.base_model=owner/xl"]
    ended = CliRunner().invoke(fetch.main, given)
    assert ended.exit_code == 1
    assert "train.base_model: owner/xl is a StableDiffusionXLPipeline; what can be" in ended.output
    assert not hub


def test_dreamsim_is_whole_or_missing(root, monkeypatch):
    archive = root / "published.zip"
    with ZipFile(archive, "w") as files:
        files.writestr("ensemble_lora/adapter_config.json", "{}")
        files.writestr("dino_vitb16_pretrain.pth", "weights")

    def pretend(url, target):
        target.write_bytes(archive.read_bytes() if url.endswith(".zip") else b"backbone")

    monkeypatch.setattr(fetch, "_download", pretend)
    (need,) = needs.needs_of(**preset("DreamSim", folder="models", kind="ensemble"))
    assert need.missing() == str(root / "models/ensemble_lora/adapter_config.json")
    for _ in range(2):  # a second time over what is there
        fetch.download(need, [("https://x/y.zip", 1), (downloads.DINO_WEIGHTS, 1)])
        assert need.missing() is None
    assert (root / "models/dino_vitb16_pretrain.pth").read_text() == "weights"
    assert not list((root / "models").glob(".*"))


def test_torch_hub_takes_dino_from_the_installed_package(root, monkeypatch):
    """No code of GitHub's: the very call of the dreamsim package, without network."""
    (need,) = needs.needs_of(**preset("DreamSim", folder="models", kind="dino_vitb16"))
    source, weights = need.dino
    weights.parent.mkdir(parents=True)
    source.parent.mkdir()
    expected = hubconf.dino_vitb16(pretrained=False).state_dict()
    assert expected["blocks.11.mlp.fc2.weight"].shape == (768, 3072)
    torch.save(expected, weights)
    source.write_text(Path(hubconf.__file__).read_text())
    (need.folder / "trusted_list").touch()
    before, folder = files_digest(need.folder), torch.hub.get_dir()
    try:
        torch.hub.set_dir(str(need.folder))
        model = torch.hub.load("facebookresearch/dino:main", "dino_vitb16")
    finally:
        torch.hub.set_dir(folder)
    assert torch.equal(model.cls_token, expected["cls_token"])
    assert files_digest(need.folder) == before  # or a resumed run would be refused
