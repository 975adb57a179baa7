"""Training: one namespace per epoch, rollout → score → select → shape → update."""

from drift_pipeline.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]
