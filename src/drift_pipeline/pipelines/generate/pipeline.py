"""The evaluation's images, one namespace per checkpoint.

base model ─► evaluation.base.images, evaluation.base_fresh.images, evaluation.base_many.images
training.epoch_0005.policy ─► evaluation.epoch_0005.images ─► contact sheet
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from drift_pipeline.pipelines import shared
from drift_pipeline.pipelines.generate import nodes


def create_pipeline(
    epochs: Sequence[int] = (1, 2), best_front: bool = True, blends: Sequence[str] = ()
) -> Pipeline:
    """Build the pipeline.

    Args:
        epochs: Epochs whose checkpoints are judged.
        best_front: Whether the base model's images for it are drawn.
        blends: Names of the blends that the last checkpoint is drawn with.
    """
    spaces = [f"epoch_{epoch:04d}" for epoch in epochs]
    return Pipeline(
        [
            shared.MAKE_RUN,
            shared.LOAD_BASE_MODEL,
            shared.MAKE_PROTOCOL,
            *(node for space in ("base", "base_fresh") for node in (_base(space), _sheet(space))),
            *([_base("base_many")] if best_front else []),
            *(node for space in spaces for node in _checkpoint(space)),
            *(_free(blend, spaces[-1]) for blend in blends),
        ]
    )


def _base(space: str) -> Node:
    inputs = ["base_model", "run", "protocol", "params:generate"]
    draw = update_wrapper(partial(nodes.draw_base, place=space), nodes.draw_base)
    return _node(draw, inputs, f"evaluation.{space}.images")


def _checkpoint(space: str) -> list[Node]:
    inputs = ["base_model", f"training.{space}.policy", "run", "protocol", "params:generate"]
    return [_node(nodes.draw_checkpoint, inputs, f"evaluation.{space}.images"), _sheet(space)]


def _free(blend: str, last: str) -> Node:
    inputs = ["base_model", f"training.{last}.policy", "run", "protocol", "params:generate"]
    draw = update_wrapper(partial(nodes.draw_free, blend=blend), nodes.draw_free)
    return _node(draw, inputs, f"evaluation.free_{blend}.images")


def _sheet(space: str) -> Node:
    inputs = [f"evaluation.{space}.images", "params:generate"]
    return _node(nodes.contact_sheet, inputs, f"evaluation.{space}.contact_sheet")


def _node(function: Callable[..., Any], inputs: list[str], output: str) -> Node:
    namespace = output.rpartition(".")[0]
    with warnings.catch_warnings():
        # Kedro warns of names from another namespace; here that is meant: it is training's policy.
        warnings.filterwarnings("ignore", message="One or more dataset names contain")
        return Node(function, inputs, output, name=function.__name__, namespace=namespace)
