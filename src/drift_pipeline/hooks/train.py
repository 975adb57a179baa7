"""What happens around a training run: look before you leap, say what is done, show how far it is.

Parameters are checked as soon as Kedro has read them, and the state on the disk before the first
node runs, so that nothing is computed for a run that cannot continue.
"""

from __future__ import annotations

import logging
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.lock import Claim
from drift_pipeline.common.writable import outputs_of, require_writable
from drift_pipeline.config.idle import idle_settings
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.datasets.addresses import refuse_addresses
from drift_pipeline.datasets.renewable import mark_outdated
from drift_pipeline.hooks.analyze import refuse_loss
from drift_pipeline.hooks.configure import configure
from drift_pipeline.hooks.evaluate import Evaluation
from drift_pipeline.hooks.preflight import check_models
from drift_pipeline.hooks.progress import EpochBar, introduction
from drift_pipeline.pipelines.train.pipeline import RESULTS
from drift_pipeline.runs.folder import RunFolder
from drift_pipeline.runs.run import Run
from drift_pipeline.session import partial

logger = logging.getLogger(__name__)


class TrainingHooks:
    """Checks, messages and the progress bar of the `train` pipeline."""

    def __init__(self) -> None:
        self._evaluation: Evaluation | None = None
        self._named = False
        self._bar = EpochBar()
        self._claim = Claim()

    @property
    def _folder(self) -> RunFolder:
        assert self._evaluation is not None
        run = self._evaluation.run
        return RunFolder(run.root / run.train.runs_folder / run.name)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check the parameters, and leave what the pipelines and the catalog need of them."""
        self._evaluation = configure(context)

    @hook_impl
    def after_catalog_created(self, conf_catalog: dict[str, Any]) -> None:
        """Check where the catalog puts what has to lie on the disk."""
        refuse_addresses(conf_catalog)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Check prompts and earlier state, and say what is going to happen."""
        if self._evaluation is None:
            return
        run = self._evaluation.run
        self._named = partial.is_partial(run_params)
        refuse_loss(pipeline, catalog)
        spaces = {(node.namespace or "").partition(".")[0] for node in pipeline.nodes}
        folder = self._folder
        with self._claim.released_on_error():
            # A folder that is not there yet is locked once nothing else can be refused; a finished
            # one may be read-only.
            there = "training" in spaces and folder.path.exists()
            if there and self._claim.take(folder.path, needed=False):
                folder.tidy()
            trains = "training" in spaces and not self._named
            trained = self._trained(run) if trains else 0
            if "evaluation" in spaces:
                self._evaluation.prepare(
                    pipeline, catalog, run_params, folder, self._named, starts_over=trained is None
                )
            plan = partial.planned(pipeline, catalog, run_params)
            analysis = (node for node in pipeline.nodes if node.namespace == "analyze")
            require_writable(outputs_of([*plan.nodes, *analysis], catalog))
            partial.require_inputs(plan, catalog)
            if trains:
                self._prepare_training(run, run_params, pipeline, catalog, trained)
            elif "training" in spaces:
                self._prepare_part(run, run_params, pipeline, catalog)

    def _prepare_training(
        self,
        run: Run,
        given: dict[str, Any],
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        trained: int | None,
    ) -> None:
        """Check what training needs, then set aside or mark what it will make again.

        Args:
            run: The run.
            given: What Kedro's command line was given.
            pipeline: What will run.
            catalog: Its datasets.
            trained: Epochs that can be continued from; `None` where the run starts over.
        """
        folder = self._folder
        prompts = read_prompts(run.root / run.train.prompts)
        if trained is None or trained < run.epochs:
            rewards, encoders = {run.reward_name: run.reward}, {run.train.encoder: run.encoder}
            check_models(run, given, True, rewards, encoders, prompts)
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
            for line in idle_settings(run.method, run.train, run.method_name):
                logger.warning(line)
        self._bar.open(run, trained)

    def _trained(self, run: Run) -> int | None:
        """Count the epochs that can be continued from; `None` where the run starts over."""
        if run.train.start_over:
            return None
        identity = run.identity(read_prompts(run.root / run.train.prompts))
        try:
            going_on = run.train.if_changed == "continue"
            return self._folder.check(identity, run.epochs, other_source=going_on)
        except ConfigurationError as error:
            untrained = self._folder.last_epoch() == 0  # nothing would be lost
            if run.train.if_changed != "start_over" and not untrained:
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
        prompts = read_prompts(run.root / run.train.prompts)
        # An epoch trained again must come out as it was, since what follows from it may stay.
        again = not folder.states().keys().isdisjoint(epochs)
        going_on = run.train.if_changed == "continue"
        try:
            folder.check(run.identity(prompts), run.epochs, other_source=going_on and not again)
        except ConfigurationError as error:
            more = " (`continue` is for new epochs: a trained one is only trained again as it was)"
            raise ConfigurationError(error.message + more * (going_on and again)) from error
        partial.require_optimizer(plan, folder)
        rewards, encoders = {run.reward_name: run.reward}, {run.train.encoder: run.encoder}
        check_models(run, given, "base_model" in plan.all_inputs(), rewards, encoders)
        logger.info("Run %s in %s", run.name, folder.path)
        self._claim.take(folder.path)
        if epochs:
            self._bar.open(run, 0, len(epochs))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Keep the optimizer's memory of the last two epochs alone; it is two thirds of a state."""
        if node.name.endswith(".update") and dataset_name.endswith(".policy"):
            self._folder.forget_optimizers(before=data.epoch - 1)
            self._bar.advance()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Say where the results are."""
        self._claim.release()
        if self._bar.shown:
            self._bar.close()
            self._folder.forget_optimizers(before=(self._folder.last_epoch() or 0) - 1)
            logger.info("Finished: %s", self._folder.path)

    @hook_impl
    def on_pipeline_error(self, error: BaseException) -> None:
        """Say that nothing is lost."""
        self._claim.release()
        if not self._bar.shown:
            return
        self._bar.close()
        if self._named:
            logger.info("Stopped; what is whole is kept, the same command runs the nodes again")
        else:
            logger.info(
                "Stopped after epoch %d; the same command, without train.start_over, "
                "resumes from there",
                self._folder.last_epoch() or 0,
            )
