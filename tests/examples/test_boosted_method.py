import pytest
import torch
from boosted_method import Boosted
from torch.nn import functional as F

from drift_pipeline.config.method import MethodPreset
from drift_pipeline.methods.standard import Standard

GROUPS, SIZE = 3, 4


@pytest.fixture
def drawn():
    generator = torch.Generator().manual_seed(0)
    rewards = torch.randn(GROUPS, SIZE, generator=generator)
    return rewards, F.normalize(torch.randn(GROUPS, SIZE, 5, generator=generator), dim=2)


def test_what_is_good_and_rare_counts_more(drawn):
    """Against the formula, sample by sample."""
    rewards, embeddings = drawn
    preset = MethodPreset()
    plain = Standard(preset, SIZE).credit(rewards, embeddings).total
    credit = Boosted(preset=preset, group_size=SIZE, power=2.0).credit(rewards, embeddings)
    for group in range(GROUPS):
        cosine = (embeddings[group] @ embeddings[group].T).tolist()
        distances = [
            sum(1 - cosine[i][j] for j in range(SIZE) if j != i) / (SIZE - 1) for i in range(SIZE)
        ]
        for i, distance in enumerate(distances):
            boost = (distance / (sum(distances) / SIZE)) ** 2
            before = float(plain[group, i])
            expected = before * boost if before > 0 else before
            assert float(credit.total[group, i]) == pytest.approx(expected, rel=1e-4)
            assert float(credit.parts["boost"][group, i]) == pytest.approx(boost, rel=1e-4)
    assert not torch.allclose(credit.total, plain)


def test_without_power_or_difference_nothing_is_boosted(drawn):
    rewards, embeddings = drawn
    plain = Standard(MethodPreset(), SIZE).credit(rewards, embeddings).total
    none = Boosted(preset=MethodPreset(), group_size=SIZE, power=0.0)
    assert torch.equal(none.credit(rewards, embeddings).total, plain)
    alike = F.one_hot(torch.zeros(GROUPS, SIZE, dtype=torch.long), 5).float()
    boosted = Boosted(preset=MethodPreset(), group_size=SIZE)
    assert torch.equal(boosted.credit(rewards, alike).total, plain)


def test_the_switches_still_hold(drawn):
    """Shaping is added first, then boosted."""
    rewards, embeddings = drawn
    preset = MethodPreset(shaping={"ratio": 0.5})
    shaped = Standard(preset, SIZE).credit(rewards, embeddings)
    boosted = Boosted(preset=preset, group_size=SIZE).credit(rewards, embeddings)
    up = shaped.total > 0
    expected = shaped.total[up] * boosted.parts["boost"][up]
    assert torch.allclose(boosted.total[up], expected)
    assert boosted.parts.keys() == {*shaped.parts, "boost"}
