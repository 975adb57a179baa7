"""What an epoch of Table 2 takes, by this project and by the usual loop."""

from __future__ import annotations

from collections.abc import Iterator

import cost
import torch
from gpu_baseline import SAMPLING_BATCH, TRAINING_BATCH, Baseline, Samples
from gpu_card import free, peak_gib
from gpu_model import PROMPTS, SEED
from gpu_policy import GUIDANCE, STEPS, Bench
from gpu_report import Result, measured
from gpu_times import Timing, time_rollout, time_update, timed

from drift_pipeline.common.randomness import keyed_normal

DRAWN, TRAINED, UPDATES = 256, 128, 4
"""Table 2: images that an epoch draws and trains on, and its gradient updates."""
SECONDS = "s an epoch"


def epoch(drawing: Timing, training: Timing) -> float:
    """Seconds of an epoch of Table 2's size; scoring and DreamSim are not in it.

    The KL divergence is measured on 64 pairs of each update, a forward pass for each.
    """
    pair = drawing.steps / (drawing.images * drawing.kept)
    measuring = UPDATES * cost.KL_ROWS * pair
    return DRAWN / drawing.rate + TRAINED / training.rate + measuring


def time_baseline(bench: Bench) -> Iterator[Result]:
    """Time the usual loop, and this project with the same batch sizes and precision."""
    policy = bench.policy("fp16")
    images = -(-bench.size.least // SAMPLING_BATCH) * SAMPLING_BATCH
    drawing, drawn = time_rollout(bench, policy, SAMPLING_BATCH, images)
    training = time_update(bench, policy, drawn, TRAINING_BATCH)
    times, shape = drawn.schedule.times, policy.latent_shape
    del policy, drawn
    bench.release()
    own = epoch(drawing, training)
    yield measured("this project, batches of 4 and 2, fp16", own, SECONDS,
                   rollout=drawing.rate, update=training.rate)  # fmt: skip

    loop = Baseline(bench.folder, bench.device, STEPS, GUIDANCE)
    prompts = [PROMPTS[0]] * images
    worth = keyed_normal((images,), SEED, "advantages")
    samples = loop.draw(prompts[:SAMPLING_BATCH], times[:1], shape)
    loop.train(samples, times[:1], worth[:SAMPLING_BATCH])
    free(bench.device)
    taken = bench.seconds(lambda: loop.draw(prompts, times, shape))
    decoding = _decoding(bench, loop, samples, images)
    drawing = Timing(images, max(taken - decoding, 1e-9), len(times), decoding,
                     peak_gib(bench.device))  # fmt: skip
    samples = loop.draw(prompts, times, shape)
    free(bench.device)
    taken = bench.seconds(lambda: loop.train(samples, times, worth))
    training = Timing(images, taken, len(times), gib=peak_gib(bench.device))
    bench.found["baseline"] = epoch(drawing, training)
    for what, timing in (("rollout", drawing), ("update", training)):
        yield timed(bench, f"usual loop: {what}", "fp16", timing)
    yield measured("usual loop, batches of 4 and 2, fp16", bench.found["baseline"], SECONDS)
    yield measured("times as fast as the usual loop, same batches", bench.found["baseline"] / own,
                   "")  # fmt: skip


def _decoding(bench: Bench, loop: Baseline, samples: Samples, images: int) -> float:
    """Seconds that the usual loop's VAE takes for some images."""
    latents = samples.latents[:, -1] / loop.vae.config.scaling_factor

    def decode() -> None:
        with torch.no_grad():
            loop.vae.decode(latents).sample.float().cpu()

    return bench.seconds(decode) * images / len(latents)


def time_epoch(bench: Bench, name: str, what: tuple[str, str]) -> Iterator[Result]:
    """Extrapolate an epoch from what has been measured, and hold it against the usual loop's."""
    if any(key not in bench.found for key in what):
        yield Result(name, "not measured", note="rollout or update has not been measured")
        return
    found = [bench.found[key] for key in what]
    drawing, training = (entry[1] if isinstance(entry, tuple) else entry for entry in found)
    value, usual = epoch(drawing, training), bench.found.get("baseline")
    note = "" if training.ratio is None else f"|ratio - 1| {training.ratio:.0e} in its update"
    yield measured(name, value, SECONDS, note, rollout=drawing.rate, update=training.rate)
    if usual:
        yield measured(f"times as fast as the usual loop, {name}", usual / value, "")
