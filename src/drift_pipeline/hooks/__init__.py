"""What happens around Kedro's runs: check first, say what is done, replace nothing too early."""

from drift_pipeline.hooks.analysis import AnalysisHooks
from drift_pipeline.hooks.bestiary import BestiaryHooks
from drift_pipeline.hooks.training import TrainingHooks

__all__ = ["AnalysisHooks", "BestiaryHooks", "TrainingHooks"]
