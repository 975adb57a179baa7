"""What a method of one's own may answer, and what is refused before anything is trained on it."""

import pytest
import torch

from drift_pipeline.config.method import MethodPreset
from drift_pipeline.methods.base import Credit
from drift_pipeline.methods.checked import CheckedMethod, MethodError
from drift_pipeline.methods.standard import Standard

REWARDS = torch.tensor([[1.0, 2.0, 4.0], [3.0, 2.0, 2.5]])
EMBEDDINGS = torch.eye(3).repeat(2, 1, 1)
TIMES = torch.tensor([0.9, 0.5, 0.1])
NAN = float("nan")


def asked(**members) -> CheckedMethod:
    """The standard method, with some of its members replaced."""
    made = type("Mine", (Standard,), {k: staticmethod(v) for k, v in members.items()})
    return CheckedMethod(made(MethodPreset(kl_beta=0.5), group_size=3), "mine", group_size=3)


def test_answers_that_are_right_pass_as_they_are():
    plain, method = Standard(MethodPreset(kl_beta=0.5), group_size=3), asked()
    assert torch.equal(method.select(REWARDS), plain.select(REWARDS))
    credit, expected = method.credit(REWARDS, EMBEDDINGS), plain.credit(REWARDS, EMBEDDINGS)
    assert torch.equal(credit.total, expected.total)
    assert credit.parts.keys() == expected.parts.keys()
    assert torch.equal(method.step_weights(TIMES), plain.step_weights(TIMES))
    weights = method.kl_weights(torch.ones(2), TIMES)
    assert torch.equal(weights, plain.kl_weights(torch.ones(2), TIMES))
    noise = torch.randn(2, 4, 8)
    arguments = (noise, noise, TIMES[:2])
    assert torch.equal(method.perturb(*arguments), plain.perturb(*arguments))
    assert not method.perturbs_prompts
    assert not method.renews_reference(1)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([[0, 1, 3], [0, 1, 2]], "whole numbers from 0 to 2"),  # 3 is the next group's first
        ([[-1, 1, 2], [0, 1, 2]], "whole numbers from 0 to 2"),
        ([[0, 1, 1], [0, 1, 2]], "3 different places"),
        ([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]], "whole numbers"),
        ([[0, 1], [0, 1]], r"shape \(2, 3\); it gave \(2, 2\)"),
    ],
)
def test_places_that_are_not_in_the_group_are_refused(chosen, message):
    method = asked(select=lambda rewards: torch.tensor(chosen))
    with pytest.raises(MethodError, match=f"the method 'mine': select .*{message}"):
        method.select(REWARDS)


@pytest.mark.parametrize(
    ("credit", "message"),
    [
        (torch.zeros(2, 3), "must give a Credit .*; it gave Tensor"),
        (Credit(torch.zeros(2)), r"total: must give a tensor of shape \(2, 3\); it gave \(2,\)"),
        (Credit(torch.full((2, 3), NAN)), "total: gave a number that is not finite"),
        (Credit(torch.zeros(2, 3), {"mine": torch.zeros(6)}), "credit, mine: must give a tensor"),
        (Credit(torch.zeros(2, 3), {"mine": [0.0]}), "it gave list"),
        (Credit(torch.zeros(2, 3), {"reward": torch.zeros(2, 3)}), "names a part 'reward'"),
    ],
)
def test_credit_of_another_shape_or_kind_is_refused(credit, message):
    with pytest.raises(MethodError, match=message):
        asked(credit=lambda rewards, embeddings: credit).credit(REWARDS, EMBEDDINGS)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.tensor([1.0, -1.0, 1.0]), "step_weights gave a negative weight"),
        (torch.tensor([1.0, NAN, 1.0]), "step_weights gave a number that is not finite"),
        (torch.ones(3, 1), r"step_weights must give a tensor of shape \(3,\)"),
        (1.0, "it gave float"),
        (torch.zeros(3), "leaves every step out"),
    ],
)
def test_step_weights_are_numbers_that_are_not_negative(weights, message):
    with pytest.raises(MethodError, match=message):
        asked(step_weights=lambda times: weights).step_weights(TIMES)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.full((2, 3), -0.1), "kl_weights gave a negative weight"),
        (torch.full((2, 3), NAN), "not finite"),
        (torch.ones(2), r"shape \(2, 3\); it gave \(2,\)"),
    ],
)
def test_kl_weights_are_one_number_per_sample_and_step(weights, message):
    with pytest.raises(MethodError, match=message):
        asked(kl_weights=lambda advantages, times: weights).kl_weights(torch.ones(2), TIMES)


def test_a_condition_of_another_shape_is_refused():
    noise = torch.randn(2, 4, 8)
    method = asked(perturb=lambda embeddings, noise, times: embeddings[:1])
    with pytest.raises(MethodError, match="perturb must give"):
        method.perturb(noise, noise, TIMES[:2])


def test_what_a_method_is_asked_with_stays_as_it_is():
    def spoil(rewards):
        rewards.zero_()
        return torch.arange(3).repeat(2, 1)

    rewards = REWARDS.clone()
    asked(select=spoil).select(rewards)
    assert torch.equal(rewards, REWARDS)
