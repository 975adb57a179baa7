"""Adapters as peft and diffusers read them, and what older versions of peft know."""

import json

import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, PeftModel
from safetensors import safe_open

from drift_pipeline.config.train import Lora
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.policies import peft_files
from drift_pipeline.policies.lora_export import save_for_diffusers
from drift_pipeline.policies.stable_diffusion import StableDiffusion

PEFT_0_17 = """
    alpha_pattern auto_mapping base_model_name_or_path bias corda_config eva_config
    exclude_modules fan_in_fan_out inference_mode init_lora_weights layer_replication
    layers_pattern layers_to_transform loftq_config lora_alpha lora_bias lora_dropout
    megatron_config megatron_core modules_to_save peft_type qalora_group_size r rank_pattern
    revision runtime_config target_modules target_parameters task_type trainable_token_indices
    use_dora use_qalora use_rslora
"""
"""The fields of LoraConfig in peft 0.17.1, the oldest that reads our files' metadata."""


@pytest.fixture(scope="module")
def strong(folder, moved):
    """A model whose α is four times its rank, and a policy that has moved."""
    from dataclasses import replace

    lora = Lora(rank=8, alpha=32)
    return StableDiffusion(folder, lora, device="cpu"), replace(moved, lora=lora)


def drawn(unet):
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    texts = torch.randn(1, 16, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return unet(latents, 501, encoder_hidden_states=texts).sample


def test_the_metadata_is_known_to_older_versions(strong, tmp_path):
    _, state = strong
    with safe_open(save_for_diffusers(state, tmp_path), framework="pt") as file:
        metadata = json.loads(file.metadata()["lora_adapter_metadata"])
    fields = {name.removeprefix("unet."): value for name, value in metadata.items()}
    assert fields.keys() <= {*PEFT_0_17.split()}
    assert {"r", "lora_alpha", "target_modules", "peft_type"} <= fields.keys()
    assert LoraConfig(**fields).lora_alpha == fields["r"] == 8


def test_peft_reads_a_checkpoint_where_it_lies(strong, folder, tmp_path):
    model, state = strong
    PolicyDataset(filepath=str(tmp_path / "policy")).save(state)
    config = json.loads((tmp_path / "policy/adapter_config.json").read_text())
    assert config.keys() <= {*PEFT_0_17.split()}
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
    before = drawn(unet)
    loaded = PeftModel.from_pretrained(unet, tmp_path / "policy")
    model.load_adapter(state)
    expected = drawn(model.unet)
    assert (expected - before).abs().max() > 0.05
    torch.testing.assert_close(drawn(loaded), expected)


@pytest.mark.parametrize("config", [None, '{"target_modules": []}'])
def test_a_checkpoint_without_a_description_is_continued_by_one_that_has_one(
    strong, folder, tmp_path, config
):
    """Of the first format, or continued from there by a version that did not know its layers."""
    from dataclasses import replace

    model, state = strong
    if config:
        (tmp_path / peft_files.CONFIG).write_text(config)
    layers = peft_files.load_layers(tmp_path, state.adapter)
    PolicyDataset(filepath=str(tmp_path / "policy")).save(replace(state, layers=layers))
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
    loaded = PeftModel.from_pretrained(unet, tmp_path / "policy")
    model.load_adapter(state)
    torch.testing.assert_close(drawn(loaded), drawn(model.unet))


def test_an_export_has_the_strength_of_the_policy(strong, folder, tmp_path):
    model, state = strong
    save_for_diffusers(state, tmp_path)
    pipe = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipe.load_lora_weights(tmp_path)
    model.load_adapter(state)
    torch.testing.assert_close(drawn(pipe.unet), drawn(model.unet))
