"""What Kedro's pipelines and catalog must know of the parameters before anything runs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext

from drift_pipeline.common.atomic import recover
from drift_pipeline.config.check import check_parameters
from drift_pipeline.hooks.evaluate import Evaluation
from drift_pipeline.hooks.resolvers import DEFAULT_RUN, register_run, register_seeds
from drift_pipeline.pipeline_registry import Plan, build_for
from drift_pipeline.pipelines.shared import PROJECT_FOLDER
from drift_pipeline.runs.run import Run


def configure(context: KedroContext) -> Evaluation | None:
    """Check the parameters, and leave what the pipelines and the catalog need of them.

    Args:
        context: Kedro's, just made.

    Returns:
        The run and how it is evaluated; `None` where the project has no parameters.

    Raises:
        ConfigurationError: In one line, what is wrong with the parameters.
    """
    root = context.project_path
    register_seeds(root)  # the parameters name them
    try:
        parameters = context.config_loader["parameters"]
    except MissingConfigException:
        return None
    checked = check_parameters(parameters, context.config_loader.runtime_params)
    run = Run.from_parameters(parameters, root)
    generate, measure = checked.generate, checked.measure
    draft = DEFAULT_RUN["bestiary_draft"]
    if checked.bestiary is not None:
        recover(root / checked.bestiary.models)
        draft = checked.bestiary.draft.as_posix()
    presets = parameters["encoders"], parameters["rewards"]
    evaluation = Evaluation(run, generate, measure, *presets)
    compared = checked.analyze.all_rewards(parameters["rewards"]) if checked.analyze else ()
    best_front = generate.best_front_images > 0
    free = tuple(evaluation.drawn_anew)
    build_for(Plan(run.epochs, evaluation.judged_epochs, compared, best_front, free))
    values = {
        "name": run.name,
        "folder": f"{run.train.runs_folder}/{run.name}",
        "prompts": run.train.prompts,
        "evaluation_prompts": generate.prompts,
        "pictures": generate.folder,
        "features": measure.features,
        "reports": measure.reports,
        "reporting": str(PurePosixPath(measure.reports).parent),
        "bestiary_draft": draft,
    }
    register_run(values)
    _keep(context, parameters)
    return evaluation


def _keep(context: KedroContext, parameters: dict[str, Any]) -> None:
    """Have a context keep what its configuration says now, and where its project is.

    The resolvers belong to the process: those of the project that is looked at next take the place
    of this one's.
    """
    loader = context.config_loader
    loader["parameters"] = parameters
    folder = {"type": "kedro.io.MemoryDataset", "data": context.project_path}
    with suppress(MissingConfigException):
        loader["catalog"] = {**loader["catalog"], PROJECT_FOLDER: folder}
