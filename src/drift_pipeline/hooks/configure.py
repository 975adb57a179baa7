"""What Kedro's pipelines and catalog must know of the parameters before anything runs."""

from __future__ import annotations

from pathlib import PurePosixPath

from kedro.config import MissingConfigException
from kedro.framework import project as kedro_project
from kedro.framework.context import KedroContext
from omegaconf import OmegaConf

from drift_pipeline import project
from drift_pipeline.config.check import check_parameters
from drift_pipeline.evaluation.protocol import judged_epochs
from drift_pipeline.hooks.evaluation import Evaluation
from drift_pipeline.runs import Run
from drift_pipeline.whole import recover


def configure(context: KedroContext) -> Evaluation | None:
    """Check the parameters, and leave what the pipelines and the catalog need of them.

    Args:
        context: Kedro's, just made.

    Returns:
        The run and how it is evaluated; `None` where the project has no parameters.

    Raises:
        ConfigurationError: In one line, what is wrong with the parameters.
    """
    try:
        parameters = context.config_loader["parameters"]
    except MissingConfigException:
        return None
    checked = check_parameters(parameters, context.config_loader.runtime_params)
    run = Run.from_parameters(parameters)
    generate, measure = checked.generate, checked.measure
    if checked.bestiary is not None:
        recover(context.project_path / checked.bestiary.models)
    presets = parameters["encoders"], parameters["rewards"]
    compared = tuple(checked.analyze.rewards) if checked.analyze else ()
    every = generate.checkpoint_every or run.method.checkpoint_every or run.epochs
    judged = tuple(judged_epochs(run.epochs, every))
    now = project.current
    changed = (now.epochs, now.judged_epochs, now.rewards) != (run.epochs, judged, compared)
    now.path, now.epochs, now.judged_epochs = context.project_path, run.epochs, judged
    now.rewards = compared
    if changed and kedro_project.PACKAGE_NAME:
        # Pipelines that were built for other epochs or rewards are built again.
        kedro_project.pipelines.configure(f"{kedro_project.PACKAGE_NAME}.pipeline_registry")
    values = {
        "name": run.name,
        "folder": f"{run.train.runs_folder}/{run.name}",
        "prompts": run.train.prompts,
        "evaluation_prompts": generate.prompts,
        "pictures": generate.folder,
        "features": measure.features,
        "reports": measure.reports,
        "reporting": str(PurePosixPath(measure.reports).parent),
    }
    OmegaConf.register_new_resolver("run", values.__getitem__, replace=True)
    return Evaluation(run, generate, measure, *presets)
