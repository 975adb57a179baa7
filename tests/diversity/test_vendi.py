import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from vendi_score import vendi

from drift_pipeline.diversity.vendi import vendi_score, vendi_surprisals

ORDERS = [0.1, 0.5, 1.0, 2.0, 7.5, math.inf]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def oracle_order(q):
    return "inf" if math.isinf(q) else q


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize("shape", [(20, 64), (30, 30)])
def test_kernel_side_agrees_with_vendi_score(shape, q):
    embeddings = normal(*shape).double() + 0.5
    rows = normalize(embeddings, dim=1).numpy()
    expected = vendi.score_K(rows @ rows.T, q=oracle_order(q))
    assert vendi_score(embeddings, q).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("q", ORDERS)
def test_moment_side_agrees_with_vendi_score(q):
    embeddings = normal(200, 12).double() + 0.3
    expected = vendi.score_dual(embeddings.numpy(), q=oracle_order(q))
    assert vendi_score(embeddings, q).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(8, 40), (40, 8)])
def test_both_sides_have_the_entropy_of_the_singular_values(shape):
    embeddings = normal(*shape).double()
    singular = np.linalg.svd(normalize(embeddings, dim=1).numpy(), compute_uv=False)
    p = singular**2 / shape[0]
    assert vendi_score(embeddings).item() == pytest.approx(math.exp(-(p * np.log(p)).sum()))


@pytest.mark.parametrize("q", [0, *ORDERS])
def test_orthogonal_images_count_each(q):
    assert vendi_score(torch.eye(7), q).item() == pytest.approx(7)


@pytest.mark.parametrize("q", [0, *ORDERS])
@pytest.mark.parametrize("shape", [(50, 9), (9, 50)])
def test_identical_images_count_once(shape, q):
    embeddings = normal(1, shape[1]).expand(shape)
    assert vendi_score(embeddings, q).item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("q", [0.5, 1.0, 3.0, math.inf])
def test_unequal_modes_have_the_hill_number_of_their_shares(q):
    shares = np.array([0.5, 0.3, 0.2])
    embeddings = torch.eye(3).repeat_interleave(torch.tensor([50, 30, 20]), dim=0)
    if q == 1:
        expected = math.exp(-(shares * np.log(shares)).sum())
    elif math.isinf(q):
        expected = 1 / shares.max()
    else:
        expected = (shares**q).sum() ** (1 / (1 - q))
    assert vendi_score(embeddings, q).item() == pytest.approx(expected)


def test_order_zero_is_the_rank():
    embeddings = normal(60, 5).double() @ normal(5, 30, seed=1).double()
    assert vendi_score(embeddings, 0).item() == pytest.approx(np.linalg.matrix_rank(embeddings))


def test_order_one_is_the_limit_and_higher_orders_count_less():
    embeddings = normal(30, 10) + 0.5
    near = vendi_score(embeddings, 1 + 1e-7).item()
    assert vendi_score(embeddings).item() == pytest.approx(near, rel=1e-5)
    scores = [vendi_score(embeddings, q).item() for q in (0, *ORDERS)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]


def test_lengths_and_order_do_not_count():
    embeddings = normal(20, 8)
    scaled = embeddings.flip(0) * torch.rand(20, 1).add(0.1)
    assert vendi_score(scaled).item() == pytest.approx(vendi_score(embeddings).item(), rel=1e-5)


def test_depends_on_the_sample_size():
    """The paper calls the score invariant to the sample size; it is not."""
    embeddings = normal(400, 64)
    assert vendi_score(embeddings) > 1.1 * vendi_score(embeddings[:100])


def test_half_precision_is_measured_in_float64():
    embeddings = normal(20, 8).half()
    out = vendi_score(embeddings)
    assert out.shape == () and out.dtype == torch.float64
    assert out == vendi_score(embeddings.double())


@pytest.mark.parametrize(
    ("embeddings", "q", "message"),
    [
        (torch.ones(3), 1.0, r"shape \(n, d\)"),
        (torch.ones(0, 3), 1.0, r"shape \(n, d\)"),
        (torch.eye(3), -1.0, "q must not be negative"),
        (torch.eye(3), math.nan, "q must not be negative"),
        (torch.tensor([[1.0, math.nan]]), 1.0, "embeddings: 1 of 2 values are NaN"),
        (torch.tensor([[1.0, 0.0], [0.0, 0.0]]), 1.0, "an embedding is zero"),
    ],
)
def test_refusals(embeddings, q, message):
    with pytest.raises(ValueError, match=message):
        vendi_score(embeddings, q)


@pytest.mark.parametrize("shape", [(30, 5), (5, 30)])
def test_surprisals_are_those_of_the_matrix_logarithm(shape):
    points = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    unit = points / points.norm(dim=1, keepdim=True)
    surprisals = vendi_surprisals(points)
    assert float(surprisals.mean().exp()) == pytest.approx(float(vendi_score(points)))
    values, vectors = np.linalg.eigh((unit.T @ unit / len(unit)).numpy())
    kept = values > 1e-12
    logarithm = vectors[:, kept] @ np.diag(np.log(values[kept])) @ vectors[:, kept].T
    expected = [-float(x @ logarithm @ x) for x in unit.numpy()]
    np.testing.assert_allclose(surprisals.numpy(), expected, rtol=1e-9)


def test_surprisals_are_the_scores_influence():
    """Weighing an image up moves the entropy by its surprisal less the mean."""
    points = torch.randn(12, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    points = points / points.norm(dim=1, keepdim=True)
    surprisals = vendi_surprisals(points)
    step = 1e-5
    for i in (0, 7):
        weights = torch.full((12,), (1 - step) / 12, dtype=torch.float64)
        weights[i] += step
        p = torch.linalg.eigvalsh((points * weights[:, None]).T @ points)
        entropy = -(p * p.log()).sum()
        slope = (entropy - surprisals.mean()) / step
        assert float(slope) == pytest.approx(float(surprisals[i] - surprisals.mean()), abs=1e-3)
