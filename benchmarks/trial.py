"""GRPO and DRIFT side by side on a world: what each gains and what it loses, epoch by epoch.

    python benchmarks/trial.py --seeds 1 2 --out trial.parquet

Question: how far and how soon does the reward climb, what goes with it that nobody asked for, and
do the images still show what was asked? Measure, every few epochs, on images of the evaluation's
first prompts and seeds: the reward trained on, the true reward, DreamSim and CLIP diversity, the
share of images that show what was asked, bits of the free attributes, and the KL divergence by
step from the epoch's updates. `--world` names another folder of models, `--params` other settings
(`train.optimization.learning_rate=5e-4 methods.drift.shaping.ratio=0.25`). `--sheet` shows the base
model and each method at about the same reward: the highest that all of them come to, of the first
seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd
from alternating import markdown
from judged import draw, judge, load_judges, numbers
from omegaconf import OmegaConf
from own_worker import Trainer, read_run
from PIL import Image

from drift_pipeline.common.image_grid import Row, lay_out
from drift_pipeline.common.images import from_png, to_pil
from drift_pipeline.evaluation.judges import Judges

Trial = tuple[list[dict[str, Any]], list[list[pd.DataFrame]]]
"""A row for each epoch that was judged, and the images that were."""
COLUMNS = ["method", "seed", "epoch", "reward", "true", "dreamsim", "openclip", "shown", "bits"]


def models_of(world: str) -> dict[str, Any]:
    """Return the parameters that take base model, rewards and encoders from a folder.

    The reader stays the default one: whatever the world, attributes are read by the same eyes.
    """
    hpsv2 = {"architecture": f"{world}/hpsv2", "checkpoint": f"{world}/hpsv2/HPS_v2_bestiary.pt"}
    pickscore = {"model": f"{world}/pickscore", "processor": f"{world}/pickscore"}
    openclip = {"architecture": f"{world}/openclip"}
    return {
        "train": {"base_model": f"{world}/stable_diffusion"},
        "rewards": {
            "pickscore": {"options": pickscore},
            "hpsv2": {"options": hpsv2},
            "shows_prompt": {"options": openclip},
        },
        "encoders": {
            "dreamsim": {"options": {"folder": f"{world}/dreamsim"}},
            "openclip": {"options": openclip},
        },
    }


def train(
    changes: dict[str, Any],
    epochs: int,
    every: int,
    prompts: int,
    each: int,
    judges: Judges,
    judged_by: str | None = None,
) -> Trial:
    """Train a run: a row for each epoch that is judged, the base model first, and its images.

    `judged_by` is the reward of the rows where it is not the one trained on.
    """
    run = read_run(changes)
    trainer = Trainer(run)
    state = trainer.policy.initial_state(run.seed)
    rows: list[dict[str, Any]] = []
    drawn: list[list[pd.DataFrame]] = []
    summary: dict[str, Any] = {}
    for epoch in range(epochs + 1):
        if epoch:
            state, _, summary = trainer.epoch(run, state)
        if epoch % every == 0 or epoch == epochs:
            shards = draw(trainer.policy, state, run, prompts, each)
            found = numbers(judge(shards, judges), judged_by or run.reward_name)
            steps = {"KL by step": summary.get("kl_by_step")}
            name = {"method": run.method_name, "seed": str(run.seed), "epoch": epoch}
            rows.append({**name, **found, **steps})
            drawn.append(shards)
            print(" ".join(f"{key} {short(value)}" for key, value in rows[-1].items()), flush=True)
    return rows, drawn


def with_params(changes: dict[str, Any], params: Sequence[str]) -> dict[str, Any]:
    """Add parameters, `dotted.name=value`, to nested ones."""
    return cast(
        dict[str, Any],
        OmegaConf.to_container(OmegaConf.merge(changes, OmegaConf.from_dotlist([*params]))),
    )


def nearest_to_equal(trials: list[Trial]) -> list[tuple[dict[str, Any], list[pd.DataFrame]]]:
    """Choose each trial's epoch that is nearest to the highest reward that all trials come to."""
    target = min(max(row["reward"] for row in rows) for rows, _ in trials)
    chosen = []
    for rows, drawn in trials:
        nearest = min(range(len(rows)), key=lambda i: abs(rows[i]["reward"] - target))
        chosen.append((rows[nearest], drawn[nearest]))
    return chosen


def at_equal_reward(trials: list[Trial], prompts: int, each: int) -> Image.Image:
    """Lay out the base model and each trial at the highest reward that all trials come to."""
    (base, *_), (first, *_) = trials[0]
    shown = [("base model", base, first)]
    for row, drawn in nearest_to_equal(trials):
        shown.append((f"{row['method'].upper()}, epoch {row['epoch']}", row, drawn))
    lines = []
    for prompt in range(prompts):
        for name, row, shards in shown:
            files = shards[prompt]["image"][:each]
            images = to_pil(from_png(file["bytes"] for file in files))
            text = f"{name}: {shards[prompt]['prompt'][0]!r}, mean reward {row['reward']:.2f}"
            lines.append(Row([image.resize((96, 96)) for image in images], text))
    return lay_out(lines)


def short(value: Any) -> str:
    """Write a number with three decimals, and a list of them likewise."""
    if isinstance(value, list | tuple):
        return "/".join(short(one) for one in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["grpo", "drift"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--reward", default="pickscore")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--every", type=int, default=3, help="epochs between two judgements")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--each", type=int, default=24, help="images of each prompt")
    parser.add_argument("--params", nargs="*", default=[], help="dotted names and values")
    parser.add_argument("--world", default="data/06_models/bestiary", help="folder of the models")
    parser.add_argument("--sheet", type=Path, help="where to show images at equal reward")
    parser.add_argument("--out", type=Path, help="a Parquet file for the table")
    args = parser.parse_args()
    models, rows, trials = models_of(args.world), [], []
    judges = load_judges(read_run({**models, "reward": args.reward}), models)
    for seed in args.seeds:
        for method in args.methods:
            changes = {**models, "method": method, "reward": args.reward, "seed": seed}
            changes = with_params(changes, args.params)
            how = (args.epochs, args.every, args.prompts, args.each)
            trials.append(train(changes, *how, judges))
            rows += trials[-1][0]
            if args.out:
                pd.DataFrame(rows).to_parquet(args.out)
    print(markdown(pd.DataFrame(rows)[COLUMNS]))
    if args.sheet:
        at_equal_reward(trials[: len(args.methods)], min(3, args.prompts), min(12, args.each)).save(
            args.sheet
        )


if __name__ == "__main__":
    main()
