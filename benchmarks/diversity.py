"""What the measures of diversity cost: seconds and memory by the number of images.

    python benchmarks/diversity.py [--images 1600 5000 10000 20000] [--width 1792]

Each size is measured in a process of its own, so that the peak of memory is its own. The last
column says how the time grew against the size before: 2 is linear in the images, 4 quadratic
(after doubling).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from time import perf_counter

import torch
from torch.nn.functional import normalize

from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.diversity.recall import generalized_recall
from drift_pipeline.diversity.vendi import vendi_score


def measure(images: int, width: int) -> dict[str, float]:
    """Seconds of each measure on random embeddings, and the memory they need beside these."""
    generator = torch.Generator().manual_seed(0)
    own, base = (normalize(torch.randn(images, width, generator=generator)) for _ in range(2))
    generalized_recall(base[:64], own[:64])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = {}
    for name, function in {
        "distance": lambda: mean_pairwise_distance(own.view(-1, 40, width)),
        "vendi": lambda: vendi_score(own),
        "recall": lambda: generalized_recall(base, own),
    }.items():
        start = perf_counter()
        function()
        seconds[name] = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**seconds, "together": sum(seconds.values()), "memory": (peak - before) / 1024}


def main() -> None:
    """Measures each size and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1600, 5000, 10000, 20000])
    parser.add_argument("--width", type=int, default=1792)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.width)))
        return
    print(f"{torch.get_num_threads()} threads, embeddings of {args.width} numbers")
    print("| images | distance s | Vendi s | recall s | together s | memory MB | growth |")
    print("|---|---|---|---|---|---|---|")
    last = None
    for images in args.images:
        command = [sys.executable, __file__, "--one", str(images), "--width", str(args.width)]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        growth = f"{found['together'] / last:.1f}" if last else ""
        columns = ("distance", "vendi", "recall", "together")
        times = " | ".join(f"{found[key]:.2f}" for key in columns)
        print(f"| {images} | {times} | {found['memory']:.0f} | {growth} |", flush=True)
        last = found["together"]


if __name__ == "__main__":
    main()
