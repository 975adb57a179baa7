"""The evaluation's pictures: the same for every model but for the model."""

import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
import torch
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner, ThreadRunner

from drift_pipeline.common.images import from_png
from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import PromptNoise
from drift_pipeline.datasets import ImageShardsDataset
from drift_pipeline.evaluation import generation
from drift_pipeline.evaluation.generation import draw_images, draw_shards
from drift_pipeline.evaluation.image_shards import ShardsToDraw


@pytest.fixture
def ready(model, protocol):
    model.load_adapter(model.initial_state(0))
    return model, model.schedule(protocol.sampling)


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Alike but for the rounding to 256 levels."""
    return bool(((one.int() - other.int()).abs() <= 1).all())


def test_a_picture_is_what_diffusers_draws_from_the_same_noise(ready, protocol):
    (model, schedule), prompt, seed = ready, protocol.prompts[0], 7
    sampling = protocol.sampling
    latents = keyed_normal(model.latent_shape, seed, "evaluation", prompt, "latents")[None]
    text, empty = model.embed([prompt]), model.embed([""])
    with torch.no_grad():
        for step, timestep in enumerate(model.scheduler.timesteps):
            bound = model.unet(latents, timestep, encoder_hidden_states=text).sample
            free = model.unet(latents, timestep, encoder_hidden_states=empty).sample
            noise = keyed_normal(model.latent_shape, seed, "evaluation", prompt, "step", step)
            latents = model.scheduler.step(
                free + sampling.guidance * (bound - free),
                timestep,
                latents,
                eta=1.0,
                variance_noise=noise[None],
            ).prev_sample
    expected = model.decode(latents)
    assert close(draw_images(model, schedule, prompt, [seed], protocol), expected)


def test_a_picture_does_not_depend_on_its_batch(ready, protocol):
    prompt = protocol.prompts[0]
    together = draw_images(*ready, prompt, [5, 6, 7, 8], protocol)
    assert close(draw_images(*ready, prompt, [7], protocol), together[2:3])
    assert close(draw_images(*ready, prompt, [8, 5], protocol), together[[3, 0]])


def test_prompts_and_seeds_have_noise_of_their_own(ready, protocol):
    cat, dog = (draw_images(*ready, prompt, [0, 1], protocol) for prompt in protocol.prompts)
    for one, other in ((cat[0], cat[1]), (cat[0], dog[0])):
        assert (one.float() - other.float()).abs().mean() > 5


def test_prompt_noise_changes_pictures_and_repeats(ready, protocol):
    noisy = replace(protocol, prompt_noise=PromptNoise(scale=1.0, tau1=0.0))
    clean = draw_images(*ready, protocol.prompts[0], [0, 1], protocol)
    first = draw_images(*ready, protocol.prompts[0], [0, 1], noisy)
    assert (clean.int() - first.int()).abs().max() > 3
    assert torch.equal(first, draw_images(*ready, protocol.prompts[0], [0, 1], noisy))


def test_shards_hold_the_pictures_of_their_prompt_whatever_is_drawn_beside_them(model, protocol):
    state = model.initial_state(0)
    tables = list(draw_shards(model, state, "base", protocol, [0, 1], batch_size=3, workers=2))
    (alone,) = draw_shards(model, state, "base", protocol, [1], batch_size=4)
    assert [table["prompt"].unique().tolist() for table in tables] == [
        [p] for p in protocol.prompts
    ]
    assert alone["seed"].tolist() == list(protocol.seeds)
    assert set(alone.columns) == {"run", "epoch", "prompt", "seed", "image"}
    one, other = (from_png(p["bytes"] for p in table["image"]) for table in (alone, tables[1]))
    assert close(one, other)
    assert close(
        one,
        draw_images(
            model, model.schedule(protocol.sampling), protocol.prompts[1], protocol.seeds, protocol
        ),
    )


def test_latents_that_are_not_finite_are_named(model, protocol):
    state = model.initial_state(0)
    broken = {name: tensor + torch.nan for name, tensor in state.adapter.items()}
    with pytest.raises(FloatingPointError, match="'a photo of a cat', seed 0: the latents"):
        list(draw_shards(model, replace(state, adapter=broken), "x", protocol, [0]))


def moved(state, epoch):
    """A policy of its own, far from the base model."""
    adapter = {
        name: tensor + keyed_normal(tuple(tensor.shape), epoch, "moved", name)
        for name, tensor in state.adapter.items()
    }
    return replace(state, adapter=adapter, epoch=epoch)


def draw_side_by_side(runner, model, protocol, folder):
    """Draw two policies with one model, in nodes that do not wait for each other."""

    def draw(model, policy):
        shards = partial(draw_shards, model, policy, "x", protocol)
        return ShardsToDraw(2, {}, shards)

    memory = {f"policy_{epoch}": moved(model.initial_state(0), epoch) for epoch in (1, 2)}
    datasets = {
        name: MemoryDataset(value, copy_mode="assign")
        for name, value in {"model": model, **memory}.items()
    }
    kept = {f"shards_{epoch}": ImageShardsDataset(filepath=f"{folder}/{epoch}") for epoch in (1, 2)}
    nodes = [
        Node(draw, ["model", f"policy_{epoch}"], f"shards_{epoch}", name=f"draw_{epoch}")
        for epoch in (1, 2)
    ]
    runner.run(Pipeline(nodes), DataCatalog(datasets={**datasets, **kept}))
    return {
        f"{epoch}": [table["image"].tolist() for table in kept[f"shards_{epoch}"].load()]
        for epoch in (1, 2)
    }


def test_nodes_that_draw_at_once_each_draw_with_their_own_policy(
    model, protocol, tmp_path, monkeypatch
):
    expected = draw_side_by_side(SequentialRunner(), model, protocol, tmp_path / "one")
    assert expected["1"] != expected["2"]
    meeting = threading.Barrier(2)

    def draw_when_both_are_ready(*args):
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=0.3)
        return draw_images(*args)

    monkeypatch.setattr(generation, "draw_images", draw_when_both_are_ready)
    found = draw_side_by_side(ThreadRunner(max_workers=2), model, protocol, tmp_path / "two")
    assert found == expected


def test_a_model_holds_one_policy_at_a_time(model, protocol):
    base, other = model.initial_state(0), moved(model.initial_state(0), 1)
    with model.using(base), pytest.raises(RuntimeError, match="one policy at a time"):
        list(draw_shards(model, other, "x", protocol, [0]))
    assert list(draw_shards(model, other, "x", protocol, [0]))
