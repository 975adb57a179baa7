"""The project's pipelines."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Find the pipelines in `drift_pipeline.pipelines`; the default one goes from end to end."""
    from drift_pipeline.pipelines import analyze, generate, measure, train

    # Only what the command names is found, so the chain is not made of what was found.
    pipelines = find_pipelines(raise_errors=True)
    chain = sum((step.create_pipeline() for step in (train, generate, measure)), Pipeline([]))
    # The analysis finds its tables on the disk, so it must be told to wait for them.
    last = sorted({"base_metrics", "run_metrics", "training_curve"} & chain.all_outputs())
    pipelines["__default__"] = chain + analyze.create_pipeline(after=last)
    return pipelines
