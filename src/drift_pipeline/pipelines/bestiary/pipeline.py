"""The `bestiary` pipeline: from nothing to a miniature Stable Diffusion world.

```
draw ─┬─► autoencoder ─┬─► denoiser ─► judge ─► sheet, metrics
      ├─► CLIP ────────┤          ▲
      │     └─► PickScore, HPSv2  │
      ├─► OpenCLIP ───────────────┘
      └─► DreamSim
```
"""

from kedro.pipeline import Node, Pipeline

from drift_pipeline.pipelines.bestiary import nodes


def create_pipeline(**_: object) -> Pipeline:
    """Draws the pictures, trains every model of the bestiary and judges them."""
    bestiary = "params:bestiary"
    pictures = ["bestiary.drawn", "bestiary.held_out"]
    tokenizer = "bestiary.tokenizer"
    clip = ["bestiary.clip", tokenizer]
    return Pipeline(
        [
            Node(
                nodes.draw_pictures, bestiary, pictures, name="draw_pictures", namespace="bestiary"
            ),
            Node(
                nodes.train_vae,
                [*pictures, bestiary],
                ["bestiary.vae", "bestiary.vae_measured"],
                name="train_vae",
                namespace="bestiary",
            ),
            Node(
                nodes.make_tokenizer, None, tokenizer, name="make_tokenizer", namespace="bestiary"
            ),
            Node(
                nodes.train_clip,
                [*pictures, tokenizer, bestiary],
                ["bestiary.clip", "bestiary.clip_measured"],
                name="train_clip",
                namespace="bestiary",
            ),
            Node(
                nodes.train_openclip,
                [*pictures, tokenizer, bestiary],
                ["bestiary.openclip", "bestiary.openclip_measured"],
                name="train_openclip",
                namespace="bestiary",
            ),
            Node(
                nodes.train_unet,
                ["bestiary.drawn", "bestiary.vae", *clip, bestiary],
                "bestiary.unet_measured",
                name="train_unet",
                namespace="bestiary",
            ),
            Node(
                nodes.train_pickscore,
                [*pictures, *clip, bestiary],
                "bestiary.pickscore_measured",
                name="train_pickscore",
                namespace="bestiary",
            ),
            Node(
                nodes.train_hpsv2,
                [*pictures, *clip, bestiary],
                "bestiary.hpsv2_measured",
                name="train_hpsv2",
                namespace="bestiary",
            ),
            Node(
                nodes.train_dreamsim,
                [*pictures, bestiary],
                "bestiary.dreamsim_measured",
                name="train_dreamsim",
                namespace="bestiary",
            ),
            Node(
                nodes.judge,
                [
                    "bestiary.held_out",
                    "bestiary.openclip",
                    tokenizer,
                    "bestiary.unet_measured",
                    bestiary,
                ],
                ["bestiary.drawn_sheet", "bestiary.judged"],
                name="judge",
                namespace="bestiary",
            ),
            Node(
                nodes.gather,
                {
                    "autoencoder": "bestiary.vae_measured",
                    "clip": "bestiary.clip_measured",
                    "openclip": "bestiary.openclip_measured",
                    "denoiser": "bestiary.unet_measured",
                    "pickscore": "bestiary.pickscore_measured",
                    "hpsv2": "bestiary.hpsv2_measured",
                    "dreamsim": "bestiary.dreamsim_measured",
                    "generated": "bestiary.judged",
                    "drawn_sheet": "bestiary.drawn_sheet",
                    "bestiary": bestiary,
                },
                ["bestiary.sheet", "bestiary.metrics"],
                name="gather",
                namespace="bestiary",
            ),
        ]
    )
