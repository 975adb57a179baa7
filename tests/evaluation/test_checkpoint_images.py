"""Which images a checkpoint has to have."""

from dataclasses import replace

import pytest

from drift_pipeline.config.evaluation import Generate
from drift_pipeline.evaluation.checkpoint_images import (
    base_images,
    checkpoint_images,
)
from drift_pipeline.evaluation.staleness import expected_images, images_identity

GENERATE = Generate(prompts="p", folder="f", batch_size=2)


@pytest.fixture
def policy(model):
    return replace(model.initial_state(0), epoch=3, fingerprint="abc")


def test_a_checkpoints_images_are_made_of_its_policy_and_the_protocol(model, policy, run, protocol):
    shards = checkpoint_images(model, policy, run, protocol, GENERATE)
    assert shards.count == len(protocol.prompts)
    assert shards.made_of["policy"] == "abc"
    assert shards.made_of["epoch"] == 3
    assert shards.made_of["protocol"] == protocol.hash
    assert shards.made_of == images_identity(run, "abc", 3, protocol)
    (table,) = shards.draw([1])
    assert {*table["run"]} == {run.name}
    assert {*table["prompt"]} == {protocol.prompts[1]}
    assert table["seed"].tolist() == list(protocol.seeds)


def test_the_base_model_is_drawn_twice_with_other_seeds(model, run, protocol):
    base = base_images(model, run, protocol, GENERATE)
    fresh = base_images(model, run, protocol, GENERATE, "base_fresh")
    assert base.made_of["policy"] == fresh.made_of["policy"]
    assert base.made_of != fresh.made_of
    expected = expected_images(run, protocol, [], {})
    assert expected == {"base": base.made_of, "base_fresh": fresh.made_of}
    (one,), (other,) = base.draw([0]), fresh.draw([0])
    assert {*one["run"]} == {"base"} and {*other["run"]} == {"base_fresh"}
    assert one["epoch"].eq(0).all()
    assert not {*one["seed"]} & {*other["seed"]}


def test_the_best_front_has_seeds_of_its_own(model, run, protocol):
    generate = GENERATE.model_copy(update={"best_front_images": 5})
    many = base_images(model, run, protocol, generate, "base_many")
    expected = expected_images(run, protocol, [], {}, many=5)
    assert expected["base_many"] == many.made_of
    (table,) = many.draw([0])
    assert {*table["run"]} == {"base_many"} and len(table) == 5
    assert not {*table["seed"]} & {*protocol.seeds, *protocol.fresh().seeds}
