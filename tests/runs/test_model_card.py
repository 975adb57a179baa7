"""The model card beside an adapter; that its code runs is tested with a whole training run."""

import pytest
from huggingface_hub import ModelCard
from kedro.config import OmegaConfigLoader

from drift_pipeline.runs.model_card import write_card
from drift_pipeline.runs.run import Run
from drift_pipeline.settings import CONFIG_LOADER_ARGS

EPOCHS = [
    {"epoch": 1, "reward_mean": 20.12345, "diversity": 0.5, "kl": 0.0},
    {"epoch": 2, "reward_mean": 21.5, "diversity": 0.4, "kl": None},
]


@pytest.fixture
def card(project_path):
    def write(**train) -> str:
        loader = OmegaConfigLoader(project_path / "conf", env="paper", **CONFIG_LOADER_ARGS)
        parameters = loader["parameters"]
        parameters["train"] |= train
        return write_card(Run.from_parameters(parameters, project_path), EPOCHS)

    return write


def test_the_hub_learns_what_it_is(card):
    text = card()
    data = ModelCard(text).data
    assert data.base_model == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert data.library_name == "diffusers"
    assert {"lora", "drift"} < {*data.tags}
    assert 'from_pretrained("stable-diffusion-v1-5/stable-diffusion-v1-5", dtype=' in text
    assert 'load_lora_weights(".")' in text


def test_it_says_what_was_done_and_measured(card):
    text = card()
    assert "in each 512 images are drawn and 256 of them trained on in 4 updates" in text
    assert "yuvalkirstain/PickScore_v1" in text
    assert "| 20.12 | 21.5 |" in text
    assert "| 0 | not measured |" in text


def test_a_pinned_base_model_stays_pinned(card):
    text = card(base_model="owner/name@abc")
    assert ModelCard(text).data.base_model == "owner/name"
    assert 'from_pretrained("owner/name", revision="abc", dtype=' in text


def test_a_base_model_of_this_project_is_no_hub_id(card):
    folder = "data/06_models/bestiary/stable_diffusion"
    text = card(base_model=folder)
    assert ModelCard(text).data.base_model is None
    assert f"The base model is `{folder}` of that project" in text
    assert 'load_lora_weights("data/06_models/runs/paper/drift-pickscore-s42/lora")' in text


def test_a_base_model_that_is_a_variant_is_loaded_as_one(card, tmp_path):
    for part, name in (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"),
                       ("text_encoder", "model")):  # fmt: skip
        (tmp_path / part).mkdir()
        (tmp_path / part / f"{name}.fp16.safetensors").touch()
    assert f'from_pretrained("{tmp_path}", variant="fp16", dtype=' in card(base_model=str(tmp_path))
    (tmp_path / "unet/diffusion_pytorch_model.bin").touch()
    (tmp_path / "vae/diffusion_pytorch_model.safetensors").touch()
    (tmp_path / "text_encoder/model.safetensors").touch()
    assert f'from_pretrained("{tmp_path}", dtype=' in card(base_model=str(tmp_path))


def test_of_another_policy_only_what_is_true_of_it_is_said(card):
    text = card(base_model="data/06_models/flow", policy={"policy": "flow_policy.RectifiedFlow"})
    assert ModelCard(text).data.library_name == "peft"
    assert "| Base model | data/06_models/flow (flow_policy.RectifiedFlow) |" in text
    assert "`adapter_model.safetensors`" in text
    for word in ("diffusers", "DDIM", "kohya", "folded"):
        assert word not in text
