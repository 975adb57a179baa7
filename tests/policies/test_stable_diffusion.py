import math
from dataclasses import replace

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from drift_pipeline.common.devices import resolve_device
from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Lora, Sampling
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.runs.model_card import KOHYA


def step(model, latents=None, guidance=5.0):
    sampling = Sampling(steps=4, guidance=guidance)
    times = model.schedule(sampling).times[[0, 2, 3]]
    latents = keyed_normal((3, *model.latent_shape), 0, "latents") if latents is None else latents
    prompts = ["a photo of a cat", "a photo of a dog", "a blue whale by day"]
    with torch.no_grad():
        return model.step(latents, times, model.embed(prompts), sampling)


def plain_pipeline(folder):
    pipe = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def test_the_initial_policy_is_the_base_model(model):
    model.load_adapter(model.initial_state(1))
    with model.reference():
        base, _ = step(model)
    torch.testing.assert_close(step(model)[0], base, rtol=0, atol=0)


def test_reference_turns_the_adapter_off_and_on_again_exactly(model, moved):
    model.load_adapter(model.initial_state(1))
    base, _ = step(model)
    model.load_adapter(moved)
    policy, _ = step(model)
    with model.reference():
        reference, _ = step(model)
    assert (policy - base).abs().max() > 1e-3
    torch.testing.assert_close(reference, base, rtol=0, atol=0)
    torch.testing.assert_close(step(model)[0], policy, rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in model.adapter.values())


def test_another_reference_is_in_place_for_a_while(model, moved):
    state = model.initial_state(3)
    other = {name: tensor + 0.05 for name, tensor in state.adapter.items()}
    model.load_adapter(replace(state, adapter=other))
    expected, _ = step(model)
    model.load_adapter(moved)
    policy, _ = step(model)
    with model.reference(other):
        reference, _ = step(model)
    assert (expected - policy).abs().max() > 1e-3
    torch.testing.assert_close(reference, expected, rtol=0, atol=0)
    torch.testing.assert_close(step(model)[0], policy, rtol=0, atol=0)


def test_the_initial_adapter_follows_from_the_seed_alone(model):
    torch.manual_seed(1)
    first = model.initial_state(7).adapter
    torch.manual_seed(2)
    second, other = model.initial_state(7).adapter, model.initial_state(8).adapter
    assert all(torch.equal(first[name], second[name]) for name in first)
    down = next(name for name in first if ".lora_A." in name)
    assert not torch.equal(first[down], other[down])
    spread = torch.cat([first[name].flatten() for name in first if ".lora_A." in name]).std()
    assert math.isclose(spread, 1 / 8, rel_tol=0.05)


def test_only_the_attention_adapter_learns(model):
    learning = [name for name, p in model.unet.named_parameters() if p.requires_grad]
    assert len(learning) == len(model.adapter)
    assert all(".lora_" in name and ".attn" in name for name in learning)
    assert model.trainable_parameters == sum(p.numel() for p in model.adapter.values())
    assert not any(p.requires_grad for p in [*model.vae.parameters()])


def test_an_adapter_of_another_rank_is_refused(model, folder):
    other = StableDiffusion(folder, lora=Lora(rank=4), device="cpu").initial_state(1)
    with pytest.raises(ValueError, match=r"epoch 0 does not fit .* adapter tensors differ"):
        model.load_adapter(other)


def test_a_step_is_what_diffusers_does(model, moved, folder):
    """The guided noise from two separate forward passes, the step from diffusers' scheduler."""
    model.load_adapter(moved)
    mean, std = step(model)
    pipe = plain_pipeline(folder)
    scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    scheduler.set_timesteps(4)
    latents = keyed_normal((3, *model.latent_shape), 0, "latents")
    noise = keyed_normal((1, *model.latent_shape), 0, "noise")
    prompts = ["a photo of a cat", "a photo of a dog", "a blue whale by day"]
    for row, (index, prompt) in enumerate(zip([0, 2, 3], prompts, strict=True)):
        bound, free = pipe.encode_prompt(prompt, "cpu", 1, True)
        t = scheduler.timesteps[index]
        with torch.no_grad():
            guided, unguided = (
                model.unet(latents[row : row + 1], t, encoder_hidden_states=e).sample
                for e in (bound, free)
            )
        expected = scheduler.step(
            unguided + 5.0 * (guided - unguided), t, latents[row : row + 1], eta=1.0,
            variance_noise=noise,
        ).prev_sample  # fmt: skip
        actual = mean[row : row + 1] + std[row] * noise
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_guidance_of_one_takes_the_prompt_alone(model, moved):
    model.load_adapter(moved)
    once, _ = step(model, guidance=1.0)
    twice, _ = step(model, guidance=1.0 + 1e-7)
    torch.testing.assert_close(once, twice, rtol=1e-4, atol=1e-4)


