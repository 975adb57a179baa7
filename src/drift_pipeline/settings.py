"""Project settings; see https://docs.kedro.org/en/stable/configure/configuration_basics/."""

from drift_pipeline.hooks import AnalysisHooks, BestiaryHooks, TrainingHooks
from drift_pipeline.project import DEFAULT_RUN, expected_seeds
from drift_pipeline.session import ResumingSession

HOOKS = (TrainingHooks(), AnalysisHooks(), BestiaryHooks())
SESSION_CLASS = ResumingSession
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment or --params changes the values it names and leaves their neighbours alone. A
    # dataset of an environment's catalog takes the whole entry's place, as always in Kedro: the
    # arguments of one type are not those of another.
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        # The hooks put the run that the parameters name in the place of this one.
        "run": DEFAULT_RUN.__getitem__,
        "expected_seeds": expected_seeds,
    },
}
