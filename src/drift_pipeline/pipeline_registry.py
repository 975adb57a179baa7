"""The project's pipelines, and what they are built for.

Kedro builds the pipelines without arguments and after the hooks have seen the parameters, so a hook
says here how many epochs to unroll, which to judge and which rewards to report. A process has one
set of pipelines: those of the context that was made last, which a session does before it runs.
"""

import pkgutil
from dataclasses import dataclass

from kedro.framework import project as kedro_project
from kedro.pipeline import Pipeline

from drift_pipeline.common.errors import ConfigurationError


@dataclass(frozen=True)
class Plan:
    """What the pipelines are built for; by default what is shown where no hook runs.

    Attributes:
        epochs: Epochs to train.
        judged_epochs: Epochs whose checkpoints are judged.
        rewards: The rewards of the report.
        best_front: Whether the best front is estimated.
        blends: Names of the blends that the last checkpoint is drawn with.
    """

    epochs: int = 2
    judged_epochs: tuple[int, ...] = (1, 2)
    rewards: tuple[str, ...] = ("pickscore", "hpsv2")
    best_front: bool = True
    blends: tuple[str, ...] = ()


_plan = Plan()


def build_for(plan: Plan) -> None:
    """Have Kedro build the pipelines for a plan; again where they were built for another."""
    global _plan
    if plan != _plan:
        _plan = plan
        kedro_project.pipelines.configure(__name__)


def register_pipelines() -> dict[str, Pipeline]:
    """Find the pipelines in `drift_pipeline.pipelines`; the default one goes from end to end."""
    from drift_pipeline.pipelines import analyze, generate, measure, train

    # Only what the command names is found, so the chain is not made of what was found.
    try:
        found = kedro_project.find_pipelines(raise_errors=True)
    except ImportError as error:
        if error.__cause__ is not None:  # a pipeline that is there cannot be imported
            raise
        raise unknown_pipeline(str(error).split("'")[1].rpartition(".")[2]) from error
    planned = {
        "train": train.create_pipeline(_plan.epochs),
        "generate": generate.create_pipeline(_plan.judged_epochs, _plan.best_front, _plan.blends),
        "measure": measure.create_pipeline(_plan.judged_epochs, _plan.best_front, _plan.blends),
    }
    chain = sum(planned.values(), Pipeline([]))
    # The analysis finds its tables on the disk, so it must be told to wait for them.
    awaited = {"base_metrics", "best_front", "free_metrics", "run_metrics", "training_curve"}
    last = sorted(awaited & chain.all_outputs())
    planned["analyze"] = analyze.create_pipeline(_plan.rewards)
    planned["__default__"] = chain + analyze.create_pipeline(_plan.rewards, after=last)
    return found | planned


def unknown_pipeline(name: str) -> ConfigurationError:
    """Say that there is no such pipeline, and which there are."""
    from drift_pipeline import pipelines

    modules = pkgutil.iter_modules(pipelines.__path__)
    known = sorted(module.name for module in modules if module.ispkg)
    return ConfigurationError(
        f"unknown pipeline {name!r}; known are: {', '.join(['__default__', *known])}"
    )
