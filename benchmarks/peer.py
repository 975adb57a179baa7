"""An epoch of this project against one of TRL's `DDPOTrainer`, on the same work.

    python benchmarks/peer.py --peer-python <folder>/bin/python --repeat 3 --out library.parquet
    python benchmarks/peer.py --peer-python <folder>/bin/python --ways "kedro run" --repeat 3

Both train the bestiary's checkpoint on the same prompts, with the same adapter, sampling, clipping
and step size, on as many samples in as many gradient updates, by a reward that costs next to
nothing: red minus blue. TRL draws a prompt for each image, this project one for each group. What
TRL has no counterpart of counts here too: the encoder, and `train.optimization.measure_kl_rows`.
TRL gets the batch sizes that were the fastest in a first trial.

The programs take turns, each run a process of its own, which warms up with a quarter of an epoch
(under `kedro run` with a whole one). The table has medians: seconds of the rollout, of the update
and of the whole epoch; `trained/s`, images trained on per second of the whole epoch; and the peak
of resident memory, libraries included. `library` calls what the nodes call and writes no files;
under `kedro run` an epoch lasts from one policy on the disk to the next. Nothing else may run
beside it: where other programs take a core, OpenMP's threads wait for each other.

The last TRL with a `DDPOTrainer` cannot be installed beside this project, so it gets a virtual
environment of its own. Give torch and torchvision the versions that this project runs with:

    python3.11 -m venv <folder>
    <folder>/bin/pip install torch==2.15.0 torchvision==0.29.2
    <folder>/bin/pip install trl==0.23.1 "transformers<5" "diffusers<0.36" peft accelerate ftfy
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from alternating import PROJECT, Finished, Row, alternate, finish, medians, report
from own_worker import ENVIRONMENT, read_run

from drift_pipeline.common.values import flat
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.runs.run import Run

WORKERS = Path(__file__).parent
REWARD = {"reward": "warmth", "rewards": {"warmth": {"scorer": "warmth_reward.Warmth"}}}
PYTHONPATH = os.pathsep.join(
    part for part in (str(PROJECT / "examples"), os.environ.get("PYTHONPATH")) if part
)


def by_library(parameters: dict[str, Any], epochs: int) -> list[Row]:
    """Measure epochs of this project in one process, without files."""
    task = json.dumps({"parameters": parameters, "epochs": epochs})
    done = finish([sys.executable, WORKERS / "own_worker.py", task], PYTHONPATH=PYTHONPATH)
    return [{**seconds, "MiB": done.mib} for seconds in done.said]


def by_kedro(parameters: dict[str, Any], epochs: int) -> list[Row]:
    """Measure epochs of `kedro run` but for the first: from one policy on the disk to the next."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_kedro(parameters, epochs + 1, folder)
        found = epochs_on_disk(sorted(Path(folder).glob("*/epoch_*")))
    return [{**seconds, "MiB": done.mib} for seconds in found[1:]]


def run_kedro(parameters: dict[str, Any], epochs: int, folder: str) -> Finished:
    """Train with `kedro run`, so many epochs, into a folder of runs."""
    given = {
        **flat(parameters),
        "train.epochs": epochs,
        "train.progress": "false",
        "train.runs_folder": folder,
    }
    values = ",".join(f"{name}={value}" for name, value in given.items())
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=train"]
    command += [f"--env={ENVIRONMENT}", f"--params={values}"]
    return finish(command, PYTHONPATH=PYTHONPATH)


def epochs_on_disk(folders: list[Path]) -> list[dict[str, float]]:
    """Read the seconds of a run's epochs.

    Args:
        folders: Of all its epochs, from 0, in order.

    Returns:
        One row per epoch from 1. `epoch` is the time between two policies, everything included.
    """
    rows = []
    for before, after in pairwise(folders):
        first, second = (folder / "policy/state.json" for folder in (before, after))
        summary = json.loads((after / "summary.json").read_text())
        whole = (second.stat().st_mtime_ns - first.stat().st_mtime_ns) / 1e9
        rows.append({**{k: summary[f"seconds_{k}"] for k in ("rollout", "update")}, "epoch": whole})
    return rows


WAYS = {"library": by_library, "kedro run": by_kedro}
"""How this project is run."""


