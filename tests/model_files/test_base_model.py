"""Base models with missing, damaged and unusual files: what is refused, and where it is said."""

import json
import shutil

import pytest
import tiny
from diffusers import PNDMScheduler
from safetensors.torch import load_file

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.train import Sampling
from drift_pipeline.model_files.base_model import check_base_model

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.make_stable_diffusion(tmp_path_factory.mktemp("models") / "stable_diffusion")


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def change(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def refusal(copied, steps=10):
    with pytest.raises(ConfigurationError) as error:
        check_base_model(str(copied), Sampling(steps=steps), copied.parent)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"train.base_model: {copied} ")
    return str(error.value)


def test_a_whole_model_passes(copied):
    check_base_model(str(copied), Sampling(steps=2), copied.parent)
    (copied / "scheduler/scheduler_config.json").unlink()
    PNDMScheduler(**BETAS, skip_prk_steps=True).save_pretrained(copied / "scheduler")
    check_base_model(str(copied), Sampling(steps=50), copied.parent)


@pytest.mark.parametrize("name", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(copied, name):
    shutil.rmtree(copied / name)
    assert f"{name}/" in refusal(copied)


@pytest.mark.parametrize("name", ["unet/config.json", "scheduler/scheduler_config.json"])
@pytest.mark.parametrize(
    ("content", "message"), [("{", "has a {} that cannot"), ("[]", "has a {} that is no JSON obj")]
)
def test_a_damaged_description_is_named(copied, name, content, message):
    (copied / name).write_text(content)
    assert message.format(name) in refusal(copied)


def test_a_file_that_is_cut_short_is_named(copied):
    whole = (copied / UNET).read_bytes()
    (copied / UNET).write_bytes(whole[:-100])
    assert f"has a {UNET} that is cut short or damaged" in refusal(copied)
    (copied / UNET).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    assert f"has a Git LFS pointer for {UNET}" in refusal(copied)
    (copied / UNET).unlink()
    assert "has no weights in unet/, which must be called diffusion_pytorch_m" in refusal(copied)


def test_a_pickle_that_is_cut_short_is_named(copied):
    import torch

    file = (copied / UNET).with_suffix(".bin")
    torch.save(load_file(copied / UNET), file)
    (copied / UNET).unlink()
    check_base_model(str(copied), Sampling(steps=2), copied.parent)
    file.write_bytes(file.read_bytes()[:-100])
    assert "unet/diffusion_pytorch_model.bin that is cut short" in refusal(copied)


def test_a_piece_that_is_missing_is_named(copied):
    (copied / UNET).rename(copied / "unet/diffusion_pytorch_model-00001-of-00002.safetensors")
    pieces = {name: f"diffusion_pytorch_model-{name}-of-00002.safetensors" for name in
              ("00001", "00002")}  # fmt: skip
    (copied / f"{UNET}.index.json").write_text(json.dumps({"weight_map": pieces}))
    assert "has no unet/diffusion_pytorch_model-00002-of-00002" in refusal(copied)


def test_an_inpainting_model_is_not_drawn_with(copied):
    change(copied / "unet/config.json", in_channels=9)
    assert "a UNet that takes 9 channels and gives 4, where its VAE's latents have 4" in refusal(
        copied
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prediction_type": "sample"}, "(DDIMScheduler): prediction_type 'sample' is not supp"),
        ({"clip_sample": True}, "set clip_sample: false in the scheduler's config"),
        ({"thresholding": True}, "set thresholding: false in the scheduler's config"),
    ],
)
def test_a_schedule_without_probabilities_is_refused(copied, values, message):
    change(copied / "scheduler/scheduler_config.json", **values)
    assert message in refusal(copied)


@pytest.mark.parametrize(
    ("steps", "spacing", "message"),
    [
        (1, "leading", "the first of 1 timesteps is 1 of 1000, where an image is nearly finished"),
        (1000, "leading", "timestep 1000 was never trained: take fewer inference steps"),
        (1001, "leading", "cannot be larger than"),
        (61, "trailing", "gives 62 timesteps for 61 steps: take another number"),
    ],
)
def test_a_number_of_steps_that_cannot_be_drawn_is_refused(copied, steps, spacing, message):
    change(copied / "scheduler/scheduler_config.json", timestep_spacing=spacing)
    said = refusal(copied, steps)
    assert f"train.sampling.steps={steps}" in said
    assert message in said


@pytest.mark.parametrize(("steps", "spacing"), [(1000, "trailing"), (10, "linspace")])
def test_a_last_step_without_noise_is_no_fault(copied, steps, spacing):
    change(copied / "scheduler/scheduler_config.json", timestep_spacing=spacing)
    check_base_model(str(copied), Sampling(steps=steps), copied.parent)


def test_one_step_from_pure_noise_is_what_turbo_models_take(copied):
    change(copied / "scheduler/scheduler_config.json", timestep_spacing="trailing")
    check_base_model(str(copied), Sampling(steps=1), copied.parent)
