"""Measured runs made up for tests: the layout that `measure` writes, with numbers of our own."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from kedro.io import DataCatalog, MemoryDataset
from PIL import Image

from drift_pipeline.config.analysis import Analyze
from drift_pipeline.hooks.resolvers import DEFAULT_RUN as PLACES
from drift_pipeline.runs.run import run_name

DIVERSITY = ("dreamsim", "clip", "recall", "vendi")
SCORERS = ("pickscore", "hpsv2")
PROMPTS = ("a photo of a cat", "a photo of a horse", "a photo of a bird")
BASE = {"dreamsim": 0.75, "clip": 0.27, "recall": 1.0, "vendi": 79.0, "reward": 0.25}


def parameters(project_path: Path, **changes) -> Analyze:
    """The project's own parameters, with some changed."""
    text = (project_path / "conf/base/parameters_analyze.yml").read_text(encoding="utf-8")
    text = text.replace("${expected_seeds:}", "[42]")
    return Analyze.model_validate(yaml.safe_load(text)["analyze"] | changes)


def checkpoint(method, reward, seed, epoch, values, *, protocol="p1", true=None, shows=0.97):
    """Rows of one checkpoint; `values` has the diversity measures and the normalised `reward`.

    A share `shows` of its images shows what was asked.
    """
    base = method == "base"
    run = "base" if base else run_name(method, reward, seed)
    rows = []

    def row(metric, encoder, value, width):
        rows.append(
            {
                "run": run,
                "method": method,
                "reward": "" if base else reward,
                "seed": 0 if base else seed,
                "epoch": epoch,
                "images": 256 * epoch,
                "seconds": 8.5 * epoch,
                "metric": metric,
                "encoder": encoder,
                "value": value,
                "low": value - width,
                "high": value + width,
                "n": 1600,
                "protocol": protocol,
            }
        )

    for name in DIVERSITY:
        encoder = "openclip" if name == "clip" else "dreamsim"
        row(name, encoder, values[name], 0.02 * values[name])
    row("recall_fresh", "dreamsim", 0.9 * values["recall"], 0.02)
    row("vendi_prompt", "dreamsim", values["vendi"] / 4, 0.5)
    for metric in ("reward", "reward_normalised"):
        row(metric, "shows_prompt", shows, 0.01)
    for encoder, share in (("coat", 0.6), ("sky", 0.4), ("all", 1.0)):
        row("bits", encoder, 8 * share * values["dreamsim"], 0.1)
    for scorer in SCORERS:
        # The reward that the run was not trained on stays where it was.
        value = values["reward"] if base or scorer == reward else 0.3
        row("reward", scorer, 2.4 + 9.1 * value, 0.1)
        row("reward_normalised", scorer, value, 0.01)
        if true is not None:
            row("true_reward", scorer, true, 0.01)
    return rows


def path(method, reward, seed, points, **options):
    """Rows of a run: `points` maps epochs to the four measures and the reward."""
    return [
        row
        for epoch, point in points.items()
        for row in checkpoint(
            method, reward, seed, epoch, dict(zip([*DIVERSITY, "reward"], point, strict=True)),
            **options,
        )
    ]  # fmt: skip


def base(**options):
    """Rows of the base model."""
    return checkpoint("base", "", 0, 0, BASE, **options)


def trade(kept, end, epochs=(10, 20, 30, 40)):
    """Points of a run that gives diversity for reward, keeping a share of it at the end."""
    points = {}
    for epoch in epochs:
        done = epoch / epochs[-1]
        left = {m: BASE[m] * (1 - done * (1 - kept) * weight) for m, weight in WEIGHTS.items()}
        points[epoch] = (*left.values(), BASE["reward"] + done * (end - BASE["reward"]))
    return points


WEIGHTS = {"dreamsim": 1.0, "clip": 1.1, "recall": 1.3, "vendi": 0.9}


