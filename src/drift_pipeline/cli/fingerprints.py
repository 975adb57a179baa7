"""Write down what each stage of `dvc repro` depends on: `python -m drift_pipeline fingerprints`.

A file per run and stage says with which parameters, prompts, models and code it has to be made: the
same values by which a run decides whether it can be resumed. DVC watches these files, so that a
stage reruns where one of its values has changed, whichever file the value stands in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from drift_pipeline.cli.configuration import read_parameters
from drift_pipeline.cli.paper import PARTS, read_paper, runs_of
from drift_pipeline.common.atomic import replacing
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.components import RewardSpec
from drift_pipeline.config.evaluation import Measure
from drift_pipeline.config.presets import look_up
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.evaluation.judges import digests_of, presets_of
from drift_pipeline.evaluation.protocol import Protocol, judged_epochs
from drift_pipeline.evaluation.staleness import base_identity, blending_code
from drift_pipeline.runs.identity import drawing_code, measuring_code
from drift_pipeline.runs.run import Run

FOLDER = Path("data/05_model_input")


@click.command(help=__doc__)
@click.option("--env", "-e", default="bestiary", show_default=True, help="A folder of conf/.")
def main(env: str) -> None:
    """Write the files of all runs that `params.yaml` lists."""
    root = Path.cwd()
    wanted = dict(fingerprints(root, env))
    folder = root / FOLDER / env
    for name, values in wanted.items():
        with replacing(folder / name) as part:
            part.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for path in [path for path in folder.rglob("*.json") if path.relative_to(folder) not in wanted]:
        path.unlink()
    click.echo(f"{folder}: what {len(wanted)} stages depend on")


def fingerprints(root: Path, env: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the name of each file and what it says.

    Args:
        root: The project's folder.
        env: A folder of conf/.

    Raises:
        ConfigurationError: Where parameters are wrong or a prompts file cannot be read.
    """
    checked, paper = read_parameters(root, env), read_paper(root)
    generate, measure = checked.generate, checked.measure
    parameters = checked.model_dump()
    prompts = read_prompts(root / generate.prompts, "generate.prompts")
    run = Run.from_parameters(parameters, root)
    drawing = _drawing(run, Protocol.of(generate, run.train, prompts))
    yield Path("generate/base.json"), {**drawing, "many": generate.best_front_images}
    yield Path("measure/base.json"), _measuring(measure, parameters, run)
    _require_judges(paper, measure)
    for method, reward, seed in runs_of(paper):
        key = {"method": method, "reward": reward, "seed": seed}
        run = Run.from_parameters(parameters | key, root)
        trained = run.identity(read_prompts(root / run.train.prompts))
        yield Path(f"train/{run.name}.json"), {**trained, "train.epochs": run.epochs}
        every = generate.checkpoint_every or run.method.checkpoint_every or run.epochs
        judged = {**drawing, "epochs": judged_epochs(run.epochs, every)}
        if anew := generate.drawn_anew(method):
            ways = {name: blend and blend.model_dump(mode="json") for name, blend in anew.items()}
            noise = run.train.prompt_noise.model_dump(mode="json")
            judged |= {"anew": ways, "blending": blending_code(), "prompt_noise": noise}
        yield Path(f"generate/{run.name}.json"), judged
        yield Path(f"measure/{run.name}.json"), _measuring(measure, parameters, run)


def _require_judges(paper: dict[str, Any], measure: Measure) -> None:
    """Refuse rewards by which the base model would not be measured, whose stage comes first."""
    trained = [reward for _, rewards, _ in PARTS for reward in paper[rewards]]
    if absent := [name for name in dict.fromkeys(trained) if name not in measure.rewards]:
        raise ConfigurationError(
            f"measure.rewards: {', '.join(absent)} of params.yaml is missing, so the base model "
            f"would not be measured by it; add it: [{', '.join([*measure.rewards, *absent])}]"
        )


def _drawing(run: Run, protocol: Protocol) -> dict[str, Any]:
    return {
        **base_identity(run),
        "protocol": protocol.hash,
        "code": drawing_code(),
    }


def _measuring(measure: Measure, parameters: dict[str, Any], run: Run) -> dict[str, Any]:
    presets = parameters.get("encoders") or {}, parameters.get("rewards") or {}
    encoders, rewards = digests_of(*presets_of(measure, *presets, run.reward_name), run.root)
    specs = {name: look_up(RewardSpec, parameters, "reward", name) for name in rewards}
    return {
        **measure.model_dump(mode="json", exclude={"features", "reports"}),
        "encoders (digests)": encoders,
        "rewards (digests)": rewards,
        "bounds": {name: spec.bounds for name, spec in specs.items()},
        "kinds": [name for name, spec in specs.items() if spec.kinds],
        "code": measuring_code(),
    }
