"""The `bestiary` pipeline."""

from drift_pipeline.pipelines.bestiary.pipeline import create_pipeline

__all__ = ["create_pipeline"]