def test_prompts_are_embedded_once_and_as_the_pipeline_does(folder, monkeypatch):
    model = StableDiffusion(folder, device="cpu")
    calls = []
    forward = model.text_encoder.forward
    monkeypatch.setattr(
        model.text_encoder, "forward", lambda *a, **k: calls.append(1) or forward(*a, **k)
    )
    embeddings = model.embed(["a photo of a cat", "", "a photo of a cat"])
    model.embed(["", "a photo of a cat"])
    assert len(calls) == 2
    assert torch.equal(embeddings[0], embeddings[2])
    expected, negative = plain_pipeline(folder).encode_prompt("a photo of a cat", "cpu", 1, True)
    torch.testing.assert_close(embeddings[:2], torch.cat([expected, negative]))


def test_decoding_is_the_pipelines_whatever_the_batch(model, folder):
    latents = keyed_normal((5, *model.latent_shape), 0, "pictures")
    pictures = model.decode(latents, batch_size=2)
    assert pictures.dtype == torch.uint8
    assert pictures.shape == (5, 3, 64, 64)
    assert (pictures.int() - model.decode(latents, 5).int()).abs().max() <= 1
    pipe = plain_pipeline(folder)
    with torch.no_grad():
        decoded = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    expected = torch.from_numpy(pipe.image_processor.postprocess(decoded, "np") * 255).round()
    difference = pictures.float() - expected.permute(0, 3, 1, 2)
    assert difference.abs().max() <= 1


@pytest.mark.parametrize("read", ["with metadata", "without metadata", "as kohya's"])
def test_the_exported_lora_has_full_strength(model, moved, folder, tmp_path, read):
    """Plain diffusers draws the policy's pictures, from each file and with or without metadata."""
    model.save_lora(moved, tmp_path)
    name = KOHYA if read == "as kohya's" else "pytorch_lora_weights.safetensors"
    if read == "without metadata":
        save_file(load_file(tmp_path / name), tmp_path / name, metadata={"format": "pt"})
    arguments = {
        "prompt": "a photo of a cat",
        "num_inference_steps": 3,
        "output_type": "np",
        "latents": keyed_normal((1, *model.latent_shape), 0, "exported"),
    }
    pipe = plain_pipeline(folder)
    base = torch.from_numpy(pipe(**arguments).images)
    # Two adapters lie there, and diffusers takes its own where none is named.
    pipe.load_lora_weights(tmp_path, **({"weight_name": name} if name == KOHYA else {}))
    exported = torch.from_numpy(pipe(**arguments).images)
    model.load_adapter(moved)
    pipe.unet = model.unet
    expected = torch.from_numpy(pipe(**arguments).images)
    assert (expected - base).abs().max() > 0.01
    torch.testing.assert_close(exported, expected, rtol=0, atol=1e-4)


def test_half_precision_keeps_adapter_and_step_in_fp32(folder):
    model = StableDiffusion(folder, precision="bf16", device="cpu")
    model.load_adapter(model.initial_state(1))
    assert {p.dtype for p in model.adapter.values()} == {torch.float32}
    assert model.unet.conv_in.weight.dtype == torch.bfloat16
    mean, std = step(model)
    assert mean.dtype == std.dtype == torch.float32
    full = StableDiffusion(folder, device="cpu")
    full.load_adapter(full.initial_state(1))
    torch.testing.assert_close(mean, step(full)[0], rtol=0.1, atol=0.1)


def test_auto_takes_the_gpu_where_there_is_one():
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu").type == "cpu"
