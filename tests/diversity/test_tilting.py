"""The best policy there is, held against closed forms, brute force and draws."""

import math

import numpy as np
import pytest
import torch

from drift_pipeline.diversity.entropy import kind_bits
from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.diversity.tilting import (
    effective_sample_size,
    tilted_bits,
    tilted_distance,
    tilted_mean,
    tilted_weights,
)


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    points = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(points, dim=-1)


@pytest.mark.parametrize("beta", [0.5, 1.0, 4.0])
def test_a_gaussian_reward_is_tilted_as_its_closed_form(beta):
    """N(m, s²) tilted by exp(r / β) is N(m + s² / β, s²)."""
    rewards = 2 + 0.5 * torch.randn(4, 200_000, generator=torch.Generator().manual_seed(1))
    weights = tilted_weights(rewards, beta)
    mean = tilted_mean(rewards, weights)
    assert mean.tolist() == pytest.approx([2 + 0.25 / beta] * 4, abs=0.04)
    spread = tilted_mean((rewards - mean[:, None]).square(), weights)
    assert spread.tolist() == pytest.approx([0.25] * 4, rel=0.05)
    # Σw² of exp(r / β) is known as well: n exp(-s² / β²) images' worth
    expected = 200_000 * math.exp(-0.25 / beta**2)
    assert effective_sample_size(weights).mean().item() == pytest.approx(expected, rel=0.1)


def test_no_policy_of_these_images_has_more_reward_at_its_divergence():
    """π* maximises E[r] − β KL: a step towards any other distribution loses (Eq. 4)."""
    rewards, beta = torch.randn(1, 12, dtype=torch.float64), 0.7
    best = tilted_weights(rewards, beta)[0]

    def objective(shares):
        divergence = (shares * (shares * len(shares)).log()).sum()
        return float((shares * rewards[0]).sum() - beta * divergence)

    for seed in range(20):
        other = torch.rand(12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        mixed = 0.95 * best + 0.05 * other / other.sum()
        assert objective(mixed) < objective(best)


def test_equal_weights_give_the_measures_of_the_base_model():
    points, kinds = unit(3, 30, 8), torch.randint(4, (3, 30))
    weights = tilted_weights(torch.zeros(3, 30), 1.0)
    expected = mean_pairwise_distance(points.double())
    assert tilted_distance(points, weights).tolist() == pytest.approx(expected.tolist())
    assert effective_sample_size(weights).tolist() == pytest.approx([30] * 3)
    # a huge draw has the entropy of the shares
    entropies = kind_bits(kinds)
    assert tilted_bits(kinds, weights, 20_000).tolist() == pytest.approx(
        entropies.tolist(), abs=1e-3
    )


def test_distance_agrees_with_all_pairs():
    points = unit(2, 9, 5, seed=3).double()
    weights = tilted_weights(torch.randn(2, 9), 0.5)
    for prompt in range(2):
        total = norm = 0.0
        for i in range(9):
            for j in range(9):
                if i != j:
                    both = float(weights[prompt, i] * weights[prompt, j])
                    total += both * float((points[prompt, i] - points[prompt, j]).square().sum())
                    norm += both
        assert tilted_distance(points, weights)[prompt].item() == pytest.approx(total / norm)


def test_bits_are_what_draws_have_on_average():
    kinds = torch.tensor([[0, 0, 1, 2, 2, 2, 3, 1]])
    weights = tilted_weights(torch.tensor([[0.1, 0.4, -0.3, 0.2, 1.0, 0.0, 0.7, -1.0]]), 0.8)
    rng = np.random.default_rng(0)
    drawn = rng.choice(8, size=(20_000, 12), p=weights[0].numpy())
    expected = kind_bits(kinds[0][torch.from_numpy(drawn)]).mean().item()
    assert tilted_bits(kinds, weights, 12).item() == pytest.approx(expected, abs=0.01)


def test_a_single_kind_has_no_bits_and_a_single_image_no_distance():
    weights = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert tilted_bits(torch.tensor([[5, 5]]), weights, 40).item() == pytest.approx(0, abs=1e-12)
    assert tilted_distance(unit(1, 2, 4), weights).isnan().all()


@pytest.mark.parametrize("beta", [0, -1.0, float("nan")])
def test_beta_is_above_zero(beta):
    with pytest.raises(ValueError, match="beta must be above 0"):
        tilted_weights(torch.zeros(1, 3), beta)
