"""Base models as others have saved them, and as others draw with them."""

import json
import shutil

import pytest
import torch
from diffusers import PNDMScheduler, StableDiffusionPipeline
from diffusers.schedulers import scheduling_ddim
from safetensors.torch import load_file, save_file
from tiny_policy import make_method

from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Sampling
from drift_pipeline.model_files.base_model import check_base_model
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.training.rollout import rollout

PROMPT = "a photo of a cat"
WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def rename_text_encoder(copied):
    """The names of transformers 4, which SD v1.5's files have."""
    file = copied / "text_encoder/model.safetensors"
    tensors = {
        f"text_model.{key.removeprefix('text_model.')}": t for key, t in load_file(file).items()
    }
    save_file(tensors, file, metadata={"format": "pt"})


def to_bin(copied):
    """Pickles in the place of safetensors."""
    for part, name in WEIGHTS.items():
        file = copied / part / f"{name}.safetensors"
        name = "pytorch_model" if part == "text_encoder" else name
        torch.save(load_file(file), copied / part / f"{name}.bin")
        file.unlink()


def without_optional_parts(copied):
    """Named in the index, as Stable Diffusion's are, and not downloaded."""
    file = copied / "model_index.json"
    parts = {
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    }
    file.write_text(json.dumps(json.loads(file.read_text()) | parts))


def with_pndm(copied):
    (copied / "scheduler/scheduler_config.json").unlink()
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    PNDMScheduler(**betas, skip_prk_steps=True).save_pretrained(copied / "scheduler")


def to_variant(copied, parts=tuple(WEIGHTS), keep=False):
    """The names of `save_pretrained(variant="fp16")`; the numbers stay."""
    for part in parts:
        for file in (copied / part).glob(f"*{WEIGHTS[part]}.*"):
            name = file.with_suffix(f".fp16{file.suffix}")
            shutil.copy(file, name) if keep else file.rename(name)


def unet_as_variant(copied):
    to_variant(copied, ("unet",))


@pytest.mark.parametrize(
    "changes",
    [
        [rename_text_encoder],
        [to_bin],
        [rename_text_encoder, to_bin],
        [without_optional_parts],
        [with_pndm],
        [to_variant],
        [unet_as_variant],
    ],
)
def test_the_same_model_in_other_files(model, copied, changes):
    for change in changes:
        change(copied)
    check_base_model(str(copied), Sampling(steps=4), copied.parent)
    other = StableDiffusion(copied, device="cpu")
    model.load_adapter(model.initial_state(0))
    other.load_adapter(other.initial_state(0))
    assert torch.equal(other.embed([PROMPT]), model.embed([PROMPT]))
    latents = keyed_normal((2, *model.latent_shape), 0, "latents")
    sampling = Sampling(steps=4)
    means = [
        one.step(latents, one.schedule(sampling).times[[0, 2]], one.embed([PROMPT] * 2), sampling)[
            0
        ]
        for one in (model, other)
    ]
    assert torch.equal(*means)
    assert torch.equal(model.decode(latents), other.decode(latents))


def test_plain_files_come_before_variants(model, copied):
    """Part by part: the UNet is there as a variant alone, the VAE as both."""
    to_variant(copied, ("vae",), keep=True)
    to_variant(copied, ("unet",))
    file = copied / "vae/diffusion_pytorch_model.fp16.safetensors"
    save_file({key: 0 * t for key, t in load_file(file).items()}, file, {"format": "pt"})
    other = StableDiffusion(copied, device="cpu")
    assert torch.equal(other.vae.quant_conv.weight, model.vae.quant_conv.weight)


