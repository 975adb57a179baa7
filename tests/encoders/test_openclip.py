"""OpenCLIP embeddings against open_clip used directly."""

import open_clip
import pytest
import tiny
import torch
from PIL import Image

from drift_pipeline.encoders.openclip import OpenCLIP


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.make_openclip(tmp_path_factory.mktemp("openclip") / "model")


@pytest.mark.parametrize("size", [(64, 64), (80, 112)])
def test_open_clip_itself(folder, size):
    images = tiny.make_images(5, *size)
    embeddings = OpenCLIP(folder, batch_size=2)(images)
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    pixels = [transform(Image.fromarray(x.permute(1, 2, 0).numpy())) for x in images]
    with torch.no_grad():
        expected = model.eval().encode_image(torch.stack(pixels), normalize=True)
    assert embeddings.dtype == torch.float32
    torch.testing.assert_close(embeddings, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(5))
    assert embeddings.std(dim=0).mean() > 0.01


def test_batch_of_one(folder):
    encoder = OpenCLIP(folder)
    images = tiny.make_images(3)
    torch.testing.assert_close(encoder(images[:1]), encoder(images)[:1], atol=1e-6, rtol=0)


def test_missing_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match="OpenCLIP's architecture is not at") as error:
        OpenCLIP(tmp_path / "nothing")
    assert "\n" not in str(error.value)
    with pytest.raises(RuntimeError, match="could not be loaded"):
        OpenCLIP("ViT-S-32-alt")
