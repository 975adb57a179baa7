"""The `bestiary` pipeline: from nothing to a miniature Stable Diffusion world.

```
draw ─► autoencoder ─┬─────────────────────► Stable Diffusion ─► judge ─► sheet, metrics
                     └─► rebuild ─┬─► CLIP ──────┘  │              ▲
                                  │                 └► PickScore, HPSv2
                                  ├─► OpenCLIP ────────────────────┘
                                  └─► DreamSim, reader
```
"""

from kedro.pipeline import Node, Pipeline

from drift_pipeline.pipelines.bestiary import nodes


def create_pipeline(**_: object) -> Pipeline:
    """Draw the images, train every model of the bestiary and judge them.

    The models are datasets named as their folders; `openclip_network` is the same model as
    `openclip`, in the memory and in full precision.
    """
    bestiary = "params:bestiary"
    images = ["drawn", "held_out"]
    fine = ["fine", "fine_held_out"]
    shown = ["shown", "held_out"]
    clip = ["clip", "tokenizer"]
    models = ["stable_diffusion", "openclip", "pickscore", "hpsv2", "dreamsim", "reader"]
    judged_by = ["held_out", "stable_diffusion", "openclip_network", "tokenizer", bestiary]
    measured = {
        "autoencoder": "vae_measured",
        "clip": "clip_measured",
        "openclip": "openclip_measured",
        "denoiser": "unet_measured",
        "pickscore": "pickscore_measured",
        "hpsv2": "hpsv2_measured",
        "dreamsim": "dreamsim_measured",
        "reader": "reader_measured",
        "generated": "judged",
        "files": "files_measured",
    }
    return Pipeline(
        [
            Node(nodes.draw_pictures, bestiary, images, name="draw_pictures"),
            Node(nodes.draw_fine, bestiary, fine, name="draw_fine"),
            Node(nodes.make_tokenizer, None, "tokenizer", name="make_tokenizer"),
            Node(
                nodes.train_vae,
                [*images, *fine, bestiary],
                ["vae", "vae_measured"],
                name="train_vae",
            ),
            Node(nodes.rebuild, ["drawn", "fine", "vae"], "shown", name="rebuild"),
            Node(
                nodes.train_clip,
                [*shown, "tokenizer", bestiary],
                ["clip", "clip_measured"],
                name="train_clip",
            ),
            Node(
                nodes.train_openclip,
                [*shown, "tokenizer", bestiary],
                ["openclip", "openclip_network", "openclip_measured"],
                name="train_openclip",
            ),
            Node(
                nodes.train_stable_diffusion,
                ["drawn", "vae", *clip, bestiary],
                ["stable_diffusion", "unet_measured"],
                name="train_stable_diffusion",
            ),
            Node(
                nodes.train_pickscore,
                [*shown, *clip, bestiary],
                ["pickscore", "pickscore_measured"],
                name="train_pickscore",
            ),
            Node(
                nodes.train_hpsv2,
                [*shown, *clip, bestiary],
                ["hpsv2", "hpsv2_measured"],
                name="train_hpsv2",
            ),
            Node(
                nodes.train_dreamsim,
                [*shown, bestiary],
                ["dreamsim", "dreamsim_measured"],
                name="train_dreamsim",
            ),
            Node(
                nodes.train_reader,
                [*shown, bestiary],
                ["reader", "reader_measured"],
                name="train_reader",
            ),
            Node(nodes.judge, judged_by, ["drawn_sheet", "judged"], name="judge"),
            Node(nodes.weigh, models, "files_measured", name="weigh"),
            Node(
                nodes.gather,
                {"drawn_sheet": "drawn_sheet", **measured},
                ["sheet", "metrics"],
                name="gather",
            ),
        ],
        namespace="bestiary",
        parameters={bestiary},
    )
