"""Which files of a model are downloaded, and that they are whole."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.pipelines import pipeline_utils
from hub import HUB, PICKSCORE, PROCESSOR, SD, cached, preset
from huggingface_hub.utils import filter_repo_objects

from drift_pipeline.cli.fetch import environment_needs
from drift_pipeline.model_files import dino_hubconf
from drift_pipeline.model_files import download as downloading
from drift_pipeline.model_files.download import download, files_of, hub_files
from drift_pipeline.model_files.locate import files_digest
from drift_pipeline.model_files.requirements import needs_of
from drift_pipeline.model_files.sources import DINO_WEIGHTS, HubFiles


def test_only_what_is_needed_is_taken_and_safetensors_before_pickles(root, hub):
    taken = {
        str(need): {name for name, _ in hub_files(need)}
        for need in environment_needs(root, "paper")
        if isinstance(need, HubFiles)
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
    (need,) = needs_of(root, base_model="owner/half")
    taken = {name for name, _ in hub_files(need) if not name.endswith((".json", ".txt"))}
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
    need = needs_of(root, base_model=SD)[0]
    assert "unet/diffusion_pytorch_model.safetensors" in asked["files"]
    assert asked["files"] - {name for name, _ in hub_files(need)} == set()


def test_a_revision_is_pinned(root, hub):
    (need,) = needs_of(root, base_model=f"{SD}@c0ffee")
    assert (need.repo, need.revision) == (SD, "c0ffee")
    download(need, files_of(need))
    assert hub[0][:2] == (SD, "c0ffee")
    (pinned,) = needs_of(root, **preset("PickScore", model=PICKSCORE, revision="abc"))
    assert pinned.revision == "abc"
    (pinned,) = needs_of(
        root,
        **preset("HPSv2", architecture="ViT-H-14", checkpoint="a.pt", repo="x/y", revision="v1"),
    )
    assert (pinned.revision, pinned.wanted) == ("v1", (("a.pt",),))


def test_dreamsim_is_whole_or_missing(root, monkeypatch):
    archive = root / "published.zip"
    with ZipFile(archive, "w") as files:
        files.writestr("ensemble_lora/adapter_config.json", "{}")
        files.writestr("dino_vitb16_pretrain.pth", "weights")

    def pretend(url, target):
        target.write_bytes(archive.read_bytes() if url.endswith(".zip") else b"backbone")

    monkeypatch.setattr(downloading, "_download_file", pretend)
    (need,) = needs_of(root, **preset("DreamSim", folder="models", kind="ensemble"))
    assert need.missing() == str(root / "models/ensemble_lora/adapter_config.json")
    for _ in range(2):  # a second time over what is there
        download(need, [("https://x/y.zip", 1), (DINO_WEIGHTS, 1)])
        assert need.missing() is None
    assert (root / "models/dino_vitb16_pretrain.pth").read_text() == "weights"
    assert not list((root / "models").glob(".*"))


def test_torch_hub_takes_dino_from_the_installed_package(root, monkeypatch):
    """No code of GitHub's: the very call of the dreamsim package, without network."""
    (need,) = needs_of(root, **preset("DreamSim", folder="models", kind="dino_vitb16"))
    source, weights = need.dino
    weights.parent.mkdir(parents=True)
    source.parent.mkdir()
    expected = dino_hubconf.dino_vitb16(pretrained=False).state_dict()
    assert expected["blocks.11.mlp.fc2.weight"].shape == (768, 3072)
    torch.save(expected, weights)
    source.write_text(Path(dino_hubconf.__file__).read_text())
    (need.folder / "trusted_list").touch()
    before, folder = files_digest(need.folder), torch.hub.get_dir()
    try:
        torch.hub.set_dir(str(need.folder))
        model = torch.hub.load("facebookresearch/dino:main", "dino_vitb16")
    finally:
        torch.hub.set_dir(folder)
    assert torch.equal(model.cls_token, expected["cls_token"])
    assert files_digest(need.folder) == before  # or a resumed run would be refused


class Half(BaseHTTPRequestHandler):
    """Answers with a file; for `/half` the connection ends in the middle of it."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * (500 if self.path == "/half" else 1000))

    def log_message(self, *_):
        pass


def test_half_a_file_is_not_taken_for_the_whole(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Half) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        target = tmp_path / "weights.pth"
        with pytest.raises(OSError, match=r"only 500 of 1,000 bytes of http.*/half came"):
            downloading._download_file(f"{address}/half", target)
        assert not target.exists()
        downloading._download_file(f"{address}/whole", target)
        server.shutdown()
    assert target.read_bytes() == b"x" * 1000
    assert list(tmp_path.iterdir()) == [target]
