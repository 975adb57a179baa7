"""What happens around a training run: look before you leap, say what is done, show how far it is.

Parameters are checked as soon as Kedro has read them, and the state on the disk before the first
node runs, so that nothing is computed for a run that cannot go on.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework import project as kedro_project
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from omegaconf import OmegaConf

from drift_pipeline import partial, project
from drift_pipeline.common.lock import Claim
from drift_pipeline.common.writable import outputs_of, require_writable
from drift_pipeline.components import check_classes
from drift_pipeline.config.catalog import refuse_addresses
from drift_pipeline.config.check import check_parameters
from drift_pipeline.config.idle import idle_settings
from drift_pipeline.datasets.policy import refuse_damaged_policies
from drift_pipeline.datasets.renewable import mark_outdated
from drift_pipeline.evaluation.freshness import expected_pictures
from drift_pipeline.evaluation.parameters import check_amounts, digests_of, presets_of
from drift_pipeline.evaluation.protocol import Protocol, judged_epochs
from drift_pipeline.hooks.analysis import refuse_loss
from drift_pipeline.hooks.outdated import mark_evaluation
from drift_pipeline.model_files.base_model import check_base_model
from drift_pipeline.model_files.tokens import warn_of_unread
from drift_pipeline.needs import needs_of, require
from drift_pipeline.parameters import ConfigurationError
from drift_pipeline.pipelines.train.pipeline import RESULTS
from drift_pipeline.prompts import read_prompts
from drift_pipeline.runs import Run
from drift_pipeline.state import RunFolder

logger = logging.getLogger(__name__)


class TrainingHooks:
    """Checks, messages and the progress bar of the `train` pipeline."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._partial = False
        self._bar: Any = None
        self._redirect: AbstractContextManager[Any] | None = None
        self._claim = Claim()

    @property
    def _folder(self) -> RunFolder:
        assert self._run is not None
        return RunFolder(project.current.path / self._run.train.runs_folder / self._run.name)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check the parameters, and leave what the pipelines and the catalog need of them."""
        try:
            parameters = context.config_loader["parameters"]
        except MissingConfigException:
            return
        checked = check_parameters(parameters, context.config_loader.runtime_params)
        run = self._run = Run.from_parameters(parameters)
        generate, measure = self._generate, self._measure = checked.generate, checked.measure
        self._presets = parameters["encoders"], parameters["rewards"]
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

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any]) -> None:
        """Check where the catalog puts what has to lie on the disk."""
        refuse_addresses(conf_catalog)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Check prompts and earlier state, and say what is going to happen."""
        if self._run is None:
            return
        refuse_loss(pipeline, catalog)
        spaces = {(node.namespace or "").partition(".")[0] for node in pipeline.nodes}
        if "evaluation" in spaces:
            self._mark_outdated(self._run, pipeline, catalog, will_train="training" in spaces)
            self._require_models(self._run, pipeline, catalog, run_params)
            refuse_damaged_policies(pipeline, catalog)
        plan = partial.planned(pipeline, catalog, run_params)
        analysis = (node for node in pipeline.nodes if node.namespace == "analyze")
        require_writable(outputs_of([*plan.nodes, *analysis], catalog))
        partial.require_inputs(plan, catalog)
        self._partial = partial.is_partial(run_params)
        if "training" in spaces:
            prepare = self._prepare_part if self._partial else self._prepare_training
            with self._claim.released_on_error():
                prepare(self._run, run_params, pipeline, catalog)

    def _prepare_training(
        self, run: Run, given: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        folder = self._folder
        # A folder that is not there yet is locked once nothing else can be refused; a finished one
        # may be read-only.
        if folder.path.exists() and self._claim.take(folder.path, needed=False):
            folder.tidy()
        prompts = read_prompts(project.current.path / run.train.prompts)
        trained = self._trained(run, run.identity(prompts))
        if trained is None or trained < run.epochs:
            rewards, encoders = {run.reward_name: run.reward}, {run.train.encoder: run.encoder}
            require(needs_of(run.train.base_model, rewards, encoders), given)
            check_base_model(run.train.base_model, run.train.sampling)
            check_classes(rewards, encoders)
            warn_of_unread(prompts, "train.prompts", run.train.base_model, rewards)
        if trained is not None:
            plan = partial.planned(pipeline, catalog, given)
            partial.require_optimizer(plan, folder)
        if trained is None or trained < run.epochs:
            self._claim.take(folder.path)
        # Only now that nothing else can be refused.
        if trained is None:
            folder.set_aside()
            trained = 0
        if not folder.finished(run.epochs):
            for name in (*RESULTS, "training_finished"):
                mark_outdated(catalog.get(name))
        for line in introduction(run, len(prompts), str(folder.path), trained):
            logger.info(line)
        if trained < run.epochs:
            for line in idle_settings(run):
                logger.warning(line)
        self._open_bar(run, trained)

    def _trained(self, run: Run, identity: dict[str, Any]) -> int | None:
        """Epochs that can be continued from; `None` where the run starts over."""
        if run.train.start_over:
            return None
        try:
            going_on = run.train.if_changed == "continue"
            return self._folder.check(identity, run.epochs, other_source=going_on)
        except ConfigurationError as error:
            if run.train.if_changed != "start_over":
                raise
            logger.warning("Starting over: %s", error.message)
            return None

    def _prepare_part(
        self, run: Run, given: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Check what is there before some nodes alone run."""
        if run.train.start_over:
            partial.refuse_start_over(given)
        folder, plan = self._folder, partial.planned(pipeline, catalog, given)
        epochs = partial.trained_epochs(plan.nodes)
        prompts = read_prompts(project.current.path / run.train.prompts)
        # An epoch trained again must come out as it was, since what follows from it may stay.
        again = not folder.states().keys().isdisjoint(epochs)
        going_on = run.train.if_changed == "continue"
        try:
            folder.check(run.identity(prompts), run.epochs, other_source=going_on and not again)
        except ConfigurationError as error:
            more = " (`continue` is for new epochs: a trained one is only trained again as it was)"
            raise ConfigurationError(error.message + more * (going_on and again)) from error
        partial.require_optimizer(plan, folder)
        if "base_model" in plan.all_inputs():
            require(needs_of(run.train.base_model, {}, {}), given)
            check_base_model(run.train.base_model, run.train.sampling)
        logger.info("Run %s in %s", run.name, folder.path)
        self._claim.take(folder.path)
        if epochs:
            self._open_bar(run, 0, len(epochs))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Keep the optimizer's memory of the last two epochs alone; it is two thirds of a state."""
        if node.name.endswith(".update") and dataset_name.endswith(".policy"):
            self._folder.forget_optimizers(before=data.epoch - 1)
            if self._bar is not None:
                self._bar.update(1)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Say where the results are."""
        self._claim.release()
        if self._bar is not None:
            self._close_bar()
            self._folder.forget_optimizers(before=(self._folder.last_epoch() or 0) - 1)
            logger.info("Finished: %s", self._folder.path)

    @hook_impl
    def on_pipeline_error(self, error: BaseException) -> None:
        """Say that nothing is lost."""
        self._claim.release()
        if self._bar is not None and self._partial:
            self._close_bar()
            logger.info("Stopped; what is whole is kept, the same command runs the nodes again")
        elif self._bar is not None:
            self._close_bar()
            logger.info(
                "Stopped after epoch %d; the same command, without train.start_over, goes on "
                "from there",
                self._folder.last_epoch() or 0,
            )

    def _require_models(
        self, run: Run, pipeline: Pipeline, catalog: CatalogProtocol, given: dict[str, Any]
    ) -> None:
        """See that what the evaluation still has to draw or to judge can be drawn and judged."""

        def used(model: str) -> bool:
            users = [node for node in pipeline.nodes if model in node.inputs]
            users = [node for node in users if (node.namespace or "").startswith("evaluation")]
            if self._partial:
                return bool(users)
            return not all(catalog.exists(name) for node in users for name in node.outputs)

        encoders, rewards = (
            presets_of(self._measure, *self._presets, run.reward_name)
            if used("judges")
            else ({}, {})
        )
        base_model = run.train.base_model if used("base_model") else None
        require(needs_of(base_model, rewards, encoders), given)
        if base_model:
            check_base_model(base_model, run.train.sampling)
        prompts = read_prompts(project.current.path / self._generate.prompts, "generate.prompts")
        check_amounts(self._generate, self._measure, prompts)
        check_classes(rewards, encoders)
        warn_of_unread(prompts, "generate.prompts", base_model, rewards)

    def _mark_outdated(
        self, run: Run, pipeline: Pipeline, catalog: CatalogProtocol, will_train: bool
    ) -> None:
        """Mark pictures of another model or protocol, and what other judges said of them."""
        prompts = read_prompts(project.current.path / self._generate.prompts, "generate.prompts")
        protocol = Protocol.of(self._generate, run.train, prompts)
        epochs = project.current.judged_epochs
        expected = expected_pictures(run, protocol, epochs, self._folder, will_train)
        encoders, rewards = digests_of(*presets_of(self._measure, *self._presets, run.reward_name))
        mark_evaluation(pipeline, catalog, expected, {"encoder": encoders, "reward": rewards})

    def _open_bar(self, run: Run, trained: int, epochs: int | None = None) -> None:
        from tqdm.auto import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        self._close_bar()
        self._redirect = logging_redirect_tqdm()
        self._redirect.__enter__()
        self._bar = tqdm(
            total=epochs or run.epochs,
            initial=trained,
            desc=run.name,
            unit="epoch",
            disable=None if run.train.progress else True,
        )

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._redirect is not None:
            self._redirect.__exit__(None, None, None)
            self._redirect = None


def introduction(run: Run, prompts: int, folder: str, trained: int) -> list[str]:
    """Say what was asked for, in numbers.

    Args:
        run: The run.
        prompts: Number of training prompts.
        folder: Where it writes.
        trained: Epochs that are already there.
    """
    train = run.train
    drawn = train.groups_per_epoch * run.candidates
    kept = train.groups_per_epoch * train.group_size
    updates = train.optimization.updates_per_epoch
    lines = [f"Run {run.name} in {folder}"]
    if trained >= run.epochs:
        return [*lines, f"All {run.epochs} epochs are trained; raise train.epochs to go on"]
    lines.append(
        f"An epoch: {train.groups_per_epoch} groups of {prompts} prompts × {run.candidates} "
        f"candidates = {drawn} samples in {train.sampling.steps} steps; "
        f"{train.group_size} a group ({run.method.selection}) = {kept} trained in {updates} "
        f"gradient updates of {kept / updates:g} samples"
    )
    if trained:
        lines.append(f"Going on after epoch {trained} of {run.epochs}")
    return lines
