import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from drift_pipeline.drift.prompting import anneal, perturb

PAPER = {"scale": 0.05, "tau1": 0.4, "tau2": 1.0, "psi": 1.0}


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def gamma_by_hand(t, tau1, tau2):
    """Equation 35, a case at a time."""
    if t <= tau1:
        return 1.0
    if t >= tau2:
        return 0.0
    return (tau2 - t) / (tau2 - tau1)


def perturb_by_hand(e, n, t, scale, tau1, tau2, psi):
    """Equations 34, 36 and 37 for one sample, in NumPy."""
    gamma = gamma_by_hand(t, tau1, tau2)
    noised = np.sqrt(gamma) * e + scale * np.sqrt(1 - gamma) * n
    rescaled = (noised - noised.mean()) / noised.std() * e.std() + e.mean()
    return psi * rescaled + (1 - psi) * noised


unit = st.floats(0, 1)


@settings(max_examples=100, deadline=None)
@given(t=unit, taus=st.tuples(unit, unit).map(sorted))
def test_anneal_is_the_piecewise_ramp(t, taus):
    gamma = anneal(torch.tensor(t, dtype=torch.float64), *taus)
    assert gamma.item() == pytest.approx(gamma_by_hand(t, *taus), abs=1e-12)


def test_anneal_at_the_thresholds_of_the_paper():
    t = torch.tensor([0.0, 0.4, 0.7, 1.0])
    assert_close(anneal(t, 0.4, 1.0), torch.tensor([1.0, 1.0, 0.5, 0.0]))


def test_anneal_with_equal_thresholds_is_a_step():
    t = torch.tensor([0.25, 0.5, 0.75])
    assert anneal(t, 0.5, 0.5).tolist() == [1.0, 1.0, 0.0]


def test_anneal_takes_a_number_and_half_precision():
    assert anneal(0.7, 0.4, 1.0).item() == pytest.approx(0.5)
    assert anneal(torch.tensor([0.75], dtype=torch.float16), 0.5, 1.0).dtype == torch.float32


@pytest.mark.parametrize("t", [981, torch.tensor([0.5, 21.0]), -0.1, torch.tensor([torch.nan])])
def test_anneal_refuses_raw_timesteps(t):
    with pytest.raises(ValueError, match="divide timesteps"):
        anneal(t, 0.4, 1.0)


def test_anneal_refuses_swapped_thresholds():
    with pytest.raises(ValueError, match=r"tau1 \(1.0\) must not exceed tau2 \(0.4\)"):
        anneal(0.5, 1.0, 0.4)


@pytest.mark.parametrize("psi", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("scale", [0.05, 2.0])
def test_agrees_with_the_equations_sample_by_sample(psi, scale):
    e = 3.0 * normal(5, 7, 16) + 1.0
    n, t = normal(5, 7, 16, seed=1), torch.tensor([0.1, 0.5, 0.8, 0.95, 1.0])
    out = perturb(e, n, t, scale, 0.4, 1.0, psi)
    for i in range(5):
        expected = perturb_by_hand(
            e[i].double().numpy(), n[i].double().numpy(), t[i].item(), scale, 0.4, 1.0, psi
        )
        assert_close(out[i], torch.from_numpy(expected).float(), rtol=1e-4, atol=1e-4)


def test_one_time_for_all_equals_one_a_sample():
    e, n = normal(3, 4, 8), normal(3, 4, 8, seed=1)
    expected = perturb(e, n, torch.full((3,), 0.8), **PAPER)
    assert torch.equal(perturb(e, n, 0.8, **PAPER), expected)
    assert torch.equal(perturb(e, n, torch.tensor(0.8), **PAPER), expected)


def test_samples_do_not_depend_on_their_batch():
    e, n, t = normal(4, 6, 8), normal(4, 6, 8, seed=1), torch.tensor([0.5, 0.6, 0.9, 1.0])
    e = e * torch.tensor([1.0, 10.0, 0.1, 3.0])[:, None, None]
    together = perturb(e, n, t, **PAPER)
    alone = torch.cat([perturb(e[i : i + 1], n[i : i + 1], t[i], **PAPER) for i in range(4)])
    assert_close(together, alone)


def test_rescaling_restores_mean_and_spread_over_tokens_and_channels():
    e = 4.0 * normal(2, 77, 32) + torch.arange(77.0)[:, None]
    out = perturb(e, normal(2, 77, 32, seed=1), torch.tensor([0.6, 1.0]), 0.5, 0.4, 1.0, 1.0)
    assert_close(out.mean(dim=(1, 2)), e.mean(dim=(1, 2)), rtol=1e-4, atol=1e-4)
    assert_close(out.std(dim=(1, 2)), e.std(dim=(1, 2)), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(out, e, atol=0.1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_late_steps_get_the_clean_prompt_bit_for_bit(dtype):
    e = normal(2, 77, 32).to(dtype)
    out = perturb(e, normal(2, 77, 32, seed=1), torch.tensor([0.4, 0.001]), **PAPER)
    assert torch.equal(out[1], e[1])
    assert torch.equal(perturb(e, e, 0.0, **PAPER), e)


def test_the_earliest_step_is_noise_alone_brought_to_the_prompt_s_scale():
    e, n = 5.0 * normal(1, 20, 16) + 2.0, normal(1, 20, 16, seed=1)
    expected = (n - n.mean()) / n.std() * e.std() + e.mean()
    assert_close(perturb(e, n, 1.0, **PAPER), expected, rtol=1e-4, atol=1e-4)


def test_an_embedding_without_spread_stays_finite():
    e = torch.full((1, 3, 4), 2.0)
    assert_close(perturb(e, torch.zeros_like(e), 0.9, **PAPER), e)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    e, n = normal(2, 5, 8).to(dtype), normal(2, 5, 8, seed=1)
    out = perturb(e, n, 0.8, **PAPER)
    assert out.dtype == dtype
    assert torch.equal(out, perturb(e.float(), n, 0.8, **PAPER).to(dtype))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": torch.zeros(1, 3, 4)}, "shapes differ"),
        ({"embeddings": torch.zeros(3, 4), "noise": torch.zeros(3, 4)}, r"\(b, tokens, d\)"),
        ({"t": torch.zeros(3)}, "t must be one number or 2"),
        ({"scale": -0.1}, "scale must not be negative"),
        ({"psi": 1.5}, r"psi must lie in \[0, 1\]"),
    ],
)
def test_refusals(change, message):
    arguments = {"embeddings": torch.zeros(2, 3, 4), "noise": torch.zeros(2, 3, 4), "t": 0.5}
    with pytest.raises(ValueError, match=message):
        perturb(**(arguments | PAPER | change))
