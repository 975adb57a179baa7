"""Is what lasts from one update to the next right on this device? GradScaler, and resuming."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from gpu_checks import apart, draw, step_of, train
from gpu_policy import Bench, moved, narrowed
from gpu_report import Result, held
from safetensors.torch import load_file, save_file

from drift_pipeline.policies import peft_files
from drift_pipeline.policies.base import PolicyState

HIGH, LOW = 2.0**100, 2.0**10
"""Scales under which every gradient overflows, and none does."""


def scaled(state: PolicyState, scale: float) -> PolicyState:
    """Return a state whose gradients will be multiplied by this much."""
    usual = torch.amp.GradScaler("cpu").state_dict()
    return replace(state, scaler={**usual, "scale": scale})


def check_overflow(bench: Bench) -> Iterator[Result]:
    """Scale until fp16 overflows: the update is skipped and the scale is halved."""
    policy = bench.policy("fp16")
    state = moved(policy)
    with narrowed(policy, bench.size.small_latent, kept=2):
        drawn, _ = draw(policy, state, 1, 1, batch=1)
        skipped, row = train(policy, scaled(state, HIGH), drawn, 2, clip_range=0.2)
        change = step_of(skipped, state).abs().max().item()
        memory = len(skipped.optimizer or {})
        yield held("adapter after an overflow, fp16: its change", change, 0.0, memory=memory)
        ratio = skipped.scaler["scale"] / HIGH
        yield held("GradScaler's scale after an overflow: its distance from a half",
                   abs(ratio - 0.5), 0.0, gradient=row["grad_norm"])  # fmt: skip
        taken, _ = train(policy, scaled(skipped, LOW), drawn, 2, clip_range=0.2)
    moves = step_of(taken, state).abs().max().item()
    yield held("GradScaler takes the next update: 1 if it does not", float(not moves > 0), 0.0)


def save_state(state: PolicyState, folder: Path) -> None:
    """Write a state in the files of the project's checkpoints."""
    config = peft_files.lora_config(state.lora.rank, state.lora.alpha, state.layers)
    peft_files.save_adapter(state.adapter, config, folder)
    save_file(state.optimizer or {}, folder / "optimizer.safetensors")
    (folder / "state.json").write_text(json.dumps({"epoch": state.epoch, "scaler": state.scaler}))


def load_state(folder: Path) -> PolicyState:
    """Read what `save_state` has written."""
    adapter = peft_files.load_adapter(folder / peft_files.ADAPTER)
    said = json.loads((folder / "state.json").read_text())
    return PolicyState(
        adapter=adapter,
        optimizer=load_file(folder / "optimizer.safetensors"),
        layers=peft_files.load_layers(folder, adapter),
        **said,
    )


def check_resume(bench: Bench) -> Iterator[Result]:
    """Train a second epoch from the disk: it gives the numbers of one that goes straight on.

    Some kernels add up in any order. So the second epoch is also trained twice straight on, and
    resuming may differ by no more than a few times what these two differ by.
    """
    policy, latent = bench.policy("fp16"), bench.size.small_latent
    start = scaled(moved(policy), LOW)
    with narrowed(policy, latent, kept=2):
        drawn, _ = draw(policy, start, 1, 1, batch=1)
        later = replace(drawn, epoch=2)
        first, _ = train(policy, start, drawn, 2, clip_range=0.2)
        straight, again = (train(policy, first, later, 2, clip_range=0.2)[0] for _ in range(2))
    with TemporaryDirectory() as folder:
        save_state(first, Path(folder))
        read = load_state(Path(folder))
    del policy
    bench.release()
    policy = bench.policy("fp16")
    with narrowed(policy, latent, kept=2):
        resumed, _ = train(policy, read, later, 2, clip_range=0.2)
    step = step_of(straight, first)
    repeat = apart(step_of(again, first), step)
    yield held("second epoch after resuming, fp16: distance from straight on",
               apart(step_of(resumed, first), step), 4 * repeat,
               "the goal is four times what a mere repeat differs by", repeat=repeat)  # fmt: skip
    scales = abs(resumed.scaler["scale"] - straight.scaler["scale"])
    yield held("GradScaler's scale after resuming: its distance from straight on", scales, 0.0)
