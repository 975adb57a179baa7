"""Whether the bestiary gives a fair trial: what its base model draws, and what rewards see in it.

    python benchmarks/world.py --sheet base.png

Draws images of the base model as the evaluation does, and prints for each reward whose truth is
known:

- room: the deviations of the true reward, within a prompt, between the mean image and the best
  there is;
- bimodality: how bimodal the rewards of a prompt are, by Sarle's coefficient, its mean over prompts
  (above 0.56, a uniform distribution's, there may be two peaks);
- correlation: of the reward with the truth, within prompts;
- explained: the share of a prompt's rewards that the first five principal components of DreamSim
  explain (R², adjusted for the number of images); a reward that lies in these asks for collapse.

Below: the share of images that show what was asked, and the variety of each kind, in bits. Then
how well rewards and reader judge new drawings, as the base model's and as fine as after training
on a reward: correlations, biases, shares that are read right. Nothing is trained.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from alternating import markdown
from judged import bits, draw, judge, load_judges
from own_worker import read_run
from scipy import stats

from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.bestiary.reader import FREE, Reader, load_reader
from drift_pipeline.bestiary.tastes import CATALOGUE, POSTCARD
from drift_pipeline.bestiary.training.bias import biases
from drift_pipeline.bestiary.training.reading import accuracy, answers
from drift_pipeline.common.image_grid import Row, lay_out
from drift_pipeline.common.images import from_png, to_pil
from drift_pipeline.evaluation.checkpoint_features import CheckpointFeatures
from drift_pipeline.evaluation.judges import Judges
from drift_pipeline.runs import loading

DRAWINGS = 990
"""Seed of the drawings; none of them was trained on."""
BEST = 1.0
"""The most that a taste gives."""


def explained(rewards: np.ndarray, embeddings: np.ndarray, components: int = 5) -> float:
    """Return the adjusted R² of rewards `(n,)` on an embedding's first components `(n, d)`."""
    left, *_ = np.linalg.svd(embeddings - embeddings.mean(axis=0), full_matrices=False)
    given = rewards - rewards.mean()
    part = left[:, :components].T @ given
    n = len(rewards)
    return 1 - (1 - float(part @ part / (given @ given))) * (n - 1) / (n - components - 1)


def peaks(rewards: np.ndarray) -> float:
    """Return Sarle's coefficient of bimodality, corrected for the sample's size."""
    n = len(rewards)
    skew, kurtosis = stats.skew(rewards, bias=False), stats.kurtosis(rewards, bias=False)
    return float((skew**2 + 1) / (kurtosis + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def describe(features: CheckpointFeatures) -> pd.DataFrame:
    """Describe each reward whose truth is known by what it sees in the images; one row each."""
    seen = features.embeddings["dreamsim"].numpy()
    rows = []
    for reward, truths in features.truths.items():
        given, true = features.scores[reward].numpy(), truths.numpy()
        deviation = true.std(axis=1, ddof=1).mean()
        follows = [np.corrcoef(one, other)[0, 1] for one, other in zip(given, true, strict=True)]
        parts = [explained(one, points) for one, points in zip(given, seen, strict=True)]
        rows.append(
            {
                "reward": reward,
                "mean": given.mean(),
                "deviation": given.std(axis=1, ddof=1).mean(),
                "true mean": true.mean(),
                "true deviation": deviation,
                "room": (BEST - true.mean()) / deviation,
                "bimodality": np.mean([peaks(one) for one in given]),
                "correlation": np.mean(follows),
                "explained": np.mean(parts),
            }
        )
    return pd.DataFrame(rows)


def judged_drawings(judges: Judges, reader: Reader, count: int, fine: bool) -> dict[str, float]:
    """Measure how well rewards and reader judge drawings whose answers are known."""
    pictures = draw_pictures(count, seed=DRAWINGS, fine=fine)
    known = answers(pictures)
    free = {name: known[name] for name in FREE}
    found = {}
    for reward, taste in (("pickscore", POSTCARD), ("hpsv2", CATALOGUE)):
        scores = judges.scorers[reward](pictures.images, pictures.bare_captions)
        said = biases(scores, taste(pictures.quality), pictures.animals, free)
        found |= {f"{reward}: {name}": value for name, value in said.items()}
    return found | {f"reader: {k}": v for k, v in accuracy(reader, pictures).items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=20, help="the first of the evaluation's")
    parser.add_argument("--each", type=int, default=80, help="images of each prompt")
    parser.add_argument("--drawings", type=int, default=900, help="that are judged, of each sort")
    parser.add_argument("--sheet", type=Path, help="where to draw twelve images of each prompt")
    args = parser.parse_args()
    run = read_run({})
    policy = loading.load_policy(run)
    shards = draw(policy, policy.initial_state(run.seed), run, args.prompts, args.each)
    judges = load_judges(run, {})
    features = judge(shards, judges)
    print(markdown(describe(features)))
    shown = float(features.scores["shows_prompt"].mean())
    print(f"\n{100 * shown:.1f} % show what was asked; variety within prompts:")
    print(", ".join(f"{kind} {value:.2f}" for kind, value in bits(features).items()))
    reader = load_reader("data/06_models/bestiary/reader")
    both = {
        name: judged_drawings(judges, reader, args.drawings, fine)
        for name, fine in (("drawings", False), ("fine drawings", True))
    }
    print(markdown(pd.DataFrame(both).rename_axis("judge").reset_index()))
    if args.sheet:
        some = [to_pil(from_png(file["bytes"] for file in shard["image"][:12])) for shard in shards]
        titles = [shard["prompt"][0] for shard in shards]
        lay_out([Row(*row) for row in zip(some, titles, strict=True)]).save(args.sheet)


if __name__ == "__main__":
    main()
