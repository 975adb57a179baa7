import pytest
import torch
from schedules import make_scheduler

from drift_pipeline.rl.ddim import deviations, log_prob, responses
from drift_pipeline.rl.step_weights import score_shares, step_weights

NOISY = torch.tensor([True, True, True, False])
STD = torch.tensor([0.5, 0.3, 0.1, 0.0])


def shares(steps, **changes):
    scheduler = make_scheduler(steps, **changes)
    std = deviations(scheduler, 1.0)
    return score_shares(std > 0, std, responses(scheduler, 1.0))


def test_uniform_weights_are_exactly_one():
    assert step_weights("uniform", NOISY).tolist() == [1, 1, 1, 0]


def test_by_deviation_as_sigma_over_its_mean():
    torch.testing.assert_close(
        step_weights("std", NOISY, STD), torch.tensor([0.5, 0.3, 0.1, 0]) / 0.3
    )


def test_a_list_keeps_its_proportions_and_has_mean_one_over_the_noisy_steps():
    # The last step is deterministic: what the list says of it counts nothing.
    assert step_weights([1, 2, 0, 7], NOISY).tolist() == [1, 2, 0, 0]


@pytest.mark.parametrize(
    ("setting", "std", "message"),
    [
        ("std", None, "does not give them; take uniform or a list"),
        ([1.0, 1.0], STD, "has 2 numbers, and the schedule has 4 steps"),
        ([0.0, 0.0, 0.0, 1.0], STD, "leaves out every step that draws noise"),
    ],
)
def test_refusals(setting, std, message):
    with pytest.raises(ValueError, match=message):
        step_weights(setting, NOISY, std)


def test_the_shares_are_those_of_the_scores_themselves():
    """The log-probability's own gradient with respect to the network's output, many times."""
    scheduler = make_scheduler(8)
    std, slopes = deviations(scheduler, 1.0), responses(scheduler, 1.0)
    generator = torch.Generator().manual_seed(0)
    squares = []
    for deviation, slope in zip(std, slopes, strict=True):
        output = torch.zeros(4000, 1, 4, 4, requires_grad=True)
        drawn = deviation * torch.randn(output.shape, generator=generator)
        (score,) = torch.autograd.grad(log_prob(drawn, slope * output, deviation).sum(), output)
        squares.append(score.square().sum())
    measured = torch.stack(squares) / sum(squares)
    torch.testing.assert_close(measured, shares(8), rtol=0.02, atol=1e-4)


def test_in_stable_diffusions_schedule_one_step_drowns_the_others():
    # Step 126 → 1 of eight; with the paper's 50 steps the one before the last has half of it.
    assert shares(8)[6] == pytest.approx(0.895, abs=0.001)
    assert shares(50).max() == pytest.approx(0.487, abs=0.001)


def test_a_schedule_that_ends_at_the_image_is_even():
    even = shares(8, timestep_spacing="trailing", set_alpha_to_one=True)
    assert even[7] == 0
    assert even.max() < 2 * even.sum() / 7


def test_nothing_is_said_of_a_policy_that_does_not_tell():
    assert score_shares(NOISY, STD, None) is None
