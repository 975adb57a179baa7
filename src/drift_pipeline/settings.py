"""Project settings; see https://docs.kedro.org/en/stable/configure/configuration_basics/."""

from drift_pipeline.common.processor import wait_passively
from drift_pipeline.hooks import AnalysisHooks, BestiaryHooks, TimingHooks, TrainingHooks
from drift_pipeline.hooks.resolvers import DEFAULT_RUN
from drift_pipeline.session.resuming import ResumingSession

wait_passively()  # Kedro reads these settings before anything imports torch

HOOKS = (TrainingHooks(), TimingHooks(), AnalysisHooks(), BestiaryHooks())
SESSION_CLASS = ResumingSession
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment or --params changes the values it names and leaves their neighbours alone. A
    # dataset of an environment's catalog replaces the whole entry, as always in Kedro: the
    # arguments of one type are not those of another.
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        # The hooks replace these with the project's own run and seeds.
        "run": DEFAULT_RUN.__getitem__,
        "expected_seeds": list,
    },
}
