"""Is this project right on a GPU, and how fast? Ten minutes on any CUDA card, without network.

    python benchmarks/gpu.py [--minutes 10] [--out gpu.json]
    python benchmarks/gpu.py --device cpu --small      # the same code in miniature

Makes Stable Diffusion v1.5 with random weights (4.3 GB in the folder for temporary files,
`TMPDIR`), loads it with the project's own policy, and runs the project's own rollout and update:
first what must be right, then what takes time. Each result is printed and written to the file as it
comes, so a run that is cut short still tells what it has found. The status is 1 where something is
wrong.

Besides this checkout it needs torch >= 2.11, diffusers (one whose `from_pretrained` knows `dtype`),
transformers, peft, safetensors, numpy, tqdm and pydantic; no Kedro, DVC, pandas, open_clip or
reward model, and no installation of this project. The modules of `drift_pipeline` that are used:
`common`, `config` (`train`, `method`), `drift`, `rl`, `model_files` (`scheduler`, `variants`),
`policies`, `methods`, `training`, and the bestiary's `tokenizer`.

Only some of the 50 denoising steps are computed, each as it is among the 50; seconds of an epoch
are extrapolated from them. An epoch here is rollout and update: no reward, no DreamSim, no files.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported

import gpu_checks as checks
import gpu_epoch as epochs
import gpu_states as states
import gpu_times as times
import gpu_variants as variants
from gpu_card import describe
from gpu_model import FULL, SMALL, save_model
from gpu_policy import Bench
from gpu_report import Report, Task

ROOM = 6e9
"""Bytes that the model takes on the disk, and some more."""
CHECKS = 0.6
"""Share of the time after which no further check starts, so that something is timed too."""
BLOCKS, WHOLE = 100.0, 150.0
"""Seconds that must be left before the UNet is compiled, block by block or as a whole."""

FREE = {"needs": float("-inf"), "until": float("inf")}
"""What is only calculated is never left out."""


def correctness(bench: Bench) -> list[Task]:
    """List the checks, those of a precision together, since each precision is loaded anew."""
    calls = {
        "importance ratio, fp32": partial(checks.check_ratio, bench, "fp32"),
        "importance ratio, fp32 without TF32": partial(checks.check_ratio, bench, "fp32", False),
        "base model with the adapter off": partial(checks.check_reference, bench),
        "batches of 1, 4 and 16, fp32": partial(checks.check_batches, bench, "fp32"),
        "against the CPU": partial(checks.check_cpu, bench),
        "gradient checkpointing": partial(checks.check_checkpointing, bench),
        "importance ratio, fp16": partial(checks.check_ratio, bench, "fp16"),
        "GradScaler on overflow": partial(states.check_overflow, bench),
        "resuming": partial(states.check_resume, bench),
        "importance ratio, bf16": partial(checks.check_ratio, bench, "bf16"),
        "batches of 1, 4 and 16, bf16": partial(checks.check_batches, bench, "bf16"),
    }
    return [Task(name, call, until=CHECKS) for name, call in calls.items()]


def speed(bench: Bench) -> list[Task]:
    """List the measurements, the most telling ones first."""
    epoch = partial(epochs.time_epoch, bench)
    others = [
        Task(name, partial(variants.time_variants, bench, name)) for name in variants.VARIANTS
    ]
    return [
        Task("peak of the card", partial(times.time_peak, bench)),
        Task("rollouts", partial(times.time_rollouts, bench)),
        Task("updates", partial(times.time_updates, bench)),
        Task("usual loop", partial(epochs.time_baseline, bench)),
        Task("epoch, best batches", partial(epoch, "epoch, best batches", ("rollout", "update")),
             **FREE),
        *others,
        Task("attention kernels", partial(variants.time_attention, bench)),
        Task("CUDA graph", partial(variants.time_graph, bench)),
        Task("transformer blocks compiled", partial(variants.time_compiled, bench, False),
             needs=BLOCKS),
        Task("UNet compiled", partial(variants.time_compiled, bench, True), needs=WHOLE),
        # A card that has become hot or shares its power shows here.
        Task("peak of the card, at the end", partial(times.time_peak, bench, ", at the end"),
             until=1.0),
        Task("epoch, fastest of all",
             partial(epoch, "epoch, fastest of all", ("fastest rollout", "fastest update")),
             **FREE),
    ]  # fmt: skip


def be_quiet() -> None:
    """Leave the lines to the results: no progress bars, no warnings of kernels that are missing."""
    import diffusers
    import transformers

    warnings.filterwarnings("ignore")
    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()


def main(arguments: list[str] | None = None) -> int:
    """Check, measure and print; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, cpu")
    parser.add_argument("--small", action="store_true", help="small networks, for a trial")
    parser.add_argument("--minutes", type=float, default=10.0, help="start nothing after these")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    args = parser.parse_args(arguments)
    device = torch.device(args.device)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            parser.error("torch sees no CUDA device; --device cpu --small tries the script")
        if device.index is not None:
            torch.cuda.set_device(device)
    size = SMALL if args.small else FULL
    if not args.small and shutil.disk_usage(tempfile.gettempdir()).free < ROOM:
        parser.error(f"{tempfile.gettempdir()} has no {ROOM / 1e9:.0f} GB left; set TMPDIR")
    be_quiet()
    about = describe(device) | {"small": args.small, "minutes": args.minutes}
    for name, value in about.items():
        print(f"{name}: {value}")
    report = Report(args.out, args.minutes, about)
    with tempfile.TemporaryDirectory(prefix="stable-diffusion-") as folder:
        bench = Bench(size, device, Path(folder), report.left)
        save_model(size, bench.folder, device)
        bench.tidy()
        gc.freeze()  # the libraries' own objects are looked through no more, which takes a while
        for task in correctness(bench) + speed(bench):
            report.run(task, bench.tidy)
        bench.release()
        gc.unfreeze()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
