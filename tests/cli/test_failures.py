"""Failures that a person can mend are one line; others keep their traceback."""

import errno

import pytest
import torch
from kedro.io import DatasetError

from drift_pipeline.cli.failures import explain
from drift_pipeline.common.errors import ConfigurationError


def raised_from(outer: Exception, inner: Exception) -> Exception:
    """The error as Kedro's datasets raise it around another one."""
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (DatasetError("Failed while\nloading"), ["Failed while loading"]),
        (FloatingPointError("epoch 2: the reward is nan"), ["epoch 2: the reward is nan"]),
        (OSError(errno.ENOSPC, "No space left on device", "a/b.parquet"),
         ["the disk is full (No space left on device: a/b.parquet)", "the same command resumes"]),
        (raised_from(DatasetError("x"), OSError(errno.ENOSPC, "No space left", "b")),
         ["the disk is full (No space left: b)"]),
        (raised_from(DatasetError("x"), RuntimeError("I/O: No space left on device (os error 28)")),
         ["the disk is full (I/O: No space left on device (os error 28))"]),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"),
         ["no permission (Permission denied: /data/x)"]),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
         ["Tried to allocate 2.00 GiB", "train.optimization.micro_batch_size"]),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), ["train.sampling.batch_size"]),
        (MemoryError(), ["out of memory"]),
        (raised_from(DatasetError("x\ny"), ConfigurationError("train.prompts: is empty")),
         ["train.prompts: is empty"]),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_one_line(error, parts):
    line = explain(error)
    assert line and "\n" not in line
    assert not [part for part in parts if part not in line]


@pytest.mark.parametrize("error", [TypeError("x"), RuntimeError("shape"), KeyError("dreamsim")])
def test_mistakes_in_programs_keep_their_traceback(error):
    assert explain(error) is None
    saving = raised_from(DatasetError(f"Failed while saving data to dataset x.\n{error}"), error)
    assert explain(raised_from(DatasetError(f"x: {saving}"), saving)) is None


def test_what_goes_wrong_while_pictures_are_drawn_and_saved_is_told_apart():
    reason = FloatingPointError("'a cat', seed 0: the latents are not finite")
    saving = raised_from(DatasetError(f"Failed while saving data to dataset x.\n{reason}"), reason)
    assert explain(raised_from(DatasetError(f"images: {saving}"), saving)) == str(reason)
