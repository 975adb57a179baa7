"""What an evaluation needs: models to draw and to judge with, and marks on what is outdated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from drift_pipeline.config.evaluation import Blend, Generate, Measure, check_amounts
from drift_pipeline.config.prompt_files import read_prompts
from drift_pipeline.evaluation.judges import digests_of, presets_of
from drift_pipeline.evaluation.protocol import Protocol, judged_epochs
from drift_pipeline.evaluation.staleness import expected_images, free_places
from drift_pipeline.hooks.outdated import mark_evaluation
from drift_pipeline.hooks.preflight import check_models, refuse_damaged_policies
from drift_pipeline.runs.folder import RunFolder
from drift_pipeline.runs.run import Run


@dataclass(frozen=True)
class Evaluation:
    """An evaluation of a run, as the parameters ask for it.

    Attributes:
        run: The run.
        generate: What is drawn.
        measure: What is measured.
        encoders: All encoders' presets.
        rewards: All rewards' presets.
    """

    run: Run
    generate: Generate
    measure: Measure
    encoders: Mapping[str, Any]
    rewards: Mapping[str, Any]

    @property
    def judged_epochs(self) -> tuple[int, ...]:
        """The epochs whose checkpoints are judged."""
        run = self.run
        every = self.generate.checkpoint_every or run.method.checkpoint_every or run.epochs
        return tuple(judged_epochs(run.epochs, every))

    @property
    def drawn_anew(self) -> Mapping[str, Blend | None]:
        """How else the last checkpoint draws, by name."""
        return self.generate.drawn_anew(self.run.method_name)

    def prepare(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        given: Mapping[str, Any],
        folder: RunFolder,
        named: bool,
        starts_over: bool = False,
    ) -> None:
        """Mark what is outdated, and refuse what could not be made.

        Args:
            pipeline: What will run.
            catalog: Its datasets.
            given: What Kedro's command line was given.
            folder: The run's folder.
            named: Whether nodes were asked for by name, which run even where their outputs exist.
            starts_over: Whether the checkpoints that are there will be replaced.
        """
        prompts = read_prompts(self.run.root / self.generate.prompts, "generate.prompts")
        check_amounts(self.generate, self.measure, prompts)
        self._mark_outdated(pipeline, catalog, folder, prompts, starts_over)
        self._require_models(pipeline, catalog, given, prompts, named)
        refuse_damaged_policies(pipeline, catalog)

    def _judges(self) -> tuple[Any, Any]:
        return presets_of(self.measure, self.encoders, self.rewards, self.run.reward_name)

    def _mark_outdated(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        folder: RunFolder,
        prompts: list[str],
        starts_over: bool,
    ) -> None:
        """Mark images of another model or protocol, and what other judges said of them."""
        protocol = Protocol.of(self.generate, self.run.train, prompts)
        will_train = any((node.namespace or "").startswith("training") for node in pipeline.nodes)
        states = {} if starts_over else folder.states()
        expected = expected_images(
            self.run,
            protocol,
            self.judged_epochs,
            states,
            will_train,
            self.generate.best_front_images,
        )
        expected |= free_places(expected, self.run, protocol, self.drawn_anew)
        encoders, rewards = digests_of(*self._judges(), self.run.root)
        mark_evaluation(pipeline, catalog, expected, {"encoder": encoders, "reward": rewards})

    def _require_models(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        given: Mapping[str, Any],
        prompts: list[str],
        named: bool,
    ) -> None:
        """See that what still has to be drawn or judged can be."""

        def used(model: str) -> bool:
            users = [node for node in pipeline.nodes if model in node.inputs]
            users = [node for node in users if (node.namespace or "").startswith("evaluation")]
            if named:
                return bool(users)
            return not all(catalog.exists(name) for node in users for name in node.outputs)

        encoders, rewards = self._judges() if used("judges") else ({}, {})
        draws = used("base_model")
        check_models(self.run, given, draws, rewards, encoders, prompts, "generate.prompts")
