"""Embeddings, rewards and every measure of the images that `generate` has drawn."""

from drift_pipeline.pipelines.measure.pipeline import create_pipeline

__all__ = ["create_pipeline"]
