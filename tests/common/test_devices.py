import pytest
import torch

from drift_pipeline.common import devices


def test_a_precision_is_compared_with_fp32_on_the_same_work(monkeypatch):
    seconds = {torch.bfloat16: 3.0, torch.float32: 2.0}
    monkeypatch.setattr(devices, "_seconds", seconds.__getitem__)
    assert devices.slowdown(torch.bfloat16) == 1.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_can_be_measured_here(dtype):
    assert devices.slowdown(dtype) > 0
