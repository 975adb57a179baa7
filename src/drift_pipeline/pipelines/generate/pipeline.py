"""The evaluation's pictures, a namespace a checkpoint.

base model ─► evaluation.base.images, evaluation.base_fresh.images
training.epoch_0005.policy ─► evaluation.epoch_0005.images ─► contact sheet
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from drift_pipeline import project
from drift_pipeline.pipelines.generate import nodes
from drift_pipeline.pipelines.train import nodes as train_nodes
from drift_pipeline.pipelines.train.pipeline import PARAMETERS


def create_pipeline(epochs: list[int] | None = None) -> Pipeline:
    """Build the pipeline.

    Args:
        epochs: Epochs whose checkpoints are judged; by default those that the parameters say.
    """
    judged = project.current.judged_epochs if epochs is None else epochs
    spaces = [f"epoch_{epoch:04d}" for epoch in judged]
    return Pipeline(
        [
            Node(
                train_nodes.make_run,
                [f"params:{name}" for name in PARAMETERS],
                "run",
                name="make_run",
            ),
            Node(train_nodes.load_base_model, "run", "base_model", name="load_base_model"),
            Node(
                nodes.make_protocol,
                ["params:generate", "run", "evaluation_prompts"],
                "protocol",
                name="make_protocol",
            ),
            *_base("base", nodes.draw_base),
            *_base("base_fresh", nodes.draw_base_fresh),
            *(node for space in spaces for node in _checkpoint(space)),
        ]
    )


def _base(space: str, draw: Callable[..., Any]) -> list[Node]:
    inputs = ["base_model", "run", "protocol", "params:generate"]
    return [_node(draw, inputs, f"evaluation.{space}.images"), _sheet(space)]


def _checkpoint(space: str) -> list[Node]:
    inputs = ["base_model", f"training.{space}.policy", "run", "protocol", "params:generate"]
    return [_node(nodes.draw_checkpoint, inputs, f"evaluation.{space}.images"), _sheet(space)]


def _sheet(space: str) -> Node:
    inputs = [f"evaluation.{space}.images", "params:generate"]
    return _node(nodes.contact_sheet, inputs, f"evaluation.{space}.contact_sheet")


def _node(function: Callable[..., Any], inputs: list[str], output: str) -> Node:
    namespace = output.rpartition(".")[0]
    with warnings.catch_warnings():
        # Kedro warns of names from another namespace; here that is meant: it is training's policy.
        warnings.filterwarnings("ignore", message="One or more dataset names contain")
        return Node(function, inputs, output, name=function.__name__, namespace=namespace)
