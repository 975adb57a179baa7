import json
from dataclasses import replace

import pytest
import torch
from kedro.io import DatasetError
from safetensors.torch import save_file

from drift_pipeline.common.integrity import DamagedError
from drift_pipeline.config.train import Lora
from drift_pipeline.datasets import LoraDataset, PolicyDataset
from drift_pipeline.policies.base import PolicyState
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.runs.model_card import Release

NAME = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture
def state() -> PolicyState:
    adapter = {
        f"{NAME}.lora_A.weight": torch.randn(4, 32),
        f"{NAME}.lora_B.weight": torch.randn(32, 4),
    }
    moments = {f"{name}.exp_avg": torch.randn_like(tensor) for name, tensor in adapter.items()}
    return PolicyState(
        epoch=3,
        adapter=adapter,
        optimizer=moments,
        scaler={"scale": 1024.0},
        parameters={"seed": 42, "method": "drift"},
        lora=Lora(rank=4),
        layers=("to_q",),
        reference={name: torch.randn_like(tensor) for name, tensor in adapter.items()},
    )


@pytest.fixture
def dataset(tmp_path) -> PolicyDataset:
    return PolicyDataset(filepath=str(tmp_path / "epoch_0003" / "policy"))


def same(first, second) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_what_is_saved_comes_back_bit_for_bit(dataset, state, tmp_path):
    assert not dataset.exists()
    dataset.save(state)
    assert dataset.exists()
    loaded = dataset.load()
    assert same(loaded.adapter, state.adapter)
    assert same(loaded.optimizer, state.optimizer)
    assert same(loaded.reference, state.reference)
    for field in ("epoch", "scaler", "parameters", "lora", "layers"):
        assert getattr(loaded, field) == getattr(state, field)
    folder = tmp_path / "epoch_0003" / "policy"
    kept = json.loads((folder / "state.json").read_text())
    assert kept["epoch"] == 3
    assert len(kept["fingerprint"]) == 16
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors",
        "reference.safetensors", "state.json",
    ]  # fmt: skip


def test_the_base_model_is_the_reference_where_none_is_kept(dataset, state):
    dataset.save(replace(state, reference={}))
    assert dataset.load().reference == {}
    assert not (dataset._filepath / "reference.safetensors").exists()


def test_a_policy_of_the_first_format_comes_back(dataset, state):
    dataset.save(state)
    folder = dataset._filepath
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (folder / name).unlink()
    save_file(state.adapter, folder / "adapter.safetensors")
    kept = json.loads((folder / "state.json").read_text())
    for key in ("sha256", "files", "versions"):
        del kept[key]
    (folder / "state.json").write_text(json.dumps(kept | {"format": 1}))
    loaded = dataset.load()
    assert same(loaded.adapter, state.adapter)
    assert loaded.layers == (NAME,)


def test_an_untrained_policy_has_an_empty_memory(dataset, state):
    dataset.save(replace(state, optimizer={}))
    assert dataset.load().optimizer == {}


def test_a_policy_that_has_lost_its_memory_says_so(dataset, state):
    dataset.save(state)
    (dataset._filepath / "optimizer.safetensors").unlink()
    assert dataset.load().optimizer is None
    dataset.save(replace(state, optimizer=None))
    assert dataset.load().optimizer is None


def test_a_save_that_is_cut_off_leaves_the_old_policy(dataset, state, monkeypatch):
    dataset.save(state)
    monkeypatch.setattr(json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(DatasetError):
        dataset.save(replace(state, epoch=4))
    monkeypatch.undo()
    assert dataset.load().epoch == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("state.json", b"{", r"state.json cannot be read .*start_over=true"),
        ("state.json", b'{"format": 99}', "has format 99, this program reads 1 and 2"),
        ("adapter_model.safetensors", b"half", "damaged: it has 4 bytes, not .*start_over=true"),
        ("optimizer.safetensors", b"half", "damaged: it has 4 bytes, not .*start_over=true"),
        ("reference.safetensors", b"half", "damaged: it has 4 bytes, not .*start_over=true"),
    ],
)
def test_a_damaged_policy_is_refused(dataset, state, name, content, message):
    dataset.save(state)
    (dataset._filepath / name).write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        dataset.load()


def test_a_missing_policy_is_refused(dataset):
    with pytest.raises(DatasetError, match=r"state.json cannot be read"):
        dataset.load()


@pytest.mark.parametrize(
    "name",
    [
        "adapter_model.safetensors",
        "adapter_config.json",
        "optimizer.safetensors",
        "reference.safetensors",
        "state.json",
    ],
)
def test_a_flipped_bit_is_found(dataset, state, name):
    dataset.save(state)
    file = dataset._filepath / name
    good = file.read_bytes()
    for place in range(0, len(good), max(1, len(good) // 60)):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(DamagedError) as error:
            dataset.load()
        assert str(file) in str(error.value) and "\n" not in str(error.value)
        with pytest.raises(DamagedError):
            dataset.verify()


def test_policies_from_before_there_were_checksums_are_read(dataset, state):
    dataset.save(state)
    file = dataset._filepath / "state.json"
    old = json.loads(file.read_text())
    for key in ("sha256", "files", "versions"):
        del old[key]
    file.write_text(json.dumps(old, indent=2))
    assert same(dataset.load().adapter, state.adapter)
    (dataset._filepath / "adapter_model.safetensors").write_bytes(b"half")
    with pytest.raises(DamagedError, match=r"is not a whole policy checkpoint .*start_over=true"):
        dataset.load()


def test_a_damaged_adapter_is_not_handed_on(state, tmp_path):
    dataset = LoraDataset(filepath=str(tmp_path / "lora"))
    dataset.save(Release(state, "# A model card\n", StableDiffusion.save_lora))
    for file in sorted(dataset.load().glob("[!S]*")):
        good = file.read_bytes()
        file.write_bytes(good[:-2] + b"#" + good[-1:])
        with pytest.raises(DamagedError, match=r"damaged .*; delete that folder and run train"):
            dataset.load()
        file.write_bytes(good)


def test_the_lora_dataset_writes_what_diffusers_reads(state, tmp_path):
    from diffusers import StableDiffusionPipeline

    dataset = LoraDataset(filepath=str(tmp_path / "lora"))
    assert not dataset.exists()
    dataset.save(Release(state, "# A model card: ε, η\n", StableDiffusion.save_lora))
    assert dataset.exists()
    assert (dataset.load() / "README.md").read_text(encoding="utf-8") == "# A model card: ε, η\n"
    tensors, alphas, metadata = StableDiffusionPipeline.lora_state_dict(
        dataset.load(), return_lora_metadata=True
    )
    assert not alphas
    up = f"unet.{NAME}.lora_B.weight"
    torch.testing.assert_close(tensors[up], 4 * state.adapter[f"{NAME}.lora_B.weight"])
    assert metadata["unet.lora_alpha"] == metadata["unet.r"] == 4
