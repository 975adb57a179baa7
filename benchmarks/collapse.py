"""Does GRPO collapse, and what does DRIFT keep at the same reward?

Reads finished runs and measures every kept checkpoint on the same pictures-to-be: 45 prompts, 8
seeds each, the same initial latents and step noise for every model. Prints a table of the base
model, GRPO's last checkpoint, and the DRIFT checkpoint that the paper's footnote 2 compares it
with: the one of the smallest reward not below GRPO's.

    for seed in 42 43 44; do for method in grpo drift; do
      kedro run --pipelines=train --params method=$method,seed=$seed
    done; done
    python benchmarks/collapse.py
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from PIL import Image
from tqdm import tqdm

from drift_pipeline.analysis.gains import match_checkpoint, relative_gain
from drift_pipeline.bestiary.tastes import TASTES
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.diversity.vendi import vendi_score
from drift_pipeline.encoders.dreamsim import DreamSim
from drift_pipeline.parameters import Lora, Sampling
from drift_pipeline.rl.policy import StableDiffusion
from drift_pipeline.rl.rollout import rollout
from drift_pipeline.runs import read_prompts, run_name
from drift_pipeline.scorers.hpsv2 import HPSv2
from drift_pipeline.scorers.pickscore import PickScore

EVALUATION_SEED, PER_PROMPT = 2026, 8
SCORERS = {"pickscore": PickScore, "hpsv2": HPSv2}
MEASURES = {
    "reward": "reward",
    "true": "true reward",
    "diversity": "DreamSim diversity",
    "vendi": "pooled Vendi",
}


def read(name: str) -> Any:
    """The content of one of the project's parameter files."""
    return yaml.safe_load(Path(f"conf/base/parameters_{name}.yml").read_text())[name]


