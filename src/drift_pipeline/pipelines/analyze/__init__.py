"""Analysis: from measured runs to Table 1, the gains, the figures and a report."""

from drift_pipeline.pipelines.analyze.pipeline import create_pipeline

__all__ = ["create_pipeline"]
