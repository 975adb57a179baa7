"""The project's pipelines."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Find the pipelines in `drift_pipeline.pipelines`; training is the default one."""
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = pipelines.get("train", Pipeline([]))
    return pipelines
