"""A policy's steps are checked before anything is drawn with them."""

from types import SimpleNamespace

import pytest
import torch

from drift_pipeline.config.train import Sampling
from drift_pipeline.policies.base import Schedule
from drift_pipeline.policies.denoising import schedule_of

TIMES, ALL = torch.tensor([900, 500, 100]), torch.ones(3, dtype=torch.bool)


def of(fractions, stochastic=ALL, times=TIMES):
    policy = SimpleNamespace(schedule=lambda sampling: Schedule(times, fractions, stochastic))
    return schedule_of(policy, Sampling(steps=3))


def test_a_schedule_from_noise_to_image_passes():
    schedule = of(torch.tensor([0.9, 0.5, 0.1]), torch.tensor([True, True, False]))
    assert len(schedule) == 3


@pytest.mark.parametrize(
    ("fractions", "stochastic", "message"),
    [
        (TIMES / 1.0, ALL, r"within \[0, 1\]; they are \[900.0"),
        (torch.tensor([0.1, 0.5, 0.9]), ALL, "must fall from noise to image"),
        (torch.tensor([0.9, float("nan"), 0.1]), ALL, "must fall"),
        (torch.tensor([0.9, 0.5]), ALL, "each step has one time"),
        (torch.tensor([0.9, 0.5, 0.1]), ALL[:1], "each step has one time"),
        (torch.tensor([0.9, 0.5, 0.1]), ~ALL, "no step draws noise"),
    ],
)
def test_other_schedules_are_refused(fractions, stochastic, message):
    with pytest.raises(ValueError, match=rf"SimpleNamespace\.schedule: .*{message}"):
        of(fractions, stochastic)