def world(seeds=(42,), methods=None):
    """Rows of all runs that the project's parameters ask for."""
    kept = {
        "drift": (0.62, 0.9), "ddpo": (0.40, 0.85), "grpo": (0.38, 0.88), "grpo_kl": (0.45, 0.80),
        "concentrated": (0.55, 0.85), "contrasted": (0.35, 0.86), "noise": (0.5, 0.8),
        "shaping": (0.6, 0.85), "shaping_reward": (0.45, 0.87),
    }  # fmt: skip
    rows = base(true=0.4)
    for reward in SCORERS:
        main = ("drift", "ddpo", "grpo", "grpo_kl")
        for method in methods or (kept if reward == "pickscore" else main):
            for seed in seeds:
                share, end = kept[method]
                rows += path(method, reward, seed, trade(share - 0.01 * (seed - 42), end), true=0.5)
    return pd.DataFrame(rows)


def write(folder: Path, metrics: pd.DataFrame, *, pictures: bool = True) -> None:
    """Write the files of measured runs below a project's folder."""
    random = np.random.default_rng(1)
    for run, rows in metrics.groupby("run"):
        target = folder / PLACES["reports"] / str(run)
        target.mkdir(parents=True)
        rows.to_parquet(target / "metrics.parquet")
        if run != "base":
            _write_curve((folder / PLACES["folder"]).with_name(str(run)), str(run), rows)
        if pictures:
            spread = rows[rows["metric"] == "dreamsim"].set_index("epoch")["value"] / 0.75
            for epoch, share in spread.items():
                place = f"{run}/epoch_{epoch:04d}"
                _write_images(folder / PLACES["pictures"] / place, str(run), int(epoch), random)
                features = folder / PLACES["features"] / place
                _write_embeddings(features, str(run), int(epoch), float(share), random)


def catalog(project_path: Path, folder: Path, analyze: Analyze) -> DataCatalog:
    """The project's own catalog of this pipeline, with everything below a folder."""
    text = (project_path / "conf/base/catalog_analyze.yml").read_text(encoding="utf-8")
    text = text.replace("${_analysis}", "${run:reporting}")
    for name, place in PLACES.items():
        text = text.replace(f"${{run:{name}}}", str(folder / place))
    entries = {k: v for k, v in yaml.safe_load(text).items() if not k.startswith("_")}
    made = DataCatalog.from_config(entries)
    made["params:analyze"] = MemoryDataset(analyze, copy_mode="assign")
    made["params:rewards"] = MemoryDataset({name: {} for name in analyze.rewards})
    made["params:methods"] = MemoryDataset({name: {} for name in analyze.methods})
    return made


def _write_curve(folder, run, rows):
    epochs = np.arange(1, rows["epoch"].max() + 1)
    curve = pd.DataFrame(
        {
            "run": run,
            "epoch": epochs,
            "reward_mean": 3 + 6 * (1 - np.exp(-epochs / 15)),
            "diversity": 0.7 * np.exp(-epochs / 60),
            "kl": 1e-4 * epochs,
            "clip_fraction": 0.3 + 0.1 * np.sin(epochs),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    curve.to_parquet(folder / "training_curve.parquet")


def _write_images(folder, run, epoch, random, seeds=10):
    (folder / "images").mkdir(parents=True)
    for number, prompt in enumerate(PROMPTS):
        rows = []
        for seed in range(seeds):
            pixels = np.full((64, 64, 3), random.integers(0, 255, 3), dtype=np.uint8)
            pixels[16:48, 16:48] = random.integers(0, 255, 3)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            image = {"bytes": buffer.getvalue(), "path": f"{seed}.png"}
            rows.append(
                {"run": run, "epoch": epoch, "prompt": prompt, "seed": seed, "image": image}
            )
        pd.DataFrame(rows).to_parquet(folder / f"images/{number:02d}.parquet")


def _write_embeddings(folder, run, epoch, share, random, seeds=10):
    folder.mkdir(parents=True)
    centres = np.random.default_rng(0).normal(size=(len(PROMPTS), 12))
    rows = [
        {
            "run": run, "epoch": epoch, "prompt": prompt, "seed": seed, "encoder": encoder,
            "vector": (centre + share * random.normal(size=12)).astype(np.float32),
        }
        for prompt, centre in zip(PROMPTS, centres, strict=True)
        for seed in range(seeds)
        for encoder in ("dreamsim", "openclip")
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(folder / "embeddings.parquet")