def main() -> None:
    """Measures the runs and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--reward", default="pickscore")
    parser.add_argument("--every", type=int, default=5, help="measure each n-th checkpoint")
    parser.add_argument("--picture", type=Path, help="where to save base, GRPO, DRIFT as PNG")
    args = parser.parse_args()

    train = read("train")
    prompts = read_prompts(Path(train["prompts"]))
    model = StableDiffusion(
        train["base_model"],
        Lora(**train["lora"]),
        train["precision"],
        train["device"],
        train["channels_last"],
    )
    sampling = Sampling(**train["sampling"])
    scorer = SCORERS[args.reward](**read("rewards")[args.reward]["options"])
    encoder = DreamSim(**read("encoders")["dreamsim"]["options"])
    pictures: dict[str, torch.Tensor] = {}

    def measure(folder: Path, label: str) -> dict[str, float]:
        state = PolicyDataset(filepath=str(folder)).load()
        drawn, images = rollout(
            model, state, prompts, PER_PROMPT, EVALUATION_SEED, 0, sampling, prompt_noise=None
        )
        pictures[label] = images
        embedded = encoder(images)
        grouped = embedded.view(len(prompts), PER_PROMPT, -1)
        return {
            "epoch": state.epoch,
            "reward": float(scorer(images, drawn.prompts).mean()),
            "true": float(TASTES[args.reward](images).mean()),
            "diversity": float(mean_pairwise_distance(grouped).mean()),
            "vendi": float(vendi_score(embedded)),
        }

    rows, curves = [], []
    for seed in args.seeds:
        found = {}
        for method in ("grpo", "drift"):
            folder = Path(train["runs_folder"]) / run_name(method, args.reward, seed)
            epochs = sorted(folder.glob("epoch_*/policy"))
            if not epochs:
                raise SystemExit(f"{folder} has no checkpoints: train the run first (see --help)")
            numbers = [int(p.parent.name.removeprefix("epoch_")) for p in epochs]
            kept = [
                p
                for p, n in zip(epochs, numbers, strict=True)
                if n % args.every == 0 or n == max(numbers)
            ]
            curve = [
                measure(p, f"{method}-{seed}-{p.parent.name}")
                for p in tqdm(kept, desc=folder.name, leave=False)
            ]
            found[method] = pd.DataFrame(curve)
            curves += [{"method": method, "seed": seed, **point} for point in curve]
        last = found["grpo"].iloc[-1]
        match = match_checkpoint(found["drift"], reward=float(last["reward"]))
        rows.append({"seed": seed, "model": "base", **found["grpo"].iloc[0]})
        rows.append({"seed": seed, "model": "GRPO", **last})
        if match is None:
            print(f"seed {seed}: no DRIFT checkpoint reaches GRPO's reward {last['reward']:.4f}")
            match = found["drift"].iloc[-1]
            rows.append({"seed": seed, "model": "DRIFT, last", **match})
        else:
            rows.append({"seed": seed, "model": "DRIFT", **match})

    table = pd.DataFrame(rows)
    print("| seed | model | epoch | " + " | ".join(MEASURES.values()) + " |")
    print("|---|---|---|" + "---|" * len(MEASURES))
    for _, row in table.iterrows():
        values = " | ".join(
            f"{row[key]:.3f}" if key != "vendi" else f"{row[key]:.1f}" for key in MEASURES
        )
        print(f"| {row['seed']} | {row['model']} | {int(row['epoch'])} | {values} |")
    by_seed = table.pivot(index="seed", columns="model")
    for key in ("diversity", "vendi"):
        for one, other in [("GRPO", "base"), ("DRIFT", "GRPO")]:
            if one in by_seed[key]:
                pairs = by_seed[key][[one, other]].dropna()
                gains = [100 * relative_gain(a, b) for a, b in pairs.itertuples(index=False)]
                each = ", ".join(f"{gain:+.1f}" for gain in gains)
                print(
                    f"{one} against {other}, {MEASURES[key]}: {sum(gains) / len(gains):+.1f} % "
                    f"({each} % by seed)"
                )
    Path("data/08_reporting").mkdir(parents=True, exist_ok=True)
    Path("data/08_reporting/collapse.json").write_text(json.dumps(curves, indent=2))

    if args.picture:
        seed = args.seeds[0]
        picked = table[table["seed"] == seed]
        methods = ["drift" if name.startswith("DRIFT") else "grpo" for name in picked["model"]]
        labels = [
            f"{method}-{seed}-epoch_{int(epoch):04d}"
            for method, epoch in zip(methods, picked["epoch"], strict=True)
        ]
        sheet(pictures, labels, list(picked["model"]), prompts).save(args.picture)


def sheet(
    pictures: dict[str, torch.Tensor], labels: list[str], names: list[str], prompts: list[str]
) -> Image.Image:
    """Base, GRPO and DRIFT in rows: the same prompts and seeds in the same places."""
    from PIL import ImageDraw

    chosen = ["a photo of a cat", "a photo of a horse", "a photo of a bird"]
    cell, each, margin = 96, PER_PROMPT // 2, 60
    width = margin + len(chosen) * (each * cell + 8)
    image = Image.new("RGB", (width, 18 + len(labels) * (cell + 4)), "white")
    pen = ImageDraw.Draw(image)
    for column, prompt in enumerate(chosen):
        pen.text((margin + column * (each * cell + 8) + 4, 3), prompt, fill="black")
    for row, (label, name) in enumerate(zip(labels, names, strict=True)):
        top = 18 + row * (cell + 4)
        pen.text((6, top + cell // 2 - 6), name, fill="black")
        for column, prompt in enumerate(chosen):
            start = prompts.index(prompt) * PER_PROMPT
            for i in range(each):
                picture = Image.fromarray(pictures[label][start + i].permute(1, 2, 0).numpy())
                place = (margin + column * (each * cell + 8) + i * cell, top)
                image.paste(picture.resize((cell, cell), Image.Resampling.BICUBIC), place)
    return image


if __name__ == "__main__":
    main()
