"""Exported adapters come back as policies that draw what the exported ones drew."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from drift_pipeline.config.train import Lora
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.policies.lora_export import DIFFUSERS, save_for_diffusers, save_for_kohya
from drift_pipeline.policies.lora_import import load_exported
from drift_pipeline.policies.stable_diffusion import StableDiffusion


@pytest.fixture
def strong(moved):
    """A policy whose α is three times its rank."""
    return replace(moved, lora=Lora(rank=8, alpha=24))


def predicted(folder, state) -> torch.Tensor:
    model = StableDiffusion(folder, lora=state.lora, device="cpu")
    model.load_adapter(state)
    latents = torch.linspace(-1, 1, 4 * 8 * 8).view(1, 4, 8, 8)
    with torch.no_grad():
        return model.predict(latents, torch.tensor([500]), model.embed(["a photo of a cat"]), 1.0)


def test_each_of_the_formats_has_the_strength_of_the_policy(strong, folder, tmp_path):
    save_for_diffusers(strong, tmp_path / "lora")
    PolicyDataset(filepath=str(tmp_path / "policy")).save(strong)
    StableDiffusion.save_lora(strong, tmp_path / "both")
    expected = predicted(folder, strong)
    weaker = predicted(folder, replace(strong, lora=Lora(rank=8, alpha=8)))
    assert (expected - weaker).abs().max() > 0.05
    for name in ("lora", "policy", "both"):
        torch.testing.assert_close(predicted(folder, load_exported(tmp_path / name)), expected)


def test_an_alpha_that_is_not_folded_in_is_taken_from_the_file(strong, folder, tmp_path):
    layers = {f"unet.{name}": tensor for name, tensor in strong.adapter.items()}
    save_file(layers, tmp_path / DIFFUSERS, {"lora_adapter_metadata": '{"unet.lora_alpha": 24}'})
    torch.testing.assert_close(
        predicted(folder, load_exported(tmp_path)), predicted(folder, strong)
    )
    save_file(layers, tmp_path / DIFFUSERS)
    assert load_exported(tmp_path).lora == Lora(rank=8, alpha=8)


def test_what_is_no_adapter_is_said_in_one_line(strong, tmp_path):
    def refused(match: str) -> None:
        with pytest.raises(ValueError, match=match) as error:
            load_exported(tmp_path)
        assert "\n" not in str(error.value)

    refused("holds no adapter: neither pytorch_lora_weights.safetensors nor adapter_model")
    save_for_diffusers(strong, tmp_path)
    save_for_kohya(tmp_path)
    tensors = load_file(tmp_path / DIFFUSERS)
    (tmp_path / DIFFUSERS).unlink()
    refused("kohya.safetensors alone cannot be read")
    text = {"text_encoder.q.lora_A.weight": torch.zeros(8, 8)}
    save_file(tensors | text, tmp_path / DIFFUSERS)
    refused("the first is text_encoder.q.lora_A.weight")
    first = min(name for name in tensors if ".lora_A." in name)
    save_file(tensors | {first: torch.zeros(4, 32)}, tmp_path / DIFFUSERS)
    refused(r"one rank for all of its layers \(it has 4, 8\)")
    (tmp_path / DIFFUSERS).write_bytes(b"cut")
    refused("pytorch_lora_weights.safetensors cannot be read")