def peer_task(run: Run) -> dict[str, Any]:
    """Put a run's work into TRL's words."""
    train = run.train
    sampling, optimization = train.sampling, train.optimization
    return {
        "model": train.base_model,
        "prompts": read_prompts(run.root / train.prompts),
        "samples": train.groups_per_epoch * train.group_size,
        "updates": optimization.updates_per_epoch,
        "lora": train.lora.model_dump(),
        "config": {
            "seed": run.seed,
            "sample_num_steps": sampling.steps,
            "sample_guidance_scale": sampling.guidance,
            "sample_eta": sampling.eta,
            "train_learning_rate": optimization.learning_rate,
            "train_adam_beta1": optimization.betas[0],
            "train_adam_beta2": optimization.betas[1],
            "train_adam_epsilon": optimization.epsilon,
            "train_adam_weight_decay": optimization.weight_decay,
            "train_max_grad_norm": optimization.max_grad_norm,
            "train_clip_range": optimization.clip_range,
            "train_adv_clip_max": optimization.advantage_clip,
        },
    }


def by_peer(python: Path, task: dict[str, Any]) -> list[list[Row]]:
    """Measure epochs of TRL's, for each pair of batch sizes of the task."""
    done = finish([python, WORKERS / "peer_worker.py", json.dumps(task)], PYTHONPATH="")
    return [[{**seconds, "MiB": done.mib} for seconds in epochs] for epochs in done.said]


def batches_to_try(samples: int, updates: int) -> list[tuple[int, int]]:
    """List pairs of batch sizes, to draw and to train, that TRL takes for so many updates.

    It wants a whole number of training batches in every batch it draws, and in every update.
    """
    each = samples // updates
    pairs = [(draw, train) for draw in (each, 2 * each) for train in (each // 2, each)]
    return [
        (draw, train)
        for draw, train in pairs
        if train and samples % updates == samples % draw == each % train == draw % train == 0
    ]


def fastest(python: Path, task: dict[str, Any]) -> tuple[int, int]:
    """Try TRL's batch sizes, an epoch each, and say which were the fastest."""
    pairs = batches_to_try(task["samples"], task["updates"])
    tried = by_peer(python, {**task, "batches": pairs, "epochs": 1})
    seconds = {pair: row["epoch"] for pair, (row,) in zip(pairs, tried, strict=True)}
    for pair, took in seconds.items():
        print(f"trial: {peer_name(pair)}, {took:.2f} s an epoch", file=sys.stderr, flush=True)
    return min(seconds, key=lambda pair: seconds[pair])


def peer_name(pair: tuple[int, int]) -> str:
    """Name TRL with its batch sizes."""
    return f"TRL's DDPOTrainer, batches of {pair[0]} drawn, {pair[1]} trained"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", type=Path, required=True, help="the python that has TRL")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--epochs", type=int, default=1, help="measured in each process")
    parser.add_argument("--groups", type=int, default=16, help="fewer for a quick look")
    parser.add_argument("--methods", nargs="+", default=["grpo", "drift"])
    parser.add_argument("--ways", nargs="+", default=["library"], choices=WAYS)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    args = parser.parse_args()
    if not args.peer_python.is_file():
        parser.error(f"--peer-python: there is no {args.peer_python}")
    python = args.peer_python.absolute()  # not resolved: that would leave the environment

    programs: dict[str, Callable[[], list[Row]]] = {}
    drawn: dict[str, int] = {}
    for method, size, way in product(args.methods, args.batch_sizes, args.ways):
        train = {"groups_per_epoch": args.groups, "sampling": {"batch_size": size}}
        parameters = {"method": method, **REWARD, "train": train}
        run = read_run(parameters)
        name = f"{method}, {way}, batches of {size}"
        programs[name] = partial(WAYS[way], parameters, args.epochs)
        drawn[name] = args.groups * run.candidates
    task = peer_task(run)
    pair = fastest(python, task)
    task |= {"batches": [pair], "epochs": args.epochs}
    programs[peer_name(pair)] = lambda: by_peer(python, task)[0]
    drawn[peer_name(pair)] = task["samples"]

    table = medians(alternate(programs, args.repeat), "epoch")
    table.insert(1, "drawn", [drawn[name] for name in table["program"]])
    table.insert(2, "trained", task["samples"])
    table.insert(list(table).index("MiB"), "trained/s", table["trained"] / table["epoch"])
    report(table, args.out)


if __name__ == "__main__":
    main()