@pytest.mark.parametrize("pickled", [False, True])
def test_what_diffusers_saves_as_fp16_is_loaded_in_fp32(copied, tmp_path, pickled):
    pipe = StableDiffusionPipeline.from_pretrained(copied, safety_checker=None)
    half = tmp_path / "half"
    pipe.to(dtype=torch.float16).save_pretrained(half, variant="fp16")
    if pickled:
        file = half / "unet/diffusion_pytorch_model.fp16.safetensors"
        torch.save(load_file(file), file.with_suffix(".bin"))
        file.unlink()
    check_base_model(str(half), Sampling(steps=4), half.parent)
    other = StableDiffusion(half, device="cpu")
    assert not list(half.rglob("*model.safetensors"))
    for part, loaded in ((pipe.unet, other.unet), (pipe.text_encoder, other.text_encoder)):
        weights = loaded.state_dict()
        for key, tensor in part.state_dict().items():
            name = key if key in weights else key.replace(".weight", ".base_layer.weight")
            name = name if name in weights else key.replace(".bias", ".base_layer.bias")
            assert weights[name].dtype == torch.float32
            assert torch.equal(weights[name], tensor.float())


def test_code_in_a_pickle_is_not_run(copied):
    to_bin(copied)
    file = copied / "unet/diffusion_pytorch_model.bin"
    torch.save({"conv_in.weight": Mischief()}, file)
    with pytest.raises((OSError, ValueError, RuntimeError)):
        StableDiffusion(copied, device="cpu")
    assert not Mischief.done


class Mischief:
    done = False

    def __reduce__(self):
        return mischief, ()


def mischief():
    Mischief.done = True


def predicting(copied, kind):
    file = copied / "scheduler/scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prediction_type": kind}))


def drawn_by_diffusers(folder, unet, latents, steps, eta):
    pipe = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    pipe.unet = unet
    return pipe(
        prompt=PROMPT, num_images_per_prompt=len(latents), num_inference_steps=steps,
        guidance_scale=5.0, eta=eta, latents=latents.clone(), output_type="latent",
    ).images  # fmt: skip


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_a_rollout_is_what_diffusers_draws(copied, moved, kind, monkeypatch):
    """With the same noise at the start and at every step; SD 2.x predicts v."""
    steps = 5
    predicting(copied, kind)
    model = StableDiffusion(copied, device="cpu")
    trajectories, images = rollout(
        model, moved, make_method(False), [PROMPT], 2, 7, 1, Sampling(steps=steps, guidance=5.0)
    )
    step = iter(range(steps))

    def keyed(*_, **__):
        now = next(step)
        shape = model.latent_shape
        return torch.stack([keyed_normal(shape, 7, "step", 1, 0, c, now) for c in range(2)])

    monkeypatch.setattr(scheduling_ddim, "randn_tensor", keyed)
    expected = drawn_by_diffusers(copied, model.unet, trajectories.latents[:, 0], steps, eta=1.0)
    torch.testing.assert_close(trajectories.latents[:, -1], expected, rtol=1e-4, atol=1e-4)
    pipe = StableDiffusionPipeline.from_pretrained(copied, safety_checker=None)
    decoded = pipe.vae.decode(expected / pipe.vae.config.scaling_factor).sample
    pictures = pipe.image_processor.postprocess(decoded.detach(), output_type="pt")
    assert (images.float() - pictures * 255).abs().max() <= 1


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_without_noise_it_is_the_deterministic_picture_of_diffusers(copied, moved, kind):
    predicting(copied, kind)
    model = StableDiffusion(copied, device="cpu")
    model.load_adapter(moved)
    latents = keyed_normal((2, *model.latent_shape), 0, "latents")
    # Below what the parameters allow: such a policy has nothing to learn.
    sampling = Sampling(steps=10).model_copy(update={"eta": 0.0})
    model.scheduler.set_timesteps(sampling.steps)
    current = latents
    with torch.no_grad():
        for timestep in model.scheduler.timesteps:
            condition = model.embed([PROMPT] * 2)
            current, std = model.step(current, timestep.repeat(2), condition, sampling)
            assert not std.any()
    expected = drawn_by_diffusers(copied, model.unet, latents, 10, eta=0.0)
    torch.testing.assert_close(current, expected, rtol=1e-4, atol=1e-4)
