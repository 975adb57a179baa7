"""Images of the base model and of every judged checkpoint of a run, for the same seeds."""

from drift_pipeline.pipelines.generate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
