"""The count behind docs/cost.md, where a closed form or another library knows the answer."""

import sys

import pytest
import torch
from torch.nn import functional


@pytest.fixture(scope="module")
def cost(project_path):
    """benchmarks/cost.py, which is a script."""
    sys.path.insert(0, str(project_path / "benchmarks"))
    try:
        import cost

        yield cost
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("rank", [4, 8])
def test_the_adapters_size_in_closed_form(cost, rank):
    """Against peft on SD v1.5's full-size UNet, whose own size is known."""
    unet = cost.unet()
    assert cost.parameters(unet) == 859_520_964
    model = cost.adapted(unet, rank)
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert cost.lora_parameters(rank) == learning == {4: 797_184, 8: 1_594_368}[rank]


def test_the_adapter_is_the_projects(cost):
    from drift_pipeline.policies.stable_diffusion import ATTENTION_LAYERS

    assert tuple(cost.ATTENTION) == ATTENTION_LAYERS


def test_operations_of_a_linear_layer_and_of_attention(cost):
    layer = torch.nn.Linear(32, 64, device="meta")
    assert cost.looked_at(lambda: layer(cost.meta(8, 32))).operations == 2 * 8 * 32 * 64
    q, kv = cost.meta(2, 4, 16, 8), cost.meta(2, 4, 10, 8)
    attend = cost.looked_at(lambda: functional.scaled_dot_product_attention(q, kv, kv))
    assert attend.operations == 2 * 2 * (2 * 4 * 16 * 8 * 10)


def test_peak_memory_counts_what_is_alive(cost):
    def chain():
        values = cost.meta(1000)  # 4,000 bytes
        for _ in range(5):
            values = values + 1  # the old ones are let go

    assert cost.looked_at(chain).peak == 8000


def test_backward_keeps_what_it_needs(cost):
    layers = torch.nn.Sequential(
        *(torch.nn.Linear(10, 10, bias=False, device="meta") for _ in range(3))
    )
    with cost.counting(half=False) as forward:
        result = layers(cost.meta(100, 10))
    assert forward.peak == 4 * 100 * 10 * 4  # the input and three results
    assert forward.operations == 3 * 2 * 100 * 10 * 10
    with cost.counting(half=False) as backward:
        torch.autograd.grad(result.sum(), list(layers.parameters()))
    assert backward.operations == 5 * 2 * 100 * 10 * 10  # none for the input


def test_autocast_changes_what_is_kept(cost):
    layer = torch.nn.LayerNorm(8, device="meta", dtype=torch.half)
    with cost.as_on_a_gpu(half=True):
        assert layer(cost.meta(2, 8, dtype=torch.half)).dtype == torch.float32
        linear = torch.nn.Linear(8, 8, device="meta")
        assert linear(cost.meta(2, 8)).dtype == torch.half
    assert layer(cost.meta(2, 8, dtype=torch.half)).dtype == torch.half


def test_the_document_has_the_adapters_size(project_path, cost):
    text = (project_path / "docs" / "cost.md").read_text()
    assert f"The adapter has {cost.lora_parameters(8):,} numbers." in text
