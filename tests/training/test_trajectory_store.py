"""Where trajectories lie changes no number."""

import tempfile

import pytest
import torch

from drift_pipeline.config.train import Optimization
from drift_pipeline.training.rollout import rollout
from drift_pipeline.training.trajectory_store import allocate, take
from drift_pipeline.training.update import update

CPU = torch.device("cpu")


@pytest.fixture
def folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def on_disk(tensor) -> bool:
    return tensor.untyped_storage().filename is not None


@pytest.mark.parametrize("store", ["host", "device", "disk"])
def test_an_epoch_is_the_same_from_every_store(
    model, moved, sampling, method, drawn, store, folder_for_temporary_files
):
    elsewhere = sampling.model_copy(update={"store": store})
    there, images = rollout(
        model, moved, method, ["a photo of a cat", "a photo of a dog"], 4, 42, 1, elsewhere
    )
    assert torch.equal(there.latents, drawn[0].latents)
    assert torch.equal(images, drawn[1])
    rows = torch.tensor([6, 0, 3, 5])
    few, same = there.select(rows), drawn[0].select(rows)
    assert on_disk(there.latents) == on_disk(few.latents) == (store == "disk")
    optimization = Optimization(updates_per_epoch=2, micro_batch_size=3)
    advantages = torch.tensor([1.0, -0.5, 0.25, -1.5])
    states = [
        update(model, moved, method, batch, advantages, sampling, optimization)[0]
        for batch in (few, same)
    ]
    for name, tensor in states[0].adapter.items():
        assert torch.equal(tensor, states[1].adapter[name])
    assert not list(folder_for_temporary_files.iterdir())


def test_a_store_is_where_it_says():
    elsewhere = torch.device("meta")
    assert allocate((2, 3), "device", elsewhere).device == elsewhere
    assert allocate((2, 3), "host", elsewhere).device == CPU
    assert allocate((2, 3), "disk", elsewhere).device == CPU


def test_what_is_taken_has_room_of_its_own(folder_for_temporary_files):
    whole = allocate((4, 2, 3), "disk", CPU)
    whole[:] = torch.arange(24.0).view(4, 2, 3)
    taken = take(whole, torch.tensor([2, 2, 0]), "disk")
    whole.zero_()
    assert torch.equal(taken, torch.arange(24.0).view(4, 2, 3)[[2, 2, 0]])
