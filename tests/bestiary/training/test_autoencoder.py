"""What the autoencoder makes of images, and who gets to see it."""

import pytest
import torch

from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.bestiary.training.architectures import make_vae
from drift_pipeline.bestiary.training.autoencoder import (
    half_rebuilt,
    rebuild,
    reconstruction_psnr,
    to_pixels,
)
from drift_pipeline.pipelines.bestiary import create_pipeline


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return make_vae().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pictures():
    return draw_pictures(90, seed=11, workers=1)[list(range(6))]


def test_images_are_encoded_to_the_mean_and_decoded_whatever_the_batch(vae, pictures):
    pixels = to_pixels(pictures.images)
    decoded = vae.decode(vae.encode(pixels).latent_dist.mean).sample.clamp(-1, 1)
    expected = (decoded + 1) / 2 * 255
    rebuilt = rebuild(vae, pictures.images, batch=4)
    assert rebuilt.dtype == torch.uint8
    assert (rebuilt.float() - expected).abs().max() <= 0.6
    error = (rebuilt.double() - pictures.images.double()).square().mean(dim=(1, 2, 3)) / 255**2
    psnr = float((-10 * error.log10()).mean())
    assert reconstruction_psnr(vae, pictures.images) == pytest.approx(psnr, abs=0.05)


def test_every_second_image_is_shown_rebuilt_and_keeps_its_scene_and_its_quality(vae, pictures):
    shown = half_rebuilt(vae, pictures)
    assert torch.equal(shown.images[::2], pictures.images[::2])
    assert torch.equal(shown.images[1::2], rebuild(vae, pictures.images[1::2]))
    assert not torch.equal(shown.images[1::2], pictures.images[1::2])
    assert (shown.scenes, shown.qualities) == (pictures.scenes, pictures.qualities)


def test_judges_and_the_autoencoder_learn_from_fine_images_too_and_the_denoiser_does_not():
    inputs = {node.short_name: set(node.inputs) for node in create_pipeline().nodes}
    judges = ("clip", "openclip", "pickscore", "hpsv2", "dreamsim", "reader")
    for judge in judges:
        assert "bestiary.shown" in inputs[f"train_{judge}"]
        assert "bestiary.drawn" not in inputs[f"train_{judge}"]
    for learner in ("rebuild", "train_vae"):
        assert {"bestiary.drawn", "bestiary.fine"} <= inputs[learner]
    assert "bestiary.fine" not in inputs["train_stable_diffusion"]
