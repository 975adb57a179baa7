"""Does GRPO collapse, and what does DRIFT keep at the same reward?

Prints a table of the base model and, for each seed, of GRPO's last checkpoint; of its last one
whose reward DRIFT reaches, with the DRIFT checkpoint that the paper's footnote 2 compares that with
(the one of the smallest reward not below GRPO's); and of DRIFT's highest reward, with what GRPO had
at that reward, on the straight line between its two checkpoints around it. All have drawn the same
40 prompts with the same 40 seeds each.

    python benchmarks/collapse.py            # of the published runs

    for seed in 42 43 44; do for method in grpo drift; do for pipeline in train generate measure; do
      kedro run --pipelines=$pipeline --params method=$method,seed=$seed
    done; done; done
    python benchmarks/collapse.py --reports data/08_reporting/bestiary/runs
"""

from __future__ import annotations

import argparse
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

from drift_pipeline.analysis.gains import match_checkpoint, met_checkpoint, relative_gain
from drift_pipeline.runs.run import run_name

REPORTS = Path("docs/results/bestiary/runs")
PICTURES = Path("data/07_model_output/bestiary")
MEASURES = {
    "reward": ("reward", ".2f"),
    "true_reward": ("true reward", ".3f"),
    "dreamsim": ("DreamSim diversity", ".3f"),
    "clip": ("CLIP diversity", ".3f"),
    "recall": ("recall", ".3f"),
    "vendi": ("pooled Vendi", ".1f"),
}
SHOWN = ("a photo of a cat", "a photo of a horse", "a photo of a bird")


def main() -> None:
    """Read the runs' metrics and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--reward", default="pickscore")
    parser.add_argument("--reports", type=Path, default=REPORTS, help="where the metrics are")
    parser.add_argument("--picture", type=Path, help="where to save base, GRPO, DRIFT as PNG")
    args = parser.parse_args()

    base = curve_of(args.reports, "base", args.reward).iloc[0]
    rows = [{"seed": "", "model": "base", **base}]
    for seed in args.seeds:
        grpo, drift = (
            curve_of(args.reports, run_name(method, args.reward, seed), args.reward)
            for method in ("grpo", "drift")
        )
        rows.append({"seed": seed, "model": "GRPO, last", **grpo.iloc[-1]})
        met = met_checkpoint(grpo, reward_up_to=float(drift["reward"].max()))
        match = match_checkpoint(drift, reward=float(met["reward"]))
        if match is None:
            print(f"seed {seed}: DRIFT reaches no GRPO checkpoint's reward")
            rows.append({"seed": seed, "model": "DRIFT, last", **drift.iloc[-1]})
            continue
        rows.append({"seed": seed, "model": "GRPO", **met})
        rows.append({"seed": seed, "model": "DRIFT", **match})
        best = drift.loc[drift["reward"].idxmax()]
        path = pd.concat([base.to_frame().T, grpo])
        rows.append({"seed": seed, "model": "GRPO, between", **on_the_way(path, best["reward"])})
        rows.append({"seed": seed, "model": "DRIFT, highest", **best})

    print("| seed | model | epoch | " + " | ".join(name for name, _ in MEASURES.values()) + " |")
    print("|---|---|---|" + "---|" * len(MEASURES))
    for row in rows:
        values = " | ".join(format(row[key], style) for key, (_, style) in MEASURES.items())
        print(f"| {row['seed']} | {row['model']} | {row['epoch']:.3g} | {values} |")
    table = pd.DataFrame(rows)
    names = ("GRPO, last", "GRPO", "DRIFT", "GRPO, between", "DRIFT, highest")
    last, met, kept, between, best = (table[table["model"] == name] for name in names)
    for key in ("dreamsim", "clip", "recall", "vendi"):
        say("GRPO's last checkpoint against base", key, last[key], [base[key]] * len(last))
        say("DRIFT against GRPO, footnote 2", key, kept[key], met[key])
        say("DRIFT's highest reward, GRPO there", key, best[key], between[key])
    if args.picture:
        shown = table["model"].isin(["base", "GRPO, last", "GRPO", "DRIFT"])
        first = table[shown & ((table["seed"] == args.seeds[0]) | (table["model"] == "base"))]
        sheet(first).save(args.picture)


def curve_of(reports: Path, run: str, reward: str) -> pd.DataFrame:
    """One row per judged checkpoint, one column per measure."""
    path = reports / run / "metrics.parquet"
    if not path.exists():
        raise SystemExit(f"{path} is missing: train, generate and measure the run first (--help)")
    table = pd.read_parquet(path)
    table = table[~table["metric"].str.contains("reward") | (table["encoder"] == reward)]
    curve = table.pivot(index="epoch", columns="metric", values="value").reset_index()
    # footnote 2 speaks of DreamSim's diversity
    return curve.assign(run=run, diversity=curve["dreamsim"])


def on_the_way(path: pd.DataFrame, reward: float) -> dict[str, float]:
    """Measures at a reward, on the line between the first two checkpoints that have it between."""
    columns = ["epoch", *MEASURES]
    for (_, before), (_, after) in pairwise(path.iterrows()):
        if before["reward"] <= reward <= after["reward"]:
            share = (reward - before["reward"]) / (after["reward"] - before["reward"])
            return {key: before[key] + share * (after[key] - before[key]) for key in columns}
    return dict.fromkeys(columns, float("nan"))


def say(who: str, key: str, ours: pd.Series, theirs: object) -> None:
    """Print the relative gains, by seed and on average."""
    gains = [100 * relative_gain(a, b) for a, b in zip(ours, theirs, strict=True)]
    if gains:
        each = ", ".join(f"{gain:+.1f}" for gain in gains)
        mean = sum(gains) / len(gains)
        print(f"{who}, {MEASURES[key][0]}: {mean:+.1f} % ({each} % by seed)")


def sheet(rows: pd.DataFrame) -> Image.Image:
    """Lay out base, GRPO and DRIFT in rows: the same prompts and seeds in the same places."""
    cell, each, margin = 96, 4, 60
    block = each * cell + 8
    size = (margin + len(SHOWN) * block, 18 + len(rows) * (cell + 4))
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for column, prompt in enumerate(SHOWN):
        pen.text((margin + column * block + 4, 3), prompt, fill="black")
    for row, (_, model) in enumerate(rows.iterrows()):
        top = 18 + row * (cell + 4)
        pen.text((6, top + cell // 2 - 6), str(model["model"]), fill="black")
        folder = PICTURES / model["run"] / f"epoch_{int(model['epoch']):04d}/images"
        shards = pd.concat(pd.read_parquet(file) for file in sorted(folder.glob("*.parquet")))
        for column, prompt in enumerate(SHOWN):
            pictures = shards[shards["prompt"] == prompt]["image"][:each]
            for place, picture in enumerate(pictures):
                large = Image.open(BytesIO(picture["bytes"])).convert("RGB")
                large = large.resize((cell, cell), Image.Resampling.BICUBIC)
                image.paste(large, (margin + column * block + place * cell, top))
    return image


if __name__ == "__main__":
    main()
