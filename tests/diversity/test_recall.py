import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc
from torch.nn.functional import normalize
from torch_fidelity.metric_prc import prc_features_to_metric

from drift_pipeline.diversity.recall import generalized_recall


def unit(*shape, seed=0, offset=0.0):
    points = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + offset
    return normalize(points, dim=-1)


def by_hand(reference, generated, k):
    """Every ball and every reference image, one at a time, with squared whole distances."""

    def squared(a, b):
        return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))

    radii = [
        sorted(squared(a, b) for j, b in enumerate(generated) if j != i)[k - 1]
        for i, a in enumerate(generated)
    ]
    balls = list(zip(generated, radii, strict=True))
    inside = [
        any(squared(point, centre) <= radius for centre, radius in balls) for point in reference
    ]
    return sum(inside) / len(inside)


point = st.tuples(st.integers(-4, 4), st.integers(-4, 4))


@settings(max_examples=150, deadline=None)
@given(
    reference=st.lists(point, min_size=1, max_size=12),
    generated=st.lists(point, min_size=4, max_size=12),
    k=st.integers(1, 3),
    chunk_size=st.integers(1, 13),
)
def test_agrees_with_a_loop_where_distances_tie(reference, generated, k, chunk_size):
    tensors = (torch.tensor(points, dtype=torch.float32) for points in (reference, generated))
    out = generalized_recall(*tensors, k=k, chunk_size=chunk_size)
    assert out.item() == by_hand(reference, generated, k)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_agrees_with_prdc_and_torch_fidelity(k):
    reference, generated = unit(150, 6), unit(130, 6, seed=1, offset=1.5)
    out = generalized_recall(reference, generated, k).item()
    prdc = compute_prdc(reference.numpy(), generated.numpy(), nearest_k=k)["recall"]
    fidelity = prc_features_to_metric(
        generated.double(), reference.double(), prc_neighborhood=k, prc_batch_size=64,
        save_cpu_ram=False, verbose=False,
    )["recall"]  # fmt: skip
    assert 0.05 < out < 0.95
    assert out == pytest.approx(prdc)
    assert out == pytest.approx(fidelity)


def test_a_set_covers_itself():
    images = unit(60, 512)
    assert generalized_recall(images, images).item() == 1.0
    assert generalized_recall(images, images.flip(0), k=1).item() == 1.0


def test_collapse_to_one_image_covers_its_duplicates_alone():
    reference = unit(20, 768)
    generated = reference[3].expand(40, -1)
    assert generalized_recall(reference, generated).item() == 1 / 20


def test_a_small_spread_far_from_the_origin_is_not_lost():
    wide, narrow = unit(60, 8), unit(60, 8, seed=1, offset=1.0)
    near = [2.0**-30 * points.mul(64).round().double() for points in (wide, narrow)]
    far = [points + 1000 for points in near]  # exact, and so are all differences
    out = generalized_recall(*near, k=3)
    assert 0 < out < 1
    assert generalized_recall(*far, k=3) == out


def test_is_not_precision():
    """A generator stuck in one of two modes: its images are fine, half of the base is lost."""
    left, right = unit(50, 4) - 10, unit(50, 4, seed=1) + 10
    both, one = torch.cat([left, right]), left + 1e-3
    assert generalized_recall(both, one).item() == pytest.approx(0.5, abs=0.1)
    assert generalized_recall(one, both).item() > 0.9


def test_radius_excludes_the_image_itself():
    generated = torch.tensor([[0.0], [1.0], [3.0]])
    reference = torch.tensor([[-1.0], [-1.01], [4.9], [5.1]])
    assert generalized_recall(reference, generated, k=1).item() == 0.5


def test_chunks_are_a_matter_of_memory_alone():
    reference, generated = unit(70, 16), unit(90, 16, seed=1, offset=0.5)
    outs = {generalized_recall(reference, generated, 5, size).item() for size in (1, 7, 64, 500)}
    assert len(outs) == 1


def test_a_larger_neighbourhood_covers_more():
    reference, generated = unit(100, 16), unit(60, 16, seed=1, offset=0.5)
    recalls = [generalized_recall(reference, generated, k).item() for k in (1, 3, 10, 30)]
    assert recalls == sorted(recalls)
    assert recalls[0] < recalls[-1]


def test_default_neighbourhood_is_the_papers():
    reference, generated = unit(100, 16), unit(60, 16, seed=1, offset=0.5)
    out = generalized_recall(reference, generated)
    assert out == generalized_recall(reference, generated, k=10)
    assert out != generalized_recall(reference, generated, k=3)


def test_returns_a_float64_scalar():
    out = generalized_recall(unit(12, 4).half(), unit(12, 4, seed=1).half())
    assert out.shape == () and out.dtype == torch.float64


GOOD = torch.zeros(11, 3)


@pytest.mark.parametrize(
    ("reference", "generated", "k", "message"),
    [
        (GOOD, torch.zeros(10, 3), 10, "k = 10 needs 11 generated images or more, got 10"),
        (torch.zeros(0, 3), GOOD, 10, "no reference images"),
        (GOOD, torch.zeros(11, 4), 10, "must agree in d"),
        (GOOD, torch.zeros(11), 10, "must agree in d"),
        (GOOD, GOOD, 0, "must be 1 or more"),
        (torch.full((11, 3), math.nan), GOOD, 10, "reference: 33 of 33 values are NaN"),
        (GOOD, torch.full((11, 3), math.inf), 10, "generated: 33 of 33 values are NaN"),
    ],
)
def test_refusals(reference, generated, k, message):
    with pytest.raises(ValueError, match=message):
        generalized_recall(reference, generated, k)
