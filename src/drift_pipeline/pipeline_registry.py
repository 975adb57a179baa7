"""The project's pipelines."""

import pkgutil

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

from drift_pipeline.parameters import ConfigurationError


def register_pipelines() -> dict[str, Pipeline]:
    """Find the pipelines in `drift_pipeline.pipelines`; the default one goes from end to end."""
    from drift_pipeline.pipelines import analyze, generate, measure, train

    # Only what the command names is found, so the chain is not made of what was found.
    try:
        pipelines = find_pipelines(raise_errors=True)
    except ImportError as error:
        if error.__cause__ is not None:  # a pipeline that is there cannot be imported
            raise
        raise unknown_pipeline(str(error).split("'")[1].rpartition(".")[2]) from error
    chain = sum((step.create_pipeline() for step in (train, generate, measure)), Pipeline([]))
    # The analysis finds its tables on the disk, so it must be told to wait for them.
    last = sorted({"base_metrics", "run_metrics", "training_curve"} & chain.all_outputs())
    pipelines["__default__"] = chain + analyze.create_pipeline(after=last)
    return pipelines


def unknown_pipeline(name: str) -> ConfigurationError:
    """Say that there is no such pipeline, and which there are."""
    from drift_pipeline import pipelines

    known = sorted(module.name for module in pkgutil.iter_modules(pipelines.__path__))
    return ConfigurationError(
        f"unknown pipeline {name!r}; known are: {', '.join(['__default__', *known])}"
    )
