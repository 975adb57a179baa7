"""Which pictures a checkpoint is judged by."""

from dataclasses import replace

import pytest

from drift_pipeline.config.evaluation import Blend, Generate
from drift_pipeline.config.train import PromptNoise, Train
from drift_pipeline.evaluation.protocol import Protocol, judged_epochs


def test_it_says_what_the_parameters_say():
    train = Train(base_model="x", prompts="y")
    generate = Generate(prompts="p", folder="f", images_per_prompt=3, first_seed=10)
    protocol = Protocol.of(generate, train, ["a", "b"])
    assert protocol == Protocol(("a", "b"), (10, 11, 12), train.sampling, None)
    noisy = protocol.anew(None, train.prompt_noise)
    assert noisy.prompt_noise == train.prompt_noise and noisy.blend is None
    blend = Blend(after=0.5)
    assert protocol.anew(blend, train.prompt_noise) == replace(protocol, blend=blend)


def test_the_fresh_draw_shares_no_seed(protocol):
    fresh = protocol.fresh()
    assert not set(fresh.seeds) & set(protocol.seeds)
    assert len(fresh.seeds) == len(protocol.seeds) and fresh.prompts == protocol.prompts


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": ("a photo of a cat",)},
        {"seeds": (0, 1, 2)},
        {"prompt_noise": PromptNoise()},
    ],
)
def test_other_pictures_have_another_name(protocol, change):
    assert replace(protocol, **change).hash != protocol.hash


def test_memory_and_speed_do_not_count(protocol):
    for name in ("batch_size", "decode_batch_size"):
        other = protocol.sampling.model_copy(update={name: 1})
        assert replace(protocol, sampling=other).hash == protocol.hash
    other = protocol.sampling.model_copy(update={"guidance": 1.5})
    assert replace(protocol, sampling=other).hash != protocol.hash


@pytest.mark.parametrize(
    ("epochs", "every", "expected"),
    [(12, 5, [5, 10, 12]), (10, 5, [5, 10]), (2, 5, [2]), (3, 1, [1, 2, 3])],
)
def test_the_last_checkpoint_is_always_judged(epochs, every, expected):
    assert judged_epochs(epochs, every) == expected
