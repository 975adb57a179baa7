"""DreamSim embeddings against the package's own model, preprocessing and distance."""

import json

import pytest
import tiny
import torch
from dreamsim import PerceptualModel
from peft import LoraConfig, PeftModel, get_peft_model
from PIL import Image
from torchvision import transforms

from drift_pipeline.encoders.dreamsim import DreamSim

PREPROCESS = transforms.Compose(
    [
        transforms.Resize((224, 224), interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.ToTensor(),
    ]
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return tiny.make_dreamsim(tmp_path_factory.mktemp("dreamsim") / "model")


@pytest.fixture(scope="module")
def with_lora(tmp_path_factory):
    folder = tiny.make_dreamsim(tmp_path_factory.mktemp("dreamsim") / "model")
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["qkv"], init_lora_weights=False)
    torch.manual_seed(0)
    get_peft_model(package_model(folder), config).save_pretrained(folder / "lora")
    return folder


def package_model(folder):
    """The folder as the package loads it, by its own class alone."""
    return PerceptualModel(
        model_type="clip_vitl14,open_clip_vitl14",
        feat_type="embedding,embedding",
        stride="56,56",
        baseline=True,
        normalize_embeds=True,
        load_dir=str(folder),
        device="cpu",
    ).eval()


def pil(image):
    return Image.fromarray(image.permute(1, 2, 0).numpy())


@torch.no_grad()
def package_embeddings(model, images):
    return torch.cat([model.embed(PREPROCESS(pil(image))[None]) for image in images])


@pytest.mark.parametrize("size", [(64, 64), (80, 112), (256, 224)])
def test_the_package_itself(plain, size):
    images = tiny.make_images(5, *size)
    embeddings = DreamSim(plain, batch_size=2)(images)
    assert embeddings.dtype == torch.float32
    expected = package_embeddings(package_model(plain), images)
    torch.testing.assert_close(embeddings, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(embeddings.mean(dim=1), torch.zeros(5))


def test_merged_lora(plain, with_lora):
    images = tiny.make_images(5)
    encoder = DreamSim(with_lora)
    unmerged = PeftModel.from_pretrained(package_model(with_lora), str(with_lora / "lora")).eval()
    expected = package_embeddings(unmerged, images)
    torch.testing.assert_close(encoder(images), expected, atol=1e-5, rtol=0)
    assert not any("lora" in name for name, _ in encoder.model.named_parameters())
    assert (encoder(images) - DreamSim(plain)(images)).abs().max() > 0.01


def test_squared_distance_is_twice_dreamsim(plain):
    images = tiny.make_images(2)
    a, b = DreamSim(plain)(images)
    with torch.no_grad():
        distance = package_model(plain)(*(PREPROCESS(pil(image))[None] for image in images))
    torch.testing.assert_close((a - b).square().sum(), 2 * distance[0], atol=1e-5, rtol=0)


def test_batch_of_one(plain):
    encoder = DreamSim(plain)
    images = tiny.make_images(3)
    one = encoder(images[:1])
    assert one.shape == (1, 48)
    torch.testing.assert_close(one, encoder(images)[:1], atol=1e-6, rtol=0)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="DreamSim's description is not at") as error:
        DreamSim(tmp_path / "nothing")
    assert "\n" not in str(error.value)


def test_unknown_kind(tmp_path):
    with pytest.raises(ValueError, match="no kind 'best'; it has ensemble, dino_vitb16"):
        DreamSim(tmp_path, kind="best")


def test_published_kind_goes_through_the_package(plain, tmp_path, monkeypatch):
    asked = {}

    def dreamsim(**options):
        asked.update(options)
        torch.hub.set_dir(options["cache_dir"])
        return package_model(plain), None

    monkeypatch.setattr("drift_pipeline.encoders.dreamsim.dreamsim", dreamsim)
    hub = torch.hub.get_dir()
    encoder = DreamSim(tmp_path / "cache" / "weights", kind="ensemble")
    assert asked["dreamsim_type"] == "ensemble"
    assert (tmp_path / "cache" / "weights").is_dir()
    assert torch.hub.get_dir() == hub
    images = tiny.make_images(2)
    torch.testing.assert_close(encoder(images), DreamSim(plain)(images))


def test_description_names_the_networks(plain):
    description = json.loads((plain / "dreamsim.json").read_text())
    assert description["model_type"] == "clip_vitl14,open_clip_vitl14"
    assert description["stride"] == "56,56"
