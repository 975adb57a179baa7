"""Images for people: the sheet, the single files, and each adapter at its own strength."""

from dataclasses import replace
from io import BytesIO

import pandas as pd
import pytest
import torch
from PIL import Image

from drift_pipeline.common.image_grid import GAP
from drift_pipeline.common.images import from_png, to_png
from drift_pipeline.common.integrity import verify_folder
from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Lora
from drift_pipeline.evaluation import drawing
from drift_pipeline.evaluation.drawing import Painter, draw_beside, lay_out_beside, save_drawn
from drift_pipeline.evaluation.generation import draw_shards
from drift_pipeline.policies.stable_diffusion import StableDiffusion


def shard(prompt, greys):
    images = torch.tensor([*greys], dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 64, 64)
    files = [{"bytes": file, "path": f"{n}.png"} for n, file in enumerate(to_png(images))]
    return pd.DataFrame({"prompt": prompt, "seed": range(len(files)), "image": files})


def test_the_sheet_has_a_row_per_painter_and_a_column_per_seed():
    painters = [Painter(name, name, None, {}) for name in ("base model", "drift, epoch 2")]
    drawn = [
        (painters[0], [shard("a cat", [10, 20, 30]), shard("a dog", [40, 50, 60])]),
        (painters[1], [shard("a cat", [110, 120, 130]), shard("a dog", [140, 150, 160])]),
    ]

    def shown(columns):
        sheet = lay_out_beside(drawn, columns)
        assert sheet.width == columns * 128 + (columns + 1) * GAP
        lefts = [GAP + 64 + column * (128 + GAP) for column in range(columns)]
        lines = [[sheet.getpixel((left, y))[0] for left in lefts] for y in range(sheet.height)]
        greys = [tuple(g for g in line if g < 200) for line in lines]
        # Letters are in the way of a few lines only; an image is 128 high.
        return [line for line in dict.fromkeys(greys) if line and greys.count(line) > 100]

    assert shown(3) == [(10, 20, 30), (110, 120, 130), (40, 50, 60), (140, 150, 160)]
    assert shown(2) == [(10, 20), (110, 120), (30,), (130,), (40, 50), (140, 150), (60,), (160,)]


@pytest.fixture
def loaded(model, monkeypatch):
    """Stands for the loading of models: those that were asked for, as adapters of the tiny one."""
    asked = []

    def load(run):
        asked.append(run.train.lora)
        return model if run.train.lora == model.lora else StableDiffusion(
            model.source, run.train.lora, device="cpu"
        )  # fmt: skip

    monkeypatch.setattr(drawing, "load_policy", load)
    return asked


def moved(state, lora):
    adapter = {
        name: tensor + 0.5 * keyed_normal(tuple(tensor.shape), 1, "moved", name)
        for name, tensor in state.adapter.items()
    }
    return replace(state, adapter=adapter, epoch=1, lora=lora)


def test_each_draws_at_its_own_strength_and_the_base_model_needs_no_model_more(
    model, protocol, run, loaded
):
    strong = moved(model.initial_state(0), Lora(rank=8, alpha=64))
    painters = [
        Painter("base model", "base", None, {}),
        Painter("strong", "strong", strong, {}),
        Painter("weak", "weak", replace(strong, lora=Lora(rank=8, alpha=4)), {}),
        Painter("again", "again", strong, {}),
    ]
    drawn = draw_beside(painters, run, protocol)
    assert [painter for painter, _ in drawn] == painters
    assert loaded == [Lora(rank=8, alpha=64), Lora(rank=8, alpha=4)]
    base, strong_, weak, again = (
        [from_png(file["bytes"] for file in table["image"]) for table in shards]
        for _, shards in drawn
    )
    expected = draw_shards(model, model.initial_state(0), "x", protocol, [0, 1], batch_size=1)
    for table, images, twice in zip(expected, base, strong_, strict=True):
        assert torch.equal(images, from_png(file["bytes"] for file in table["image"]))
        assert (images.int() - twice.int()).abs().max() > 3
    assert all(torch.equal(*pair) for pair in zip(strong_, again, strict=True))
    assert not any(torch.equal(*pair) for pair in zip(strong_, weak, strict=True))


def test_files_hold_their_pixels_and_say_how_they_were_drawn(
    model, protocol, run, loaded, tmp_path
):
    protocol = replace(protocol, prompts=("a photo of a cat", "ein Bär 🐻"), seeds=(3, 1))
    painters = [Painter("base model", "base", None, {"run": "none"})]
    drawn = draw_beside(painters, run, protocol)
    save_drawn(drawn, run, protocol, tmp_path)
    names = ["00-1.png", "00-3.png", "01-1.png", "01-3.png"]
    assert sorted(path.name for path in (tmp_path / "base").glob("*.png")) == names
    with Image.open(tmp_path / "base/01-3.png") as image:
        said = dict(image.text)
    assert said.pop("code")
    assert said == {
        "model": "base model", "run": "none", "prompt": "ein Bär 🐻", "seed": "3",
        "base_model": "x", "precision": "fp32", "steps": "3", "guidance": "5", "eta": "1",
    }  # fmt: skip
    row = drawn[0][1][1]["image"].iloc[0]
    stored = from_png([(tmp_path / "base/01-3.png").read_bytes()])
    assert torch.equal(stored, from_png([row["bytes"]]))
    assert Image.open(BytesIO((tmp_path / "sheet.png").read_bytes())).text["steps"] == "3"
    for folder in (tmp_path, tmp_path / "base"):
        verify_folder(folder, "")
        assert (folder / "SHA256SUMS").exists()
