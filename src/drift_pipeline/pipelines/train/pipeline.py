"""The training loop, unrolled: one namespace per epoch.

epoch_0000.policy ─► rollout ─► score ─► select ─► shape ─► update ─► epoch_0001.policy ─► …
"""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from drift_pipeline.pipelines import shared
from drift_pipeline.pipelines.train import nodes
from drift_pipeline.runs import loading

RESULTS = (
    "trained_lora",
    "training_pictures",
    "training_curve",
    "training_curve_points",
    "training_curve_figure",
)
"""What a run leaves at its end, made again when it is trained for longer."""


def create_pipeline(epochs: int = 2) -> Pipeline:
    """Build the pipeline.

    Args:
        epochs: Epochs to unroll; two are enough to see the loop.
    """
    loop = [node for epoch in range(1, epochs + 1) for node in _epoch(epoch)]
    return Pipeline([*_start(), *loop, *_end(epochs)])


def _start() -> list[Node]:
    return [
        shared.MAKE_RUN,
        shared.LOAD_BASE_MODEL,
        Node(loading.load_method, "run", "method", name="load_method"),
        Node(loading.load_reward, "run", "reward_model", name="load_reward"),
        Node(loading.load_encoder, "run", "encoder", name="load_encoder"),
        Node(nodes.identify, ["run", "training_prompts"], "identity", name="identify"),
        Node(
            nodes.initial_policy,
            ["base_model", "run", "identity"],
            "training.epoch_0000.policy",
            name="initial_policy",
            namespace="training.epoch_0000",
        ),
    ]


def _epoch(epoch: int) -> list[Node]:
    space, before = f"training.epoch_{epoch:04d}", f"training.epoch_{epoch - 1:04d}"
    return [
        Node(
            nodes.rollout,
            ["base_model", f"{before}.policy", "method", "run", "training_prompts"],
            [f"{space}.trajectories", f"{space}.images"],
            name="rollout",
            namespace=space,
        ),
        Node(
            nodes.score,
            ["run", "reward_model", f"{space}.images", f"{space}.trajectories"],
            f"{space}.rewards",
            name="score",
            namespace=space,
        ),
        Node(
            nodes.select,
            ["run", "method", f"{space}.rewards", f"{space}.trajectories"],
            [f"{space}.selected", f"{space}.batch"],
            name="select",
            namespace=space,
        ),
        Node(
            nodes.shape,
            ["run", "method", "encoder",
             *(f"{space}.{x}" for x in ("images", "rewards", "selected", "batch"))],
            [f"{space}.candidates", f"{space}.advantages"],
            name="shape",
            namespace=space,
        ),
        Node(
            nodes.contact_sheet,
            ["run", f"{space}.candidates", f"{space}.images"],
            f"{space}.contact_sheet",
            name="contact_sheet",
            namespace=space,
        ),
        Node(
            nodes.update,
            [
                "base_model",
                f"{before}.policy",
                "method",
                "run",
                "identity",
                *(f"{space}.{x}" for x in ("batch", "advantages", "candidates")),
            ],
            # The policy is written last: where it is, the epoch is whole.
            [f"{space}.updates", f"{space}.summary", f"{space}.policy"],
            name="update",
            namespace=space,
        ),
    ]  # fmt: skip


def _end(epochs: int) -> list[Node]:
    spaces = [f"training.epoch_{epoch:04d}" for epoch in range(1, epochs + 1)]
    return [
        Node(
            nodes.training_curve,
            [
                "run",
                *(f"{space}.{table}" for table in ("summary", "updates") for space in spaces),
            ],
            ["training_curve", "training_curve_points", "training_curve_figure"],
            name="training_curve",
            namespace="training",
        ),
        Node(
            nodes.training_images,
            [
                "run",
                *(
                    f"{space}.{part}"
                    for part in ("candidates", "contact_sheet")
                    for space in spaces
                ),
            ],
            "training_pictures",
            name="training_pictures",
            namespace="training",
        ),
        Node(
            nodes.release,
            ["run", f"{spaces[-1]}.policy", *(f"{space}.summary" for space in spaces)],
            "trained_lora",
            name="release",
            namespace="training",
        ),
        Node(nodes.finish, ["run", *RESULTS], "training_finished", name="finish"),
    ]
