import hashlib

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from drift_pipeline.common.randomness import (
    generator,
    keyed_integers,
    keyed_normal,
    keyed_permutation,
)


def test_the_seed_is_part_of_the_format():
    """Runs made yesterday must be resumed with the same numbers: the hash never changes."""
    digest = hashlib.blake2b(b'[42, "latents", 3, 0, 7]', digest_size=8).digest()
    expected = int.from_bytes(digest, "big") >> 1
    assert generator(42, "latents", 3, 0, 7).initial_seed() == expected
    assert 0 <= expected < 2**63


def test_the_same_key_gives_the_same_numbers_in_any_order():
    first, second = keyed_normal((4, 8, 8), 0, "a", 1), keyed_normal((4, 8, 8), 0, "b", 1)
    torch.randn(3)
    assert torch.equal(keyed_normal((4, 8, 8), 0, "b", 1), second)
    assert torch.equal(keyed_normal((4, 8, 8), 0, "a", 1), first)


def test_every_part_of_the_key_counts():
    keys = [
        (0, "a", 1, 2), (1, "a", 1, 2), (0, "b", 1, 2), (0, "a", 2, 1), (0, "a", 12), (0, "a", 1),
        (0, "a", "1", 2), (0, "a", 1, 2, 0), (0, "a12"), (0,), (-1,), (0, "é"), (0, ""),
        (0, "a", -1, 2), (0, 'a", "b'), (0, "a", "b"),
    ]  # fmt: skip
    assert len({generator(*key).initial_seed() for key in keys}) == len(keys)


def test_integers_of_other_libraries_are_the_same_keys():
    expected = generator(3, "step", 5).initial_seed()
    assert generator(np.int64(3), "step", np.uint8(5)).initial_seed() == expected
    assert generator(torch.tensor(3), "step", torch.tensor(5)).initial_seed() == expected


@pytest.mark.parametrize("key", [1.0, None, ("a", 1), b"a"])
def test_other_keys_are_refused(key):
    with pytest.raises(TypeError):
        generator(0, key)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    keyed_normal((10,), 0, "a")
    keyed_permutation(10, 0, "a")
    keyed_integers(10, 3, 0, "a")
    assert torch.equal(torch.rand(1), expected)


def test_noise_is_standard_normal_and_uncorrelated_across_keys():
    noise = torch.stack([keyed_normal((256,), 7, "noise", i) for i in range(400)])
    assert kstest(noise.flatten().numpy(), "norm").pvalue > 1e-3
    correlation = torch.corrcoef(noise)[~torch.eye(400, dtype=torch.bool)]
    assert correlation.std().item() == pytest.approx(256**-0.5, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_get_the_same_numbers_rounded(dtype):
    noise = keyed_normal((3, 20), 0, "a", dtype=dtype)
    assert noise.dtype == dtype
    assert torch.equal(noise, keyed_normal((3, 20), 0, "a").to(dtype))


def test_a_device_is_honoured():
    assert keyed_normal((2,), 0, "a", device="meta").device.type == "meta"


def test_a_scalar_shape_is_allowed():
    assert keyed_normal((), 0, "a").shape == ()


def test_permutation_and_integers():
    order = keyed_permutation(50, 0, "shuffle", 1)
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != list(range(50))
    assert torch.equal(order, keyed_permutation(50, 0, "shuffle", 1))
    drawn = keyed_integers(45, 1000, 0, "prompts", 1)
    assert set(drawn.tolist()) == set(range(45))
    assert torch.equal(drawn, keyed_integers(45, 1000, 0, "prompts", 1))
    assert not torch.equal(drawn, keyed_integers(45, 1000, 0, "prompts", 2))
