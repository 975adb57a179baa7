"""What happens around Kedro's runs: check first, say what is done, replace nothing too early."""

from drift_pipeline.hooks.analyze import AnalysisHooks
from drift_pipeline.hooks.bestiary import BestiaryHooks
from drift_pipeline.hooks.timing import TimingHooks
from drift_pipeline.hooks.train import TrainingHooks

__all__ = ["AnalysisHooks", "BestiaryHooks", "TimingHooks", "TrainingHooks"]
