"""Muon, against torch's own and against the singular values that it promises."""

import pytest
import torch
from torch import nn

from drift_pipeline.bestiary.training.muon import Muon, make_optimizers, orthogonalise

#: Shapes of the bestiary's weights, small and large, some of them twice.
SHAPES = [
    *((3, 8, 3, 3), (6, 3, 3, 3), (6, 6, 3, 3), (6, 6, 3, 3), (8, 3, 3, 3), (8, 8, 3, 3)),
    *((8, 8, 1, 1), (96, 64), (96, 64), (96, 96), (96, 96), (64, 16, 3, 3), (96, 96, 3, 3)),
]


def test_it_is_torchs():
    draw = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=draw) for shape in SHAPES]
    ours = [weight.clone() for weight in start]
    theirs = [weight.flatten(1).clone() for weight in start]
    one = Muon(ours, lr=0.01, weight_decay=0.1)
    other = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for step in range(20):
        for optimizer in (one, other):
            for group in optimizer.param_groups:
                group["lr"] = 0.01 / (1 + step)
        for mine, its in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=draw)
            its.grad = mine.grad.flatten(1)
        one.step()
        other.step()
    for mine, its, first in zip(ours, theirs, start, strict=True):
        moved = float((mine - first).abs().mean())
        assert moved > 0.001
        # A batch of small products is rounded now and then in another way than single ones.
        assert float((mine.flatten(1) - its).abs().max()) < 0.05 * moved


@pytest.mark.parametrize("shape", [(3, 12, 12), (2, 8, 40), (2, 40, 8)])
def test_directions_stay_and_singular_values_come_near_one(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    inner = u.mT @ orthogonalise(matrices).float() @ v.mT
    values = inner.diagonal(dim1=1, dim2=2)
    assert (inner - torch.diag_embed(values)).abs().max() < 0.1
    # A square matrix may have a singular value next to nothing; five iterations only raise it.
    assert values.max() < 1.3 and values.median() > 0.6


def test_a_weight_without_a_gradient_stays_and_keeps_its_velocity():
    one, other = torch.ones(3, 3), torch.ones(3, 3)
    optimizer = Muon([one, other], lr=0.1, weight_decay=0.1)
    alone = torch.ones(3, 3)
    by_itself = Muon([alone], lr=0.1, weight_decay=0.1)
    slopes = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0))
    one.grad, other.grad, alone.grad = slopes[0], None, slopes[0]
    optimizer.step()
    by_itself.step()
    assert torch.equal(other, torch.ones(3, 3))
    one.grad, other.grad = None, slopes[1]
    optimizer.step()
    one.grad, alone.grad = slopes[1], slopes[1]
    optimizer.step()
    by_itself.step()
    assert torch.equal(one, alone)


def test_a_closure_is_called_with_gradients():
    weight = torch.ones(3, 3, requires_grad=True)

    def closure():
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert Muon([weight], lr=0.1, weight_decay=0.0).step(closure).item() == 9
    assert float(weight.detach().sum()) < 9


def test_every_weight_that_learns_has_one_optimizer():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(4, 4))
    module[3].weight.requires_grad_(False)
    optimizers = make_optimizers(module, 0.1)
    seen = [w for o in optimizers for group in o.param_groups for w in group["params"]]
    assert [id(weight) for weight in optimizers[0].param_groups[0]["params"]] == [
        id(module[0].weight)
    ]
    learning = [weight for weight in module.parameters() if weight.requires_grad]
    assert sorted(map(id, seen)) == sorted(map(id, learning))
